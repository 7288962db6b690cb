"""The pass over all standings: when a change of packs is announced, when its day has come, and once a month.

The first lets cards say what they become on the day; readers are exact without the second, which publishes everybody's
change. The third deletes records whose time is over, where the pack says when that is.

It works in slices under the same fence as events do. A pass that was interrupted begins anew: a standing that is as it
should be costs a look.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.days import date_of, day_of
from scoring.announced import Announced
from scoring.card import CARD, Cards
from sinks.store import Commit, Store
from stream.renew import Bools, renew

# One slice holds up events for some milliseconds at most. Of the keys looked at, other partitions' are passed over.
SLICE_KEYS = 1_000


class Rescored(NamedTuple):
    """What one slice came to.

    Attributes:
        written: how many standings were written.
        deleted: how many records were deleted from them.

    """

    written: int = 0
    deleted: int = 0


class Rescorer:
    """Brings all standings to what the packs say of today and of the next change.

    Attributes:
        announced: the packs.

    """

    def __init__(self, store: Store, announced: Announced, clock: Callable[[], float]) -> None:
        self._store = store
        self.announced = announced
        self._clock = clock
        # By partition: the change that its pass is for, and how far it is.
        self._passes: dict[int, tuple[str, int]] = {}

    def behind(self, partitions: Sequence[int]) -> list[int]:
        """Return those partitions that a change of packs has not wholly reached.

        Raises:
            StoreUnavailableError: Redis does not answer.

        """
        wanted = self._change(day_of(int(self._clock())))
        reached = self._store.rescored(partitions)
        behind = [partition for partition in partitions if reached.get(partition) != wanted]
        # Another worker may have ended a pass that was begun here.
        self._passes = {partition: self._passes[partition] for partition in behind if partition in self._passes}
        return behind

    def rescore(self, partitions: Sequence[int]) -> Rescored:
        """Do one slice for each partition that a change of packs has not wholly reached.

        Raises:
            StoreError: nothing is known to be written; call again.

        """
        reached = self._store.rescored(partitions)
        slices = [self._rescore(partition, reached.get(partition)) for partition in partitions]
        return Rescored(sum(one.written for one in slices), sum(one.deleted for one in slices))

    def _rescore(self, partition: int, reached: str | None) -> Rescored:
        today = day_of(int(self._clock()))
        wanted = self._change(today)
        if reached == wanted:
            return Rescored()
        if reached is None and self.announced.epoch == 0:
            # A new store, or one of a release that knew one pack: its cards are of the pack that was there all along.
            self._store.set_rescored(partition, wanted)
            return Rescored()
        of, cursor = self._passes.get(partition, ("", 0))
        if of != wanted and not self._begin(partition):
            return Rescored()
        return self._slice(partition, today, wanted, cursor if of == wanted else 0)

    def _change(self, today: int) -> str:
        """Name what standings must be: by the packs of today and of the next change, and who announced them, and when.

        Where records are deleted, the month is part of the name: so a pass begins with each.
        """
        timeline = self.announced.timeline
        following = timeline.next_change(today)
        packs = timeline.at(today).rules.pack, timeline.at(following).rules.pack
        month = f":{date_of(today):%Y-%m}" if timeline.deletes(today) else ""
        return f"{self.announced.epoch}:{packs[0]:016x}:{packs[1]:016x}:{following}{month}"

    def _begin(self, partition: int) -> bool:
        """Write our epoch, so that no worker that knows less writes behind the pass; False if it was overtaken."""
        nothing = np.zeros(0, np.int64), np.zeros(0, np.uint64)
        nexts, before = self._store.load([partition], *nothing)
        written = np.zeros(0, np.bool_)
        return self._store.commit(Commit(nexts, *nothing, written, before.cards, before, is_pass=True))

    def _slice(self, partition: int, today: int, wanted: str, cursor: int) -> Rescored:
        following, subjects = self._store.scan(partition, cursor, SLICE_KEYS)
        renewed = renew(self._store, self.announced, partition, subjects, today, _differing)
        if renewed is None:
            self._passes[partition] = wanted, cursor
            return Rescored()
        self._passes[partition] = wanted, following
        if following == 0:
            self._store.set_rescored(partition, wanted)
            self._passes.pop(partition)
        return Rescored(int(renewed.written.sum()), renewed.deleted)


def _differing(before: Cards, after: Cards) -> Bools:
    """Return which cards say anything else, but for the day of their evaluation; a subject without one has none."""
    same = after.copy()
    same["evaluated"] = before["evaluated"]
    width = CARD.itemsize
    bytes_of = [cards.view(np.uint8).reshape(-1, width) for cards in (before, same)]
    differing: Bools = (bytes_of[0] != bytes_of[1]).any(axis=1) & (before["version"] != 0)
    return differing
