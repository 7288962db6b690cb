"""Standings evaluated anew without an event: what the sweeper and the pass over all standings have in common.

Here, and only here, records whose time is over are deleted: that changes no score, so no event has to wait for it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.days import day_of
from scoring.announced import Announced
from scoring.card import CARD, Cards
from sinks.outbox import changes_between, entry
from sinks.standings import Standings
from sinks.store import Commit, Store

Bools = NDArray[np.bool_]


class Renewed(NamedTuple):
    """What became of n standings.

    Attributes:
        written: (n,) which were written.
        deleted: how many records were deleted from those.

    """

    written: Bools
    deleted: int = 0


def renew(
    store: Store,
    announced: Announced,
    partition: int,
    subjects: NDArray[np.uint64],
    today: int,
    chosen: Callable[[Cards, Cards], Bools],
) -> Renewed | None:
    """Evaluate a partition's standings as of a day, and write those chosen, under the fence that events are under.

    Args:
        store: where they stand.
        announced: the packs.
        partition: that of the subjects.
        subjects: (n,) their numbers, in order.
        today: the day.
        chosen: says by the cards that stand and the new ones, (n,) each, which are written.

    Returns:
        What was written; None if another worker was faster, and nothing was.

    Raises:
        StoreError: nothing is known to be written.

    """
    if not len(subjects):
        return Renewed(np.zeros(0, np.bool_))
    of = np.full(len(subjects), partition, np.int64)
    nexts, before = store.load([partition], of, subjects)
    facts, starts = announced.timeline.retained(before.facts, before.starts, today)
    if len(facts) < len(before.facts):
        # Too early it would be for good, so a clock that is ahead deletes nothing: Redis' must say the day, too.
        day = min(today, day_of(store.now_s()))
        facts, starts = announced.timeline.retained(before.facts, before.starts, day)
    cards = np.zeros(len(subjects), CARD)
    announced.timeline.evaluate(facts, starts, subjects, today, cards)
    cards["as_of"] = before.cards["as_of"]
    written = chosen(before.cards, cards)
    if not written.any():
        store.release()
        return Renewed(written)
    changes, _ = changes_between(subjects, before.cards, cards, written, announced.packs)
    after = Standings(cards, facts, starts)
    outbox = {partition: entry(changes, [], renewed=True)}
    commit = Commit(nexts, of, subjects, written, before.cards, after, outbox, is_pass=True)
    if not store.commit(commit):
        return None
    return Renewed(written, int((np.diff(before.starts) - np.diff(starts))[written].sum()))
