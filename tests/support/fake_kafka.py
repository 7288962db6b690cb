"""Kafka in memory: a log polled as the transport polls, and a producer and an admin client that fail when told to."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import orjson
from confluent_kafka import KafkaError, KafkaException

from schemas.partitioner import partition_of
from tests.support.events import PARTITIONS, RECORDED_MS, value_of

Headers = list[tuple[str, bytes | None]]
TOPIC = "credit.events"


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeRecord:
    """A Kafka record, read through methods as confluent-kafka's is."""

    raw: bytes | None
    raw_key: bytes | None
    at_partition: int
    at_offset: int
    at_ms: int
    stated_headers: Headers | None = None

    def value(self) -> bytes | None:
        return self.raw

    def key(self) -> bytes | None:
        return self.raw_key

    def headers(self) -> Headers | None:
        return self.stated_headers

    def partition(self) -> int:
        return self.at_partition

    def offset(self) -> int:
        return self.at_offset

    def timestamp(self) -> tuple[int, int]:
        return 1, self.at_ms

    def error(self) -> None:
        """It is a record, and no failure in place of one."""

    @property
    def name(self) -> str:
        """What a dead letter of it would be called."""
        return f"{TOPIC}/{self.at_partition}/{self.at_offset}"


class FakeLog:
    """A topic's partitions; records keep their offsets, and there may be holes between them."""

    def __init__(self, partitions: int = PARTITIONS) -> None:
        self.records: dict[int, list[FakeRecord]] = {partition: [] for partition in range(partitions)}
        self._ends = dict.fromkeys(self.records, 0)

    def append(self, value: bytes | None, *, key: bytes | None = None, partition: int | None = None) -> FakeRecord:
        """Append a value where its key belongs, or in a partition."""
        return self.append_record(value, key=key, partition=partition, headers=None, at_ms=RECORDED_MS)

    def append_record(
        self, value: bytes | None, *, key: bytes | None, partition: int | None, headers: Headers | None, at_ms: int
    ) -> FakeRecord:
        """Append a record in all its parts."""
        if partition is None:
            partition = partition_of((key or b"").decode(), len(self.records))
        record = FakeRecord(
            raw=value,
            raw_key=key,
            at_partition=partition,
            at_offset=self._ends[partition],
            at_ms=at_ms,
            stated_headers=headers,
        )
        self.records[partition].append(record)
        self._ends[partition] += 1
        return record

    def publish(self, type_name: str = "library.loan.overdue", **changes: Any) -> FakeRecord:
        """Append a structured event, keyed by its subject as a publisher does."""
        value = value_of(type_name, **changes)
        return self.append(value, key=orjson.loads(value)["subject"].encode())

    def end(self, partition: int) -> int:
        """Return the offset of a partition's next record."""
        return self._ends[partition]

    def leave_a_hole(self, partition: int) -> None:
        """Use up an offset, as the control record of a transaction does."""
        self._ends[partition] += 1

    def poll(self, positions: Mapping[int, int], records_max: int) -> tuple[list[FakeRecord], dict[int, int]]:
        """Return the next records of some partitions, and where each partition that has one was read from."""
        records = [
            record
            for partition, position in positions.items()
            for record in self.records[partition]
            if record.at_offset >= position
        ][:records_max]
        return records, {record.at_partition: positions[record.at_partition] for record in records}

    @property
    def all_records(self) -> list[FakeRecord]:
        """Every record, partition by partition."""
        return [record for records in self.records.values() for record in records]


def positions_after(positions: Mapping[int, int], records: Sequence[FakeRecord]) -> dict[int, int]:
    """Return where the transport reads on when a poll is done."""
    return {**positions, **{record.at_partition: record.at_offset + 1 for record in records}}


@dataclass(slots=True)
class Sent:
    """A record that a producer was given and Kafka took."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


Report = Callable[[Any, object], None]


@dataclass(slots=True)
class FakeProducer:
    """confluent-kafka's producer towards a broker that fails the nth time it is asked.

    Attributes:
        refused_at: the produce call, counted from 1, that raises; 0 for none.
        undelivered_at: the record, counted from 1, whose delivery fails; 0 for none.
        unheard_at: the record whose delivery is never reported although Kafka has it; 0 for none.
        full_at: the produce call that finds the queue full once; 0 for none.
        refused_topic: the topic of which no record is taken; empty for none.
        bytes_max: the largest value that is taken; 0 for any.
        is_looking: whether a larger value is refused by the call already, and not by the broker.
        is_refused: whether the broker has refused this producer for good.
        taken: what Kafka has.
        calls: how often produce was called.

    """

    refused_at: int = 0
    undelivered_at: int = 0
    unheard_at: int = 0
    full_at: int = 0
    refused_topic: str = ""
    bytes_max: int = 0
    is_looking: bool = False
    is_refused: bool = False
    taken: list[Sent] = field(default_factory=list)
    calls: int = 0
    polls: int = 0
    _given: int = 0
    _waiting: list[tuple[Report, KafkaError | None, FakeRecord]] = field(default_factory=list)

    def __len__(self) -> int:
        """Return how many records wait for their report."""
        return len(self._waiting)

    def __bool__(self) -> bool:
        """Return true, as confluent-kafka's does."""
        return True

    def produce(
        self, topic: str, value: bytes, key: bytes, headers: list[tuple[str, bytes]], on_delivery: Report
    ) -> None:
        self.calls += 1
        if self.calls == self.refused_at:
            raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))
        if self.calls == self.full_at:
            raise BufferError("Local: Queue full")
        if self.is_refused:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        is_large = 0 < self.bytes_max < len(value)
        if is_large and self.is_looking:
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        self._given += 1
        error = self._failure(topic, is_large=is_large)
        if error is None:
            self.taken.append(Sent(topic, key, value, headers))
        if self._given != self.unheard_at:
            record = FakeRecord(raw=value, raw_key=key, at_partition=0, at_offset=0, at_ms=0)
            self._waiting.append((on_delivery, error, record))

    def _failure(self, topic: str, *, is_large: bool) -> KafkaError | None:
        if self._given == self.undelivered_at:
            return KafkaError(KafkaError._MSG_TIMED_OUT)
        if is_large:
            return KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        return KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED) if topic == self.refused_topic else None

    def poll(self, timeout_s: float) -> int:
        self.polls += 1
        if self.is_refused:
            raise KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, "no producer id", fatal=True))
        return self._report()

    def flush(self, timeout_s: float) -> int:
        self._report()
        return 0

    def purge(self) -> None:
        """Nothing waits here for long."""

    def _report(self) -> int:
        waiting, self._waiting = self._waiting, []
        for on_delivery, error, record in waiting:
            on_delivery(error, record)
        return len(waiting)

    def values(self) -> Counter[tuple[str, bytes, bytes]]:
        """Return how often each record was taken."""
        return Counter((one.topic, one.key, one.value) for one in self.taken)


@dataclass(slots=True)
class FakeConsumer:
    """confluent-kafka's consumer of a log, of which one call fails.

    Attributes:
        log: what it reads.
        fails_at: the call, counted from 1, that raises; 0 for none.
        calls: how many calls there were.
        committed: what the group was told, by partition.

    """

    log: FakeLog
    fails_at: int = 0
    calls: int = 0
    committed: dict[int, int] = field(default_factory=dict)
    is_closed: bool = False
    _positions: dict[int, int] = field(default_factory=dict)

    def subscribe(self, topics: Sequence[str]) -> None:
        self._positions = {partition: self.committed.get(partition, 0) for partition in self.log.records}

    def assign(self, places: Sequence[Any]) -> None:
        self._call()
        # Behind the log's end it begins anew, as `auto.offset.reset` says.
        self._positions = {one.partition: one.offset * (one.offset <= self.log.end(one.partition)) for one in places}

    def seek(self, place: Any) -> None:
        self._positions[place.partition] = place.offset

    def consume(self, records_max: int, timeout_s: float) -> list[FakeRecord]:
        self._call()
        records, _ = self.log.poll(self._positions, records_max)
        self._positions = positions_after(self._positions, records)
        return records

    def commit(self, *, offsets: Sequence[Any], asynchronous: bool) -> None:
        self._call()
        self.committed |= {one.partition: one.offset for one in offsets}

    def close(self) -> None:
        self.is_closed = True

    def _call(self) -> None:
        self.calls += 1
        if self.calls == self.fails_at:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))


class FakeAdmin:
    """An admin client of a cluster that has some topics and makes others; `refusals` says which it refuses, and why.

    `bytes_max` is how large a record its topics take.
    """

    def __init__(
        self, topics: Mapping[str, int], refusals: Mapping[str, int] | None = None, *, bytes_max: int = 1_048_588
    ) -> None:
        self.topics = dict(topics)
        self.created: dict[str, Any] = {}
        self._refusals = refusals or {}
        self._bytes_max = bytes_max

    def list_topics(self, topic: str = "", timeout: float = -1) -> Any:
        names = [topic] if topic else [*self.topics]
        return SimpleNamespace(topics={name: self._topic(name) for name in names})

    def _topic(self, name: str) -> Any:
        missing = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART) if name not in self.topics else None
        partitions = dict.fromkeys(range(self.topics.get(name, 0)))
        return SimpleNamespace(partitions=partitions, error=missing)

    def create_topics(self, wanted: Sequence[Any]) -> dict[str, Future[None]]:
        futures: dict[str, Future[None]] = defaultdict(Future)
        for one in wanted:
            if code := self._refusals.get(one.topic):
                futures[one.topic].set_exception(KafkaException(KafkaError(code, "refused by the test")))
            else:
                self.created[one.topic] = one
                self.topics[one.topic] = one.num_partitions
                futures[one.topic].set_result(None)
        return dict(futures)

    def describe_configs(self, asked: Sequence[Any], request_timeout: float) -> dict[Any, Future[dict[str, Any]]]:
        futures: dict[Any, Future[dict[str, Any]]] = defaultdict(Future)
        for one in asked:
            missing = 0 if one.name in self.topics else KafkaError.UNKNOWN_TOPIC_OR_PART
            if code := self._refusals.get(one.name, missing):
                futures[one].set_exception(KafkaException(KafkaError(code, "refused by the test")))
            else:
                futures[one].set_result({"max.message.bytes": SimpleNamespace(value=str(self._bytes_max))})
        return dict(futures)
