"""What the poll thread hands to Faust's agent, and how it does."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from types import MappingProxyType
from typing import Self

from confluent_kafka import Message

from stream.turns import sides

# How long the event loop waits for a poll in place, and how long its other tasks wait for their turn at most.
_IN_PLACE_MS = 2
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

    Attributes:
        loop_side: what the event loop's thread tells the poll thread by: that a Poll is done.
        poll_side: and what that one tells by, that there is a Poll.

    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: deque[Poll] = deque()
        self.loop_side, self.poll_side = sides()
        self._came = asyncio.Event()
        self._is_awaited = False
        self._turn_at_s = 0.0

    def put(self, poll: Poll) -> None:
        """Hand a Poll over, from the poll thread; by its side's next call this is told."""
        self._ready.append(poll)
        self.poll_side.owe()
        if self._is_awaited and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._came.set)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Poll:
        if monotonic() >= self._turn_at_s:
            self.loop_side.tell()
            await asyncio.sleep(0)
            self._turn_at_s = monotonic() + _TURN_S
        while not self._ready:
            if not self.loop_side.wait(_IN_PLACE_MS):
                await self._wait()
        self.loop_side.tell()
        return self._ready.popleft()

    async def _wait(self) -> None:
        self._came.clear()
        self._is_awaited = True
        # Once more: a Poll that came before this thread said that it waits wakes nobody.
        if not self._ready:
            await self._came.wait()
        self._is_awaited = False
