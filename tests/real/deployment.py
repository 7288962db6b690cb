"""One deployment on real parts: topics, a store, workers as processes, and what must have become of its events."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import redis
from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client.parser import text_string_to_metric_families

from city.render import Published
from ops.real import Kafka, Redis
from scoring.pack import load_pack
from sinks.keys import next_key, outbox_key
from tests.real.oracle import (
    Truth,
    faults_of_changes,
    faults_of_followers,
    faults_of_letters,
    faults_of_store,
    read_log,
)

KEY = "a key for the tests on real parts"
PARTITIONS = 4
# A start takes three seconds; the first on a machine compiles the kernels, and others may be at work beside it.
READY_S_MAX = 180.0
DEADLINE_S = 60.0
STOP_S_MAX = 30.0
SESSION_TIMEOUT_MS = 2_000
COMMAND = [sys.executable, "-c", "from stream.cli import main; main()"]


def until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    deadline_at_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline_at_s, f"after {deadline_s:.0f} s still not: {what}"
        time.sleep(0.05)


def until_above(count: Callable[[], float], bound: float, what: str) -> None:
    until(lambda: count() > bound, what)


class WorkerProcess:
    """`jasmine worker` in a process of its own."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen([*COMMAND, "worker"], env=environment, stdout=output, stderr=output)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of its log with this text."""
        return [line for line in self._lines() if line.get("event") == event]

    def _lines(self) -> Iterable[dict[str, Any]]:
        for line in self._log.read_text().splitlines():
            with suppress(json.JSONDecodeError):
                yield json.loads(line)

    @property
    def said(self) -> str:
        """All that it wrote."""
        return self._log.read_text()

    def _asked(self, path: str) -> str | None:
        serving = self.logged("serving metrics")
        if not serving:
            return None
        try:
            with urlopen(f"http://127.0.0.1:{serving[-1]['port']}{path}", timeout=2.0) as answer:
                return str(answer.read().decode())
        except (URLError, OSError):
            return None

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"the worker ended with {self.process.returncode}:\n{self.said[-3000:]}"
        return self._asked("/ready") is not None

    def wait_ready(self) -> "WorkerProcess":
        until(self.is_ready, "the worker is ready", READY_S_MAX)
        return self

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric's value, summed over the labels that are not given."""
        families = text_string_to_metric_families(self._asked("/metrics") or "")
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def held(self) -> set[int]:
        """Return the partitions that it says it holds."""
        held: set[int] = set()
        for line in self._lines():
            if line.get("event") == "partitions assigned":
                held |= {int(partition) for partition in line["starts"]}
            elif line.get("event") == "partitions revoked":
                held -= set(line["partitions"])
        return held

    def applied(self) -> float:
        """Return how many events it has applied."""
        return self.metric("credit_events_total")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(STOP_S_MAX)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.send(signal.SIGTERM)
        return self.wait()

    def wait(self, timeout_s: float = STOP_S_MAX) -> int:
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker did not end within {timeout_s:.0f} s:\n{self.said[-3000:]}") from None


class Feed(threading.Thread):
    """Publishes records at a steady rate from a thread of its own, to their end or until it is told to end."""

    def __init__(self, deployment: "Deployment", records: Sequence[Published], per_second: float) -> None:
        super().__init__(name="feed", daemon=True)
        self._deployment, self._records, self._per_second = deployment, records, per_second
        self.ending = threading.Event()

    def run(self) -> None:
        producer = self._deployment.producer()
        began_s = time.monotonic()
        done = 0
        while done < len(self._records) and not self.ending.wait(0.02):
            due = min(int((time.monotonic() - began_s) * self._per_second), len(self._records))
            for published in self._records[done:due]:
                produce(producer, self._deployment.topic, published)
            done = due
        producer.flush(READY_S_MAX)

    def end(self) -> None:
        """Publish no more, and wait until all that was is with Kafka."""
        self.ending.set()
        self.join(READY_S_MAX)


def produce(producer: Producer, topic: str, published: Published) -> None:
    while True:
        try:
            producer.produce(topic, published.value, published.key, headers=[*published.headers])
            break
        except BufferError:
            producer.poll(0.1)
    producer.poll(0)


class Deployment:
    """Fresh topics, a fresh group and an empty store; `close` ends all its processes."""

    def __init__(self, kafka: Kafka, store: Redis, folder: Path, partitions: int = PARTITIONS) -> None:
        self.kafka, self.redis, self.partitions = kafka, store, partitions
        self.pack = load_pack()
        self.client = redis.Redis.from_url(store.url, socket_timeout=10.0)
        self._folder = folder
        name = f"t{uuid4().hex[:8]}"
        kinds = ("events", "changes", "dead", "packs")
        self.topic, self.topic_changes, self.topic_dead, self.topic_packs = (f"{name}.{kind}" for kind in kinds)
        self._environment = {
            **{variable: value for variable, value in os.environ.items() if not variable.startswith("JASMINE_")},
            "JASMINE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "JASMINE_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_TIMEOUT_MS),
            "JASMINE_KAFKA_HEARTBEAT_INTERVAL_MS": "300",
            "JASMINE_REDIS_URL": store.url,
            "JASMINE_PSEUDONYM_KEY": KEY,
            "JASMINE_TOPIC_EVENTS": self.topic,
            "JASMINE_TOPIC_CHANGES": self.topic_changes,
            "JASMINE_TOPIC_DEAD": self.topic_dead,
            "JASMINE_TOPIC_ACCESS": f"{name}.access",
            "JASMINE_TOPIC_PACKS": self.topic_packs,
            "JASMINE_GROUP": name,
            "JASMINE_PARTITIONS": str(partitions),
            "JASMINE_METRICS_PORT": "0",
        }
        self.workers: list[WorkerProcess] = []
        self.feeds: list[Feed] = []

    def environment(self, **settings: object) -> dict[str, str]:
        """Return a process's environment; `poll_records_max=10` sets JASMINE_POLL_RECORDS_MAX."""
        return self._environment | {f"JASMINE_{name.upper()}": str(value) for name, value in settings.items()}

    def create_topic(self) -> None:
        """Create the topic of events, as a worker would, so that there is something to publish to."""
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        for future in admin.create_topics([NewTopic(self.topic, self.partitions, 1)]).values():
            future.result(DEADLINE_S)

    def start(self, **settings: object) -> WorkerProcess:
        """Start a worker."""
        log = self._folder / f"worker-{len(self.workers)}.log"
        self.workers.append(WorkerProcess(self.environment(**settings), log))
        return self.workers[-1]

    def producer(self, **properties: str) -> Producer:
        properties = {"partitioner": "murmur2_random", "linger.ms": "5", "log_level": "2"} | properties
        return Producer({"bootstrap.servers": self.kafka.bootstrap, "enable.idempotence": True, **properties})

    def publish(self, records: Iterable[Published]) -> None:
        producer = self.producer()
        for published in records:
            produce(producer, self.topic, published)
        assert producer.flush(DEADLINE_S) == 0

    def feed(self, records: Sequence[Published], per_second: float) -> Feed:
        self.feeds.append(Feed(self, records, per_second))
        self.feeds[-1].start()
        return self.feeds[-1]

    def log(self) -> list[Message]:
        """Return the events' log as it is now."""
        return read_log(self.kafka.bootstrap, self.topic, self.partitions)

    def nexts(self) -> dict[int, int]:
        """Return how far each partition is applied, as the store has it."""
        return {partition: int(self.client.get(next_key(partition)) or 0) for partition in range(self.partitions)}

    def applied(self) -> int:
        return sum(self.nexts().values())

    def waiting(self) -> int:
        """Return how many entries of the outboxes are not published."""
        boxes = map(outbox_key, range(self.partitions))
        return sum(int(self.client.xlen(box)) for box in boxes)

    def changes(self) -> list[Message]:
        """Return what was published about changes of tiers."""
        return read_log(self.kafka.bootstrap, self.topic_changes, self.partitions)

    def wait_applied(self, records: list[Message], deadline_s: float = DEADLINE_S) -> None:
        """Wait until all records of a log are in the store, and all of the outbox in Kafka."""
        ends = {cast("int", record.partition()): cast("int", record.offset()) + 1 for record in records}

        def is_applied() -> bool:
            nexts = self.nexts()
            return all(nexts[partition] >= end for partition, end in ends.items())

        until(is_applied, f"{ends} is applied", deadline_s)
        until(lambda: self.waiting() == 0, "the outboxes are empty")

    def hold(self, deadline_s: float = DEADLINE_S, *, changes: bool = True) -> Truth:
        """Fail unless all of the log is applied, once, and nothing else: in standings, dead letters and changes."""
        records, count = self.log(), -1
        # What follows from events was published by the worker itself, and is applied in turn.
        while len(records) > count:
            count = len(records)
            self.wait_applied(records, deadline_s)
            records = self.log()
        truth = Truth.of(records, KEY.encode(), self.partitions)
        letters = read_log(self.kafka.bootstrap, self.topic_dead, self.partitions)
        faults = faults_of_store(truth, self.client, self.pack) + faults_of_letters(truth, letters)
        faults += faults_of_followers(truth)
        if changes:
            faults += faults_of_changes(truth, self.client, self.changes(), self.pack)
        assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults[:10])
        return truth

    def close(self) -> None:
        """End every process and every feed, whatever state it is in."""
        for feed in self.feeds:
            feed.ending.set()
        for worker in self.workers:
            worker.kill()
        self.client.close()
