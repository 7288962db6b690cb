"""The subscriber SDK: hear of each change of a tier or an entitlement, and leave a receipt that one was told.

    log = AccessLog({"bootstrap.servers": "kafka:9092"}, "credit.access")
    with Subscriber({"bootstrap.servers": "kafka:9092"}, "transit-operator", log) as subscriber:
        while True:
            subscriber.step(forget_cached_tier)

A change is handled at least once; its repetitions have the same id and are dropped as far back as is remembered. Its
receipt is written after the handler has returned, and a change without one is handled again after a restart.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import orjson
from confluent_kafka import Consumer, KafkaException, TopicPartition

from gateway.access import AccessLog
from gateway.errors import AccessLogError, ChangeFormatError
from schemas.access import check_reader
from schemas.errors import Refusal
from schemas.subjects import parse_subject

TOPIC = "credit.changes"
RECORDS_MAX = 500
_WAIT_S = 0.5
# How long receipts of a step may take to be acknowledged, in seconds.
_RECEIPTS_S_MAX = 30.0
_REMEMBERED_MAX = 100_000
_TYPE = "standing.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A subject's tier, entitlements or review are others than before.

    Attributes:
        id: the same for each repetition.
        subject: the subject id.
        day: since when it holds, a day of the city.
        tier: the tier's id, or None without a score.
        tier_before: likewise, before.
        entitlements: the ids of the perks reached.
        entitlements_before: likewise, before.
        under_review: whether a record waits for a person to look at it; that this begins or ends is a change, too.

    """

    id: str
    subject: str
    day: date
    tier: str | None
    tier_before: str | None
    entitlements: tuple[str, ...]
    entitlements_before: tuple[str, ...]
    under_review: bool


def change_of(value: bytes | None) -> Change:
    """Return the change in one Kafka record.

    Raises:
        ChangeFormatError: it is none.

    """
    try:
        event = orjson.loads(value or b"")
        data = {_TYPE: event["data"]}[event["type"]]
        parse_subject(event["subject"])
        return Change(
            id=str(event["id"]),
            subject=event["subject"],
            day=date.fromisoformat(data["day"]),
            tier=data["tier"],
            tier_before=data["tier_before"],
            entitlements=tuple(data["entitlements"]),
            entitlements_before=tuple(data["entitlements_before"]),
            # Changes published before there were reviews do not say.
            under_review=data.get("under_review", False),
        )
    except (ValueError, TypeError, KeyError, Refusal) as error:
        message = f"no change of a standing: {error!r}; see that the topic is the one the workers publish changes to"
        raise ChangeFormatError(message) from error


class Subscriber:
    """Reads changes for one reader. Several with the same group share them."""

    def __init__(
        self,
        properties: Mapping[str, Any],
        reader: str,
        log: AccessLog | None,
        *,
        topic: str = TOPIC,
        group: str = "",
    ) -> None:
        """Take librdkafka's properties; it connects on the first step.

        Args:
            properties: at least ``bootstrap.servers``.
            reader: whose receipts these are.
            log: where they go; None leaves none.
            topic: of changes.
            group: the consumer group; the reader's own if empty.

        Raises:
            Refusal: the reader's name has not the form of one.

        """
        self._reader = check_reader(reader)
        self._properties = {
            # Before the first commit, too, no change that is still there is left out.
            "auto.offset.reset": "earliest",
            **properties,
            "group.id": group or f"jasmine-changes-{reader}",
            "enable.auto.commit": False,
        }
        self._log = log
        self._topic = topic
        self._consumer: Consumer | None = None
        self._handled: OrderedDict[str, None] = OrderedDict()
        # Told but not yet committed: where to go on, by partition, and the receipts that are still to be written.
        self._nexts: dict[int, int] = {}
        self._owed: deque[Change] = deque()

    def step(self, handle: Callable[[Change], None], *, wait_s: float = _WAIT_S, records_max: int = RECORDS_MAX) -> int:
        """Handle the changes that come within a while; return how many there were.

        What the handler raises comes out here, after receipts of what was handled before; that change is not skipped.

        Raises:
            KafkaException: Kafka has failed.
            ChangeFormatError: a record is no change.
            AccessLogError: receipts cannot be written; the next step tries again before it reads on.

        """
        self._settle()
        records = self._joined().consume(records_max, wait_s)
        handled = 0
        try:
            for record in records:
                handled += self._one(record, handle)
        except BaseException:
            self._go_back(records)
            raise
        finally:
            self._settle()
        return handled

    def close(self) -> None:
        """Leave the group."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _joined(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(self._properties)
            self._consumer.subscribe([self._topic])
        return self._consumer

    def _one(self, record: Any, handle: Callable[[Change], None]) -> bool:
        if record.error() is not None:
            raise KafkaException(record.error())
        change = change_of(record.value())
        is_new = change.id not in self._handled
        if is_new:
            handle(change)
            self._handled[change.id] = None
            if len(self._handled) > _REMEMBERED_MAX:
                self._handled.popitem(last=False)
            self._owed.append(change)
        self._nexts[record.partition()] = record.offset() + 1
        return is_new

    def _go_back(self, records: Sequence[Any]) -> None:
        """Read again, in the next step, what of these records is not handled."""
        firsts: dict[int, int] = {}
        for record in records:
            if record.error() is None:
                firsts.setdefault(record.partition(), record.offset())
        for partition, first in firsts.items():
            self._joined().seek(TopicPartition(self._topic, partition, self._nexts.get(partition, first)))

    def _settle(self) -> None:
        """Write the receipts that are owed, and only then tell the group how far it is."""
        if not self._nexts:
            return
        while self._owed:
            if self._log is not None:
                self._log.received(self._owed[0].subject, self._reader, self._owed[0].id)
            self._owed.popleft()
        if self._log is not None and (waiting := self._log.flush(_RECEIPTS_S_MAX)):
            raise AccessLogError(waiting)
        places = [TopicPartition(self._topic, partition, offset) for partition, offset in self._nexts.items()]
        self._nexts.clear()
        # After a rebalance the group may refuse it; the partition's next owner then tells the same changes again.
        with suppress(KafkaException):
            self._joined().commit(offsets=places, asynchronous=False)
