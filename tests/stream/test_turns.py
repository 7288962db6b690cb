"""Two threads that take turns, by one call each."""

import gc
import os
import signal
from collections.abc import Iterator
from threading import Thread
from types import FrameType

import pytest

from stream.turns import Side, sides

LONG_MS = 20_000


def test_nobody_is_told_of_what_is_not_owed() -> None:
    mine, theirs = sides()
    theirs.tell()

    assert not theirs.wait(0)
    assert not mine.wait(1)


@pytest.mark.parametrize("by", [Side.tell, lambda side: side.wait(0)], ids=["tell", "wait"])
def test_what_is_owed_is_told_once(by: object) -> None:
    mine, theirs = sides()
    for _ in range(3):
        theirs.owe()
        assert callable(by)
        by(theirs)
    theirs.tell()

    assert mine.wait(LONG_MS)
    assert not mine.wait(0)


def test_two_threads_take_turns_and_miss_none() -> None:
    turns, seen = 2_000, []
    mine, theirs = sides()

    def answer() -> None:
        for number in range(turns):
            assert theirs.wait(LONG_MS)
            seen.append(("theirs", number))
            theirs.owe()
        theirs.tell()

    answering = Thread(target=answer)
    answering.start()
    for number in range(turns):
        seen.append(("mine", number))
        mine.owe()
        assert mine.wait(LONG_MS)
    answering.join()

    assert seen == [(who, number) for number in range(turns) for who in ("mine", "theirs")]


@pytest.fixture
def alarms() -> Iterator[list[int]]:
    """The signals of a timer that goes off soon."""
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    before = signal.signal(signal.SIGALRM, note)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    yield came
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_signal_ends_the_waiting_and_is_handled(alarms: list[int]) -> None:
    mine, _theirs = sides()

    assert not mine.wait(LONG_MS)
    assert alarms == [signal.SIGALRM]


def test_of_a_side_that_is_gone_nothing_stays_open_and_waiting_for_it_is_no_error() -> None:
    mine, theirs = sides()
    del theirs
    gc.collect()

    assert not mine.wait(0)
    assert os.read(mine._read_fd, 1) == b""
    with pytest.raises(BrokenPipeError):
        os.write(mine._write_fd, b"anything")
