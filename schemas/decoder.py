"""A batch of raw records to facts: the compiled scanner first, the specification for what it leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter, methodcaller
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.codec import check_time, decode, encode
from schemas.derive import derived
from schemas.errors import Reason, Refusal
from schemas.events import CreditEvent
from schemas.facts import Facts
from schemas.partitioner import partition_of
from schemas.records import RecordKey, fact_of
from schemas.scanner import Scanner
from schemas.subjects import parse_subject

# These run once per event without a line of Python between them.
_PARTITION, _OFFSET, _TIMESTAMP, _VALUE = map(methodcaller, ("partition", "offset", "timestamp", "value"))
_TIME = itemgetter(1)


class Record(Protocol):
    """The part of a Kafka record that the decoder reads; `confluent_kafka.Message` has it."""

    def value(self) -> bytes | None: ...  # noqa: D102
    def headers(self) -> Any: ...  # noqa: D102 - Headers; the client's types leave it open
    def partition(self) -> int | None: ...  # noqa: D102
    def offset(self) -> int | None: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Refused:
    """One record of a batch that is no fact."""

    index: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from one fact of a batch for other subjects.

    Attributes:
        index: the place of the fact's record in the batch.
        values: the events to publish, encoded.

    """

    index: int
    values: list[bytes]


class Decoded(NamedTuple):
    """The facts in a batch of n records.

    Attributes:
        facts: (m,) of dtype FACT, m <= n, in the batch's order.
        subjects: (m,) the subject of each fact.
        partitions: (m,) the partition of each fact.
        recorded_ms: (m,) Kafka's time of each fact's record, in milliseconds since the epoch.
        accepted: (n,) which records are facts.
        refused: the other n - m records.
        ends: by partition of the batch, the offset behind its last record.
        derived: for those facts that other subjects are linked to, what follows for these.

    """

    facts: Facts
    subjects: NDArray[np.uint64]
    partitions: NDArray[np.int64]
    recorded_ms: NDArray[np.int64]
    accepted: NDArray[np.bool_]
    refused: list[Refused]
    ends: dict[int, int]
    derived: Sequence[Derived] = ()

    @property
    def indices(self) -> NDArray[np.int64]:
        """(m,) the place of each fact's record in the batch."""
        return np.flatnonzero(self.accepted)


def headers_of(record: Record) -> Any:
    """Return a record's headers.

    Raises:
        Refusal: the client cannot read them.

    """
    try:
        return record.headers()
    except (SystemError, UnicodeError):
        raise Refusal(Reason.BAD_ENVELOPE, "", "", "the names of headers are UTF-8") from None


class Decoder:
    """Decodes for one deployment's key and partition count."""

    def __init__(self, key: RecordKey, partitions: int) -> None:
        self._key = key
        self._partitions = partitions
        self._scanner = Scanner(key, partitions)

    def decode(self, records: Sequence[Record]) -> Decoded:
        """Return the facts of a batch, and what was refused with its reason."""
        n = len(records)
        partitions = np.fromiter(map(_PARTITION, records), np.int64, n)
        offsets = np.fromiter(map(_OFFSET, records), np.int64, n)
        recorded_ms = np.fromiter(map(_TIME, map(_TIMESTAMP, records)), np.int64, n)
        # The last record of a partition wins, and its offset is all that is needed.
        lasts = dict(zip(partitions.tolist(), offsets.tolist(), strict=True))
        ends = {partition: offset + 1 for partition, offset in lasts.items()}
        values = [value or b"" for value in map(_VALUE, records)]
        facts, subjects, accepted, count = self._scanner.scan(values, offsets, partitions, recorded_ms)
        if count == n:
            return Decoded(facts, subjects, partitions, recorded_ms, accepted, [], ends)
        refused, reached = [], []
        for index in np.flatnonzero(~accepted).tolist():
            try:
                event = self._event(records[index])
            except Refusal as refusal:
                refused.append(Refused(index, refusal))
                continue
            facts[index], subjects[index] = self._fact(event, records[index])
            accepted[index] = True
            if event.data.linked_subjects:
                reached.append(Derived(index, [encode(one).value for one in derived(event)]))
        if refused:
            facts, subjects = facts[accepted], subjects[accepted]
            partitions, recorded_ms = partitions[accepted], recorded_ms[accepted]
        return Decoded(facts, subjects, partitions, recorded_ms, accepted, refused, ends, reached)

    def decode_one(self, record: Record) -> tuple[np.void, int]:
        """Return one record's fact and subject number, by the specification alone.

        Raises:
            Refusal: it is no fact.

        """
        return self._fact(self._event(record), record)

    def _event(self, record: Record) -> CreditEvent:
        event = decode(record.value(), headers_of(record))
        partition = partition_of(event.subject, self._partitions)
        if partition != record.partition():
            remedy = f"key it by its subject with murmur2, which gives partition {partition}"
            raise Refusal(Reason.WRONG_PARTITION, "subject", event.subject, remedy)
        check_time(event, record.timestamp()[1] // 1000)
        return event

    def _fact(self, event: CreditEvent, record: Record) -> tuple[np.void, int]:
        return fact_of(event, self._key, record.offset() or 0), parse_subject(event.subject)
