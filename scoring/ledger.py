"""Ledgers: sets of facts, kept in the order of (occurred, record) so that equal sets are equal bytes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.compiled import Int, Row, compiled
from schemas.facts import FACT, Facts

# A subject of the modelled city has 30 facts; one with a hundred times as many is a fault or an attack.
LEDGER_FACTS_MAX = 4096

ADDED = 0
EXISTS = 1
# From here on the fact is refused.
CONFLICT = 2
FULL = 3


class Merged(NamedTuple):
    """The ledgers of a batch's subjects after its events.

    Attributes:
        facts: all ledgers, one behind the other.
        starts: (subjects + 1,) where each begins.
        outcomes: one per new fact: ADDED, EXISTS, CONFLICT or FULL.
        counts: how many new facts there are of each outcome.
        grown: (subjects,) whether any fact was added.
        as_of: (subjects,) the highest log offset of its facts.

    """

    facts: Facts
    starts: NDArray[np.int64]
    outcomes: NDArray[np.uint8]
    counts: Sequence[int]
    grown: NDArray[np.bool_]
    as_of: NDArray[np.uint64]


@compiled
def _same(one: Row, other: Row) -> bool:
    return bool(
        one.link == other.link
        and one.occurred == other.occurred
        and one.type == other.type
        and one.determined == other.determined
        and one.terminated == other.terminated
        and one.quantity == other.quantity
        and one.grade == other.grade
        and one.reserved == other.reserved
    )


@compiled
def _offset_of(fact: Row) -> Int:
    return np.uint64(fact.offset_low) | np.uint64(fact.offset_high) << np.uint64(32)


@compiled
def merge_each(
    ledgers: Facts,
    ledger_starts: NDArray[np.int64],
    new: Facts,
    order: NDArray[np.int64],
    group_starts: NDArray[np.int64],
    facts: Facts,
    starts: NDArray[np.int64],
    outcomes: NDArray[np.uint8],
    grown: NDArray[np.bool_],
    as_of: NDArray[np.uint64],
    facts_max: Int,
) -> tuple[Int, Int, Int, Int]:
    """Do as `merge`, into columns that a caller has made; return how many facts there are of each outcome."""
    added = existing = conflicting = refused = 0
    end = 0
    for group in range(ledger_starts.shape[0] - 1):
        begin = end
        starts[group] = begin
        grown[group] = False
        highest = np.uint64(0)
        for i in range(ledger_starts[group], ledger_starts[group + 1]):
            facts[end] = ledgers[i]
            highest = max(highest, _offset_of(ledgers[i]))
            end += 1
        for n in range(group_starts[group], group_starts[group + 1]):
            index = order[n]
            fact = new[index]
            known = -1
            for i in range(begin, end):
                if facts[i].record == fact.record:
                    known = i
                    break
            if known >= 0:
                same = _same(facts[known], fact)
                outcomes[index] = EXISTS if same else CONFLICT
                existing += same
                conflicting += not same
                continue
            if end - begin >= facts_max:
                outcomes[index] = FULL
                refused += 1
                continue
            place = end
            while place > begin and (
                facts[place - 1].occurred > fact.occurred
                or (facts[place - 1].occurred == fact.occurred and facts[place - 1].record > fact.record)
            ):
                facts[place] = facts[place - 1]
                place -= 1
            facts[place] = fact
            end += 1
            outcomes[index] = ADDED
            added += 1
            grown[group] = True
            highest = max(highest, _offset_of(fact))
        as_of[group] = highest
    starts[ledger_starts.shape[0] - 1] = end
    return added, existing, conflicting, refused


def merge(
    ledgers: Facts,
    ledger_starts: NDArray[np.int64],
    new: Facts,
    order: NDArray[np.int64],
    group_starts: NDArray[np.int64],
) -> Merged:
    """Add new facts to ledgers.

    Args:
        ledgers: the subjects' ledgers, one behind the other.
        ledger_starts: (subjects + 1,) where each begins.
        new: (m,) new facts.
        order: (m,) indices into `new`, sorted by subject and, within one, by log offset.
        group_starts: (subjects + 1,) where each subject's part of `order` begins.

    """
    subjects = len(ledger_starts) - 1
    facts, starts = np.empty(len(ledgers) + len(new), FACT), np.empty(subjects + 1, np.int64)
    outcomes, grown = np.empty(len(new), np.uint8), np.empty(subjects, np.bool_)
    as_of = np.empty(subjects, np.uint64)
    columns = facts, starts, outcomes, grown, as_of
    counts = merge_each(ledgers, ledger_starts, new, order, group_starts, *columns, LEDGER_FACTS_MAX)
    return Merged(facts[: len(ledgers) + counts[ADDED]], starts, outcomes, counts, grown, as_of)
