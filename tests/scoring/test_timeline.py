"""Packs in time: which one holds when, and cards that are exact before, on and after the day of a change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import card as reader
from schemas.days import NEVER
from schemas.facts import Facts
from schemas.subjects import KIND_SHIFT, Kind
from scoring import evaluator
from scoring.card import CARD, HAS_SCORE
from scoring.kernel import evaluate as evaluate_cards
from scoring.pack import KIND_NAMES, Pack
from scoring.rules import compile_rules
from scoring.timeline import Span, Timeline, state_on
from tests.support.packs import Case, Variant, cases, pack_with, packs
from tests.support.records import EMPTY, FIRST_DAY, day, facts_of, merged, registered, shipped

NEW_YEAR = day("2027-01-01")
SPRING = day("2027-04-01")
A, B, C = shipped(), pack_with(base_points=450), pack_with(base_points=460)


def spans_of(timeline: Timeline) -> list[tuple[int, int]]:
    return [(one.first, one.pack.base_points) for one in timeline.spans]


def from_(pack: Pack, first: int) -> Span:
    return Span(first, pack, compile_rules(pack))


def timeline_of(first: Pack, *later: tuple[Pack, int]) -> Timeline:
    timeline = Timeline.of(first)
    for pack, on in later:
        timeline = timeline.followed_by(from_(pack, on))
    return timeline


def test_without_announcements_the_deployments_own_pack_holds_for_ever() -> None:
    timeline = timeline_of(A)

    assert (timeline.at(0).pack, timeline.at(NEVER).pack, timeline.next_change(0)) == (A, A, NEVER)


def test_a_pack_holds_from_its_day_and_not_a_day_before() -> None:
    timeline = timeline_of(A, (B, NEW_YEAR))

    assert (timeline.at(NEW_YEAR - 1).pack, timeline.at(NEW_YEAR).pack) == (A, B)
    assert (timeline.next_change(NEW_YEAR - 1), timeline.next_change(NEW_YEAR)) == (NEW_YEAR, NEVER)


def test_what_is_announced_later_replaces_all_from_its_day_on() -> None:
    assert spans_of(timeline_of(A, (B, NEW_YEAR), (C, SPRING))) == [(0, 500), (NEW_YEAR, 450), (SPRING, 460)]
    assert spans_of(timeline_of(A, (B, SPRING), (C, NEW_YEAR))) == [(0, 500), (NEW_YEAR, 460)]
    assert spans_of(timeline_of(A, (B, SPRING), (C, SPRING))) == [(0, 500), (SPRING, 460)]


def test_a_pack_that_follows_itself_is_no_change() -> None:
    assert spans_of(timeline_of(A, (A, NEW_YEAR))) == [(0, 500)]
    assert spans_of(timeline_of(A, (B, NEW_YEAR), (A, NEW_YEAR))) == [(0, 500)]


def test_a_change_to_come_is_undone_by_the_pack_that_holds_until_then() -> None:
    undone = timeline_of(A, (B, NEW_YEAR)).before_last(NEW_YEAR - 1)

    assert undone is not None
    assert (undone.first, undone.pack) == (NEW_YEAR, A)


def test_a_change_that_has_happened_is_undone_from_today() -> None:
    undone = timeline_of(A, (B, NEW_YEAR)).before_last(NEW_YEAR)

    assert undone is not None
    assert (undone.first, undone.pack) == (NEW_YEAR, A)


def test_what_was_undone_is_not_gone_back_to() -> None:
    twice = timeline_of(A, (B, NEW_YEAR), (C, NEW_YEAR + 1), (B, NEW_YEAR + 2))
    undone = twice.before_last(NEW_YEAR + 3)

    assert undone is not None
    assert undone.pack == A
    assert twice.followed_by(undone).before_last(NEW_YEAR + 4) is None
    assert timeline_of(A).before_last(NEW_YEAR) is None


def card_of(timeline: Timeline, ledger: Facts, on: int, kind: Kind = Kind.RESIDENT) -> np.void:
    cards = np.zeros(1, CARD)
    number = np.array([kind << KIND_SHIFT | 5], np.uint64)
    timeline.evaluate(ledger, np.array([0, len(ledger)]), number, on, cards)
    card: np.void = cards[0]
    return card


def test_a_card_ends_on_the_day_of_the_next_pack_and_becomes_what_that_says() -> None:
    card = card_of(timeline_of(A, (B, NEW_YEAR)), facts_of([registered()]), NEW_YEAR - 30)

    assert (card["score"], card["valid_until"], card["pack"]) == (500, NEW_YEAR, A.hash)
    assert (card["next_score"], card["next_pack"]) == (450, B.hash)
    assert card["next_flags"] & HAS_SCORE


def test_the_state_that_follows_ends_with_the_pack_after_the_next() -> None:
    card = card_of(timeline_of(A, (B, NEW_YEAR), (C, SPRING)), facts_of([registered()]), NEW_YEAR - 30)

    assert (card["valid_until"], card["next_until"]) == (NEW_YEAR, SPRING)


def test_with_one_pack_a_card_is_byte_for_byte_what_the_kernel_says() -> None:
    facts = facts_of([registered()])
    cards = np.zeros(1, CARD)
    evaluate_cards(facts, np.array([0, 1]), np.array([5], np.uint64), NEW_YEAR, compile_rules(A), cards)

    assert card_of(Timeline.of(A), facts, NEW_YEAR).tobytes() == cards.tobytes()
    assert card_of(timeline_of(B, (A, NEW_YEAR)), facts, NEW_YEAR).tobytes() == cards.tobytes()


def hold(state: reader.State, plain: evaluator.State, pack: Pack) -> None:
    """Fail unless a reader's state is what the plain evaluator says under the pack."""
    bits = sum(1 << number for number, perk in enumerate(pack.perks) if perk.id in plain.entitlements)
    assert (state.score, state.tier, state.entitlements) == (plain.score, plain.tier, bits)
    assert (state.disputed, state.ceiling) == (plain.disputed, plain.ceiling < 1000)
    assert (state.until, state.pack) == (plain.until, pack.hash)


_DAYS = st.integers(FIRST_DAY - 10, FIRST_DAY + 2_500)


@pytest.mark.slow
@given(
    cases(),
    st.lists(st.tuples(packs(), _DAYS), min_size=1, max_size=2),
    _DAYS,
    st.integers(0, 1_200),
    st.sampled_from([*KIND_NAMES.items()]),
)
def test_a_reader_on_any_day_is_the_plain_evaluator_under_the_pack_of_that_day(
    case: Case, later: list[tuple[Variant, int]], on: int, ahead: int, kind: tuple[str, Kind]
) -> None:
    variant, facts = case
    timeline = timeline_of(variant.pack, *((one.pack, first) for one, first in later))
    ledger = merged(EMPTY, facts).facts
    card = reader.decode(card_of(timeline, ledger, on, kind[1]).tobytes())

    changes = {one.first + offset for one in timeline.spans for offset in (-1, 0, 1)}
    exact = range(on, min(card.then.until, NEVER))
    for asked in {on, card.now.until - 1, card.now.until, card.then.until - 1, on + ahead, *changes} & {*exact}:
        state = card.at(asked)
        assert state is not None
        plain = state_on(facts, asked, timeline, kind[0])
        hold(state._replace(until=plain.until), plain, timeline.at(asked).pack)
    hold(card.now, state_on(facts, on, timeline, kind[0]), timeline.at(on).pack)
    if card.now.until < NEVER:
        then = card.now.until
        hold(card.then, state_on(facts, then, timeline, kind[0]), timeline.at(then).pack)


@pytest.mark.parametrize("on", [NEW_YEAR - 1, NEW_YEAR, NEW_YEAR + 1])
def test_a_batch_is_its_subjects_one_by_one(on: int) -> None:
    timeline = timeline_of(A, (B, NEW_YEAR))
    ledgers = [facts_of([registered()]), EMPTY, facts_of([registered("2021-01-01")])]
    starts = np.cumsum([0, *map(len, ledgers)]).astype(np.int64)
    cards = np.zeros(3, CARD)

    timeline.evaluate(np.concatenate(ledgers), starts, np.full(3, 5, np.uint64), on, cards)

    assert [one.tobytes() for one in cards] == [card_of(timeline, one, on).tobytes() for one in ledgers]
