"""Where a record comes from: a ledger keeps a hash of an event's source and id, the log keeps the event itself."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from gateway.citizen.errors import NotTakenError, OriginGoneError
from schemas.codec import decode
from schemas.decoder import headers_of
from schemas.errors import Refusal
from schemas.records import RecordKey

_ANSWER_S_MAX = 5.0
_GROUP = "jasmine-citizen"
# What the log says of an offset at which it has nothing.
_NOTHING_THERE = frozenset({KafkaError._PARTITION_EOF, KafkaError.OFFSET_OUT_OF_RANGE})  # noqa: SLF001 - its only name


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which record of whom, and where in the log its event stands."""

    subject: str
    record: int
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Origin:
    """What names an event to every department: its source, and its id there."""

    source: str
    event_id: str


class Origins(Protocol):
    """Finds the events of records."""

    async def find(self, place: Place) -> Origin:
        """Return the origin of a record.

        Raises:
            OriginGoneError: the log no longer has it.
            NotTakenError: Kafka does not answer.

        """


class KafkaOrigins:
    """Reads one event again, in the log. A connection each time: somebody disputes a record once in years."""

    def __init__(self, properties: Mapping[str, Any], topic: str, key: RecordKey) -> None:
        """Take librdkafka's properties; nothing connects before the first search."""
        self._properties = {**properties, "group.id": _GROUP, "enable.auto.commit": False, "enable.partition.eof": True}
        self._topic = topic
        self._key = key

    async def find(self, place: Place) -> Origin:
        """Return the origin of a record; raises what `Origins.find` does."""
        return await asyncio.to_thread(self._find, place)

    def _find(self, place: Place) -> Origin:
        consumer = Consumer(self._properties)
        try:
            consumer.assign([TopicPartition(self._topic, place.partition, place.offset)])
            message = consumer.poll(_ANSWER_S_MAX)
        except KafkaException as error:
            raise NotTakenError from error
        finally:
            consumer.close()
        if message is None:
            raise NotTakenError
        fault = message.error()
        if fault is not None and fault.code() not in _NOTHING_THERE:
            raise NotTakenError
        if fault is not None or message.offset() != place.offset:
            raise OriginGoneError
        return self._checked(message, place)

    def _checked(self, message: Any, place: Place) -> Origin:
        """Return the origin if it is of this record: the log may have been replaced by another."""
        try:
            event = decode(message.value(), headers_of(message))
        except Refusal:
            raise OriginGoneError from None
        if event.subject != place.subject or self._key.record(event.source, event.id) != place.record:
            raise OriginGoneError
        return Origin(event.source, event.id)
