"""The composition root of the lookup service."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog
import uvicorn

from gateway.access import AccessLog
from gateway.errors import ListeningError
from gateway.evaluate import PackEvaluator, evaluator_of, names_of
from gateway.http import create_app
from gateway.lookup import CONNECTIONS_MAX, TIMEOUT_S, AsyncLookup
from gateway.readers import Readers
from scoring.pack import Pack

# How long requests under way may take to end after a signal, in seconds: many times a lookup's deadline.
GRACE_S = 10
# How many connections may wait to be taken.
BACKLOG = 2_048


def serve(
    redis_url: str,
    pack: Pack,
    host: str,
    port: int,
    *,
    reads: AccessLog | None,
    readers: Readers | None = None,
    timeout_s: float = TIMEOUT_S,
    connections_max: int = CONNECTIONS_MAX,
    access_log: bool = True,
    clock: Callable[[], float] = time.time,
) -> None:
    """Serve lookups until SIGINT or SIGTERM, then answer the requests under way and return. In the main thread only.

    Args:
        redis_url: ``redis://``, ``rediss://`` or ``unix://``.
        pack: the worker's own; those announced later are read from the store.
        host: the address to listen on.
        port: its port; 0 takes any free one, which the log names.
        reads: where it is written who read what; None writes nothing, and the log says so.
        readers: who may ask; None believes whoever names itself, and the log says so.
        timeout_s: how long one lookup may take, in seconds.
        connections_max: most connections to Redis at a time.
        access_log: whether each request is a line in the log.
        clock: gives the time, in seconds since the epoch.

    Raises:
        ListeningError: the address cannot be had.

    """
    lookup = AsyncLookup.from_url(
        redis_url,
        names_of(pack),
        evaluator=PackEvaluator(pack),
        load=evaluator_of,
        timeout_s=timeout_s,
        connections_max=connections_max,
        clock=clock,
    )
    config = uvicorn.Config(
        create_app(lookup, reads, readers, access_log=access_log),
        host=host,
        port=port,
        # Our own has no path, in which the subject stands; and logging belongs to whoever starts this.
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE_S,
    )
    # From here on whoever connects is answered, as soon as the service has started.
    listening = listening_on(host, port)
    address = listening.getsockname()
    log = structlog.get_logger("jasmine.gateway")
    log.info("listening", host=address[0], port=address[1], pack=f"{pack.hash:016x}")
    if reads is None:
        log.warning("the access log is off: nobody will know who read what")
    if readers is None:
        log.warning("readers name themselves: what stands before this service must know them, or set JASMINE_READERS")
    with signals_end_the_service_only():
        uvicorn.Server(config).run(sockets=[listening])
    if reads is not None and (lost := reads.close()):
        log.error("reads were given that Kafka has not", lost=lost)
    log.info("ended")


def listening_on(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

    Raises:
        ListeningError: the address cannot be had.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        message = f"{host} port {port}: {error.strerror or error}"
        raise ListeningError(message) from error


@contextmanager
def signals_end_the_service_only() -> Iterator[None]:
    """Let the caller go on: uvicorn raises the signal that ended it once more, which would end the process."""
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _ignore(_: int, __: FrameType | None) -> None: ...
