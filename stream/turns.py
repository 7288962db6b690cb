"""Two threads that hand each other work: who hands something over waits for the other in the same call.

Done in two calls, the first would wake the other thread while this one still holds the interpreter's lock. The other
would find it held, sleep again, and be woken again, for each poll both ways; of a small poll that is a good part.
"""

import os
import weakref
from typing import Any

import numpy as np
from numba import types

from schemas.compiled import Int, compiled

# Of poll(2), as POSIX has it.
_POLLFD = np.dtype([("fd", np.int32), ("events", np.int16), ("revents", np.int16)])
_POLLIN = 1
# What was told several times is taken in one go.
_TAKEN_BYTES = 64

_poll: Any = types.ExternalFunction("poll", types.int32(types.intp, types.uint64, types.int32))
_read: Any = types.ExternalFunction("read", types.int64(types.int32, types.intp, types.uint64))
_write: Any = types.ExternalFunction("write", types.int64(types.int32, types.intp, types.uint64))


@compiled
def _tell_and_wait(tells: Int, write_fd: Int, read_fd: Int, room: Int, waiting: Int, timeout_ms: Int) -> Int:
    if tells:
        _write(write_fd, room, 1)
    # A signal ends it early, like the time limit.
    return _read(read_fd, room, _TAKEN_BYTES) if _poll(waiting, 1, timeout_ms) == 1 else 0


class Side:
    """One thread's side. What is handed over stands elsewhere; here it is only said that there is something."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._room = np.zeros(_TAKEN_BYTES, np.uint8)
        self._waiting = np.array([(read_fd, _POLLIN, 0)], _POLLFD)
        self._places = self._room.ctypes.data, self._waiting.ctypes.data
        self._owes = False
        for descriptor in (read_fd, write_fd):
            weakref.finalize(self, os.close, descriptor)

    def owe(self) -> None:
        """Let the other side be told, by this side's next `wait` or `tell`."""
        self._owes = True

    def tell(self) -> None:
        """Tell the other side now what it is owed."""
        if self._owes:
            self._owes = False
            os.write(self._write_fd, b"\0")

    def wait(self, timeout_ms: int) -> bool:
        """Tell what is owed, and wait to be told, at most so long; return whether that was so.

        Several tellings count as one, and one may be of something that was seen before.
        """
        owes, self._owes = self._owes, False
        taken: int = _tell_and_wait(owes, self._write_fd, self._read_fd, *self._places, timeout_ms)
        return taken > 0


def sides() -> tuple[Side, Side]:
    """Return two sides of one hand-over."""
    (mine, to_me), (theirs, to_them) = os.pipe(), os.pipe()
    return Side(mine, to_them), Side(theirs, to_me)
