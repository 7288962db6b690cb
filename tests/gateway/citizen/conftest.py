"""The citizen's page over an embedded store, with a provider of its own whose people do not exist."""

from collections.abc import Iterator

import pytest
import structlog
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from gateway.citizen.provider import local_provider
from gateway.citizen.serve import build, others_log
from schemas.catalogue import Grade
from tests.gateway.citizen.world import ADDRESS, CHEN, LIN, PEOPLE, World, deployment
from tests.gateway.city import TODAY, City, an_event


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """The address of a provider."""
    with local_provider(PEOPLE) as address:
        yield address


@pytest.fixture(autouse=True)
def log() -> Iterator[list[dict[str, object]]]:
    """The lines of the log."""
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines  # type: ignore[misc]


@pytest.fixture
def world(city: City, valkey: str, issuer: str) -> Iterator[World]:
    """Lin has a fine of yesterday and a late book; Chen is registered; and there is a page for them."""
    world = World(city)
    world.happen(
        an_event(LIN, "subject.registered", TODAY - 1_000),
        an_event(LIN, "library.loan.overdue", TODAY - 3),
        an_event(LIN, "traffic.penalty.imposed", TODAY - 1, grade=Grade.FINE_MINOR),
        an_event(CHEN, "subject.registered", TODAY - 1_000),
        an_event(CHEN, "library.loan.overdue", TODAY - 3),
    )
    app = build(deployment(valkey, issuer), others_log(world.publish, world), clock=world.clock)
    with TestClient(app, base_url=ADDRESS) as client:
        world.client = client
        yield world
