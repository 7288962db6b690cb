"""The relay: outbox to Kafka, at least once.

It runs in a thread of its own, behind the events: a commit never waits for it.
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain, takewhile
from time import monotonic
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer

from sinks.dead import DeadLetter
from sinks.errors import OutboxFormatError, StoreUnavailableError, UnknownPackError
from sinks.message import Channel, Message
from sinks.outbox import NamesByPack, messages
from sinks.store import Store

# Entries taken at a time. One is what a batch has left in its partition: of a backlog a thousand records, at other
# times often a single one. So few are taken at first, and twice as many each time that they held few records.
ENTRIES_MIN, ENTRIES_MAX = 4, 256
_RECORDS_FEW = 500
# How long one round of records may take to be acknowledged, in seconds, before it is sent again.
DELIVERY_S_MAX = 30.0
# A look at what was heard: what others wait for in the producer's queue must not be waited for, too.
_LOOK_S = 0.1
_IDLE_S = 0.5
# How long a partition of which Kafka did not take something is left alone, in seconds.
_RETRY_S = 2.0
# Between rounds it rests so many times as long as a round took: behind a backlog of events, with changes in every
# batch, it would otherwise take half of the interpreter's time from them.
_REST = 4.0
_REST_S_MAX = 1.0

_UNHEARD = KafkaError(KafkaError.REQUEST_TIMED_OUT, f"no acknowledgement within {DELIVERY_S_MAX} s")


class DeliveryError(Exception):
    """Kafka did not take a record of the outbox; it stays there and is sent again."""


class _Stuck(NamedTuple):
    """An entry of which Kafka took some records, from the first on, but not the next."""

    entry_id: bytes
    taken: int


class Relay(threading.Thread):
    """Publishes the outboxes of the partitions this worker holds."""

    def __init__(
        self,
        store: Store,
        connect: Callable[[], Producer],
        topics: Mapping[Channel, str],
        names: NamesByPack,
        on_error: Callable[[Exception], None],
    ) -> None:
        """Take the parts; `connect` makes a producer, and `topics` says what each channel is called."""
        super().__init__(name="relay", daemon=True)
        self._store = store
        self._connect = connect
        self._producer = connect()
        self._topics = topics
        self._names = names
        self._on_error = on_error
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._entries = ENTRIES_MIN
        # By partition whose last round failed: where it goes on, and when.
        self._stuck: dict[int, _Stuck] = {}
        self._retry_at_s: dict[int, float] = {}
        # By partition: entries that Kafka has whole, while Redis has not said that they are gone.
        self._whole: dict[int, list[bytes]] = {}
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
            published = sum(self._turn(partition, ending=ending) for partition in tuple(self.partitions))
            if not published:
                if ending:
                    return
                self._wake.wait(_IDLE_S)
            elif not ending:
                self._ending.wait(min((monotonic() - began_s) * _REST, _REST_S_MAX))

    def _turn(self, partition: int, *, ending: bool) -> int:
        """Publish of one partition, whatever became of the others; return how many records that were."""
        if not ending and monotonic() < self._retry_at_s.get(partition, 0.0):
            return 0
        try:
            return self.publish(partition)
        except (StoreUnavailableError, OutboxFormatError, UnknownPackError, KafkaException, DeliveryError) as error:
            self._on_error(error)
            self._retry_at_s[partition] = monotonic() + _RETRY_S
            if isinstance(error, KafkaException) and error.args[0].fatal():
                self._begin_anew()
            return 0

    def _begin_anew(self) -> None:
        """Take another producer: one that Kafka refused for good sends nothing more, whatever it is granted later."""
        self._producer = self._connect()
        self._retry_at_s = dict.fromkeys(self.partitions, monotonic() + _RETRY_S)

    def publish(self, partition: int) -> int:
        """Publish the oldest entries of one outbox; return how many records that were.

        Raises:
            DeliveryError: Kafka did not acknowledge all; the first entry with such a record and all behind it stay.
            StoreUnavailableError: Redis does not answer.
            UnknownPackError: a change is of a pack whose announcement was not read yet.
            OutboxFormatError: another release has written an entry.

        """
        # First, or they would be published again for as long as Redis does not let them go.
        self._remove(partition)
        stuck = self._stuck.get(partition)
        entries = self._store.outbox(partition, 1 if stuck else self._entries)
        if not entries:
            return 0
        # Raises what ended this producer for good, in words that the refusal of a record does not have.
        self._producer.poll(0)
        records = {entry_id: [*messages(pairs, partition, self._names, entry_id)] for entry_id, pairs in entries}
        begun = stuck.taken if stuck and stuck.entry_id in records else 0
        sent = [*chain.from_iterable(records.values())][begun:]
        said = self._send(sent, probing=stuck is not None)
        taken = sum(1 for _ in takewhile(_is_taken, said))
        self._settle(partition, {entry_id: len(of_entry) for entry_id, of_entry in records.items()}, begun + taken)
        self.published += taken
        if taken < len(sent):
            failed = len(sent) - sum(map(_is_taken, said))
            topic = self._topics[sent[taken].channel]
            message = f"{failed} of {len(sent)} records of the outbox were not taken: topic {topic}: {said[taken]}"
            raise DeliveryError(message)
        if len(sent) >= _RECORDS_FEW:
            self._entries = ENTRIES_MIN
        elif len(entries) == self._entries:
            self._entries = min(2 * self._entries, ENTRIES_MAX)
        return len(sent)

    def _settle(self, partition: int, lengths: Mapping[bytes, int], taken: int) -> None:
        """Remove the entries that Kafka has whole, and remember at which record it goes on."""
        whole: list[bytes] = []
        self._stuck.pop(partition, None)
        for entry_id, length in lengths.items():
            if taken < length:
                self._stuck[partition] = _Stuck(entry_id, taken)
                break
            taken -= length
            whole.append(entry_id)
        self._whole[partition] = whole
        self._remove(partition)

    def _remove(self, partition: int) -> None:
        """Take the entries from an outbox that Kafka has whole."""
        if whole := self._whole.get(partition):
            self._store.published(partition, whole)
            del self._whole[partition]

    def _send(self, sent: Sequence[Message], *, probing: bool) -> list[KafkaError | None]:
        """Return what Kafka says of each record, None where it has it; of none behind one that cannot be sent.

        When probing, nothing is sent before Kafka has the first, which it did not take the last time: what is behind
        it would be published again with each attempt.
        """
        said = self._offer(sent[:1] if probing else sent)
        if probing and all(map(_is_taken, said)):
            said += self._offer(sent[1:])
        return said

    def _offer(self, sent: Sequence[Message]) -> list[KafkaError | None]:
        """Send records, and letters that are too large for their topic once more, without the record they are of.

        That record stands in the log, and behind a letter that is never taken all others would wait for ever.
        """
        said = self._deliver(sent)
        large = [place for place, error in enumerate(said) if _is_large_letter(sent[place], error)]
        smaller = [DeadLetter.unpack(sent[place].value).without_raw().message() for place in large]
        for place, error in zip(large, self._deliver(smaller), strict=False):
            said[place] = error
        return said

    def _deliver(self, sent: Sequence[Message]) -> list[KafkaError | None]:
        said: list[KafkaError | None] = []
        for place, one in enumerate(sent):
            said.append(_UNHEARD)
            try:
                self._produce(one, partial(_hear, said, place))
            except KafkaException as error:
                said[place] = error.args[0]
                if not _is_large_letter(one, said[place]):
                    break
        self._wait_for(said)
        return said

    def _wait_for(self, said: Sequence[KafkaError | None]) -> None:
        ends_s = monotonic() + DELIVERY_S_MAX
        while any(error is _UNHEARD for error in said) and monotonic() < ends_s:
            if not self._producer.flush(_LOOK_S):
                return

    def _produce(self, one: Message, on_delivery: Callable[[KafkaError | None, object], None]) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topics[one.channel], one.value, one.key, headers=one.headers, on_delivery=on_delivery
                )
            except BufferError:
                self._producer.poll(0.05)
            else:
                return


def _hear(said: list[KafkaError | None], place: int, error: KafkaError | None, _: object) -> None:
    said[place] = error


def _is_taken(error: KafkaError | None) -> bool:
    return error is None


def _is_large_letter(one: Message, error: KafkaError | None) -> bool:
    """Whether Kafka will not take a dead letter, however often it is sent, because of its size."""
    return error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE and one.channel is Channel.DEAD
