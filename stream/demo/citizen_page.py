"""The citizen's page in the demo: a provider with one person, and acts that the proof at the end accounts for."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from city.render import Published
from city.story import CHINESE_NAME, NAME, citizen, identity_number
from gateway.access import AccessLog
from gateway.async_producer import AsyncPublisher
from gateway.citizen.errors import OriginGoneError
from gateway.citizen.origins import Origin, Place
from gateway.citizen.provider import CLAIM, local_provider
from gateway.citizen.serve import Deployment, Log, served
from gateway.citizen.signin import Provider
from schemas.codec import decode, encode
from schemas.events import CreditEvent
from schemas.records import RecordKey
from scoring.pack import load_pack
from stream.demo.city_feed import Feed
from stream.embedded import Embedded
from stream.settings import Settings

_HOST = "localhost"
# Longer than the demo.
_SESSION_S = 3_600.0


@dataclass(slots=True)
class DemoPage:
    """The page.

    Attributes:
        address: where signing in begins.
        name: of whom there is one to sign in as.
        is_visited: whether somebody has signed in.

    """

    address: str
    name: str
    is_visited: bool = False

    def visit(self) -> None:
        """Note that somebody has signed in."""
        self.is_visited = True


class _FeedLog:
    """The embedded log through what the feed has published: the broker soon forgets, the feed keeps her records."""

    def __init__(self, feed: Feed, publisher: AsyncPublisher, key: bytes) -> None:
        self._feed = feed
        self._publisher = publisher
        self._citizen = citizen(key).encode()
        self._key = RecordKey.derived(key)

    async def publish(self, event: CreditEvent) -> None:
        key, value, headers = encode(event)
        self._feed.expect(Published(key, value, tuple(headers), "scored"))
        await self._publisher.publish(event)

    async def find(self, place: Place) -> Origin:
        for published in list(self._feed.kept):
            if published.key == self._citizen:
                event = decode(published.value, list(published.headers))
                if self._key.record(event.source, event.id) == place.record:
                    return Origin(event.source, event.id)
        raise OriginGoneError


@contextmanager
def page_of_citizen(embedded: Embedded, settings: Settings, key: bytes, feed: Feed) -> Iterator[DemoPage]:
    """Serve the page until the block ends."""
    name = f"{CHINESE_NAME} {NAME}"
    port = _free_port()
    address = f"http://{_HOST}:{port}"
    page = DemoPage(f"{address}/sign-in", name)
    properties = {"bootstrap.servers": embedded.bootstrap_servers, "log_level": 2}
    publisher = AsyncPublisher(properties, settings.topic_events)
    parts = _FeedLog(feed, publisher, key)
    access = AccessLog(properties, settings.topic_access)
    log = Log(publish=parts.publish, origins=parts, running=publisher, access=access, on_sign_in=page.visit)
    with local_provider({name: identity_number()}) as issuer:
        deployment = Deployment(
            redis_url=embedded.redis_url,
            timeout_s=settings.store_timeout_s,
            kafka={},
            topic=settings.topic_events,
            topic_access=settings.topic_access,
            pack=load_pack(),
            pseudonym_key=key,
            # The provider takes any secret; sessions last as long as this process.
            provider=Provider(
                issuer=issuer, client_id="jasmine-demo", client_secret=secrets.token_urlsafe(), claim=CLAIM
            ),
            session_key=secrets.token_bytes(32),
            session_s=_SESSION_S,
            address=address,
            synthetic=True,
        )
        with served(deployment, log, _HOST, port):
            yield page


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((_HOST, 0))
        return int(found.getsockname()[1])
