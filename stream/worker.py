"""The worker: everything put together, started, watched and stopped. The one place where parts meet."""

import asyncio
import contextlib
import gc
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import faust
from confluent_kafka import Consumer, Producer
from faust.types import TP, EventT, Message, StreamT

from schemas.days import day_of
from schemas.decoder import Decoder
from schemas.records import RecordKey
from scoring.announced import Announced, files_of
from scoring.packtools.lint import load_sound_pack
from sinks.accesses import AccessStore
from sinks.errors import (
    PartitionLostError,
    StandingFormatError,
    StoreError,
    StoreMismatchError,
    StoreUnavailableError,
)
from sinks.message import Channel
from sinks.store import Store
from stream.access import AccessCopy, consumer_properties
from stream.announcements import AnnouncementLog
from stream.clients import redis_client
from stream.group import GroupMismatchError, check_group, properties_in
from stream.logs import get_logger
from stream.metrics import AppliedPoll, Metrics, MetricsServer
from stream.packs import PackWatch
from stream.polls import Poll, Polls
from stream.process import Processor
from stream.relay import Relay
from stream.rescore import Rescorer
from stream.settings import Settings
from stream.sweep import Sweeper
from stream.topics import (
    DEAD_BYTES_MAX,
    ReadableEnds,
    TopicsError,
    admin_client,
    check_access_topic,
    ensure_topics,
    log_starts,
)
from stream.transport import KafkaWiring
from stream.warm import COMPILED_S_MIN, warm
from stream.watchdog import Progress, Watchdog

T = TypeVar("T")

EXIT_STALLED = 70
# The pauses between attempts at a part that is away, in seconds.
_PAUSE_S_MIN, _PAUSE_S_MAX = 0.05, 2.0
_SWEEP_S = 1.0
# How long leaving Kafka may take, in seconds: supervisors kill after 30.
_STOP_S_MAX = 20.0
# How often it is said that a part is away: several wait for it, and each tries again every second or two.
_TOLD_AGAIN_S = 10.0
# How long announcements of packs are waited for at a time; a stop waits as long.
_LISTEN_S = 0.5
# A pass over all standings rests so many times as long as a slice took, for the events, and lets the sweeper have its
# turn after so many slices.
_REST = 3.0
_SLICES = 50
# How often places in log and store are compared where no event comes: a store that lost a second is behind them.
_COMPARE_S = 1.0
# So many objects more than at the last collection begin the next one.
_COLLECTED_AFTER = 100_000
# A thread that wants the interpreter waits this long for it; the default of 5 ms would stand in every event's way.
_SWITCH_S = 0.0005

log = get_logger("jasmine.worker")


class _NoMonitor(faust.Monitor):
    """Faust's monitor without what it does at length for every message; our own metrics count events."""

    def on_message_in(self, tp: TP, offset: int, message: Message) -> None: ...
    def on_message_out(self, tp: TP, offset: int, message: Message) -> None: ...
    def on_stream_event_in(self, tp: TP, offset: int, stream: StreamT[Any], event: EventT[Any]) -> dict[str, Any]:
        return {}

    def on_stream_event_out(
        self, tp: TP, offset: int, stream: StreamT[Any], event: EventT[Any], state: dict[str, Any] | None = None
    ) -> None: ...


class ScorerApp(faust.App):
    """Faust's app, with what our transport asks for."""

    kafka_wiring: KafkaWiring

    def _create_directories(self) -> None:
        """Make none: they would hold tables, and there are none."""


class Worker:
    """One scoring process."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        """Load the pack and check the key; nothing is connected yet.

        Raises:
            PackError: the rule pack has an error.
            SettingsError: a setting is missing or wrong.

        """
        self._settings = settings
        self._clock = clock
        self._key = RecordKey.derived(settings.key)
        self._admin = admin_client(settings.kafka)
        self._store = Store(redis_client(settings))
        self._published = 0
        self._copied = 0
        self._partitions = 0
        self._generation = ""
        self._failure: StoreError | GroupMismatchError | None = None
        self._progress = Progress(waiting_for="start")
        # By part that is away, and whether only what follows events waits for it: when that was last said.
        self._told_away_s: dict[tuple[str, bool], float] = {}
        self._stopping = asyncio.Event()
        self.metrics = Metrics()
        own = Announced.of(load_sound_pack(settings.pack), files_of(settings.pack))
        self._packs = PackWatch(own, AnnouncementLog(settings), self._store, self.metrics, clock)
        self.metrics.ready.set_function(lambda: float(not self._waiting_for()))
        self._server = MetricsServer(self.metrics, settings.metrics_host, settings.metrics_port, self._waiting_for)
        outbox = Store(redis_client(settings))
        self._relay = Relay(
            outbox, partial(Producer, _producing(settings)), _topics(settings), self._packs.names, self._not_published
        )
        reading = consumer_properties(settings.kafka, settings.group)
        self._accesses = AccessCopy(
            AccessStore(redis_client(settings)), partial(Consumer, reading), settings.topic_access, self._not_published
        )
        ends = ReadableEnds(self._admin, settings, partial(self._away, "kafka"))
        self._watchdog = Watchdog(self._progress, ends.of, time.monotonic, settings.stall_s_max, _die)

    def stop(self) -> None:
        """End gracefully: what is in flight is committed, what is committed is published."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped.

        Raises:
            StoreMismatchError: the store belongs to another deployment.
            GroupMismatchError: a worker of another store has joined the group.
            TopicMismatchError: events and access log have different numbers of partitions.
            TransportError: the log and the store do not fit, or Kafka refuses for good.

        """
        sys.setswitchinterval(_SWITCH_S)
        self._server.start()
        log.info("serving metrics", port=self._server.port)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)
        try:
            await self._work()
        finally:
            self._server.stop()

    async def _work(self) -> None:
        log.info("preparing kernels; the first start compiles them, which takes half a minute")
        took_s = await asyncio.to_thread(warm, self._packs.announced)
        log.info("kernels ready", seconds=round(took_s, 1), compiled=took_s > COMPILED_S_MIN)
        partitions = await self._until_there("kafka", partial(ensure_topics, self._admin, self._settings))
        if partitions is None or await self._until_there("kafka", self._packs.read) is None:
            return
        generation = await self._until_there("redis", partial(self._store.open, self._key, partitions))
        if generation is None:
            return
        # Only now: events that have more partitions than before are the store's to refuse.
        same = partial(check_access_topic, self._admin, self._settings, partitions)
        if await self._until_there("kafka", same) is None:
            return
        log.info("parts are there", partitions=partitions, generation=generation)
        self._partitions, self._generation = partitions, generation
        # Not a reason to end: it may be on its way out.
        if await self._until_there("group", self._check_group) is None:
            return
        # What was made so far lives as long as the process: no later collection need walk through it.
        gc.collect()
        gc.freeze()
        # A poll makes thousands of objects that live as long as it does: by default they would be walked through again
        # and again, and there is nothing to find.
        gc.set_threshold(_COLLECTED_AFTER)
        self._relay.start()
        self._accesses.start()
        self._watchdog.start()
        app = self._app(await self._processor(partitions))
        listening = asyncio.create_task(self._listen_forever())
        sweeping = asyncio.create_task(self._sweep_forever())
        try:
            await self._serve(app, [listening, sweeping])
        finally:
            sweeping.cancel()
            listening.cancel()
            self._watchdog.end()
            self._relay.end()
            self._accesses.end()
            await asyncio.to_thread(self._relay.join, 5.0)
            await asyncio.to_thread(self._accesses.join, 5.0)
            self._store.disconnect()

    async def _processor(self, partitions: int) -> Processor:
        """Return what applies events, by the packs announced so far and those that follow."""
        await self._patiently(self._packs.remember)
        await self._patiently(self._packs.keep)
        self._packs.take_up()
        processor = Processor(Decoder(self._key, partitions), self._store, self._packs.announced, self._clock)
        self._packs.follow(processor)
        return processor

    async def _listen_forever(self) -> None:
        """Take up packs as they are announced, between events, once readers can find them in the store."""
        while not self._stopping.is_set():
            try:
                news = await asyncio.to_thread(self._packs.listen, _LISTEN_S)
            except TopicsError as error:
                self._away("kafka", error)
                await asyncio.sleep(_PAUSE_S_MAX)
                continue
            if news:
                await self._patiently(self._packs.keep)
                self._packs.take_up()

    async def _patiently(self, ask: Callable[[], None]) -> None:
        """Do something with the store in a thread, waiting as long as it is away and no stop is asked for."""
        pause_s = _PAUSE_S_MIN
        while not self._stopping.is_set():
            try:
                await asyncio.to_thread(ask)
            except StoreUnavailableError as error:
                self._away("redis", error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _PAUSE_S_MAX)
            else:
                return

    async def _serve(self, app: ScorerApp, beside: Sequence[asyncio.Task[None]]) -> None:
        """Run Faust until it crashes, a task beside it ends, or a stop is asked for."""
        starting = asyncio.create_task(app.start())  # ends with the first assignment, which may have to wait
        stopping = asyncio.create_task(self._stopping.wait())
        crashed = asyncio.create_task(app.wait_until_stopped())
        await asyncio.wait([stopping, crashed, *beside], return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")
        overdue = threading.Timer(_STOP_S_MAX, self._leave, [app])
        overdue.daemon = True
        overdue.start()
        await app.stop()
        await starting
        overdue.cancel()
        stopping.cancel()
        crashed.cancel()
        if failure := self._failure or app.crash_reason:
            raise failure
        for task in beside:
            if task.done():
                task.result()

    def _leave(self, app: ScorerApp) -> None:
        """End a stop that Kafka holds up: librdkafka waits minutes for a broker that is connected and silent.

        Nothing is lost by it: what is not committed is read again, and what is not published is in the outbox.
        """
        failure = self._failure or app.crash_reason
        log.warning("kafka holds up the stop; ending without its answer", error=str(failure or ""))
        os._exit(1 if failure else 0)

    def _app(self, processor: Processor) -> ScorerApp:
        settings = self._settings
        app = ScorerApp(
            settings.group,
            broker="jasmine://",
            store="memory://",
            web_enabled=False,
            topic_disable_leader=True,
            Monitor=_NoMonitor,
        )
        app.kafka_wiring = KafkaWiring(
            properties=properties_in(settings.group, self._generation, settings.kafka),
            positions=self._positions,
            poll_records_max=settings.poll_records_max,
            compare_s=_COMPARE_S,
            on_assigned=self._assigned,
            on_revoked=self._revoked,
            on_error=self._not_read,
        )
        topic = app.topic(settings.topic_events, key_serializer="raw", value_serializer="raw", value_type=bytes)

        async def score(stream: faust.StreamT[Polls]) -> None:
            async for polls in stream:
                await self._score(processor, polls)

        app.agent(topic)(score)
        return app

    async def _score(self, processor: Processor, polls: Polls) -> None:
        async for poll in polls:
            applied = await self._apply(processor, poll)
            self._count(poll, applied)
            poll.done(applied.outcome.seeks)

    async def _apply(self, processor: Processor, poll: Poll) -> AppliedPoll:
        """Apply one poll, waiting as long as the store is away."""
        if self._failure is not None:
            raise self._failure
        pause_s = _PAUSE_S_MIN
        while True:
            began_s, trips = time.perf_counter(), self._store.round_trips
            try:
                outcome = processor.process(poll.topic, poll.records, poll.starts, poll.following)
            except StoreUnavailableError as error:
                self._progress.waiting_for = "redis"
                self._away("redis", error)
            except PartitionLostError as error:
                self._away("redis", error)
                await self._recover(error.partitions)
            else:
                self._back("redis")
                took_s = time.perf_counter() - began_s
                return AppliedPoll(len(poll.records), took_s, self._store.round_trips - trips, outcome)
            if self._stopping.is_set():
                # An attempt holds up everything else, so the stop too: the poll is left to who comes next.
                await asyncio.Event().wait()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_S_MAX)

    def _count(self, poll: Poll, applied: AppliedPoll) -> None:
        outcome = applied.outcome
        self._progress.waiting_for = ""
        # After a seek, lag and watchdog count from where the store stands.
        self._progress.applied.update(outcome.nexts)
        if poll.records:
            self._back("kafka")
            self.metrics.count_poll(applied)
        if outcome.seeks:
            self._progress.applied.update(outcome.seeks)
            self.metrics.seeks.inc()
            log.warning("log and store stand apart; reading again", starts=dict(poll.starts), store=dict(outcome.seeks))
        if outcome.published:
            self._relay.wake()

    async def _recover(self, partitions: Sequence[int]) -> None:
        """Begin lost partitions anew: the next attempt sees where they stand, and asks for the log from there."""
        with contextlib.suppress(StoreUnavailableError, TopicsError):
            log.error("the store lost partitions; replaying them", partitions=list(partitions))
            await self._positions(partitions)

    async def _positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Return where to start, as the store has it; unknown partitions begin at the log's start."""
        try:
            return await asyncio.to_thread(self._where_to_start, partitions)
        except (GroupMismatchError, StandingFormatError, StoreMismatchError) as error:
            # Waiting does not help; the partitions go to whoever stays.
            self._failure = error
            self.stop()
            raise

    def _where_to_start(self, partitions: Sequence[int]) -> Mapping[int, int]:
        # A store that was emptied no longer says whose it is, and then no gateway answers from it.
        self._store.open(self._key, self._partitions, self._generation)
        # Again: another store's worker may have joined at the same moment.
        self._check_group()
        self._packs.keep()
        lowest = log_starts(self._admin, self._settings.topic_events, partitions)
        return self._store.positions(lowest, day_of(int(self._clock())))

    def _check_group(self) -> str:
        return check_group(self._admin, self._settings.group, self._generation)

    def _assigned(self, starts: Mapping[int, int]) -> None:
        count = max(starts, default=0) + 1
        if count > self._partitions:
            # Subjects have moved among the partitions: nothing read from now on belongs where it is.
            self._failure = StoreMismatchError.of_partitions(self._partitions, count)
            self.stop()
            return
        self._progress.waiting_for = ""
        self._back("kafka")
        self._progress.applied.update(starts)
        self._relay.partitions = self._accesses.partitions = tuple(self._progress.applied)
        log.info("partitions assigned", starts=dict(starts))

    def _revoked(self, partitions: Sequence[int]) -> None:
        for partition in partitions:
            self._progress.applied.pop(partition, None)
            for gauge in (self.metrics.next_offset, self.metrics.lag, self.metrics.outbox):
                with contextlib.suppress(KeyError):
                    gauge.remove(str(partition))
        self._accesses.partitions = tuple(self._progress.applied)
        # A stop gives them up too, but what this worker has committed it still publishes.
        if not self._stopping.is_set():
            self._relay.partitions = tuple(self._progress.applied)
            if not self._progress.applied:
                # Whoever has joined is told what it gets, even if that is nothing.
                self._progress.waiting_for = "partitions"
        log.info("partitions revoked", partitions=list(partitions))

    async def _sweep_forever(self) -> None:
        parts = self._store, self._packs.announced, self._clock
        sweeper, rescorer = Sweeper(*parts), Rescorer(*parts)
        self._packs.follow(sweeper, rescorer)
        more = False
        while not self._stopping.is_set():
            await asyncio.sleep(0 if more else _SWEEP_S)
            more = False
            self._gauge()
            try:
                while (swept := sweeper.sweep(tuple(self._progress.applied))).standings:
                    self.metrics.swept.inc(swept.standings)
                    self.metrics.deleted.inc(swept.deleted)
                    self._relay.wake()
                    await asyncio.sleep(0)
                more = await self._rescore(rescorer)
                self.metrics.clock_ahead.set(self._clock() - self._store.now_s())
                for partition, entries in self._store.outbox_lengths(tuple(self._progress.applied)).items():
                    self.metrics.outbox.labels(partition).set(entries)
            except (StoreUnavailableError, PartitionLostError) as error:
                self._away("redis", error)
            except StoreError as error:
                # Permanent, as for an event about that subject: the worker ends by it, not only the sweep.
                self._failure = error
                self.stop()
                return

    async def _rescore(self, rescorer: Rescorer) -> bool:
        """Do some slices of a pass over all standings, if one is due; return whether there is more to do."""
        for _ in range(_SLICES):
            behind = rescorer.behind(tuple(self._progress.applied))
            if not behind:
                return False
            for partition in behind:
                began_s = time.perf_counter()
                done = rescorer.rescore([partition])
                self.metrics.rescored.inc(done.written)
                self.metrics.deleted.inc(done.deleted)
                if done.written:
                    self._relay.wake()
                await asyncio.sleep(_REST * (time.perf_counter() - began_s))
        return True

    def _gauge(self) -> None:
        self._packs.look_at_the_day()
        published = self._relay.published
        self.metrics.published.inc(published - self._published)
        self._published = published
        copied = self._accesses.copied
        self.metrics.copied.inc(copied - self._copied)
        self._copied = copied
        for partition, offset in self._progress.applied.items():
            self.metrics.next_offset.labels(partition).set(offset)
            self.metrics.lag.labels(partition).set(self._watchdog.lag.get(partition, 0))

    def _not_read(self, error: Exception) -> None:
        # Where to start is the store's to say.
        self._away("redis" if isinstance(error, StoreError) else "kafka", error)

    def _not_published(self, error: Exception) -> None:
        # Told apart: that events are applied does not mean that this is over.
        self._away("redis" if isinstance(error, StoreError) else "kafka", error, follows=True)

    def _waiting_for(self) -> str:
        """Return the part that is away, or nothing while events are applied."""
        return "kafka" if self._watchdog.kafka_is_silent else self._progress.waiting_for

    def _away(self, part: str, error: Exception, *, follows: bool = False) -> None:
        if error is self._failure:
            return  # nobody waits for it: it is what the worker ends with
        self.metrics.retries.labels(part).inc()
        now_s = time.monotonic()
        told_s = max(self._told_away_s.get((part, one), -math.inf) for one in {False, follows})
        if now_s - told_s >= _TOLD_AGAIN_S:
            self._told_away_s[part, follows] = now_s
            log.warning("a part is away; waiting for it", part=part, error=str(error))

    def _back(self, part: str) -> None:
        if self._told_away_s.pop((part, False), None) is not None:
            log.info("a part is back", part=part)

    async def _until_there(self, part: str, ask: Callable[[], T]) -> T | None:
        """Ask, in a thread, until there is an answer; return None if a stop was asked for meanwhile."""
        pause_s = _PAUSE_S_MIN
        self._progress.waiting_for = part
        while not self._stopping.is_set():
            try:
                return await asyncio.to_thread(ask)
            except (StoreUnavailableError, TopicsError, GroupMismatchError) as error:
                self._away(part, error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
            pause_s = min(2 * pause_s, _PAUSE_S_MAX)
        return None


def _producing(settings: Settings) -> dict[str, Any]:
    """Return the properties of the relay's producer."""
    return {
        **settings.kafka,
        "enable.idempotence": True,
        # A derived event must stand where its subject's partition is looked for.
        "partitioner": "murmur2_random",
        "message.max.bytes": DEAD_BYTES_MAX,
        "log_level": 2,
    }


def _topics(settings: Settings) -> dict[Channel, str]:
    return {
        Channel.CHANGES: settings.topic_changes,
        Channel.DEAD: settings.topic_dead,
        Channel.EVENTS: settings.topic_events,
    }


def _die(reason: str) -> None:
    """End at once: a process that has stalled cannot be trusted to stop gracefully. Nothing is lost by it."""
    log.error("stalled; ending so that a supervisor starts a fresh worker", reason=reason)
    os._exit(EXIT_STALLED)
