"""Kafka to Faust: one Faust message with all polls, each pulled with one credit.

A thread polls librdkafka and hands what it read to the event loop as one `Poll`; it polls again only when the agent
has called `Poll.done()`. Records that arrive meanwhile wait in librdkafka and become one bigger `Poll`, so a slow batch
makes the next one cheaper instead of making a queue longer. A full `Poll` says that there is a backlog: then the next
ones are read at once, and the agent can prepare them while it waits for the store.

*Invariant*: at most one `Poll` is with the agent, and two more, each behind a full one, are waiting for it.

*Invariant*: no rebalance while a `Poll` is in flight. Kafka's callbacks run on this thread, and wait there until what
was handed on is done, so a partition is never given up under work in flight. The one gap, a callback between the
records of a single poll, is closed in `_Poller._read`.

*Invariant*: every partition starts where `KafkaWiring.positions` says, or at the beginning of its log. Neither the
group's committed offsets nor a reset policy is ever asked.
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from math import inf
from time import monotonic
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, cast

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from faust.events import Event
from faust.exceptions import ImproperlyConfigured
from faust.transport import base
from faust.transport.consumer import RecordMap
from faust.types import TP, ConsumerMessage
from faust.types import Message as FaustMessage
from faust.types.transports import ConductorT, ConsumerCallback, ConsumerT, ProducerT
from mode import ServiceT

from stream.polls import Poll, Polls

__all__ = ["KafkaWiring", "OffsetOutOfRangeError", "Transport", "TransportError", "WiredApp"]

logger = logging.getLogger(__name__)

# How long one poll waits for a first record. It bounds how late the thread notices a stop; records end it at once.
_POLL_S = 0.1
# How long the thread waits to be told of a credit, before it looks by itself: nobody is told when the agent is gone.
_CREDIT_MS = 100
# Group offsets are for tools that show lag; nothing starts from them, so once a second is enough.
_COMMIT_INTERVAL_S = 1.0
# An assignment waits for store and broker as long as it takes, asking again after 0.1 s, 0.2 s ... at most this.
_RETRY_S_MAX = 5.0
# librdkafka repeats "connection refused" some twenty times a second; one of a kind within this is reported.
_REPORT_INTERVAL_S = 1.0
# How long the broker may take to tell where a log begins, before it is asked again. A stop waits for it.
_LOG_START_S_MAX = 2.0
# Faust looks its agents up by a partition; a poll is of several, and all go to the one agent.
_FAUST_PARTITION = 0
# How many polls are read ahead of a backlog: while one is evaluated the next is loaded, and the one after is decoded.
_AHEAD_MAX = 2

_SPEED: Mapping[str, str | int | bool] = {
    # How long the broker may hold a fetch open. Short, because a fetch is repeated at once and costs little.
    "fetch.wait.max.ms": 10,
    # How long librdkafka pauses fetching when its own queue is full. Its default of 1,000 ms starves every consumer
    # that drains the queue faster than that: 0.2 instead of 1.0 M records/s.
    "fetch.queue.backoff.ms": 2,
    "partition.assignment.strategy": "cooperative-sticky",
    # Only critical lines: what librdkafka would log below them comes through `on_error` too, less often.
    "log_level": 2,
}
_CORRECTNESS: Mapping[str, str | int | bool] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
}


class TransportError(Exception):
    """The stream cannot go on; the app stops. The message says what the operator can do."""


class OffsetOutOfRangeError(TransportError):
    """The log does not hold the wanted offset: it was trimmed, truncated or made anew."""

    def __init__(self, at: TopicPartition, log_start: int, log_end: int, cause: str) -> None:
        gap = (
            f"Records {at.offset} to {log_start - 1} were deleted before they were applied. Operator action: rebuild "
            f"the standings from what the log still holds, or accept the loss: set the stored offset to {log_start}."
            if at.offset < log_start
            else "The log is shorter than what was applied. Operator action: check that this is the right cluster and "
            "topic; if the topic was made anew, rebuild the standings from it."
        )
        place = f"{at.topic}[{at.partition}]"
        super().__init__(
            f"{place}: offset {at.offset} is wanted, the log holds {log_start} to {log_end} ({cause}). {gap}"
        )
        self.topic, self.partition, self.wanted = at.topic, at.partition, at.offset
        self.log_start, self.log_end = log_start, log_end


class _StoppedError(Exception):
    """The thread was asked to stop while it waited for an answer."""


def _ignore(_: object) -> None:
    pass


def _log(error: Exception) -> None:
    logger.warning("%s; going on", error)


@dataclass(frozen=True, slots=True)
class KafkaWiring:
    """What the composition root decides about Kafka. The hooks are called on the event loop and must not block."""

    #: librdkafka's consumer properties, complete: bootstrap.servers, group.id, security. They override the transport's
    #: defaults for speed, not what its correctness rests on.
    properties: Mapping[str, str | int | float | bool]
    #: Asked on the event loop at every assignment: the offset to start from, by partition. A partition left out starts
    #: at the beginning of its log. While it raises, the assignment waits and asks again.
    positions: Callable[[Sequence[int]], Awaitable[Mapping[int, int]]]
    #: The most records of one Poll. Three such are the most in flight, in memory, and before a stop or a rebalance.
    poll_records_max: int = 2_000
    #: How often a Poll names the place of every partition held, in seconds, whether there are records or not: a store
    #: that was set back is noticed where no event comes to show it. Never by default.
    compare_s: float = inf
    #: How long a stop waits for the Poll in flight, in seconds, before its agent is cancelled.
    finish_s_max: float = 5.0
    #: Told the starts, by partition, of what this worker was given; empty if nothing.
    on_assigned: Callable[[Mapping[int, int]], None] = _ignore
    #: Told the partitions that this worker has given up.
    on_revoked: Callable[[Sequence[int]], None] = _ignore
    #: Told every error that is waited out (broker or store away); the ones that are not stop the app.
    on_error: Callable[[Exception], None] = _log


class WiredApp(Protocol):
    """The `faust.App` that this transport serves."""

    kafka_wiring: KafkaWiring


T = TypeVar("T")


class _Done(NamedTuple):
    """What the event loop says of a Poll: that it is done, and where to read on."""

    poll: int
    seeks: Mapping[int, int]


class _Poller(threading.Thread):
    """The only thread that touches librdkafka. Knows Kafka and the event loop, nothing of Faust."""

    def __init__(
        self,
        topic: str,
        wiring: KafkaWiring,
        polls: Polls,
        begin: Callable[[], Coroutine[Any, Any, None]],
        crash: Callable[[Exception], object],
    ) -> None:
        super().__init__(name=f"poll {topic}")
        self.ended = asyncio.Event()
        self._topic, self._wiring = topic, wiring
        self._to_agent, self._begin, self._crash = polls, begin, crash
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._properties = {**_SPEED, **wiring.properties, **_CORRECTNESS}
        if self._properties.get("group.protocol") == "consumer":  # the broker chooses the strategy, always incremental
            del self._properties["partition.assignment.strategy"]
        self._incremental = "cooperative" in str(self._properties.get("partition.assignment.strategy", "cooperative"))
        self._consumer: confluent_kafka.Consumer
        # None says that what is in flight will never be done.
        self._credits: queue.SimpleQueue[_Done | None] = queue.SimpleQueue()
        self._abandoned = False
        # Whether no Poll will be handed on any more; the one that was being read at a stop still is.
        self._hands_on_no_more = False
        self._polls = 0
        # How often partitions came, went or were sought: not where the reading itself moves to.
        self._moves = 0
        self._has_begun = False
        # Where each Poll in flight ends, by its number; those polls; whether the last one read was full; the last one
        # done, as the event loop knows it.
        self._in_flight: dict[int, dict[int, int]] = {}
        self._handed_on: dict[int, Poll] = {}
        self._is_full = False
        self._ended = 0
        # By partition held: the offset read next, the one behind what is done, and what the group was told of that.
        self._positions: dict[int, int] = {}
        self._applied: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._commit_at_s = 0.0
        self._compare_at_s = monotonic() + wiring.compare_s
        self._reported_at_s: dict[int, float] = {}
        # Seeks not yet made; what is read of these partitions until then comes from the wrong place.
        self._seeks: dict[int, int] = {}

    # Called on the event loop.

    def stop(self) -> None:
        """Poll no more; end when the Poll in flight is done."""
        self._stopping.set()

    def abandon(self) -> None:
        """End although the Poll in flight may never be done: its agent is gone."""
        self._stopping.set()
        self._say(None)
        self._to_agent.loop_side.tell()

    @property
    def is_done(self) -> bool:
        """Whether every Poll is done and none will come, or none will be done."""
        return self._abandoned or (self._hands_on_no_more and not self._in_flight)

    def _following(self, number: int) -> Poll | None:
        return self._handed_on.get(number + 1)

    def _done(self, poll: int, seeks: Mapping[int, int]) -> None:
        if poll <= self._ended:
            raise RuntimeError(f"Poll.done() was called twice, for poll {poll}: that would put two polls in flight")
        if not seeks.keys() <= self._positions.keys():
            raise ValueError(f"seeks were {dict(seeks)}, this worker holds only {sorted(self._positions)}")
        self._ended = poll
        # The thread hears of it when the event loop waits for the next one.
        self._say(_Done(poll, seeks))

    def _say(self, done: _Done | None) -> None:
        self._credits.put(done)
        self._to_agent.loop_side.owe()

    # Everything below runs on this thread.

    def run(self) -> None:
        try:
            with contextlib.suppress(_StoppedError):
                self._poll_until_stopped()
        except Exception as error:  # noqa: BLE001 - the thread has no caller; whatever ended it stops the app
            self._tell(self._crash, error)
        finally:
            self._hands_on_no_more = True
            self._tell(lambda _: self.ended.set(), None)

    def _poll_until_stopped(self) -> None:
        self._consumer = confluent_kafka.Consumer({**self._properties, "error_cb": self._on_error, "logger": logger})
        try:
            self._consumer.subscribe([self._topic], self._on_assign, self._on_revoke, self._on_lost)
            while self._running():
                self._seek()
                self._commit(due_s=self._commit_at_s)
                records = self._read()
                if records or self._is_to_compare():
                    self._hand_on(records)
                self._wait_for_turn()
        finally:
            self._stopping.set()
            self._hands_on_no_more = True
            self._wait_for_at_most(0)
            self._consumer.close()

    def _running(self) -> bool:
        return not (self._stopping.is_set() or self._loop.is_closed())

    def _read(self) -> list[Message]:
        first = self._consumer.poll(_POLL_S)
        if first is None:
            self._is_full = False
            self._take_in_what_was_said()
            return []
        moves = self._moves
        records = [first, *self._consumer.consume(self._wiring.poll_records_max - 1, 0)]
        self._is_full = len(records) == self._wiring.poll_records_max
        self._take_in_what_was_said()
        if moves != self._moves:
            # A callback ran between two of these records: the earlier ones may be of partitions that are gone, or gone
            # and back at another offset. Or a seek was asked for, and the polls read ahead of it, which these records
            # follow, will be refused. None is kept; what is still held is read again from its position.
            self._seeks.update(self._positions)
        if any(map(Message.error, records)):
            records = [record for record in records if not self._is_error(record)]
        if self._seeks or not self._positions.keys() >= set(map(Message.partition, records)):
            wanted = self._positions.keys() - self._seeks.keys()
            records = [record for record in records if record.partition() in wanted]
        return records

    def _is_to_compare(self) -> bool:
        return bool(self._positions) and monotonic() >= self._compare_at_s

    def _hand_on(self, records: list[Message]) -> None:
        # The last record of a partition wins, and its offset is all that is needed: built without a loop in Python.
        lasts = cast(
            "dict[int, int]", dict(zip(map(Message.partition, records), map(Message.offset, records), strict=True))
        )
        if self._is_to_compare():
            self._compare_at_s = monotonic() + self._wiring.compare_s
            starts = dict(self._positions)
        else:
            starts = {partition: self._positions[partition] for partition in lasts}
        ends = {partition: offset + 1 for partition, offset in lasts.items()}
        self._positions.update(ends)
        self._polls = number = self._polls + 1
        self._in_flight[number] = ends
        poll = Poll(self._topic, records, starts, partial(self._done, number), partial(self._following, number))
        self._handed_on[number] = poll
        self._to_agent.put(poll)

    def _in_flight_max(self) -> int:
        """Return how many Polls may be in flight when the next is read: none, but behind a full one."""
        return _AHEAD_MAX if self._is_full else 0

    def _wait_for_turn(self) -> None:
        """Wait until the next Poll may be read. One that ends meanwhile may seek: then all are waited for."""
        self._wait_for_at_most(_AHEAD_MAX)
        self._wait_for_at_most(self._in_flight_max())
        self._to_agent.poll_side.tell()

    def _wait_for_at_most(self, in_flight: int) -> None:
        while len(self._in_flight) > in_flight and self._listens():
            self._to_agent.poll_side.wait(_CREDIT_MS)
            self._take_in_what_was_said()

    def _listens(self) -> bool:
        return not (self._abandoned or self._loop.is_closed())

    def _take_in_what_was_said(self) -> None:
        while not self._credits.empty():
            self._take_in(self._credits.get())

    def _take_in(self, done: _Done | None) -> None:
        """Note what is done, and where to read instead."""
        if done is None:
            self._abandoned = True
            return
        del self._handed_on[done.poll]
        self._applied.update(self._in_flight.pop(done.poll))
        if not done.seeks:
            return
        for by_partition in (self._applied, self._positions, self._seeks):
            by_partition.update(done.seeks)
        self._moves += 1
        # Polls read ahead no longer fit and are refused, each with seeks of its own: nothing is read until all were.
        self._is_full = False

    def _seek(self) -> None:
        for partition, offset in list(self._seeks.items()):
            try:
                self._consumer.seek(TopicPartition(self._topic, partition, offset))
            except KafkaException as error:
                if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001 - librdkafka's own name for it
                    raise
                continue  # assigned a moment ago and not yet fetching: the next round tries again
            del self._seeks[partition]

    def _commit(self, due_s: float) -> None:
        now_s = monotonic()
        if now_s < due_s or self._applied == self._committed:
            return
        self._commit_at_s = now_s + _COMMIT_INTERVAL_S
        self._committed = dict(self._applied)
        offsets = [TopicPartition(self._topic, partition, offset) for partition, offset in self._applied.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._report(error)

    # Rebalancing: called by librdkafka inside poll, consume and close.

    def _on_assign(self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]) -> None:
        self._moves += 1
        self._wait_for_at_most(0)
        assign = consumer.incremental_assign if self._incremental else consumer.assign
        try:
            starts = self._starts([each.partition for each in partitions])
        except _StoppedError:
            assign([])  # else confluent_kafka assigns in our place, at the group's offsets
            return
        assign([TopicPartition(self._topic, partition, offset) for partition, offset in starts.items()])
        for by_partition in (self._positions, self._applied, self._committed):
            by_partition.update(starts)
        self._begin_once()
        self._say_assigned(starts)

    def _on_revoke(self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]) -> None:
        self._wait_for_at_most(0)
        self._commit(due_s=0.0)
        self._on_lost(consumer, partitions)

    def _on_lost(self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]) -> None:
        self._moves += 1
        self._wait_for_at_most(0)
        gone = [each.partition for each in partitions]
        for by_partition in (self._positions, self._applied, self._committed, self._seeks):
            for partition in gone:
                by_partition.pop(partition, None)
        if self._incremental:
            consumer.incremental_unassign(partitions)
        else:
            consumer.unassign()
        self._tell(self._wiring.on_revoked, gone)

    def _begin_once(self) -> None:
        """Wait, at the first assignment, until the event loop takes polls."""
        if self._running() and not self._has_begun:
            with contextlib.suppress(_StoppedError):
                self._await(self._begin())
                self._has_begun = True

    def _say_assigned(self, starts: Mapping[int, int]) -> None:
        """Wait until the hook was told: a Poll of these partitions must not overtake it."""

        async def tell() -> None:
            self._wiring.on_assigned(starts)

        with contextlib.suppress(_StoppedError):
            self._await(tell())

    def _starts(self, partitions: list[int]) -> dict[int, int]:
        if not partitions:
            return {}
        stored = self._retry(lambda: self._await(self._stored(partitions)))
        return {
            partition: stored[partition] if partition in stored else self._retry(partial(self._log_range, partition))[0]
            for partition in partitions
        }

    async def _stored(self, partitions: list[int]) -> Mapping[int, int]:
        return await self._wiring.positions(partitions)

    def _log_range(self, partition: int) -> tuple[int, int]:
        return self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=_LOG_START_S_MAX)

    def _retry(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer: to go on without one is to start at a wrong offset."""
        pause_s = 0.1
        while True:
            try:
                return ask()
            except _StoppedError:
                raise
            except Exception as error:  # noqa: BLE001 - what the store's client raises is not this module's to know
                self._report(error)
            if self._stopping.wait(pause_s):
                raise _StoppedError
            pause_s = min(2 * pause_s, _RETRY_S_MAX)

    def _await(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        while not wait([future], _POLL_S).done:
            if not self._running():
                future.cancel()
                raise _StoppedError
        return future.result()

    # Errors.

    def _is_error(self, record: Message) -> bool:
        error, partition = record.error(), cast("int", record.partition())
        if error is None:
            return False
        reset = error.code() == KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001 - librdkafka's own name for it
        if reset and partition in self._positions.keys() - self._seeks.keys():
            wanted = TopicPartition(self._topic, partition, self._positions[partition])
            raise OffsetOutOfRangeError(wanted, *self._retry(partial(self._log_range, partition)), error.str())
        self._on_error(error)
        return True

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            raise TransportError(f"Kafka refuses this consumer for good: {error}. Operator action: restart the worker")
        if monotonic() - self._reported_at_s.get(error.code(), 0.0) >= _REPORT_INTERVAL_S:
            self._reported_at_s[error.code()] = monotonic()
            self._report(KafkaException(error))

    def _report(self, error: Exception) -> None:
        self._tell(self._wiring.on_error, error)

    def _tell(self, hook: Callable[[T], object], what: T) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(hook, what)


class Conductor(base.Conductor):
    """Faust's way from consumer to agent, without what it does there for events: decode them, wait for a producer."""

    def _build_handler(self, tp: TP, channels: Any) -> ConsumerCallback:
        async def on_message(message: FaustMessage) -> None:
            message.incref(len(channels))
            for channel in channels:
                channel.queue.put_nowait(Event(self.app, None, message.value, {}, message))

        return on_message


class Consumer(base.Consumer):
    """What Faust asks of a consumer. Faust's own offsets, acks, gaps and commits are not used."""

    _poller: _Poller | None = None
    _polls: Polls

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._takes_polls = asyncio.Event()
        self._shown: set[TP] = set()
        self._topic = ""

    @property
    def _wiring(self) -> KafkaWiring:
        try:
            return cast("WiredApp", self.app).kafka_wiring
        except AttributeError:
            raise ImproperlyConfigured("the app needs an attribute kafka_wiring, a KafkaWiring") from None

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Start the poll thread. Faust calls this again, with the same topic, whenever an agent restarts."""
        names = sorted(topics)
        if len(names) != 1 or self._topic not in ("", names[0]):
            raise ImproperlyConfigured(
                f"topics were {names}: this transport serves one topic, always the same. Give the app one agent topic "
                "and the setting topic_disable_leader=True"
            )
        if self._poller is None:
            self._topic = names[0]
            self._polls = Polls(asyncio.get_running_loop())
            self._poller = _Poller(self._topic, self._wiring, self._polls, self._begin, self._on_crash)
            self._poller.start()

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Hand the polls on, all as one message, and stay until the stop."""
        try:
            await self._takes_polls.wait()
            await self.callback(self._to_message(TP(self._topic, _FAUST_PARTITION), self._polls))
            await fetcher.wait_until_stopped()
        except asyncio.CancelledError:
            return  # only a stop cancels this; during the assignment Faust's fetcher would take it for a rebalance

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        fields = (tp.topic, tp.partition, 0, 0.0, 0, None, None, record, None)
        return ConsumerMessage(*fields, tp=tp, generation_id=self.app.consumer_generation_id)

    async def _begin(self) -> None:
        """Show Faust one assignment, for good, and let it have the polls.

        After an assignment Faust resumes its flow in a task of its own, and resuming empties the agents' queues: what
        was handed on before that is lost. So it hears of no later rebalance; those are the poll thread's.
        """
        self._shown = {TP(self._topic, _FAUST_PARTITION)}
        self.app.on_rebalance_start()
        await self.on_partitions_assigned(set(self._shown), self.app.consumer_generation_id)
        await cast("Any", self.app.tables).recovery.completed.wait()
        self._takes_polls.set()

    def _on_crash(self, error: Exception) -> None:
        self.add_future(self.crash(error))

    async def finish(self) -> None:
        """Poll no more, and wait until what was polled is done, at most `finish_s_max`."""
        if self._poller is None:
            return
        self._poller.stop()
        finish_at_s = monotonic() + self._wiring.finish_s_max
        while not self._poller.is_done and monotonic() < finish_at_s:  # noqa: ASYNC110 - only the poll thread knows
            await asyncio.sleep(0.01)

    async def wait_empty(self) -> None:
        """Nothing to wait for: Faust asks in a stop, after `finish`."""

    async def on_stop(self) -> None:
        """Leave the group. The agents are gone by now, so a Poll still in flight will not be done."""
        if self._poller is not None:
            self._poller.abandon()
            await self._poller.ended.wait()
            self._poller.join()

    async def on_task_error(self, exc: BaseException) -> None:
        """Stop the app: Faust acks what the agent failed on and starts it anew, which loses the events."""
        if self._poller is not None:
            self._poller.abandon()
        await self.crash(exc)

    async def commit(self, topics: object = None, start_new_transaction: bool = True) -> bool:
        """Forget Faust's acks, its only use of them: the store holds the offsets, the thread tells the group."""
        self._acked.clear()
        self._acked_index.clear()
        return False

    def assignment(self) -> set[TP]:
        """What Faust was shown, see `_begin`; what is really held only the poll thread knows."""
        return self._shown

    def close(self) -> None:
        """Faust closes when its assignment meets a stop; the poll thread does that itself."""

    async def perform_seek(self) -> None:
        """Faust seeks to the group's offsets when it begins; partitions were assigned at their positions."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Part of `perform_seek`, see there."""
        return {}

    async def _seek(self, partition: TP, offset: int) -> None:
        raise TransportError("seek with Poll.done(seeks): only the poll thread may, and only between two polls")

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Only table recovery seeks like this, and there are no tables."""
        await self._seek(*next(iter(partitions.items())))

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return False  # unreachable: `commit` is ours

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:
        return {}  # unreachable: `_drain_messages` is ours

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def position(self, tp: TP) -> int | None:
        """Unknown to Faust: only table recovery asks."""
        return None

    def highwater(self, tp: TP) -> int:
        """Unknown to Faust: only its own drain loop asks."""
        return 0

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Unknown to Faust: only table recovery asks."""
        return {}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Unknown to Faust: only table recovery asks."""
        return {}

    def topic_partitions(self, topic: str) -> int | None:
        """Unknown to Faust: only tables ask."""
        return None

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        """Unknown to Faust: only its producer asks."""
        return None

    async def create_topic(self, *args: Any, **kwargs: Any) -> None:
        """Topics are made by who runs the cluster."""


class Fetcher(base.Fetcher):
    """Stopped first when the app stops, while the agents still live: the moment to finish what is in flight."""

    async def on_stop(self) -> None:
        """Finish the Poll in flight before the agents are cancelled."""
        await cast("Consumer", self.app.consumer).finish()


class Producer(base.Producer):
    """Faust needs one to start. It has no connection: the outbox publishes, outside Faust."""

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: Faust has no way to publish here."""
        raise TransportError("this transport only consumes; publish through the outbox")

    async def send_and_wait(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse, as `send` does."""
        await self.send()

    async def create_topic(self, *args: Any, **kwargs: Any) -> None:
        """Topics are made by who runs the cluster."""


class Transport(base.Transport):
    """Faust's way in: `broker="jasmine://"`; host and port are in `KafkaWiring.properties`."""

    Conductor: ClassVar[type[ConductorT]] = Conductor
    Consumer: ClassVar[type[ConsumerT]] = Consumer
    Producer: ClassVar[type[ProducerT]] = Producer
    Fetcher: ClassVar[type[ServiceT]] = Fetcher
    driver_version = f"confluent-kafka={confluent_kafka.__version__}, librdkafka={confluent_kafka.libversion()[0]}"
