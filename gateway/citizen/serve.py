"""The composition root of the citizen's page."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from types import FrameType
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.access import AccessLog
from gateway.async_producer import AsyncPublisher
from gateway.citizen.acts import Acts
from gateway.citizen.app import Parts, create_app
from gateway.citizen.origins import KafkaOrigins, Origins
from gateway.citizen.reader import Reader
from gateway.citizen.sessions import Sessions
from gateway.citizen.signin import Provider, SignIn
from gateway.citizen.standings import Standings
from gateway.citizen.view import Ruling
from gateway.citizen.visit import Cookies
from gateway.citizen.visits import Visits
from gateway.lookup import CONNECTIONS_MAX
from gateway.serve import GRACE_S, listening_on, signals_end_the_service_only
from schemas.events import CreditEvent
from schemas.records import RecordKey
from schemas.subjects import Pseudonymiser
from scoring.pack import Pack
from scoring.rules import compile_rules

# How often the thread of a page that others started is looked at while it starts, in seconds.
_START_POLL_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a deployment decides.

    Attributes:
        redis_url: ``redis://``, ``rediss://`` or ``unix://``.
        timeout_s: how long one look at the store may take, in seconds.
        kafka: librdkafka's properties.
        topic: of events.
        topic_access: of the access log; None where it is off.
        pack: the worker's.
        pseudonym_key: behind subject ids and record ids; the worker's.
        provider: where people sign in.
        session_key: signs the cookies.
        session_s: how long a session lasts, in seconds.
        address: where the page is, as its visitors know it, such as https://credit.city.example.
        synthetic: whether nobody here is real.

    """

    redis_url: str
    timeout_s: float
    kafka: Mapping[str, Any]
    topic: str
    topic_access: str | None
    pack: Pack
    pseudonym_key: bytes
    provider: Provider
    session_key: bytes
    session_s: float
    address: str
    synthetic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """How acts get into the log, and where records come from.

    Attributes:
        publish: publishes one event.
        origins: finds the events of records.
        running: what must be entered meanwhile.
        access: where visits are written; None writes none.
        on_sign_in: told when somebody has signed in, not who.

    """

    publish: Callable[[CreditEvent], Awaitable[Any]]
    origins: Origins
    running: AbstractAsyncContextManager[Any]
    access: AccessLog | None = None
    on_sign_in: Callable[[], None] = lambda: None


def kafka_log(deployment: Deployment) -> Log:
    """Return the log in Kafka; nothing connects yet."""
    publisher = AsyncPublisher(deployment.kafka, deployment.topic)
    key = RecordKey.derived(deployment.pseudonym_key)
    origins = KafkaOrigins(deployment.kafka, deployment.topic, key)
    access = None if deployment.topic_access is None else AccessLog(deployment.kafka, deployment.topic_access)
    return Log(publish=publisher.publish, origins=origins, running=publisher, access=access)


def build(
    deployment: Deployment,
    log: Log,
    *,
    ending: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.time,
    access_log: bool = True,
) -> FastAPI:
    """Put the page together; `ending` says when open pages shall let go. Nothing connects yet."""
    pack = deployment.pack
    standings = Standings.from_url(deployment.redis_url, deployment.timeout_s, CONNECTIONS_MAX)
    address = deployment.address.rstrip("/")
    sessions = Sessions(deployment.session_key, deployment.session_s, clock)
    parts = Parts(
        reader=Reader(standings, Ruling(pack, compile_rules(pack)), clock),
        sign_in=SignIn(deployment.provider, Pseudonymiser(deployment.pseudonym_key)),
        cookies=Cookies(sessions, secure=address.startswith("https://")),
        acts=Acts(log.publish, log.origins, clock),
        visits=Visits(log.access),
        running=log.running,
        clock=clock,
        ending=ending,
        address=address,
        session_s=deployment.session_s,
        base_points=pack.base_points,
        on_sign_in=log.on_sign_in,
        synthetic=deployment.synthetic,
    )
    return create_app(parts, access_log=access_log)


def serve(deployment: Deployment, host: str, port: int, *, access_log: bool = True) -> None:
    """Serve the page until SIGINT or SIGTERM. In the main thread only.

    Raises:
        ListeningError: the address cannot be had.

    """
    listening = listening_on(host, port)
    server = _server(deployment, kafka_log(deployment), (host, port), access_log=access_log, clock=time.time)
    log = structlog.get_logger("jasmine.citizen")
    log.info("serving", address=deployment.address, pack=f"{deployment.pack.hash:016x}")
    with signals_end_the_service_only():
        server.run(sockets=[listening])
    log.info("ended")


@contextmanager
def served(
    deployment: Deployment, log: Log, host: str, port: int, clock: Callable[[], float] = time.time
) -> Iterator[None]:
    """Serve the page from a thread of its own until the block ends."""
    server = _server(deployment, log, (host, port), access_log=False, clock=clock)
    thread = threading.Thread(target=server.run, name="citizen", daemon=True)
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(_START_POLL_S)
        yield
    finally:
        server.end()
        thread.join(GRACE_S)


class _Server(uvicorn.Server):
    """A server whose open pages let go when it ends."""

    def __init__(self, config: uvicorn.Config, ending: threading.Event) -> None:
        super().__init__(config)
        self._ending = ending

    def end(self) -> None:
        self._ending.set()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending.set()
        super().handle_exit(sig, frame)


def _server(
    deployment: Deployment, log: Log, at: tuple[str, int], *, access_log: bool, clock: Callable[[], float]
) -> _Server:
    ending = threading.Event()
    config = uvicorn.Config(
        build(deployment, log, ending=ending.is_set, clock=clock, access_log=access_log),
        host=at[0],
        port=at[1],
        # Our own line has no address, in which a record's number stands.
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_S,
    )
    return _Server(config, ending)


def others_log(publish: Callable[[CreditEvent], Awaitable[Any]], origins: Origins) -> Log:
    """Return a log whose parts somebody else runs."""
    return Log(publish=publish, origins=origins, running=nullcontext())
