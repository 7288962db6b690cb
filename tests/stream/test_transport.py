"""The transport on librdkafka's own mock cluster, which needs nothing; and through rebalances on a real Kafka."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock
from uuid import uuid4

import confluent_kafka
import faust
import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ops.real import Kafka
from stream import transport
from stream.polls import Poll, Polls
from stream.transport import KafkaWiring, OffsetOutOfRangeError, _Poller
from tests.stream.transport_worker import App, open_store

pytest_plugins = ["tests.support.real_parts"]

PARTITIONS = range(4)
# A mock cluster waits 3 s before a group's first assignment, Faust 1 s before it starts its tables.
DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a mock cluster of one broker; topics appear when used, with 4 partitions."""
    owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "replaced", "log_level": 2})
    broker = next(iter(owner.list_topics(timeout=5).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    del owner


def fill(cluster: str, topic: str, per_partition: int) -> None:
    producer = Producer({"bootstrap.servers": cluster, "log_level": 2})
    for number in range(per_partition):
        for partition in PARTITIONS:
            producer.produce(topic, b"%d" % number, partition=partition)
    assert producer.flush(10) == 0


async def until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other threads and in Kafka
            await asyncio.sleep(0.01)


async def from_the_beginning(partitions: Sequence[int]) -> Mapping[int, int]:
    return {}


Handle = Callable[[Poll], Awaitable[None]]


@asynccontextmanager
async def worker(cluster: str, topic: str, handle: Handle, **wiring: Any) -> AsyncIterator[App]:
    """A running app whose agent gives every Poll to `handle`; stopped at the end."""
    properties = {"bootstrap.servers": cluster, "group.id": topic} | wiring.pop("properties", {})
    app = App(
        f"{topic}-{uuid4()}", broker="jasmine://", store="memory://", web_enabled=False, topic_disable_leader=True
    )
    app.kafka_wiring = KafkaWiring(properties, **{"positions": from_the_beginning} | wiring)

    @app.agent(app.topic(topic, value_serializer="raw", key_serializer="raw", value_type=bytes))
    async def each(stream: faust.StreamT[Polls]) -> None:
        async for polls in stream:
            async for poll in polls:
                await handle(poll)

    starting = asyncio.create_task(app.start())
    try:
        yield app
    finally:
        await app.stop()
        await starting


def poll_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("poll ")]


def offsets_of(poll: Poll) -> dict[int, list[int]]:
    offsets: dict[int, list[int]] = defaultdict(list)
    for record in poll.records:
        offsets[cast("int", record.partition())].append(cast("int", record.offset()))
    return dict(offsets)


# One run over a backlog, looked at from several sides.


@dataclass
class Run:
    """A worker drained 4 partitions of 500 records, 150 a poll, and rewound partition 2 to 100 once it was past that.

    `polls` are those that it applied; what did not fit after the rewinding it refused.
    """

    polls: list[Poll] = field(default_factory=list)
    following: list[Poll | None] = field(default_factory=list)
    assigned: list[Mapping[int, int]] = field(default_factory=list)
    with_agent_max: int = 0
    in_flight_max: int = 0
    refused: int = 0
    misfits: Counter[int] = field(default_factory=Counter)
    rewound_at: int = 0
    committed: dict[int, int] = field(default_factory=dict)
    second_done: str = ""
    threads_left: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def run(cluster: str) -> Run:
    run, topic = Run(), "run"
    app: Any = None
    fill(cluster, topic, per_partition=500)
    nexts = dict.fromkeys(PARTITIONS, 0)
    with_agent = 0

    def apply(poll: Poll) -> dict[int, int]:
        misfits = [partition for partition, start in poll.starts.items() if nexts[partition] != start]
        if misfits:
            run.refused += 1
            run.misfits.update(misfits)
            return {partition: nexts[partition] for partition in poll.starts}
        run.polls.append(poll)
        run.following.append(poll.following())
        nexts.update({partition: offsets[-1] + 1 for partition, offsets in offsets_of(poll).items()})
        if run.rewound_at or nexts[2] <= 100:
            return {}
        run.rewound_at = len(run.polls)
        nexts[2] = 100
        return {2: 100}

    async def handle(poll: Poll) -> None:
        nonlocal with_agent
        with_agent += 1
        await asyncio.sleep(0.01)  # long enough for more polls to be handed on, were they allowed to
        run.with_agent_max = max(run.with_agent_max, with_agent)
        run.in_flight_max = max(run.in_flight_max, app.consumer._poller._polls - len(run.polls) - run.refused)
        seeks = apply(poll)
        with_agent -= 1
        poll.done(seeks)

    async def drain() -> None:
        nonlocal app
        async with worker(cluster, topic, handle, poll_records_max=150, on_assigned=run.assigned.append) as app:
            await until(lambda: nexts == dict.fromkeys(PARTITIONS, 500))
            try:
                run.polls[-1].done()
            except RuntimeError as error:
                run.second_done = str(error)
            with closing(confluent_kafka.Consumer({"bootstrap.servers": cluster, "group.id": topic})) as tool:
                partitions = [TopicPartition(topic, partition) for partition in PARTITIONS]
                await until(lambda: [each.offset for each in tool.committed(partitions, 5)] == [500] * 4)
                run.committed = {each.partition: each.offset for each in tool.committed(partitions, 5)}
        run.threads_left = poll_threads()

    asyncio.run(drain())
    return run


@pytest.mark.slow
def test_every_record_of_every_partition_arrives_in_order(run: Run) -> None:
    arrived: dict[int, list[int]] = defaultdict(list)
    for poll in run.polls:
        for partition, offsets in offsets_of(poll).items():
            arrived[partition] += offsets
    everything = list(range(500))
    assert [arrived[partition] for partition in (0, 1, 3)] == [everything] * 3


@pytest.mark.slow
def test_a_seek_reads_that_partition_again_from_there_and_no_other(run: Run) -> None:
    before = [o for poll in run.polls[: run.rewound_at] for o in offsets_of(poll).get(2, [])]
    after = [o for poll in run.polls[run.rewound_at :] for o in offsets_of(poll).get(2, [])]
    assert before == list(range(before[-1] + 1))
    assert after == list(range(100, 500))


@pytest.mark.slow
def test_starts_are_where_the_poll_before_ended_or_was_sought_to(run: Run) -> None:
    expected = dict.fromkeys(PARTITIONS, 0)
    for number, poll in enumerate(run.polls, 1):
        offsets = offsets_of(poll)
        assert poll.starts == {partition: expected[partition] for partition in offsets}
        expected |= {partition: offsets[partition][-1] + 1 for partition in offsets}
        if number == run.rewound_at:
            expected[2] = 100


@pytest.mark.slow
def test_an_unknown_partition_starts_at_the_beginning_of_its_log(run: Run) -> None:
    assert run.assigned == [dict.fromkeys(PARTITIONS, 0)]


@pytest.mark.slow
def test_one_poll_holds_at_most_the_records_it_may(run: Run) -> None:
    assert max(len(poll.records) for poll in run.polls) == 150


def test_an_agent_has_one_poll_at_a_time(run: Run) -> None:
    assert run.with_agent_max == 1


def test_behind_a_full_poll_two_more_are_read_and_no_more(run: Run) -> None:
    assert run.in_flight_max == 3


def test_the_poll_that_follows_a_full_one_can_be_seen_before_it_is_handed_on(run: Run) -> None:
    pairs = list(zip(run.following, run.polls[1:], strict=False))
    del pairs[run.rewound_at - 1]
    seen = [(ahead, poll) for ahead, poll in pairs if ahead is not None]
    assert seen
    assert all(ahead is poll for ahead, poll in seen)


def test_what_was_read_ahead_of_a_seek_does_not_fit_and_is_read_again_once(run: Run) -> None:
    # Two polls may have been read ahead. What is refused with them of other partitions is sought in turn.
    assert run.misfits[2] >= 1
    assert max(run.misfits.values()) <= 2


@pytest.mark.slow
def test_done_twice_is_refused(run: Run) -> None:
    assert "called twice" in run.second_done


@pytest.mark.slow
def test_the_group_is_told_what_is_done(run: Run) -> None:
    assert run.committed == dict.fromkeys(PARTITIONS, 500)


@pytest.mark.slow
def test_no_thread_survives_a_stop(run: Run) -> None:
    assert run.threads_left == []


# Runs of their own.


@pytest.mark.slow
def test_an_agent_that_fails_stops_the_app_and_nothing_after_its_poll_is_read(cluster: str) -> None:
    fill(cluster, "fails", per_partition=10)
    polls = []

    async def handle(poll: Poll) -> None:
        polls.append(poll)
        raise ZeroDivisionError("the agent failed")

    async def scenario() -> None:
        async with worker(cluster, "fails", handle, poll_records_max=5) as app:
            async with asyncio.timeout(DEADLINE_S):
                await app.wait_until_stopped()
        assert isinstance(app.crash_reason, ZeroDivisionError)

    asyncio.run(scenario())
    assert len(polls) == 1
    assert poll_threads() == []


@pytest.mark.slow
def test_a_stop_waits_for_what_was_read_and_reads_no_more(cluster: str) -> None:
    fill(cluster, "finishes", per_partition=10)
    begun, finished = asyncio.Event(), []

    async def handle(poll: Poll) -> None:
        begun.set()
        await asyncio.sleep(0.5)
        finished.append(poll)
        poll.done()

    async def scenario() -> int:
        async with worker(cluster, "finishes", handle, poll_records_max=5) as app, asyncio.timeout(DEADLINE_S):
            await begun.wait()
            poller = cast("Any", app.consumer)._poller
            # The one with the agent, and two that are read ahead.
            await until(lambda: poller._polls == 3)
        return cast("int", poller._polls)

    assert asyncio.run(scenario()) == 3  # of eight
    assert len(finished) == 3


@pytest.mark.slow
def test_a_stop_waits_for_a_poll_that_is_being_read(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in nobody's hands yet, but will be: an agent that is gone by then would leave it half done."""
    fill(cluster, "being-read", per_partition=1)
    read, reading = _Poller._read, threading.Event()
    begun, finished = [], []

    def read_until_stopped(poller: _Poller) -> list[Message]:
        if records := read(poller):
            reading.set()
            poller._stopping.wait(DEADLINE_S)
            time.sleep(0.05)
        return records

    async def handle(poll: Poll) -> None:
        begun.append(poll)
        await asyncio.sleep(0.2)
        finished.append(poll)
        poll.done()

    async def scenario() -> None:
        async with worker(cluster, "being-read", handle), asyncio.timeout(DEADLINE_S):
            await until(reading.is_set)

    monkeypatch.setattr(_Poller, "_read", read_until_stopped)
    asyncio.run(scenario())

    assert len(finished) == len(begun) > 0


@pytest.mark.slow
def test_a_stop_does_not_wait_for_ever_for_an_agent_that_hangs(cluster: str) -> None:
    fill(cluster, "hangs", per_partition=1)
    begun = asyncio.Event()

    async def handle(poll: Poll) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def scenario() -> float:
        async with worker(cluster, "hangs", handle, finish_s_max=0.5):
            async with asyncio.timeout(DEADLINE_S):
                await begun.wait()
            stopping_at_s = time.monotonic()
        return time.monotonic() - stopping_at_s

    assert asyncio.run(scenario()) < 5
    assert poll_threads() == []


@pytest.mark.slow
def test_an_assignment_waits_for_the_store_and_starts_where_it_says(cluster: str) -> None:
    fill(cluster, "store", per_partition=10)
    answers: list[Exception | Mapping[int, int]] = [
        TimeoutError("store away"),
        ConnectionError("store away"),
        {1: 4, 2: 10},
    ]
    errors: list[Exception] = []
    polls: list[Poll] = []

    async def positions(partitions: Sequence[int]) -> Mapping[int, int]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def handle(poll: Poll) -> None:
        polls.append(poll)
        poll.done()

    async def scenario() -> None:
        async with worker(cluster, "store", handle, positions=positions, on_error=errors.append):
            await until(lambda: sum(len(poll.records) for poll in polls) == 26)

    asyncio.run(scenario())
    assert [type(error) for error in errors] == [TimeoutError, ConnectionError]
    assert {p: start for poll in reversed(polls) for p, start in poll.starts.items()} == {0: 0, 1: 4, 3: 0}


@pytest.mark.slow
def test_a_stop_ends_an_assignment_that_waits_for_the_store(cluster: str) -> None:
    asked = asyncio.Event()
    errors: list[Exception] = []

    async def positions(partitions: Sequence[int]) -> Mapping[int, int]:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def scenario() -> None:
        async with worker(cluster, "waits", unexpected, positions=positions, on_error=errors.append):
            async with asyncio.timeout(DEADLINE_S):
                await asked.wait()

    fill(cluster, "waits", per_partition=1)
    asyncio.run(scenario())
    assert errors == []
    assert poll_threads() == []


async def unexpected(poll: Poll | Polls) -> None:
    raise AssertionError(f"no poll was expected, was {poll}")


@pytest.mark.slow
def test_an_offset_that_the_log_does_not_hold_stops_the_app_and_names_it(cluster: str) -> None:
    fill(cluster, "range", per_partition=10)

    async def positions(partitions: Sequence[int]) -> Mapping[int, int]:
        return {0: 10, 1: 10, 2: 10, 3: 77}

    async def scenario() -> BaseException | None:
        async with worker(cluster, "range", unexpected, positions=positions) as app:
            async with asyncio.timeout(DEADLINE_S):
                await app.wait_until_stopped()
        return app.crash_reason

    error = asyncio.run(scenario())
    assert isinstance(error, OffsetOutOfRangeError)
    assert (error.partition, error.wanted, error.log_start, error.log_end) == (3, 77, 0, 10)
    assert "range[3]: offset 77 is wanted, the log holds 0 to 10" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["cooperative-sticky", "range"])
def test_two_workers_share_the_partitions_and_lose_nothing_when_one_leaves(cluster: str, strategy: str) -> None:
    topic = f"shared-{strategy}"
    fill(cluster, topic, per_partition=100)
    positions: dict[int, int] = {}
    handled: list[tuple[int, int]] = []
    held: dict[str, set[int]] = {"first": set(), "second": set()}

    async def stored(partitions: Sequence[int]) -> Mapping[int, int]:
        return dict(positions)

    async def handle(poll: Poll, name: str) -> None:
        # A poll of partitions that were just assigned does not overtake the word of it.
        assert poll.starts.keys() <= held[name]
        for partition, offsets in offsets_of(poll).items():
            assert positions.get(partition, 0) == poll.starts[partition]
            handled.extend((partition, offset) for offset in offsets)
            positions[partition] = offsets[-1] + 1
        poll.done()

    def joined(name: str) -> Any:
        # A mock cluster gives the members of a group their whole session timeout to join again.
        properties = {
            "partition.assignment.strategy": strategy,
            "session.timeout.ms": 3000,
            "heartbeat.interval.ms": 200,
        }
        hooks = {"on_assigned": held[name].update, "on_revoked": held[name].difference_update}
        wiring = {"positions": stored, "poll_records_max": 10, "properties": properties, **hooks}
        return worker(cluster, topic, partial(handle, name=name), **wiring)

    async def scenario() -> None:
        async with joined("first"):
            await until(lambda: len(handled) == 400)
            async with joined("second"):
                await until(lambda: sorted(map(len, held.values())) == [2, 2])
                assert held["first"] | held["second"] == set(PARTITIONS)
                await asyncio.to_thread(fill, cluster, topic, 100)
                await until(lambda: len(handled) == 800)
            await until(lambda: held["first"] == set(PARTITIONS))
            await asyncio.to_thread(fill, cluster, topic, 100)
            await until(lambda: len(handled) == 1200)

    asyncio.run(scenario())
    assert sorted(handled) == [(partition, offset) for partition in PARTITIONS for offset in range(300)]


@pytest.mark.slow
def test_an_assignment_between_polls_drops_none_of_them(cluster: str) -> None:
    handled: list[int] = []
    fill(cluster, "assigned-between", per_partition=2_000)

    async def handle(poll: Poll) -> None:
        await asyncio.sleep(0.01)  # so that the next polls wait most of the time
        handled.append(len(poll.records))
        poll.done()

    async def scenario() -> None:
        async with worker(cluster, "assigned-between", handle, poll_records_max=50) as app:
            await until(lambda: bool(handled))
            recovery, poller = cast("Any", app.tables).recovery, cast("Any", app.consumer)._poller
            resume, read = recovery._resume_streams, poller._read

            async def resume_late(**generation: int) -> None:
                await asyncio.sleep(0.1)  # as when the loop has much else to do
                await resume(**generation)

            recovery._resume_streams = resume_late

            def assigned_and_read() -> list[Message]:
                poller._read = read
                poller._on_assign(poller._consumer, [])
                return cast("list[Message]", read())

            poller._read = assigned_and_read
            await until(lambda: sum(handled) == 2_000 * len(PARTITIONS))

    asyncio.run(scenario())


def test_a_broker_that_is_away_is_reported_and_a_stop_does_not_wait_for_it() -> None:
    errors: list[Exception] = []

    async def scenario() -> None:
        async with worker("127.0.0.1:1", "away", unexpected, on_error=errors.append):
            await until(lambda: len(errors) > 0)

    asyncio.run(scenario())
    assert isinstance(errors[0], KafkaException)
    assert poll_threads() == []


def test_two_topics_are_refused_with_what_to_do(cluster: str) -> None:
    async def scenario() -> BaseException | None:
        app = App("two", broker="jasmine://", store="memory://", web_enabled=False)  # its leader topic is the second
        app.kafka_wiring = KafkaWiring({"bootstrap.servers": cluster, "group.id": "two"}, from_the_beginning)

        @app.agent(app.topic("two", value_serializer="raw", key_serializer="raw", value_type=bytes))
        async def each(stream: faust.StreamT[Polls]) -> None:
            async for polls in stream:
                await unexpected(polls)

        starting = asyncio.create_task(app.start())
        async with asyncio.timeout(DEADLINE_S):
            await app.wait_until_stopped()
        await app.stop()
        await starting
        return app.crash_reason

    assert "topic_disable_leader=True" in str(asyncio.run(scenario()))


# What librdkafka does only at rare moments, done on purpose.


class ScriptedConsumer:
    """Reads what it is told; `on_consume` runs inside `consume`, as a rebalance callback would."""

    def __init__(self, records: list[Message], on_consume: Callable[[], None] = lambda: None) -> None:
        self.records, self.on_consume = records, on_consume
        self.seek_errors: list[Exception] = []
        self.sought: list[tuple[int, int]] = []

    def poll(self, timeout: float) -> Message:
        return self.records.pop(0)

    def consume(self, records_max: int, timeout: float) -> list[Message]:
        self.on_consume()
        read, self.records = self.records[:records_max], self.records[records_max:]
        return read

    def seek(self, target: TopicPartition) -> None:
        if self.seek_errors:
            raise self.seek_errors.pop(0)
        self.sought.append((target.partition, target.offset))


async def poller_over(consumer: ScriptedConsumer, positions: dict[int, int], **wiring: Any) -> Any:
    wired = KafkaWiring({}, from_the_beginning, **wiring)
    polls = Polls(asyncio.get_running_loop())
    poller: Any = transport._Poller("t", wired, polls, AsyncMock(), lambda error: None)
    poller._consumer = consumer
    poller._positions = positions
    return poller


def record(partition: int, offset: int, error: KafkaError | None = None) -> Message:
    return Message(topic="t", partition=partition, offset=offset, value=b"", error=error)


def test_what_was_read_before_a_rebalance_in_the_same_poll_is_not_handed_on_but_sought_back() -> None:
    async def scenario() -> None:
        errors: list[Exception] = []
        kicked = KafkaError(KafkaError._MAX_POLL_EXCEEDED, "too slow")
        consumer = ScriptedConsumer([record(0, 5), record(1, 8), record(1, 9), record(0, 0, kicked)])
        poller = await poller_over(consumer, {0: 5, 1: 8}, on_error=errors.append)

        def revoke_partition_0() -> None:
            poller._moves += 1
            del poller._positions[0]

        consumer.on_consume = revoke_partition_0
        assert poller._read() == []
        poller._seek()
        assert consumer.sought == [(1, 8)]
        await until(lambda: [error.args[0] for error in errors] == [kicked])

    asyncio.run(scenario())


def test_a_seek_asked_for_while_reading_keeps_nothing_and_waits_for_what_was_read_ahead() -> None:
    """Partition 1 was not sought, but its poll ahead is refused as a whole: what was read behind it would not fit."""

    async def scenario() -> None:
        consumer = ScriptedConsumer([record(0, 6), record(1, 8)])
        poller = await poller_over(consumer, {0: 5, 1: 7}, poll_records_max=2)
        poller._hand_on([record(0, 5)])
        poller._hand_on([record(1, 7)])
        consumer.on_consume = lambda: poller._done(1, {0: 3})
        assert poller._read() == []
        assert not poller._is_full
        poller._done(2, {1: 7})
        poller._wait_for_turn()
        poller._seek()
        assert sorted(consumer.sought) == [(0, 3), (1, 7)]

    asyncio.run(scenario())


def test_until_a_seek_succeeds_nothing_of_its_partition_is_handed_on() -> None:
    async def scenario() -> None:
        consumer = ScriptedConsumer([record(0, 5), record(1, 8)])
        consumer.seek_errors = [KafkaException(KafkaError(KafkaError._STATE))]
        poller = await poller_over(consumer, {0: 3, 1: 8})
        poller._seeks = {0: 3}
        poller._seek()
        assert [each.partition() for each in poller._read()] == [1]
        poller._seek()
        assert consumer.sought == [(0, 3)]
        assert poller._seeks == {}

    asyncio.run(scenario())


def test_an_error_among_the_records_is_reported_and_not_handed_on() -> None:
    async def scenario() -> None:
        errors: list[Exception] = []
        unknown = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, "gone")
        consumer = ScriptedConsumer([record(0, 0, unknown), record(1, 8)])
        poller = await poller_over(consumer, {0: 0, 1: 8}, on_error=errors.append)
        assert [each.partition() for each in poller._read()] == [1]
        await until(lambda: len(errors) == 1)
        assert errors[0].args[0] == unknown

    asyncio.run(scenario())


def test_a_fatal_error_ends_the_poll_with_a_clear_message() -> None:
    async def scenario() -> None:
        fenced = KafkaError(KafkaError._FATAL, "fenced by another instance", fatal=True)
        poller = await poller_over(ScriptedConsumer([record(0, 0, fenced)]), {0: 0})
        with pytest.raises(transport.TransportError, match="Operator action: restart"):
            poller._read()

    asyncio.run(scenario())


@pytest.mark.parametrize(("read", "waits_for"), [(2, 2), (1, 0)])
def test_only_behind_a_full_poll_the_next_two_are_read_at_once(read: int, waits_for: int) -> None:
    async def scenario() -> None:
        records = [record(0, 5 + number) for number in range(read)]
        poller = await poller_over(ScriptedConsumer(records), {0: 5}, poll_records_max=2)
        poller._hand_on(poller._read())
        assert (len(poller._in_flight), poller._in_flight_max()) == (1, waits_for)

    asyncio.run(scenario())


def test_a_seek_is_made_once_when_the_polls_read_ahead_of_it_are_refused() -> None:
    async def scenario() -> None:
        records = [record(0, 5 + number) for number in range(5)] + [record(1, 8)]
        poller = await poller_over(ScriptedConsumer(records), {0: 5, 1: 8}, poll_records_max=2)
        for _ in range(3):
            poller._hand_on(poller._read())

        for number, seeks in enumerate([{0: 3}, {0: 3}, {0: 3, 1: 8}], 1):
            poller._done(number, seeks)
        poller._wait_for_turn()
        assert not poller._in_flight
        poller._seek()

        assert poller._consumer.sought == [(0, 3), (1, 8)]
        assert poller._positions == poller._applied == {0: 3, 1: 8}

    asyncio.run(scenario())


@pytest.mark.parametrize("end", ["done", "abandoned"])
def test_a_partition_is_given_up_only_when_what_is_in_flight_has_ended(end: str) -> None:
    async def scenario() -> None:
        consumer: Any = ScriptedConsumer([])
        given_up = consumer.incremental_unassign = Mock()
        poller = await poller_over(consumer, {0: 5})
        poller._hand_on([record(0, 5)])
        revoking = asyncio.create_task(asyncio.to_thread(poller._on_lost, consumer, [TopicPartition("t", 0)]))
        await until(poller._credits.empty)
        assert not given_up.called
        if end == "done":
            poller._done(1, {})
        else:
            poller.abandon()
        await revoking
        assert given_up.called

    asyncio.run(scenario())


def test_only_the_first_assignment_is_shown_to_faust_which_would_empty_its_queue_at_a_later_one() -> None:
    async def scenario() -> None:
        consumer: Any = ScriptedConsumer([])
        consumer.incremental_assign = consumer.incremental_unassign = Mock()
        poller = await poller_over(consumer, {})
        poller._log_range = Mock(return_value=(0, 9))
        for assigned in ([], [TopicPartition("t", 0)], [TopicPartition("t", 1)]):
            await asyncio.to_thread(poller._on_assign, consumer, assigned)
        await asyncio.to_thread(poller._on_lost, consumer, [TopicPartition("t", 0)])
        assert poller._begin.await_count == 1
        assert poller._positions == {1: 0}

    asyncio.run(scenario())


# On a real Kafka: processes, transactions (their control records are holes in the log), a graceful stop.


@pytest.fixture
def kafka(real_kafka: Kafka) -> str:
    return real_kafka.bootstrap


class Feed(threading.Thread):
    """Produces events in small transactions until told to end; each value is unique."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        super().__init__(name="feed")
        self.sent = 0
        self._producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic, "log_level": 2})
        self._topic, self._end = topic, threading.Event()

    def run(self) -> None:
        self._producer.init_transactions(20)
        while not self._end.wait(0.02):
            self._producer.begin_transaction()
            for _ in range(40):
                self._producer.produce(self._topic, b"%d" % self.sent, b"%d" % (self.sent % 1000))
                self.sent += 1
            self._producer.commit_transaction(20)

    def end(self) -> None:
        self._end.set()
        self.join()


@pytest.mark.real
def test_workers_come_and_go_and_every_event_is_applied_once_by_one_of_them(kafka: str, tmp_path: Path) -> None:
    topic = f"transport-{uuid4()}"
    admin = AdminClient({"bootstrap.servers": kafka})
    for created in admin.create_topics([NewTopic(topic, 4, 1)]).values():
        created.result(20)
    store = open_store(str(tmp_path / "store.sqlite"))
    script = Path(__file__).with_name("transport_worker.py")

    def start(name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, script, kafka, topic, topic, tmp_path / "store.sqlite", name])

    def applied(name: str = "%") -> int:
        return int(store.execute("SELECT count(*) FROM applied WHERE worker LIKE ?", (name,)).fetchone()[0])

    feed = Feed(kafka, topic)
    workers = {"first": start("first")}
    feed.start()
    try:
        wait_until(lambda: applied("first") > 1000)
        workers["second"] = start("second")
        wait_until(lambda: applied("second") > 1000)
        workers["first"].send_signal(signal.SIGTERM)
        assert workers["first"].wait(10) == 0
        given_up_at = applied("second")
        wait_until(lambda: applied("second") > given_up_at + 1000)
        feed.end()
        wait_until(lambda: applied() >= feed.sent)
        workers["second"].send_signal(signal.SIGTERM)
        assert workers["second"].wait(10) == 0
    finally:
        feed.end()
        for process in workers.values():
            process.kill()
            process.wait()

    assert store.execute("SELECT worker, what FROM fault").fetchall() == []
    values = [int(value) for (value,) in store.execute("SELECT value FROM applied")]
    assert sorted(values) == list(range(feed.sent))
    for partition in PARTITIONS:
        rows = store.execute("SELECT position FROM applied WHERE partition = ? ORDER BY rowid", (partition,))
        positions = [position for (position,) in rows]
        assert positions == sorted(positions)


def wait_until(condition: Callable[[], bool], deadline_s: float = 40.0) -> None:
    deadline_at_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline_at_s, "the deadline passed"
        time.sleep(0.05)
