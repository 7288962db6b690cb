"""The sweeper: standings that change without an event, because a record ends or a threshold moves on a date.

Readers are exact without it, since a card says what it becomes; the sweeper publishes the change and looks further
ahead. It works in small slices under the same fence as events do, so it can stop after any of them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.days import date_of, day_of
from scoring.announced import Announced
from scoring.card import Cards
from sinks.store import Store
from stream.logs import get_logger
from stream.renew import Bools, renew

log = get_logger("jasmine.sweep")

# One slice holds up events for some milliseconds at most.
SLICE_SUBJECTS = 500


class Swept(NamedTuple):
    """How many standings a slice has evaluated, and how many records it has deleted from them."""

    standings: int = 0
    deleted: int = 0


class Sweeper:
    """Brings the standings of due subjects up to today.

    Attributes:
        announced: the packs.

    """

    def __init__(self, store: Store, announced: Announced, clock: Callable[[], float]) -> None:
        self._store = store
        self.announced = announced
        self._clock = clock

    def sweep(self, partitions: Sequence[int]) -> Swept:
        """Do one slice for each partition that has something due.

        Raises:
            StoreError: nothing is known to be written; call again.

        """
        done = self._store.swept(partitions)
        swept = [self._sweep_partition(partition, day) for partition, day in done.items()]
        return Swept(sum(one.standings for one in swept), sum(one.deleted for one in swept))

    def _sweep_partition(self, partition: int, done: int) -> Swept:
        today = day_of(int(self._clock()))
        if done > today:
            # A clock was ahead, here or at the worker before: cards of days to come stand, which the pass over all
            # standings mends, and what has become due since would be passed over.
            log.warning(
                "the clock went back; looking at all standings",
                partition=partition,
                done=str(date_of(done)),
                today=str(date_of(today)),
            )
            self._store.go_back(partition, today)
            return Swept()
        for day in range(done + 1, today + 1):
            subjects = self._store.due(partition, day, SLICE_SUBJECTS)
            if len(subjects):
                return self._evaluate(partition, day, today, np.sort(subjects))
            self._store.set_swept(partition, day)
        return Swept()

    def _evaluate(self, partition: int, day: int, today: int, subjects: NDArray[np.uint64]) -> Swept:
        def is_due(before: Cards, _: Cards) -> Bools:
            # A standing that an event has brought up to date since is in another due set already.
            # One that changes on this day with the pack is in none, and seen to with all others.
            due: Bools = (before["valid_until"] == day) & (before["next_pack"] == 0)
            return due

        renewed = renew(self._store, self.announced, partition, subjects, today, is_due)
        if renewed is None:
            return Swept()
        due = renewed.written
        if not due.all():
            self._store.forget_due(partition, day, subjects[~due])
        return Swept(int(due.sum()), renewed.deleted)
