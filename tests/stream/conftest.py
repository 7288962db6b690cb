"""The parts that the tests of this folder share: a store, and a worker on embedded parts."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stream.embedded import Embedded
from tests.support.embedded_worker import WorkerProcess, environment_of
from tests.support.redis_server import client, valkey_server

__all__ = ["client", "valkey_server"]

TOPICS = ("credit.events", "credit.changes", "credit.dead", "credit.access", "credit.packs")
# A worker with topics of its own on the same broker.
OTHER_TOPICS = {
    "topic_events": "other.events",
    "topic_changes": "other.changes",
    "topic_dead": "other.dead",
    "topic_access": "other.access",
}


@pytest.fixture(scope="session")
def embedded() -> Iterator[Embedded]:
    """A broker and a store."""
    with Embedded([*TOPICS, *OTHER_TOPICS.values()]) as embedded:
        yield embedded


@dataclass(frozen=True, slots=True)
class Deployment:
    """A worker and the parts it works with."""

    worker: WorkerProcess
    bootstrap_servers: str
    redis_url: str


@pytest.fixture(scope="session")
def deployment(embedded: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A worker that is ready."""
    folder = tmp_path_factory.mktemp("worker")
    environment = environment_of(embedded.bootstrap_servers, embedded.redis_url)
    worker = WorkerProcess(environment, folder / "log")
    try:
        worker.until_ready()
        yield Deployment(worker, embedded.bootstrap_servers, embedded.redis_url)
    finally:
        worker.close()
