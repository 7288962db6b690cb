"""One compiled call for a batch, held to the steps that it is made of."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import Facts
from scoring.batch import Groups, grouped
from scoring.card import CARD, CARD_VERSION, Cards
from scoring.ledger import merge
from scoring.rules import compile_rules
from scoring.timeline import Span, Timeline
from sinks.errors import StandingFormatError
from sinks.standings import Values, packed, split
from stream.apply import Applied, applied
from tests.support.packs import pack_with
from tests.support.records import EMPTY, day, ledgers, merged, registered, shipped

TODAY = day("2027-01-01")
OTHER = pack_with(base_points=450)
ALWAYS = Timeline.of(shipped())
CHANGING = ALWAYS.followed_by(Span(TODAY + 40, OTHER, compile_rules(OTHER)))


def step_by_step(values: Values, new: Facts, groups: Groups, timeline: Timeline) -> Applied:
    before = split(values, groups.partitions, groups.subjects)
    into = merge(before.facts, before.starts, new, groups.order, groups.starts)
    cards: Cards = np.zeros(len(groups.subjects), CARD)
    timeline.evaluate(into.facts, into.starts, groups.subjects, TODAY, cards)
    cards["as_of"] = into.as_of
    return Applied(before.cards, cards, into.facts, into.starts, into.outcomes, into.counts, into.grown)


def groups_of(news: Sequence[Facts]) -> tuple[Facts, Groups]:
    """Return facts about subjects 1, 2 and so on, one of each in turn, and whose they are."""
    longest = max(map(len, news))
    turns = [(news[who][turn], who + 1) for turn in range(longest) for who in range(len(news)) if turn < len(news[who])]
    facts = np.concatenate([EMPTY, *(fact.reshape(1) for fact, _ in turns)])
    return facts, grouped(np.array([who for _, who in turns], np.uint64), np.zeros(len(turns), np.int64))


def value_of(known: Facts, before: int) -> bytes | None:
    """Return somebody's standing in Redis; its card is any, for it only has to come through."""
    if not len(known):
        return None
    card = np.zeros(1, CARD)
    card["version"], card["score"] = CARD_VERSION, before
    return card.tobytes() + merged(EMPTY, known).facts.tobytes()


@given(
    st.lists(st.tuples(ledgers(), ledgers().filter(len)), min_size=1, max_size=4),
    st.sampled_from([ALWAYS, CHANGING]),
)
def test_it_is_splitting_merging_and_evaluating_to_the_byte(
    subjects: list[tuple[Facts, Facts]], timeline: Timeline
) -> None:
    new, groups = groups_of([news for _, news in subjects])
    values = packed([value_of(known, place) for place, (known, _) in enumerate(subjects)])

    at_once = applied(values, new, groups, TODAY, timeline)

    for name, one, other in zip(Applied._fields, at_once, step_by_step(values, new, groups, timeline), strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), name


@pytest.mark.parametrize("value", [b"", b"x", bytes([9]) + bytes(CARD.itemsize - 1), bytes(CARD.itemsize + 1)])
def test_a_value_that_is_no_standing_is_the_same_error(value: bytes) -> None:
    one = registered().reshape(1)
    new, groups = groups_of([one, one])
    values = Values(bytes(CARD.itemsize) + value, np.array([CARD.itemsize, len(value)]))

    with pytest.raises(StandingFormatError) as at_once:
        applied(values, new, groups, TODAY, ALWAYS)
    with pytest.raises(StandingFormatError) as in_steps:
        split(values, groups.partitions, groups.subjects)

    assert str(at_once.value) == str(in_steps.value)
    assert "{0}:0000000000000002" in str(at_once.value)
