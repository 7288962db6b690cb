"""A citizen's page with a city behind it: what is published lands in the store at once, as if a worker were there."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import redis
from starlette.testclient import TestClient

from city.identity import resident_number
from gateway.address import access_key
from gateway.citizen.errors import OriginGoneError
from gateway.citizen.origins import Origin, Place
from gateway.citizen.provider import CLAIM
from gateway.citizen.serve import Deployment
from gateway.citizen.sessions import Sessions
from gateway.citizen.signin import Provider
from gateway.citizen.visit import SESSION_COOKIE
from gateway.errors import UndeliveredError
from schemas.access import Access, ChangeReceived, StandingRead, kept_of, receipt_id
from schemas.events import CreditEvent
from schemas.subjects import Pseudonymiser
from tests.gateway.city import KEY, PACK, PARTITIONS, TODAY, City

PSEUDONYM_KEY = b"a key for the tests of the gateway"
ADDRESS = "http://localhost:8081"
SESSION_S = 600.0
SESSION_KEY = b"a key for the sessions of tests"
# The provider of tests takes any.
SECRET = "any"  # noqa: S105
# Nobody's: no area has a number that begins with 99.
NUMBER = resident_number(7, date(1990, 3, 7), 1)
OTHER_NUMBER = resident_number(8, date(1991, 4, 8), 2)
PEOPLE = {"lin": NUMBER, "chen": OTHER_NUMBER, "nobody": "99", "nameless": ""}
LIN = Pseudonymiser(PSEUDONYM_KEY).resident(NUMBER)
CHEN = Pseudonymiser(PSEUDONYM_KEY).resident(OTHER_NUMBER)
PAGE = {"accept": "text/html"}
READ_AT = datetime(2026, 11, 24, 2, 2, tzinfo=UTC)  # 10:02 in the city
JSON = {"accept": "application/json"}


def deployment(redis_url: str, issuer: str, address: str = ADDRESS) -> Deployment:
    return Deployment(
        redis_url=redis_url,
        timeout_s=2.0,
        kafka={"bootstrap.servers": "127.0.0.1:1"},
        topic="credit.events",
        topic_access=None,
        pack=PACK,
        pseudonym_key=PSEUDONYM_KEY,
        provider=Provider(issuer=issuer, client_id="page", client_secret=SECRET, claim=CLAIM),
        session_key=SESSION_KEY,
        session_s=SESSION_S,
        address=address,
        synthetic=True,
    )


@dataclass
class World:
    """What a test needs of a city and its page."""

    city: City
    offset_s: float = 0.0
    tick_s: float = 0.0
    published: list[CreditEvent] = field(default_factory=list)
    known: dict[int, CreditEvent] = field(default_factory=dict)
    is_log_away: bool = False
    is_worker_away: bool = False
    client: Any = None

    def clock(self) -> float:
        self.offset_s += self.tick_s
        return self.city.clock() + self.offset_s

    def happen(self, *events: CreditEvent) -> None:
        for event in events:
            self.known[KEY.record(event.source, event.id)] = event
        self.city.happen(*events)

    async def publish(self, event: CreditEvent) -> None:
        if self.is_log_away:
            raise UndeliveredError
        self.published.append(event)
        if not self.is_worker_away:
            self.happen(event)

    async def find(self, place: Place) -> Origin:
        event = self.known.get(place.record)
        if event is None:
            raise OriginGoneError
        return Origin(event.source, event.id)

    def sessions(self) -> Sessions:
        return Sessions(SESSION_KEY, SESSION_S, self.clock)

    def record_of(self, event: CreditEvent) -> str:
        return f"{KEY.record(event.source, event.id):016x}"


def sign_in(client: TestClient, name: str) -> Any:
    """Sign in as one of the people, as a browser would."""
    begun = client.get("/sign-in", headers=PAGE, follow_redirects=False)
    answered = httpx.post(begun.headers["location"], data={"sub": name})
    return client.get(answered.headers["location"], headers=PAGE)


def enter(world: World) -> Any:
    """Return the page of Lin, who has signed in already."""
    world.client.cookies.set(SESSION_COOKIE, world.sessions().begin(LIN))
    return world.client.get("/", headers=PAGE)


def token_in(html: str) -> str:
    """Return the token that a page's forms carry."""
    return html.partition('name="csrf" value="')[2].partition('"')[0]


def a_read(number: int, **changes: Any) -> StandingRead:
    stated: dict[str, Any] = {"reader": "transit-operator", "purpose": "transit", "what": "tier", "as_of": 1}
    return StandingRead(id=str(number), subject=LIN, time=READ_AT + timedelta(minutes=number), **stated | changes)


def a_receipt(as_of: int, reader: str = "transit-operator") -> ChangeReceived:
    change = f"0/{as_of}/{TODAY}/{LIN}"
    return ChangeReceived(id=receipt_id(reader, change), subject=LIN, time=READ_AT, reader=reader, change=change)


def copied(url: str, *accesses: Access) -> None:
    """Do what a worker's copy does."""
    with redis.Redis.from_url(url) as client:
        for one in accesses:
            client.lpush(access_key(one.subject, PARTITIONS), kept_of(one))
