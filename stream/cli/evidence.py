"""Records read back from the log where something says they stand: the events behind an explanation, for one."""

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, cast

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.decoder import headers_of
from schemas.errors import Refusal
from stream.settings import Settings

# For all events together: who asks waits for them.
_ANSWER_S_MAX = 10.0
_GROUP = "jasmine-explain"
# How many records are rather read than passed over.
_READ_ON_MAX = 500
_AWAY = "Kafka did not give the events, so they cannot be shown: {cause}; try `jasmine doctor`"
_LATE = "Kafka did not give all events within {seconds:.0f} s, so they are not shown: ask again"


class _LateError(Exception):
    """Kafka is slow, which says nothing about what is in the log."""


@dataclass(frozen=True, slots=True)
class Event:
    """What stands at one offset.

    Attributes:
        offset: where.
        value: the record's value, or None if the log no longer has it.
        headers: its headers.

    """

    offset: int
    value: bytes | None
    headers: dict[str, str]

    @property
    def text(self) -> str:
        """The event for people."""
        if self.value is None:
            return "no longer in the log"
        headers = " ".join(f"{name}={said}" for name, said in self.headers.items())
        return f"{headers} {self.value.decode(errors='replace')}".strip()


@dataclass(frozen=True, slots=True)
class Evidences:
    """All events asked for, or what kept them from being read."""

    topic: str
    partition: int
    events: tuple[Event, ...]
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what JSON shows."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "problem": self.problem or None,
            "events": [
                {"offset": one.offset, "headers": one.headers, "value": _value(one.value)} for one in self.events
            ],
        }


def _value(raw: bytes | None) -> Any:
    if raw is None:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace")


def read_evidence(settings: Settings, partition: int, offsets: Sequence[int]) -> Evidences:
    """Return the events at some offsets of the topic of events; without Kafka, what is the matter."""
    consumer = _consumer(settings)
    ends_s = time.monotonic() + _ANSWER_S_MAX
    found: list[Event] = []
    problem = ""
    try:
        place = TopicPartition(settings.topic_events, partition)
        first, end = consumer.get_watermark_offsets(place, timeout=_ANSWER_S_MAX)
        # What was deleted, or never written to this log, is not waited for.
        asked = [offset for offset in offsets if first <= offset < end]
        messages = _at(consumer, settings.topic_events, partition, asked, ends_s)
        found = [_event(offset, messages.get(offset)) for offset in offsets]
    except _LateError:
        problem = _LATE.format(seconds=_ANSWER_S_MAX)
    except KafkaException as error:
        problem = _AWAY.format(cause=error.args[0].str())
    finally:
        consumer.close()
    return Evidences(settings.topic_events, partition, tuple(found), problem)


def record_at(settings: Settings, topic: str, partition: int, offset: int) -> Message | None:
    """Return the record at an offset, or None if the log no longer has it.

    Raises:
        KafkaException: Kafka does not answer or refuses.

    """
    with closing(_consumer(settings)) as consumer:
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_S_MAX)
        if not first <= offset < end:
            return None
        try:
            return _at(consumer, topic, partition, [offset], time.monotonic() + _ANSWER_S_MAX).get(offset)
        except _LateError:
            raise KafkaException(KafkaError(KafkaError.REQUEST_TIMED_OUT)) from None


def refusal_in(message: Message) -> KafkaError | None:
    """Return why a topic may not be read, if this stands in place of its records: other errors pass by themselves."""
    error = message.error()
    return error if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED else None


def _consumer(settings: Settings) -> Consumer:
    return Consumer({**settings.kafka, "group.id": _GROUP, "enable.auto.commit": False, "auto.offset.reset": "error"})


def _at(consumer: Consumer, topic: str, partition: int, offsets: Sequence[int], ends_s: float) -> dict[int, Message]:
    """Return what stands at rising offsets; what is not returned was deleted from between those that are there.

    Those near each other are read on the way, and the others sought: a seek takes as long as some hundred records.

    Raises:
        KafkaException: the topic may not be read.
        _LateError: there was no time left.

    """
    found: dict[int, Message] = {}
    position: int | None = None
    for offset in offsets:
        if position is None or not position <= offset < position + _READ_ON_MAX:
            consumer.assign([TopicPartition(topic, partition, offset)])
            position = offset
        while position <= offset:
            left_s = ends_s - time.monotonic()
            if left_s <= 0:
                raise _LateError
            message = consumer.poll(left_s)
            if message is not None and (refused := refusal_in(message)):
                raise KafkaException(refused)
            if message is None or message.error() is not None:
                continue
            position = cast("int", message.offset()) + 1
            found[position - 1] = message
    return found


def _event(offset: int, message: Message | None) -> Event:
    if message is None:
        return Event(offset, None, {})
    headers: dict[str, str] = {}
    with suppress(Refusal):
        headers = {name: (raw or b"").decode(errors="replace") for name, raw in headers_of(message) or ()}
    return Event(offset, message.value(), headers)
