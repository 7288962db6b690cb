"""Ledgers: sets of facts, whatever way they came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import CONTENT, FACT, Facts, offsets_of
from scoring.card import CARD
from scoring.kernel import evaluate
from scoring.ledger import ADDED, CONFLICT, EXISTS, FULL, LEDGER_FACTS_MAX, merge
from scoring.rules import compile_rules
from tests.support.records import EMPTY, a_record, card_of, day, days, facts_of, ledgers, merged, shipped

RULES = compile_rules(shipped())


@st.composite
def splits(draw: st.DrawFn, *, duplicates: bool = True) -> tuple[Facts, list[Facts]]:
    """Facts in log order, and the same in any number of batches."""
    facts = draw(ledgers(duplicates=duplicates))
    cuts = sorted(draw(st.lists(st.integers(0, len(facts)), max_size=4)))
    return facts, [facts[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(facts)], strict=True)]


def _one_by_one(batches: list[Facts]) -> Facts:
    ledger = EMPTY
    for batch in batches:
        ledger = merged(ledger, batch).facts
    return ledger


@given(splits())
def test_any_split_into_batches_gives_the_same_bytes(case: tuple[Facts, list[Facts]]) -> None:
    facts, batches = case

    assert _one_by_one(batches).tobytes() == merged(EMPTY, facts).facts.tobytes()


@given(ledgers(duplicates=False), st.data())
def test_any_order_gives_the_same_bytes(facts: Facts, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(facts))))

    assert merged(EMPTY, facts[list(order)]).facts.tobytes() == merged(EMPTY, facts).facts.tobytes()


@given(ledgers(duplicates=False), days(), st.data())
def test_redelivery_in_any_order_changes_neither_ledger_nor_card(facts: Facts, on: int, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.integers(0, max(len(facts) - 1, 0)), max_size=8)) if len(facts) else []
    order = data.draw(st.permutations([*range(len(facts)), *again]))

    ledger = _one_by_one([facts[[index]] for index in order])

    once = merged(EMPTY, facts).facts
    assert ledger.tobytes() == once.tobytes()
    assert card_of(ledger, on, RULES).tobytes() == card_of(once, on, RULES).tobytes()


@given(splits())
def test_a_ledger_is_ordered_by_time_and_id_and_names_each_id_once(case: tuple[Facts, list[Facts]]) -> None:
    ledger = _one_by_one(case[1])
    places = [(int(fact["occurred"]), int(fact["record"])) for fact in ledger]

    assert places == sorted(places)
    assert len({record for _, record in places}) == len(places)


@given(splits())
def test_every_new_fact_is_added_exists_or_conflicts(case: tuple[Facts, list[Facts]]) -> None:
    facts, _ = case
    outcomes = merged(EMPTY, facts).outcomes

    first: dict[int, np.void] = {}
    for fact, outcome in zip(facts, outcomes, strict=True):
        known = first.setdefault(int(fact["record"]), fact)
        said = {ADDED} if known is fact else {EXISTS if known["occurred"] == fact["occurred"] else CONFLICT}
        assert outcome in said


def test_a_repetition_at_another_offset_exists_and_keeps_the_first_offset() -> None:
    first, again = (a_record("library.loan.overdue", "2026-05-01", offset=offset) for offset in (3, 9))

    result = merged(facts_of([first]), facts_of([again]))

    assert result.outcomes.tolist() == [EXISTS]
    assert result.facts["offset_low"].tolist() == [3]


def test_of_two_events_with_one_id_and_unlike_content_the_first_stays() -> None:
    first = a_record("library.loan.overdue", "2026-05-01", name="1")
    other = a_record("library.loan.overdue", "2026-05-02", name="1")

    result = merged(facts_of([first]), facts_of([other]))

    assert result.outcomes.tolist() == [CONFLICT]
    assert result.facts.tolist() == [first.item()]


@pytest.mark.parametrize("name", [name for name in FACT.names or () if name != "record"])
def test_facts_with_one_id_conflict_in_whatever_is_content(name: str) -> None:
    first = facts_of([a_record("library.loan.overdue", "2026-05-01", name="1")])
    other = first.copy()
    other[name] += 1

    assert merged(first, other).outcomes.tolist() == [CONFLICT if name in CONTENT else EXISTS]


def test_conflicts_within_one_batch_are_found_too() -> None:
    first = a_record("library.loan.overdue", "2026-05-01", name="1")
    other = a_record("library.loan.overdue", "2026-05-01", name="1", determined="2026-05-03")

    assert merged(EMPTY, facts_of([first, other, first])).outcomes.tolist() == [ADDED, CONFLICT, EXISTS]


def _many(count: int) -> Facts:
    facts = np.zeros(count, FACT)
    facts["record"] = np.arange(1, count + 1)
    facts["occurred"] = 1_700_000_000 + np.arange(count)
    facts["type"] = a_record("library.loan.returned", "2026-05-01")["type"]
    return facts


def test_a_full_ledger_takes_no_more_but_still_knows_what_it_has() -> None:
    full = _many(LEDGER_FACTS_MAX)
    more = facts_of([a_record("library.loan.overdue", "2026-05-01"), full[7]])

    result = merged(full, more)

    assert result.outcomes.tolist() == [FULL, EXISTS]
    assert result.facts.tobytes() == full.tobytes()


def test_the_last_free_place_is_given_to_the_first_in_the_log() -> None:
    new = facts_of([a_record("library.loan.overdue", on) for on in ("2026-05-02", "2026-05-01")])

    result = merged(_many(LEDGER_FACTS_MAX - 1), new)

    assert result.outcomes.tolist() == [ADDED, FULL]
    assert len(result.facts) == LEDGER_FACTS_MAX


@given(splits())
def test_a_merge_tells_what_was_added_and_up_to_where_in_the_log(case: tuple[Facts, list[Facts]]) -> None:
    _, batches = case
    ledger = _one_by_one(batches[:-1])

    result = merged(ledger, batches[-1])

    assert list(result.counts) == [np.count_nonzero(result.outcomes == one) for one in (ADDED, EXISTS, CONFLICT, FULL)]
    assert result.grown.tolist() == [len(result.facts) > len(ledger)]
    assert result.as_of.tolist() == [max(offsets_of(result.facts).tolist(), default=0)]


@given(st.lists(splits(), min_size=1, max_size=4))
def test_ledgers_of_one_batch_do_not_touch_each_other(cases: list[tuple[Facts, list[Facts]]]) -> None:
    ledgers_before = [_one_by_one(batches[:-1]) for _, batches in cases]
    new = [batches[-1] for _, batches in cases]
    starts = np.cumsum([0, *map(len, ledgers_before)])
    groups = np.cumsum([0, *map(len, new)])
    # In the log the subjects' facts are mixed: here they come in reverse order of their subjects.
    shuffled = np.concatenate(new[::-1])
    begins = len(shuffled) - groups[1:]
    order = np.concatenate([begin + np.arange(len(one)) for begin, one in zip(begins, new, strict=True)])

    result = merge(np.concatenate(ledgers_before), starts, shuffled, order.astype(np.int64), groups)

    for index, (facts, _) in enumerate(cases):
        own = result.facts[result.starts[index] : result.starts[index + 1]]
        assert own.tobytes() == merged(EMPTY, facts).facts.tobytes()


def test_incremental_and_batch_give_equal_cards() -> None:
    facts = facts_of([a_record("subject.registered", "2020-01-01"), a_record("library.loan.overdue", "2026-05-01")])
    on = day("2026-06-01")

    step_by_step = _one_by_one([facts[1:], facts[:1]])

    assert card_of(step_by_step, on, RULES) == card_of(merged(EMPTY, facts).facts, on, RULES)


@given(ledgers(), days())
def test_evaluation_leaves_the_as_of_alone(facts: Facts, on: int) -> None:
    cards = np.zeros(1, CARD)
    cards["as_of"] = 41
    ledger = merged(EMPTY, facts).facts

    evaluate(ledger, np.array([0, len(ledger)]), np.array([5], np.uint64), on, RULES, cards)

    assert cards["as_of"].tolist() == [41]
