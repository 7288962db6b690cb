"""The watchdog: a partition that stands still behind its log's end is a stall, unless the stream waits knowingly."""

import threading
from collections.abc import Mapping

import pytest

from stream.watchdog import Progress, Watchdog

STALL_S = 120.0


class Watched:
    """A watchdog over a log and a clock that a test moves."""

    def __init__(self, **applied: int) -> None:
        self.now_s = 1_000.0
        self.ends: dict[int, int] = {}
        self.answers = True
        self.stalls: list[str] = []
        self.progress = Progress({int(name.removeprefix("p")): offset for name, offset in applied.items()})
        self.dog = Watchdog(self.progress, self._log_ends, lambda: self.now_s, STALL_S, self.stalls.append)

    def _log_ends(self, applied: Mapping[int, int]) -> Mapping[int, int]:
        return {partition: self.ends[partition] for partition in applied} if self.answers else {}

    def after(self, seconds: float) -> str:
        self.now_s += seconds
        return self.dog.check()


def test_a_partition_that_stands_still_behind_its_logs_end_is_a_stall_that_says_where() -> None:
    watched = Watched(p3=7)
    watched.ends = {3: 9}
    watched.dog.check()

    assert watched.after(STALL_S) == ""
    assert watched.after(1) == ("partition 3 stands at offset 7, 2 behind the log's end, and has not moved for 120 s")


def test_a_partition_at_its_logs_end_may_stand_as_long_as_it_likes() -> None:
    watched = Watched(p0=9)
    watched.ends = {0: 9}
    watched.dog.check()

    assert watched.after(100 * STALL_S) == ""


def test_the_time_counts_from_when_it_fell_behind_and_not_from_its_last_event() -> None:
    watched = Watched(p0=9)
    watched.ends = {0: 9}
    watched.dog.check()
    watched.after(100 * STALL_S)
    watched.ends = {0: 10}

    assert watched.after(1) == ""
    assert watched.after(STALL_S) != ""


def test_a_partition_that_moves_is_fine_however_far_it_is_behind() -> None:
    watched = Watched(p0=0)
    watched.ends = {0: 1_000_000}
    watched.dog.check()

    for offset in range(1, 10):
        watched.progress.applied[0] = offset
        assert watched.after(STALL_S) == ""


def test_one_that_stands_among_others_that_move_is_found() -> None:
    watched = Watched(p0=0, p1=0)
    watched.ends = {0: 50, 1: 50}
    watched.dog.check()
    watched.progress.applied[0] = 1
    watched.after(STALL_S)
    watched.progress.applied[0] = 2

    assert watched.after(1).startswith("partition 1 ")


def test_waiting_knowingly_is_no_stall_and_the_time_begins_anew_after_it() -> None:
    watched = Watched(p0=0)
    watched.ends = {0: 5}
    watched.progress.waiting_for = "redis"
    watched.dog.check()
    assert watched.after(10 * STALL_S) == ""
    watched.progress.waiting_for = ""

    assert watched.after(STALL_S) == ""
    assert watched.after(1) != ""


def test_a_kafka_that_does_not_answer_is_no_stall() -> None:
    watched = Watched(p0=0)
    watched.ends = {0: 5}
    watched.dog.check()
    watched.answers = False

    assert watched.after(10 * STALL_S) == ""
    assert watched.dog.lag == {}


def test_a_partition_given_up_and_got_back_begins_anew() -> None:
    watched = Watched(p0=0)
    watched.ends = {0: 5}
    watched.dog.check()
    del watched.progress.applied[0]
    watched.after(STALL_S)
    watched.progress.applied[0] = 0

    assert watched.after(STALL_S) == ""


@pytest.mark.parametrize(("ends", "is_silent"), [({}, True), ({0: 7}, False)])
def test_a_worker_without_partitions_knows_whether_kafka_answers(ends: dict[int, int], *, is_silent: bool) -> None:
    watched = Watched()
    watched.dog._log_ends = lambda _: ends

    assert watched.after(10 * STALL_S) == ""
    assert watched.dog.kafka_is_silent == is_silent
    assert watched.dog.lag == {}


def test_the_lag_is_what_the_log_has_more() -> None:
    watched = Watched(p0=4, p1=9)
    watched.ends = {0: 6, 1: 9}
    watched.dog.check()

    assert watched.dog.lag == {0: 2, 1: 0}


def test_a_stall_is_told_by_the_thread_which_ends_when_it_is_asked_to() -> None:
    told = threading.Event()
    clock = iter(range(0, 10_000_000, 1_000))
    dog = Watchdog(Progress({0: 1}), lambda _: {0: 2}, lambda: float(next(clock)), 0.006, lambda _: told.set())
    dog.start()

    assert told.wait(5.0)
    dog.end()
    dog.join(5.0)
    assert not dog.is_alive()
