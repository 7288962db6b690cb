"""The citizen's page as `jasmine citizen` serves it, for the one citizen of the demo's story and a local provider."""

import secrets
import signal
import socket
import threading
import time

from benchmarks.child import say
from benchmarks.filling import AS_OF, fill_with
from city.calibrate import DEMO_KEY
from city.story import NAME, identity_number, story
from gateway.citizen.provider import CLAIM, local_provider
from gateway.citizen.serve import Deployment, kafka_log, served
from gateway.citizen.signin import Provider
from scoring.announced import Announced
from scoring.pack import Pack, load_pack
from sinks.store import Store
from stream.clients import redis_client
from stream.logs import configure
from stream.settings import Settings, load_settings

_HOST = "localhost"
_SESSION_S = 3_600.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _deployment(settings: Settings, pack: Pack, issuer: str, address: str) -> Deployment:
    return Deployment(
        redis_url=settings.redis_url,
        timeout_s=settings.store_timeout_s,
        kafka=settings.kafka,
        topic=settings.topic_events,
        topic_access=None,
        pack=pack,
        pseudonym_key=DEMO_KEY,
        # The provider takes any secret.
        provider=Provider(issuer=issuer, client_id="bench", client_secret=secrets.token_urlsafe(), claim=CLAIM),
        session_key=secrets.token_bytes(32),
        session_s=_SESSION_S,
        address=address,
        synthetic=True,
    )


def main() -> None:
    """Put the citizen's records into an empty store, and serve the page until SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    settings, pack, port = load_settings(), load_pack(), _free_port()
    configure("warning", "json")
    client = redis_client(settings)
    client.flushdb()
    store = Store(client)
    records = fill_with(store, Announced.of(pack), (step.published for step in story(AS_OF, DEMO_KEY)))
    store.disconnect()
    address = f"http://{_HOST}:{port}"
    with local_provider({NAME: identity_number()}) as issuer:
        deployment = _deployment(settings, pack, issuer, address)
        with served(deployment, kafka_log(deployment), _HOST, port, clock=time.time):
            say("ready", address=address, name=NAME, records=records)
            ended.wait()


if __name__ == "__main__":
    main()
