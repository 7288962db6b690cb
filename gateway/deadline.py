"""One budget of time for all that a thread's lookup waits for: connecting, the handshake, each answer."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# A connection that Redis has closed meanwhile is only noticed in use, so the second try is the real one.
RETRIES = 1


class _Budget(threading.local):
    ends = float("inf")


_budget = _Budget()


@contextmanager
def within(timeout_s: float) -> Iterator[None]:
    """Let this thread's connections wait no longer than `timeout_s` in all."""
    _budget.ends = time.monotonic() + timeout_s
    try:
        yield
    finally:
        _budget.ends = _Budget.ends


def _remaining_s() -> float | None:
    """Return what is left, or None outside of a lookup.

    Raises:
        TimeoutError: nothing is left.

    """
    if _budget.ends == _Budget.ends:
        return None
    remaining_s = _budget.ends - time.monotonic()
    if remaining_s <= 0:
        # As a socket would: redis-py then closes what it has half opened.
        message = "the lookup's deadline has passed"
        raise TimeoutError(message)
    return remaining_s


class _WithinBudget:
    """Gives a redis-py connection what is left of the budget, wherever it would wait for a time of its own."""

    _sock: Any
    disconnect: Callable[[], None]

    @property
    def socket_timeout(self) -> float | None:
        return _remaining_s()

    @socket_timeout.setter
    def socket_timeout(self, value: float | None) -> None:
        """Ignored: the budget decides."""

    @property
    def socket_connect_timeout(self) -> float | None:
        return _remaining_s()

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, value: float | None) -> None:
        """Ignored: the budget decides."""

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        if self._sock is not None:
            self._limit()
        return super().read_response(*args, **kwargs)  # type: ignore[misc]  # of the connection it is mixed into

    def _limit(self) -> None:
        try:
            self._sock.settimeout(_remaining_s())
        except TimeoutError as error:
            # An answer is still to come: it must not be taken for that of the next command.
            self.disconnect()
            raise redis.TimeoutError(str(error)) from error


def connect(url: str, connections_max: int, timeout_s: float) -> redis.Redis:
    """Return a client whose connections keep to the budget. Resolving a host name is the system's, and is not in it."""
    plain = redis.ConnectionPool.from_url(url)
    limited = type("ConnectionWithinBudget", (_WithinBudget, plain.connection_class), {})
    pool = redis.BlockingConnectionPool.from_url(
        url,
        connection_class=limited,
        max_connections=connections_max,
        timeout=timeout_s,
        retry=Retry(NoBackoff(), RETRIES),
    )
    return redis.Redis.from_pool(pool)
