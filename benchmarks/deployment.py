"""The Kafka and the Redis that is measured on, and the names that benchmarks use there."""

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # no __all__ there
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from benchmarks.errors import BenchmarkError
from city.calibrate import DEMO_KEY
from ops.parts import RUN_FOLDER, Kafka, Redis
from stream.topics import log_ends

PARTITIONS = 4
# Benchmarks empty their store. They do it in a database of its own, away from what else is in that Redis.
DATABASE = 9
TOPIC_LIVE = "bench.live"
_ANSWER_S_MAX = 10.0
_START = "start both with `python -m ops.real start`"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the parts are.

    Attributes:
        kafka: librdkafka's properties of every client.
        redis_url: with the benchmarks' database.
        folder: logs and data of the runs.

    """

    kafka: Mapping[str, str]
    redis_url: str
    folder: Path

    def environment(self, topic: str) -> dict[str, str]:
        """Return the environment of a process: a worker's settings as they are shipped, but for places and names."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("JASMINE_")}
        properties = {f"JASMINE_KAFKA_{name.upper().replace('.', '_')}": value for name, value in self.kafka.items()}
        return {
            **kept,
            **properties,
            "JASMINE_REDIS_URL": self.redis_url,
            "JASMINE_PSEUDONYM_KEY": DEMO_KEY.decode(),
            "JASMINE_TOPIC_EVENTS": topic,
            "JASMINE_TOPIC_CHANGES": "bench.changes",
            "JASMINE_TOPIC_DEAD": "bench.dead",
            "JASMINE_TOPIC_ACCESS": "bench.access",
            "JASMINE_PARTITIONS": str(PARTITIONS),
            "JASMINE_GROUP": f"bench-{uuid.uuid4()}",
            "JASMINE_METRICS_PORT": "0",
        }

    def log(self, name: str) -> Path:
        """Return where a process's log goes."""
        return self.folder / f"{name}.log"

    def store(self) -> redis.Redis:
        """Return a client of the store."""
        return redis.Redis.from_url(self.redis_url)

    def empty_store(self) -> None:
        """Empty the benchmarks' database."""
        with self.store() as client:
            client.flushdb()

    def file_rewrites(self) -> int:
        """Return how often Redis has rewritten its file: each rewrite is a second process that wants a core."""
        with self.store() as client:
            info: Any = client.info("persistence")
        return int(info["aof_rewrites"])

    def admin(self) -> AdminClient:
        """Return an admin client."""
        return AdminClient({**self.kafka, "log_level": 2})

    def kafka_threads(self) -> dict[str, int]:
        """Return how many threads of each kind a broker has: they decide much of what its clients wait for."""
        admin = self.admin()
        broker = next(iter(admin.list_topics(timeout=_ANSWER_S_MAX).brokers))
        (answer,) = admin.describe_configs([ConfigResource(ResourceType.BROKER, str(broker))]).values()
        settings = answer.result(_ANSWER_S_MAX)
        return {kind: int(settings[f"num.{kind}.threads"].value) for kind in ("network", "io")}

    def topic_ends(self, topic: str) -> dict[int, int]:
        """Return the log's end of each partition of a topic; empty if there is no such topic."""
        admin = self.admin()
        if topic not in admin.list_topics(timeout=_ANSWER_S_MAX).topics:
            return {}
        return log_ends(admin, topic, range(PARTITIONS))

    def make_topic(self, topic: str) -> None:
        """Make a topic that keeps everything."""
        wanted = NewTopic(topic, PARTITIONS, 1, config={"retention.ms": "-1"})
        # The answer does not outlive the client.
        admin = self.admin()
        for future in admin.create_topics([wanted]).values():
            future.result(_ANSWER_S_MAX)

    def drop_topic(self, topic: str) -> None:
        """Delete a topic."""
        admin = self.admin()
        for future in admin.delete_topics([topic]).values():
            future.result(_ANSWER_S_MAX)


def found() -> Deployment:
    """Return the parts that the environment names, or those that `ops.real` starts; make sure of both.

    Raises:
        BenchmarkError: one does not answer, or Redis does not write its file as a deployment does.

    """
    prefix = "JASMINE_KAFKA_"
    stated = {
        name[len(prefix) :].lower().replace("_", "."): value
        for name, value in os.environ.items()
        if name.startswith(prefix)
    }
    kafka = {"bootstrap.servers": f"127.0.0.1:{Kafka.port_default}", **stated}
    url = os.environ.get("JASMINE_REDIS_URL", f"redis://127.0.0.1:{Redis.port_default}/0")
    deployment = Deployment(kafka, with_database(url), RUN_FOLDER / "benchmarks")
    _require_kafka(deployment)
    _require_redis(deployment)
    return deployment


def with_database(url: str) -> str:
    """Return a Redis's address with the benchmarks' database in place of its own."""
    base, _, query = url.partition("?")
    others = [(name, value) for name, value in parse_qsl(query) if name != "db"]
    # Clients put it above a number in the path, and of a unix socket the path has none.
    return f"{base}?{urlencode([*others, ('db', DATABASE)])}"


def _require_kafka(deployment: Deployment) -> None:
    try:
        deployment.admin().list_topics(timeout=_ANSWER_S_MAX)
    except KafkaException as error:
        message = f"Kafka at {deployment.kafka['bootstrap.servers']}: {error.args[0].str()}; {_START}"
        raise BenchmarkError(message) from None


def _require_redis(deployment: Deployment) -> None:
    try:
        with deployment.store() as client:
            # redis-py types each answer as one of all that any server may give.
            answer: Any = client.config_get("append*")
    except redis.RedisError as error:
        message = f"Redis at {deployment.redis_url}: {error}; {_START}"
        raise BenchmarkError(message) from None
    if (answer["appendonly"], answer["appendfsync"]) != ("yes", "everysec"):
        message = f"Redis at {deployment.redis_url} does not write its file every second; {_START}"
        raise BenchmarkError(message)
