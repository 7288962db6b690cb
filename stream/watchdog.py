"""The watchdog: ends a process that has events to apply and applies none, so that its supervisor starts another."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """What the stream tells the watchdog; written by the event loop, read by the watchdog's thread.

    Attributes:
        applied: next offset of each partition this worker holds.
        waiting_for: what the stream knowingly waits for, such as the store; empty when it should move.

    """

    applied: dict[int, int] = field(default_factory=dict)
    waiting_for: str = ""


class Watchdog(threading.Thread):
    """Compares log ends with applied offsets."""

    def __init__(
        self,
        progress: Progress,
        log_ends: Callable[[dict[int, int]], Mapping[int, int]],
        clock: Callable[[], float],
        stall_s_max: float,
        on_stall: Callable[[str], None],
    ) -> None:
        """Take the parts.

        `log_ends` asks Kafka, given what is applied. While Kafka is away it returns nothing; otherwise something, also
        for who holds nothing.
        """
        super().__init__(name="watchdog", daemon=True)
        self._progress = progress
        self._log_ends = log_ends
        self._clock = clock
        self._stall_s_max = stall_s_max
        self._on_stall = on_stall
        self._ending = threading.Event()
        self._moved: dict[int, tuple[int, float]] = {}
        self.lag: dict[int, int] = {}
        self.kafka_is_silent = False

    def end(self) -> None:
        """Stop watching."""
        self._ending.set()

    def run(self) -> None:
        """Look several times within the longest stall allowed."""
        while not self._ending.wait(min(self._stall_s_max / 6, 5.0)):
            if stalled := self.check():
                self._on_stall(stalled)

    def check(self) -> str:
        """Return what stalled, or nothing."""
        applied = dict(self._progress.applied)
        # Also by who holds nothing: it may have lost all because Kafka is silent, and then waits for Kafka.
        log_ends = self._log_ends(applied)
        self.kafka_is_silent = not log_ends
        self.lag = {one: log_ends[one] - offset for one, offset in applied.items() if one in log_ends}
        now_s = self._clock()
        self._moved = {partition: self._moved.get(partition, (-1, now_s)) for partition in applied}
        for partition, offset in applied.items():
            behind = self.lag.get(partition, 0) > 0
            if self._moved[partition][0] != offset or not behind or self._progress.waiting_for:
                self._moved[partition] = (offset, now_s)
            elif now_s - self._moved[partition][1] > self._stall_s_max:
                return (
                    f"partition {partition} stands at offset {offset}, {self.lag[partition]} behind the log's end, "
                    f"and has not moved for {self._stall_s_max:.0f} s"
                )
        return ""
