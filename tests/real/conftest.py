"""Deployments on real parts, and the small city whose events they apply."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from city.city import City
from city.disturb import Disturbances
from city.render import Published
from ops.real import Kafka, Redis
from tests.real.deployment import KEY, Deployment

# Five years of events of every kind, more of them disturbed than in life.
_DISTURBED = Disturbances(duplicate=0.02, corrected=0.01, revoked=0.01, disputed=0.01, broken=0.01)
_NOON = datetime(2026, 11, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="session")
def city() -> City:
    return City(7, key=KEY.encode(), residents=300, organisations=20, disturbances=_DISTURBED)


@pytest.fixture(scope="session")
def past(city: City) -> list[Published]:
    """Some 11,000 events; those of one subject are all over the log, but each one's own are in order."""
    return list(city.history(_NOON))


@pytest.fixture(scope="session")
def day(city: City, past: list[Published]) -> list[Published]:
    """The registrations of all, then 20,000 events about anybody in any order: more than a feed gets through."""
    registrations = [published for published in past if b'"type":"subject.registered"' in published.value]
    return [*registrations, *islice(city.live(_NOON, rate=1_000.0), 20_000)]


@pytest.fixture
def deployment(real_kafka: Kafka, real_redis: Redis, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment of its own on parts that run; the topic of events is there."""
    real_kafka.start()
    real_redis.start()
    deployment = Deployment(real_kafka, real_redis, tmp_path)
    deployment.client.flushall()
    deployment.create_topic()
    try:
        yield deployment
    finally:
        deployment.close()
