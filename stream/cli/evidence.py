"""Records read back from the log where something says they stand: the events behind an explanation, for one."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from stream.settings import Settings

# For all events together: who asks waits for them.
_ANSWER_S_MAX = 10.0
_GROUP = "jasmine-explain"
_AWAY = "Kafka did not answer within {seconds:.0f} s, so the events cannot be shown: {cause}; try `jasmine doctor`"


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
        for offset in offsets:
            # What was deleted, or never written to this log, is not waited for.
            here = first <= offset < end
            message = _at(consumer, settings.topic_events, partition, offset, ends_s) if here else None
            found.append(_event(offset, message))
    except KafkaException as error:
        problem = _AWAY.format(seconds=_ANSWER_S_MAX, cause=error.args[0].str())
    finally:
        consumer.close()
    return Evidences(settings.topic_events, partition, tuple(found), problem)


def record_at(settings: Settings, topic: str, partition: int, offset: int) -> Message | None:
    """Return the record at an offset, or None if the log no longer has it.

    Raises:
        KafkaException: Kafka does not answer.

    """
    with closing(_consumer(settings)) as consumer:
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_S_MAX)
        if not first <= offset < end:
            return None
        return _at(consumer, topic, partition, offset, time.monotonic() + _ANSWER_S_MAX)


def _consumer(settings: Settings) -> Consumer:
    return Consumer({**settings.kafka, "group.id": _GROUP, "enable.auto.commit": False, "auto.offset.reset": "error"})


def _at(consumer: Consumer, topic: str, partition: int, offset: int, ends_s: float) -> Message | None:
    consumer.assign([TopicPartition(topic, partition, offset)])
    while (left_s := ends_s - time.monotonic()) > 0:
        message = consumer.poll(left_s)
        if message is None or message.error() is not None:
            continue
        return message if message.offset() == offset else None
    return None


def _event(offset: int, message: Message | None) -> Event:
    if message is None:
        return Event(offset, None, {})
    # Its annotation leaves open what librdkafka gives: pairs of text and bytes.
    stated: Any = message.headers() or ()
    headers = {name: (raw or b"").decode(errors="replace") for name, raw in stated}
    return Event(offset, message.value(), headers)
