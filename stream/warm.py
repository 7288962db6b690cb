"""Compiling before joining: the kernels are ready before the first event, not on it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import perf_counter

import numpy as np

from schemas.catalogue import REGISTERED
from schemas.codec import Encoded, Headers, encode
from schemas.decoder import Decoder
from schemas.events import CreditEvent, Data
from schemas.records import RecordKey
from schemas.subjects import format_subject
from scoring.announced import Announced
from sinks.standings import Values, packed
from sinks.store import Commit, Ints, Store, Subjects, Wanted, transaction
from stream.process import Processor
from stream.turns import sides

# A start that loads compiled kernels from the disk takes some tenths of a second.
COMPILED_S_MIN = 3.0


class _Example:
    """One record, as the processor reads it."""

    def __init__(self, encoded: Encoded, offset: int) -> None:
        self._encoded = encoded
        self._offset = offset

    def key(self) -> bytes:
        return self._encoded.key

    def value(self) -> bytes:
        return self._encoded.value

    def headers(self) -> Headers:
        return None

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_000_000_000


class _NoStore(Store):
    """A store that keeps the one standing it is given, and sends nothing anywhere."""

    def __init__(self) -> None:
        self._next = 0
        self._value: bytes | None = None

    def load_values(
        self,
        partitions: Sequence[int],
        of: Ints,  # noqa: ARG002
        subjects: Subjects,  # noqa: ARG002
    ) -> tuple[dict[int, int], Values]:
        return dict.fromkeys(partitions, self._next), packed([self._value])

    def commit(self, commit: Commit, following: Callable[[], Wanted | None] = lambda: None) -> bool:  # noqa: ARG002
        transaction(commit)
        self._next = commit.nexts[0]
        self._value = commit.after.cards[0].tobytes() + commit.after.facts.tobytes()
        return True


def warm(announced: Announced) -> float:
    """Run every compiled function on examples; return how long it took, in seconds."""
    began_s = perf_counter()
    store = _NoStore()
    processor = Processor(Decoder(RecordKey(0, 0), 1), store, announced, lambda: 0.0)
    for offset in range(2):
        event = CreditEvent(
            id=f"example {offset}",
            source="/",
            type=REGISTERED,
            subject=format_subject(1),
            time=datetime(1970, 1, 2, tzinfo=UTC),
            data=Data(),
        )
        processor.process("", [_Example(encode(event), offset)], {0: offset})
    # What brings standings up to date without an event takes the steps one by one.
    nobody = np.zeros(1, np.uint64)
    _, standings = store.load([0], np.zeros(1, np.int64), nobody)
    announced.timeline.retained(standings.facts, standings.starts, 0)
    announced.timeline.evaluate(standings.facts, standings.starts, nobody, 0, standings.cards)
    # And polls are waited for.
    sides()[0].wait(0)
    return perf_counter() - began_s
