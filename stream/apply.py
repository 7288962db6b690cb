"""New facts to new standings in one compiled call: of a few events, calling costs more than what is done.

Nothing is decided here. It is what `sinks.standings.split`, `scoring.ledger.merge` and `Timeline.evaluate` do one after
the other, and a test holds it equal to them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.compiled import Int, allocating
from schemas.facts import FACT, Facts
from scoring.batch import Groups
from scoring.card import CARD, Cards
from scoring.kernel import evaluate_each
from scoring.ledger import ADDED, LEDGER_FACTS_MAX, merge_each
from scoring.resolver import room_for
from scoring.rules import Rules
from scoring.timeline import Timeline
from sinks.standings import Values, facts_max, split_each, unreadable

Ints = NDArray[np.int64]
Subjects = NDArray[np.uint64]


class Applied(NamedTuple):
    """The standings of n subjects before and after m new facts.

    Attributes:
        before: (n,) their cards until now, zeros for somebody unknown.
        cards: (n,) their new cards.
        facts: their new ledgers, one behind the other.
        starts: (n + 1,) where each begins.
        outcomes: (m,) what became of each fact: `scoring.ledger.ADDED` and so on.
        counts: how many facts there are of each outcome.
        grown: (n,) whether any fact was added.

    """

    before: Cards
    cards: Cards
    facts: Facts
    starts: Ints
    outcomes: NDArray[np.uint8]
    counts: Sequence[int]
    grown: NDArray[np.bool_]


@allocating
def _apply(
    data: bytes,
    sizes: Ints,
    new: Facts,
    order: Ints,
    group_starts: Ints,
    subjects: Subjects,
    day: Int,
    rules: Rules,
    before: Cards,
    cards: Cards,
    facts: Facts,
    starts: Ints,
    outcomes: NDArray[np.uint8],
    grown: NDArray[np.bool_],
    facts_max: Int,
) -> tuple[Int, tuple[Int, Int, Int, Int]]:
    n = sizes.shape[0]
    ledgers, ledger_starts = np.empty(facts.shape[0] - new.shape[0], FACT), np.empty(n + 1, np.int64)
    wrong = split_each(data, sizes, before.view(np.uint8), ledgers.view(np.uint8), ledger_starts)
    if wrong >= 0:
        return wrong, (0, 0, 0, 0)
    as_of = np.empty(n, np.uint64)
    columns = facts, starts, outcomes, grown, as_of
    counts = merge_each(ledgers, ledger_starts, new, order, group_starts, *columns, facts_max)
    for place in range(n):
        cards[place].evaluated = day
        cards[place].as_of = as_of[place]
    evaluate_each(facts, starts, subjects, rules, cards, room_for(starts, rules.pot_cap.shape[0]))
    return -1, counts


def applied(values: Values, new: Facts, groups: Groups, day: int, timeline: Timeline) -> Applied:
    """Add a batch's facts to the ledgers of its subjects, and evaluate these.

    Args:
        values: the standings of the groups' subjects.
        new: (m,) the facts.
        groups: which of them are whose.
        day: days since 1970-01-01 in the city.
        timeline: the packs.

    Raises:
        StandingFormatError: a value is no standing.

    """
    n, m, known = len(groups.subjects), len(new), facts_max(values)
    before, cards = np.empty((2, n), CARD)
    facts, starts = np.empty(known + m, FACT), np.empty(n + 1, np.int64)
    outcomes, grown = np.empty(m, np.uint8), np.empty(n, np.bool_)
    wrong, counts = _apply(
        *values,
        new,
        groups.order,
        groups.starts,
        groups.subjects,
        day,
        timeline.at(day).rules,
        before,
        cards,
        facts,
        starts,
        outcomes,
        grown,
        LEDGER_FACTS_MAX,
    )
    if wrong >= 0:
        raise unreadable(values, wrong, groups.partitions, groups.subjects)
    timeline.look_across(facts, starts, groups.subjects, day, cards)
    return Applied(before, cards, facts[: known + counts[ADDED]], starts, outcomes, counts, grown)
