"""The producer SDK: publish credit events that a worker will not refuse.

    with Publisher({"bootstrap.servers": "127.0.0.1:9092"}, "credit.events", on_delivery=note) as publisher:
        publisher.publish(event)

Each event is validated before it is sent, keyed by its subject and written once however often Kafka has to be asked.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from confluent_kafka import KafkaException, Producer

from gateway.errors import PropertyError, PublisherClosedError, PublishingError, QueueFullError, UndeliveredError
from schemas.catalogue import EventType
from schemas.codec import Encoded, check_time, decode, encode, from_attributes
from schemas.errors import Reason, Refusal
from schemas.events import SPEC_VERSION, CreditEvent, Data

# How long publishing may wait for room in the local queue, and closing for acknowledgements, in seconds.
QUEUE_WAIT_S = 30.0
CLOSE_S = 30.0
_POLL_S = 0.05
# Acknowledgements that purging makes are there at once.
PURGED_S = 1.0

# Without these events could be lost, repeated, land where no reader looks for their subject, or never be answered for.
_FIXED: Mapping[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "delivery.report.only.error": False,
}
# What librdkafka takes for the same.
_SAME: Mapping[str, frozenset[str]] = {
    "enable.idempotence": frozenset({"true"}),
    "acks": frozenset({"all", "-1"}),
    "partitioner": frozenset({"murmur2_random", "murmur2"}),
    "delivery.report.only.error": frozenset({"false"}),
}
_ALIASES = {"request.required.acks": "acks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one event.

    Attributes:
        event_id: the event's id.
        source: its source.
        partition: where it stands in the log, or None.
        offset: likewise.
        error: why it is not there, or empty; an event whose delivery failed can be published again.

    """

    event_id: str
    source: str
    partition: int | None
    offset: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Report:
    """What became of all events published so far.

    Attributes:
        delivered: those acknowledged by Kafka.
        failed: those it did not take.
        waiting: those of which nothing is known yet.

    """

    delivered: int
    failed: int
    waiting: int


def kafka_properties(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return a publisher's properties: those stated, and those that may not be otherwise.

    Raises:
        PropertyError: one of them is stated otherwise.

    """
    for name, value in stated.items():
        fixed = _ALIASES.get(name, name)
        if fixed in _FIXED and str(value).lower() not in _SAME[fixed]:
            message = f"{name} was {value!r}: it must be {_FIXED[fixed]!r}, or events are lost, misplaced or forgotten"
            raise PropertyError(message)
    return {**{name: value for name, value in stated.items() if _ALIASES.get(name, name) not in _FIXED}, **_FIXED}


def why_ended(serve: Callable[[float], int], timeout_s: float) -> str:
    """Let a producer poll or flush; return why it cannot go on, if it found that out: its library raises it, once."""
    try:
        serve(timeout_s)
    except KafkaException as error:
        if not error.args[0].fatal():
            raise
        return str(error.args[0].str())
    return ""


def checked(event: CreditEvent) -> Encoded:
    """Return an event's record, if every worker will read the same event from it.

    Raises:
        Refusal: it is no event of the catalogue, is to occur only in the future, or would be read as another one.

    """
    _check_types(event)
    check_time(event, int(time.time()))
    try:
        encoded = encode(event)
    except (TypeError, ValueError, AttributeError) as error:
        raise Refusal(Reason.BAD_VALUE, "", error, "the event cannot be written as JSON") from error
    read = decode(encoded.value, encoded.headers)
    for name in ("id", "source", "type", "subject"):
        _same(name, getattr(event, name), getattr(read, name))
    _same("time", int(event.time.timestamp()), int(read.time.timestamp()))
    for name in ("grade", "quantity", "incident_key", "record_source", "record_id", "record_type", "linked_subjects"):
        stated = getattr(event.data, name)
        if stated is not None:
            _same(f"data.{name}", stated, getattr(read.data, name))
    return encoded


def _check_types(event: CreditEvent) -> None:
    """Raise a Refusal where an event holds what its annotations do not allow, and encoding would not say where."""
    if not isinstance(event.type, EventType):
        remedy = "give an entry of schemas.catalogue, such as TYPES_BY_NAME['library.loan.overdue']"
        raise Refusal(Reason.BAD_VALUE, "type", event.type, remedy)
    if not isinstance(event.data, Data):
        raise Refusal(Reason.BAD_VALUE, "data", event.data, "give a schemas.events.Data")
    _with_zone("time", event.time)
    for name in ("determined_at", "terminated_at"):
        if (stated := getattr(event.data, name)) is not None:
            _with_zone(f"data.{name}", stated)


def _with_zone(field: str, value: object) -> None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Refusal(
            Reason.BAD_VALUE, field, value, "give a datetime and say in which zone, such as datetime.now(UTC)"
        )


def _same(field: str, stated: object, read: object) -> None:
    if stated != read:
        raise Refusal(Reason.BAD_VALUE, field, stated, f"it would be read as {read!r}")


def event_of(attributes: Mapping[str, Any]) -> CreditEvent:
    """Return the event with these CloudEvents attributes, `data` among them; `specversion` may be left out.

    Raises:
        Refusal: it is no event of the catalogue.

    """
    return from_attributes({"specversion": SPEC_VERSION, **attributes})


def delivery_of(event: CreditEvent, error: Any, message: Any) -> Delivery:
    """Return what librdkafka reports of an event."""
    if error is not None:
        return Delivery(event_id=event.id, source=event.source, partition=None, offset=None, error=str(error))
    return Delivery(
        event_id=event.id, source=event.source, partition=message.partition(), offset=message.offset(), error=""
    )


class Publisher:
    """Publishes events, from any number of threads."""

    def __init__(
        self,
        properties: Mapping[str, Any],
        topic: str,
        *,
        on_delivery: Callable[[Delivery], None] = lambda _: None,
        queue_wait_s: float = QUEUE_WAIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take librdkafka's properties; it connects by itself.

        Args:
            properties: at least ``bootstrap.servers``.
            topic: where credit events go.
            on_delivery: told of each event, within a later publish, flush or close; what it raises comes out there.
            queue_wait_s: how long publishing may wait for room in the local queue, in seconds.
            clock: monotonic, in seconds.

        """
        self._producer = Producer(kafka_properties(properties))
        self._topic = topic
        self._on_delivery = on_delivery
        self._queue_wait_s = queue_wait_s
        self._clock = clock
        self._lock = threading.Lock()
        # Counted here: the length of librdkafka's queue is also that of its own news, such as an unreachable broker.
        self._taken = self._delivered = self._failed = 0
        self._closed = False
        # Why librdkafka cannot go on.
        self._ended = ""

    def publish(self, event: CreditEvent) -> None:
        """Give one event to the local queue; wait while that is full.

        Raises:
            Refusal: no worker would take it.
            QueueFullError: the queue stayed full.
            PublishingError: librdkafka cannot go on.
            PublisherClosedError: the publisher is closed.

        """
        if self._closed:
            raise PublisherClosedError
        encoded = checked(event)
        ends = self._clock() + self._queue_wait_s
        while not self._is_taken(event, encoded):
            if self._clock() >= ends:
                raise QueueFullError(self._queue_wait_s)
            self._serve(self._producer.poll, _POLL_S)
        self._serve(self._producer.poll, 0)

    def publish_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Publish the event with these CloudEvents attributes; raises what `publish` does."""
        self.publish(event_of(attributes))

    def flush(self, timeout_s: float) -> Report:
        """Wait until all events are acknowledged or failed, at most so long."""
        self._serve(self._producer.flush, timeout_s)
        with self._lock:
            return Report(self._delivered, self._failed, self._taken - self._delivered - self._failed)

    def close(self, timeout_s: float = CLOSE_S) -> Report:
        """Wait for what is under way, at most so long, and give up the rest, each as a failed delivery."""
        self._closed = True
        if self.flush(timeout_s).waiting:
            self._producer.purge()
        return self.flush(PURGED_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        report = self.close()
        if kind is None and report.failed + report.waiting:
            message = (
                f"of {report.delivered + report.failed + report.waiting} events {report.failed + report.waiting} "
                "were not acknowledged: on_delivery is told which; publish those again"
            )
            raise UndeliveredError(message)

    def _is_taken(self, event: CreditEvent, encoded: Encoded) -> bool:
        def on_delivery(error: Any, message: Any) -> None:
            self._report(delivery_of(event, error, message))

        try:
            with self._lock:
                self._producer.produce(
                    self._topic, encoded.value, encoded.key, headers=[*encoded.headers], on_delivery=on_delivery
                )
                self._taken += 1
        except BufferError:
            return False
        except KafkaException as error:
            self._serve(self._producer.poll, 0)
            message = f"the event was not taken: {self._ended or error}; make another publisher when that is mended"
            raise PublishingError(message) from error
        return True

    def _serve(self, serve: Callable[[float], int], timeout_s: float) -> None:
        self._ended = why_ended(serve, timeout_s) or self._ended

    def _report(self, delivery: Delivery) -> None:
        with self._lock:
            if delivery.error:
                self._failed += 1
            else:
                self._delivered += 1
        self._on_delivery(delivery)
