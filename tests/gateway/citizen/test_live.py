"""The live page: what changes is told, once, and no more."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from gateway.citizen.live import Watch
from gateway.citizen.reader import Known
from gateway.errors import StandingUnavailableError
from tests.gateway.citizen.world import LIN, SESSION_S, World, enter
from tests.gateway.city import TODAY, an_event


class FakeReader:
    """Says one mark after another, or that the store is away where there is None."""

    def __init__(self, *marks: str | None) -> None:
        self._marks = [*marks]
        self.looks = 0

    @property
    def is_done(self) -> bool:
        return self.looks >= len(self._marks)

    async def mark(self, subject: str) -> str:
        mark = self._marks[self.looks]
        if mark is None:
            raise StandingUnavailableError
        return mark

    async def known(self, subject: str, target: int | None = None) -> Known:
        return Known(status="unknown", mark=await self.mark(subject), page=None)


def told(
    reader: FakeReader, *, clock: Callable[[], float] = lambda: 0.0, ends_s: float = 1.0, ending: bool = False
) -> list[str | None]:
    """Return the marks that a page showing "a" is told, until the reader has nothing more to say."""

    async def pause(_: float) -> None:
        reader.looks += 1

    async def collect() -> list[str | None]:
        some_reader: Any = reader
        watch = Watch(some_reader, clock, lambda: ending or reader.is_done, pause)
        return [one.mark if one else None async for one in watch.changes(LIN, "a", None, ends_s)]

    return asyncio.run(collect())


def test_as_long_as_nothing_changes_nothing_is_told() -> None:
    assert told(FakeReader("a", "a", "a")) == []


def test_each_change_is_told_once() -> None:
    assert told(FakeReader("a", "b", "b", "c")) == ["b", "c"]


def test_a_page_that_was_written_before_the_last_event_is_told_at_once() -> None:
    assert told(FakeReader("b")) == ["b"]


def test_that_the_store_is_away_is_told_once_and_so_is_its_return() -> None:
    assert told(FakeReader("a", None, None, "a", "a")) == [None, "a"]


def test_nothing_is_told_after_the_session_ends() -> None:
    assert told(FakeReader("b"), clock=lambda: 2.0) == []


def test_a_service_that_ends_lets_go() -> None:
    assert told(FakeReader("b", "c"), ending=True) == []


def events_of(stream: str) -> list[tuple[str, Any]]:
    """Return the events of a stream, each with its data."""
    found = []
    for block in stream.replace("\r\n", "\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in lines:
            found.append((lines["event"], json.loads(lines.get("data", "null"))))
    return found


def test_a_page_hears_of_an_event_that_lands_and_at_last_that_its_session_has_ended(world: World) -> None:
    page = enter(world).text
    mark = page.partition('data-live="')[2].partition('"')[0]
    world.happen(an_event(LIN, "library.loan.overdue", TODAY, event_id="again"))
    # Time passes at each look at the clock, so that the session ends after a few.
    world.tick_s = SESSION_S / 6
    stream = world.client.get("/live", params={"mark": mark}, headers={"accept-language": "en"})

    assert stream.headers["content-type"].startswith("text/event-stream")
    (change, data), (ended, _) = events_of(stream.text)
    assert (change, ended) == ("change", "ended")
    assert data["score"] == 481
    assert data["said"] == "The score is now 481, Poor."
    assert '<p class="number" id="number">481</p>' in data["sections"]["score"]
    assert data["sections"].keys() >= {"score", "why", "records"}


def test_who_comes_back_with_the_last_mark_is_told_nothing_again(world: World) -> None:
    mark = enter(world).text.partition('data-live="')[2].partition('"')[0]
    world.tick_s = SESSION_S / 4
    stream = world.client.get("/live?mark=old", headers={"last-event-id": mark})

    assert [name for name, _ in events_of(stream.text)] == ["ended"]
