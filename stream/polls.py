"""What the poll thread hands to Faust's agent, and how it does."""

import asyncio
import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from types import MappingProxyType
from typing import Self

from confluent_kafka import Message

# How long the event loop waits for a poll in place, and how long its other tasks wait for their turn at most.
_IN_PLACE_S = 0.002
_TURN_S = 0.01


def _ignore(_: object) -> None:
    pass


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Poll:
    """The raw records of one poll, of every partition that had some, and the credit for the next one."""

    topic: str
    #: In order within a partition; none of them is an error. There are none in a poll that only compares places.
    records: list[Message]
    #: By partition: the offset expected next before this poll. Not the first record's offset: logs have holes. Every
    #: `transport.KafkaWiring.compare_s` it names all partitions held, also those without a record.
    starts: Mapping[int, int]
    #: What `done` and `following` call. A test that needs no transport leaves them out.
    credit: Callable[[Mapping[int, int]], None] = field(default=_ignore, repr=False, compare=False)
    waiting: Callable[[], "Poll | None"] = field(default=_nothing, repr=False, compare=False)

    def following(self) -> "Poll | None":
        """Return the Poll that the agent gets next, if it has been read already; it starts where this one ends.

        Should this one end otherwise, by `done(seeks)`, the starts of those read already no longer fit what was
        applied, and they have to be refused like any other that does not fit. The seek is made when all of them are
        done, and nothing is read before.
        """
        return self.waiting()

    def done(self, seeks: Mapping[int, int] = MappingProxyType({})) -> None:
        """End this Poll and let the thread poll again, once; partitions in `seeks` are read from these offsets on.

        An agent that fails leaves its Poll undone, and nothing after it is read: the app stops instead.
        """
        self.credit(seeks)


class Polls:
    """What the agent goes through for as long as it lives: the one Faust message there is, for each costs it a lot.

    To be woken by the event loop's selector costs nearly as much as a small poll. So the event loop waits in place for
    the next one, and its other tasks have their turn when none comes, or after a while.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: queue.SimpleQueue[Poll] = queue.SimpleQueue()
        self._came = asyncio.Event()
        self._is_awaited = False
        self._turn_at_s = 0.0

    def put(self, poll: Poll) -> None:
        """Hand a Poll over, from another thread."""
        self._ready.put(poll)
        if self._is_awaited and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._came.set)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Poll:
        if monotonic() >= self._turn_at_s:
            await asyncio.sleep(0)
            self._turn_at_s = monotonic() + _TURN_S
        while True:
            try:
                return self._ready.get(timeout=_IN_PLACE_S)
            except queue.Empty:
                await self._wait()

    async def _wait(self) -> None:
        self._came.clear()
        self._is_awaited = True
        # Once more: a Poll that came before this thread said that it waits wakes nobody.
        if self._ready.empty():
            await self._came.wait()
        self._is_awaited = False
