"""The relay: outbox to Kafka, at least once.

It runs in a thread of its own, behind the events: a commit never waits for it.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from time import monotonic
from typing import Any

from confluent_kafka import KafkaException, Producer

from sinks.errors import StoreUnavailableError, UnknownPackError
from sinks.message import Channel, Message
from sinks.outbox import NamesByPack, messages
from sinks.store import Store

# Entries taken at a time. One is what a batch has left in its partition: of a backlog a thousand records, at other
# times often a single one. So few are taken at first, and twice as many each time that they held few records.
ENTRIES_MIN, ENTRIES_MAX = 4, 256
_RECORDS_FEW = 500
# How long one round of records may take to be acknowledged, in seconds, before it is sent again.
DELIVERY_S_MAX = 30.0
_IDLE_S = 0.5
_RETRY_S = 2.0
# Between rounds it rests so many times as long as a round took: behind a backlog of events, with changes in every
# batch, it would otherwise take half of the interpreter's time from them.
_REST = 4.0
_REST_S_MAX = 1.0


class DeliveryError(Exception):
    """Kafka did not take a record of the outbox; it stays there and is sent again."""


class Relay(threading.Thread):
    """Publishes the outboxes of the partitions this worker holds."""

    def __init__(
        self,
        store: Store,
        producer: Producer,
        topics: Mapping[Channel, str],
        names: NamesByPack,
        on_error: Callable[[Exception], None],
    ) -> None:
        """Take the parts; `topics` says what each channel is called."""
        super().__init__(name="relay", daemon=True)
        self._store = store
        self._producer = producer
        self._topics = topics
        self._names = names
        self._on_error = on_error
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._entries = ENTRIES_MIN
        self.partitions: Collection[int] = ()
        self.published = 0

    def wake(self) -> None:
        """Say that a commit has left something in an outbox."""
        self._wake.set()

    def end(self) -> None:
        """Publish what is there, then end."""
        self._ending.set()
        self._wake.set()

    def run(self) -> None:
        """Publish until ended."""
        while True:
            ending = self._ending.is_set()
            self._wake.clear()
            began_s = monotonic()
            try:
                published = sum(self.publish(partition) for partition in tuple(self.partitions))
            except (StoreUnavailableError, UnknownPackError, KafkaException, DeliveryError) as error:
                self._on_error(error)
                published = 0
                if not ending:
                    self._ending.wait(_RETRY_S)
            if not published:
                if ending:
                    return
                self._wake.wait(_IDLE_S)
            elif not ending:
                self._ending.wait(min((monotonic() - began_s) * _REST, _REST_S_MAX))

    def publish(self, partition: int) -> int:
        """Publish the oldest entries of one outbox; return how many records that were.

        Raises:
            DeliveryError: Kafka did not acknowledge all; the entries stay.
            StoreUnavailableError: Redis does not answer.
            UnknownPackError: a change is of a pack whose announcement was not read yet.

        """
        entries = self._store.outbox(partition, self._entries)
        if not entries:
            return 0
        sent = [one for _, pairs in entries for one in messages(pairs, partition, self._names)]
        self._send(sent)
        self._store.published(partition, [entry_id for entry_id, _ in entries])
        self.published += len(sent)
        if len(sent) >= _RECORDS_FEW:
            self._entries = ENTRIES_MIN
        elif len(entries) == self._entries:
            self._entries = min(2 * self._entries, ENTRIES_MAX)
        return len(sent)

    def _send(self, sent: list[Message]) -> None:
        failures: list[str] = []
        acknowledged = 0

        def on_delivery(error: Any, _: object) -> None:
            nonlocal acknowledged
            if error is None:
                acknowledged += 1
            else:
                failures.append(str(error))

        for one in sent:
            self._produce(one, on_delivery)
        self._producer.flush(DELIVERY_S_MAX)
        if acknowledged < len(sent):
            reason = failures[0] if failures else f"no acknowledgement within {DELIVERY_S_MAX} s"
            message = f"{len(sent) - acknowledged} of {len(sent)} records of the outbox were not taken: {reason}"
            raise DeliveryError(message)

    def _produce(self, one: Message, on_delivery: Callable[[Any, object], None]) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topics[one.channel], one.value, one.key, headers=one.headers, on_delivery=on_delivery
                )
            except BufferError:
                self._producer.poll(0.05)
            else:
                return
