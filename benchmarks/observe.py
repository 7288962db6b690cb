"""Send times in event ids, and when the store's answer to them came: the same on our side and on the bare one.

The clock is the system's monotonic one, which is the same in all processes of a machine.
"""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic_ns
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]


def event_id(rate: int, due_ns: int, called_ns: int) -> bytes:
    """Return an id that carries the load's rate, when the event was due, and when it was handed to the producer.

    A rate of 0 says that the event is not counted.
    """
    return b"%x.%x.%x" % (rate, due_ns, called_ns)


class Observations(NamedTuple):
    """One row an event, times in nanoseconds."""

    rate: Int64s
    due_ns: Int64s
    called_ns: Int64s
    answered_ns: Int64s

    def of_rate(self, rate: int) -> "Observations":
        """Return those of one load."""
        chosen = self.rate == rate
        return Observations(*(column[chosen] for column in self))


class Observer:
    """Remembers batches; reading the ids waits until the load has ended."""

    def __init__(self) -> None:
        self._seen: list[tuple[int, list[bytes | None]]] = []

    def batch(self, values: list[bytes | None], answered_ns: int) -> None:
        """Remember one batch and when the store's answer to it had come."""
        self._seen.append((answered_ns, values))

    @property
    def batches(self) -> int:
        """How many there were."""
        return len(self._seen)

    def write(self, path: Path) -> None:
        """Write what was seen, one row an event."""
        rows = [
            (*_times(value), answered_ns) for answered_ns, values in self._seen for value in values if value is not None
        ]
        np.save(path, np.array(rows, np.int64).reshape(-1, 4))


def read(path: Path) -> Observations:
    """Return what an observer wrote."""
    return Observations(*np.load(path).T)


def _times(value: bytes) -> Sequence[int]:
    stated = value.partition(b'"id":"')[2].partition(b'"')[0]
    return [int(part, 16) for part in stated.split(b".")]


def now_ns() -> int:
    """Return the time on the clock of all observations."""
    return monotonic_ns()
