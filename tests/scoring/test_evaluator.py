"""The plain evaluator and the compiled one, on every kind of ledger and pack."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import EventType
from schemas.days import NEVER
from schemas.facts import Facts
from schemas.subjects import KIND_SHIFT, Kind
from scoring.card import CARD
from scoring.evaluator import State, evaluate
from scoring.kernel import evaluate as evaluate_cards
from scoring.rules import compile_rules
from tests.support.packs import Case, cases
from tests.support.records import (
    EMPTY,
    RECORD_TYPES,
    a_control,
    a_record,
    card_of,
    day,
    days,
    facts_of,
    hold_card_to_states,
    ledgers,
    merged,
    registered,
    shipped,
    state_of,
)

SHIPPED = compile_rules(shipped())
KINDS = st.sampled_from(Kind)


@given(ledgers(), days(), KINDS)
def test_the_kernel_agrees_with_the_plain_evaluator_on_the_shipped_pack(facts: Facts, on: int, kind: Kind) -> None:
    hold_card_to_states(facts, on, shipped(), SHIPPED, kind)


@given(cases(), days(), KINDS)
def test_the_kernel_agrees_with_the_plain_evaluator_on_any_pack(case: Case, on: int, kind: Kind) -> None:
    pack, facts = case[0].pack, case[1]

    hold_card_to_states(facts, on, pack, compile_rules(pack), kind)


@pytest.mark.parametrize("determined", ["2026-04-02", "2026-12-01"])
@pytest.mark.parametrize("disputed", ["2026-04-20", "2026-12-01"])
def test_one_act_reported_twice_is_a_repeat_only_of_another_that_counts(determined: str, disputed: str) -> None:
    other = a_record("traffic.penalty.imposed", "2026-04-01", grade="warning", determined=determined)
    reports = [
        a_record("traffic.penalty.imposed", "2026-05-01", grade="fine_minor", incident="one", name=name)
        for name in ("police", "bureau")
    ]
    facts = facts_of([registered(), other, *reports, a_control("record.disputed", other, disputed)])
    counts = determined < "2026-06-01" < disputed

    hold_card_to_states(facts, day("2026-06-01"), shipped(), SHIPPED)

    contributions = evaluate(facts, day("2026-06-01"), shipped()).contributions
    assert [one.points for one in contributions] == ([-5, -20] if counts else [-10])


@pytest.mark.parametrize("event_type", RECORD_TYPES, ids=lambda one: one.name)
def test_the_kernel_agrees_with_the_plain_evaluator_on_every_type_and_grade(event_type: EventType) -> None:
    quantity = 30 if event_type.quantity else 0
    facts = [registered()]
    for number, grade in enumerate(event_type.grades):
        name = f"{event_type.name} {number}"
        facts.append(a_record(event_type.name, "2026-05-31", name=name, grade=grade.label, quantity=quantity))
    for on in ("2026-05-30", "2026-05-31", "2027-05-31", "2031-05-31"):
        hold_card_to_states(facts_of(facts), day(on), shipped(), SHIPPED)


@given(cases(), days())
def test_base_contributions_and_limits_add_up_to_the_score(case: Case, on: int) -> None:
    pack, facts = case[0].pack, case[1]

    state = evaluate(facts, on, pack)

    total = pack.base_points + sum(one.points for one in state.contributions) + sum(by for _, by in state.limits)
    assert state.score in {total, None}
    assert 0 <= total <= state.ceiling


@given(cases(), days(), st.data())
def test_nothing_changes_before_the_day_that_the_state_names(case: Case, on: int, data: st.DataObject) -> None:
    pack, facts = case[0].pack, case[1]
    state = evaluate(facts, on, pack)
    probe = data.draw(st.integers(on, min(state.until, on + 4_000) - 1) | st.just(min(state.until, NEVER) - 1))

    assert evaluate(facts, probe, pack) == state


@given(cases(), days(), st.data())
def test_the_order_of_facts_does_not_matter(case: Case, on: int, data: st.DataObject) -> None:
    pack, facts = case[0].pack, case[1]
    order = data.draw(st.permutations(range(len(facts))))

    assert evaluate(facts[list(order)], on, pack) == evaluate(facts, on, pack)


@given(st.lists(ledgers(), min_size=1, max_size=5), days())
def test_a_subject_is_evaluated_as_if_it_were_alone(batch: list[Facts], on: int) -> None:
    each = [merged(EMPTY, facts).facts for facts in batch]
    starts = np.cumsum([0, *map(len, each)])
    numbers = np.array([(index % 3) << KIND_SHIFT | 5 for index in range(len(each))], np.uint64)
    cards = np.zeros(len(each), CARD)

    evaluate_cards(np.concatenate(each), starts, numbers, on, SHIPPED, cards)

    alone = [card_of(one, on, SHIPPED, Kind(index % 3)) for index, one in enumerate(each)]
    assert cards.tobytes() == b"".join(card.tobytes() for card in alone)


@given(ledgers(), days())
def test_the_next_state_of_a_card_is_the_state_on_its_day(facts: Facts, on: int) -> None:
    ledger = merged(EMPTY, facts).facts
    card = card_of(ledger, on, SHIPPED)

    if card["valid_until"] < NEVER:
        after = card_of(ledger, int(card["valid_until"]), SHIPPED)
        names = ("score", "tier", "flags", "entitlements")
        assert [card[f"next_{name}"] for name in names] == [after[name] for name in names]
        assert card["next_until"] == after["valid_until"]


@given(st.integers(0, 2_000))
def test_somebody_unknown_has_no_score_on_any_day(days_later: int) -> None:
    state: State = state_of(EMPTY, day("2026-01-01") + days_later, shipped())

    assert (state.score, state.tier, state.entitlements) == (None, None, frozenset())
