"""The connection of load and commit, against servers that do not behave."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from sinks.wire import Wire
from tests.support.redis_server import connect

PING = b"*1\r\n$4\r\nPING\r\n"
# redis-py leaves its connections untyped.
_Connection: Any = redis.Connection


class PlainConnection(_Connection):  # type: ignore[misc]
    """A connection that is opened without a word."""

    def on_connect_check_health(self, **_: object) -> None:
        self._parser.on_connect(self)


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[Wire]:
    """Give a connection to a server that does as told with the one it gets."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            serve(connection)

    server = threading.Thread(target=accept)
    server.start()
    url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
    wire = Wire(connect(url, PlainConnection, socket_timeout=0.2))
    try:
        yield wire
    finally:
        wire.close()
        server.join()
        listener.close()


def answering(data: bytes) -> Callable[[socket.socket], None]:
    """Return what answers anything with some bytes, and closes the connection."""

    def serve(connection: socket.socket) -> None:
        connection.recv(len(PING), socket.MSG_WAITALL)
        connection.sendall(data)

    return serve


def silent(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


def test_answers_are_bytes_numbers_and_lists_in_the_order_in_which_they_were_asked_for(client: Any) -> None:
    wire = Wire(client)
    wire.send([b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", b"*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"])
    wire.send([b"*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n"])

    assert [*wire.answers(2), *wire.answers(1)] == [b"OK", 2, [b"2", None]]
    wire.close()


def test_an_answer_larger_than_what_is_read_at_once_comes_whole(client: Any) -> None:
    value = bytes(range(256)) * 4096
    client.set("large", value)
    wire = Wire(client)
    wire.send([b"*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n", PING])

    assert wire.answers(2) == [value, b"PONG"]
    wire.close()


def test_a_refusal_says_what_redis_said(client: Any) -> None:
    wire = Wire(client)
    wire.send([b"*1\r\n$7\r\nNOTHING\r\n", PING])

    with pytest.raises(redis.ResponseError, match="unknown command 'NOTHING'"):
        wire.answers(2)
    wire.close()


def test_after_it_was_closed_it_opens_again(client: Any) -> None:
    wire = Wire(client)
    wire.send([PING, PING])
    assert wire.answers(1) == [b"PONG"]
    wire.close()

    wire.send([b"*2\r\n$4\r\nECHO\r\n$5\r\nagain\r\n"])

    assert wire.answers(1) == [b"again"]
    wire.close()


def test_news_that_nobody_asked_for_is_no_answer() -> None:
    with serving(answering(b">2\r\n$6\r\nMOVING\r\n:1\r\n+PONG\r\n")) as wire:
        wire.send([PING])
        assert wire.answers(1) == [b"PONG"]


@pytest.mark.parametrize(
    ("serve", "error"),
    [
        (silent, redis.TimeoutError),
        (answering(b"+PON"), redis.ConnectionError),
        (answering(b"no protocol of Redis\r\n"), redis.InvalidResponse),
    ],
    ids=["silent", "closing", "another protocol"],
)
def test_a_server_that_does_not_answer_is_an_error_of_redis_py(
    serve: Callable[[socket.socket], None], error: type[redis.RedisError]
) -> None:
    with serving(serve) as wire:
        wire.send([PING])
        with pytest.raises(error):
            wire.answers(1)


def test_a_server_that_takes_nothing_more_is_an_error_of_redis_py() -> None:
    full = threading.Event()

    def serve(_: socket.socket) -> None:
        full.wait()

    with serving(serve) as wire:
        with pytest.raises(redis.TimeoutError):
            wire.send([bytes(1 << 26)])
        full.set()
