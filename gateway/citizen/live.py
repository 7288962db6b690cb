"""The live page: when an event lands, what it changed is written anew, without a reload."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from fastapi.sse import ServerSentEvent

from gateway.citizen.reader import Known, Reader
from gateway.errors import StandingUnavailableError

# How often the card of an open page is looked at, in seconds.
POLL_S = 0.5

Pause = Callable[[float], Awaitable[Any]]


class Watch:
    """Watches one subject for one open page, as long as its session lasts."""

    def __init__(
        self, reader: Reader, clock: Callable[[], float], ending: Callable[[], bool], pause: Pause = asyncio.sleep
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._ending = ending
        self._pause = pause

    async def changes(self, subject: str, mark: str, target: int | None, ends_s: float) -> AsyncIterator[Known | None]:
        """Yield what is known each time it is no longer what the mark says, and None while the store is away."""
        away = False
        while self._clock() < ends_s and not self._ending():
            try:
                if away or await self._reader.mark(subject) != mark:
                    known = await self._reader.known(subject, target)
                    mark, away = known.mark, False
                    yield known
            except StandingUnavailableError:
                if not away:
                    yield None
                away = True
            await self._pause(POLL_S)


def changed(sections: Mapping[str, str], last: dict[str, str]) -> dict[str, str]:
    """Return the sections that are not what they were, and remember them."""
    new = {name: html for name, html in sections.items() if last.get(name) != html}
    last.update(new)
    return new


def event(name: str, mark: str | None = None, **data: Any) -> ServerSentEvent:
    """Return one event of the stream; its mark comes back when the browser connects again."""
    return ServerSentEvent(event=name, id=mark, data=data)
