"""The access log on its way back: from Kafka to where each subject can see who has read what.

It runs in a thread of its own, behind the events, and copies the partitions that this worker holds. Where it goes on
is written with what it copies, so a crash, a handover or an emptied store repeats nothing and leaves nothing out.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.access import decode, kept_of
from schemas.errors import Refusal
from schemas.subjects import parse_subject
from sinks.accesses import AccessStore, Entry
from sinks.errors import StoreError
from stream.logs import get_logger

RECORDS_MAX = 500
_WAIT_S = 0.5
_RETRY_S = 2.0
# As the relay, it rests so many times as long as a round took: it shares the interpreter with the events.
_REST = 4.0
_REST_S_MAX = 1.0

log = get_logger("jasmine.access")


def consumer_properties(kafka: Mapping[str, str], group: str) -> dict[str, Any]:
    """Return the properties of the copying consumer; its group only shows tools how far it is."""
    return {
        **kafka,
        "group.id": f"{group}-access",
        "enable.auto.commit": False,
        # Where the log was trimmed above the place to go on from, what is left of it is copied.
        "auto.offset.reset": "earliest",
        "log_level": 2,
    }


class AccessCopy(threading.Thread):
    """Copies the access log's partitions that this worker holds."""

    def __init__(
        self, store: AccessStore, connect: Callable[[], Consumer], topic: str, on_error: Callable[[Exception], None]
    ) -> None:
        """Take the parts; `connect` makes the consumer when the thread runs."""
        super().__init__(name="access", daemon=True)
        self._store = store
        self._connect = connect
        self._topic = topic
        self._on_error = on_error
        self._consumer: Consumer | None = None
        self._ending = threading.Event()
        # By partition that is read: the offset expected next. Empty: where to read is asked anew.
        self._nexts: dict[int, int] = {}
        self.partitions: Collection[int] = ()
        self.copied = 0

    def end(self) -> None:
        """End after the round under way."""
        self._ending.set()

    def run(self) -> None:
        """Copy until ended."""
        while not self._ending.is_set():
            began_s = monotonic()
            try:
                copied = self.copy()
            except (StoreError, KafkaException) as error:
                self._on_error(error)
                self._ending.wait(_RETRY_S)
            else:
                if copied:
                    self._ending.wait(min((monotonic() - began_s) * _REST, _REST_S_MAX))
        if self._consumer is not None:
            self._consumer.close()
        self._store.disconnect()

    def copy(self) -> int:
        """Copy what has come since the last round; return how many accesses that were.

        Raises:
            StoreError: Redis does not answer, or refuses; the round is begun again.
            KafkaException: Kafka has failed; likewise.

        """
        partitions = sorted(self.partitions)
        if not partitions:
            self._nexts = {}
            self._ending.wait(_WAIT_S)
            return 0
        before, self._nexts = self._nexts, {}
        if [*before] != partitions:
            before = self._begin(partitions)
        records = self._held().consume(RECORDS_MAX, _WAIT_S)
        self._check_places(records, before)
        after = {**before, **_nexts_after(records)}
        entries = [*self._entries(records)]
        if not records and self._store.nexts(partitions) == before:
            self._nexts = before
        elif records and self._store.add(before, after, entries):
            self._nexts = after
            self.copied += len(entries)
            self._commit(after)
            return len(entries)
        return 0

    def _begin(self, partitions: Sequence[int]) -> dict[int, int]:
        """Read each partition from where the store stands."""
        nexts = self._store.nexts(partitions)
        places = [TopicPartition(self._topic, partition, offset) for partition, offset in nexts.items()]
        self._held().assign(places)
        return nexts

    def _held(self) -> Consumer:
        if self._consumer is None:
            self._consumer = self._connect()
        return self._consumer

    def _check_places(self, records: Sequence[Any], before: Mapping[int, int]) -> None:
        """Refuse what is no record, and a log that begins anew below where its copy stands."""
        for record in records:
            if (error := record.error()) is not None:
                raise KafkaException(KafkaError(error.code(), f"topic {self._topic}: {error.str()}"))
            partition, offset = record.partition(), record.offset()
            if offset < before[partition]:
                raise StoreError(
                    f"{self._topic}/{partition} was made anew: it has offset {offset}, its copy stands at "
                    f"{before[partition]}; delete the keys {{{partition}}}:reads:* in Redis, and it is copied again"
                )

    def _entries(self, records: Sequence[Any]) -> Iterator[Entry]:
        for record in records:
            try:
                access = decode(record.value())
                yield Entry(record.partition(), record.offset(), parse_subject(access.subject), kept_of(access))
            except Refusal as refusal:
                # The value is not quoted: it could be somebody's.
                log.warning(
                    "not an access; left in the log alone",
                    partition=record.partition(),
                    offset=record.offset(),
                    reason=str(refusal.reason),
                    field=refusal.field,
                )

    def _commit(self, nexts: Mapping[int, int]) -> None:
        places = [TopicPartition(self._topic, partition, offset) for partition, offset in nexts.items()]
        self._held().commit(offsets=places, asynchronous=True)


def _nexts_after(records: Sequence[Any]) -> dict[int, int]:
    """Return the offset behind each partition's last record."""
    return {record.partition(): record.offset() + 1 for record in records}
