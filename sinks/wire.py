"""The connection of load and commit: commands are sent in one piece, and their answers read in one go.

redis-py opens it; addresses, users, passwords and TLS are its business. It takes each answer through several calls in
Python, and looks before each reading and writing whether the socket is ready. For a poll of a few events that costs
about as much as to score them; so the answers are read here, by the parser that it uses, too.
"""

import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Any

import hiredis
import redis

_READ_BYTES = 1 << 16
_MORE = object()
# An error, and news that nobody has asked for.
_NO_ANSWERS = (redis.ResponseError, hiredis.PushNotification)


class Wire:
    """One connection out of a client's pool; it is opened on first use, and again after `close`."""

    def __init__(self, client: redis.Redis) -> None:
        # redis-py leaves its connections untyped.
        self._pool: Any = client.connection_pool
        self._connection: Any = None
        self._socket: Any = None
        self._reader: Any = _reader()  # whose types leave out that it reads from a buffer, too
        self._buffer = bytearray(_READ_BYTES)

    def send(self, commands: Sequence[bytes | memoryview]) -> None:
        """Send packed commands; raises redis.RedisError if that fails."""
        if self._socket is None:
            self._open()
        try:
            # In one piece: each piece would wake Redis by itself.
            self._socket.sendall(b"".join(commands))
        except OSError as error:
            raise _failure(error) from error

    def answers(self, count: int) -> list[Any]:
        """Take so many answers to what was sent, texts as bytes.

        Raises:
            redis.ResponseError: an answer is an error; those behind it are left unread.
            redis.RedisError: they do not come.

        """
        taken: list[Any] = []
        take = self._reader.gets
        while len(taken) < count:
            answer = take()
            if answer is _MORE:
                self._receive()
            elif isinstance(answer, _NO_ANSWERS):
                if isinstance(answer, redis.ResponseError):
                    raise answer
            else:
                taken.append(answer)
        return taken

    def close(self) -> None:
        """Close the connection; what was not answered yet stays so."""
        if self._connection is not None:
            self._connection.disconnect()
            self._pool.release(self._connection)
            self._connection = self._socket = None

    def _open(self) -> None:
        self._connection = self._pool.get_connection()
        self._socket = self._connection._sock  # noqa: SLF001 - it has no other name
        self._reader = _reader()
        _let_system_wait(self._socket, self._connection.socket_timeout)

    def _receive(self) -> None:
        try:
            size = self._socket.recv_into(self._buffer)
        except OSError as error:
            raise _failure(error) from error
        if not size:
            raise redis.ConnectionError("Redis closed the connection")
        self._reader.feed(self._buffer, 0, size)


def _reader() -> hiredis.Reader:
    return hiredis.Reader(protocolError=redis.InvalidResponse, replyError=redis.ResponseError, notEnoughData=_MORE)


def _failure(error: OSError) -> redis.ConnectionError | redis.TimeoutError:
    if isinstance(error, TimeoutError | BlockingIOError):
        return redis.TimeoutError("Redis does not answer in time")
    return redis.ConnectionError(str(error))


def _let_system_wait(opened: socket.socket, timeout_s: float | None) -> None:
    """Leave a socket's time limit to the operating system: Python asks it before each call whether there is anything.

    Under TLS one reading may be several of the socket's, and only Python limits them together.
    """
    if timeout_s is None or isinstance(opened, ssl.SSLSocket):
        return
    limit = struct.pack("@ll", *divmod(max(round(timeout_s * 1_000_000), 1), 1_000_000))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        opened.setsockopt(socket.SOL_SOCKET, option, limit)
    opened.settimeout(None)
