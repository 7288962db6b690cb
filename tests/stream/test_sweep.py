"""Standings that change without an event: at midnight in the city, once, in slices, under the fence."""

from typing import Any

import numpy as np
import pytest

from schemas.days import date_of, day_of, start_of
from schemas.subjects import parse_subject
from scoring.card import CARD
from sinks.errors import PartitionLostError
from sinks.keys import next_key, swept_key
from stream import sweep
from stream.rescore import Rescorer
from stream.sweep import Sweeper, Swept
from tests.support.events import PARTITIONS, RESIDENT
from tests.support.fake_kafka import FakeLog
from tests.support.records import day
from tests.support.scorers import (
    ANNOUNCED,
    NOON_S,
    TODAY,
    Scorer,
    changes_in,
    due_in,
    expected_of,
    hold_store_to,
    standings_in,
)

# The shipped pack asks 686 points of who rides at a discount, and from 2027 on 697.
NEW_YEAR = day("2027-01-01")


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


class Night:
    """A worker that sweeps."""

    def __init__(self, client: Any) -> None:
        self.clock = Clock()
        self.log = FakeLog()
        self.client = client
        self.scorer = Scorer(self.log, client, self.clock)
        self.sweeper = Sweeper(self.scorer.store, ANNOUNCED, self.clock)

    def happen(self, type_name: str, subject: str = RESIDENT, **changes: Any) -> None:
        stated = {"id": f"{type_name} of {subject}", "subject": subject, **changes}
        self.partition = self.log.publish(type_name, **stated).at_partition
        self.scorer.work()

    def reach_690(self, subject: str = RESIDENT) -> None:
        """Let somebody have 690 points: enough for a discount until the new year."""
        self.happen("subject.registered", subject)
        self.happen("occupation.honour.awarded", subject, data={"grade": "national"})
        self.happen("capability.contribution.continuous", subject, data={"quantity": 60})
        self.happen("bravery.recognised", subject, data={"grade": "outstanding"})

    def sleep_until(self, on: int, second: float = 0.0) -> None:
        self.clock.now_s = start_of(on) + second

    def sweep(self, times_max: int = 1_000) -> int:
        """Sweep until the store says that all days until today are done; return how many standings that were."""
        swept = 0
        for _ in range(times_max):
            swept += self.sweeper.sweep([self.partition]).standings
            if self.scorer.store.swept([self.partition]) == {self.partition: day_of(int(self.clock.now_s))}:
                return swept
        raise AssertionError("the sweeper does not come to an end")

    def entitled(self) -> bool:
        """Whether the card as it stands has the discount, the pack's first perk."""
        return bool(self.card()["entitlements"] & 1)

    def card(self, subject: str = RESIDENT) -> Any:
        key = b"{%d}:%016x" % (self.partition, parse_subject(subject))
        return np.frombuffer(standings_in(self.client)[key][: CARD.itemsize], CARD)[0]


@pytest.fixture
def night(client: Any) -> Night:
    return Night(client)


def test_nothing_is_due_before_the_first_midnight(night: Night) -> None:
    night.reach_690()

    assert night.sweep() == 0


def test_a_card_changes_at_midnight_in_the_city_and_not_a_second_before(night: Night) -> None:
    night.reach_690()
    before = night.card().tobytes()

    night.sleep_until(NEW_YEAR, second=-1)
    assert night.sweep() == 0
    assert night.card().tobytes() == before
    assert night.entitled()

    night.sleep_until(NEW_YEAR)
    assert night.sweep() == 1
    assert not night.entitled()
    assert (night.card()["score"], night.card()["evaluated"]) == (690, NEW_YEAR)


def test_a_swept_card_is_what_the_plain_evaluator_says_and_its_ledger_is_as_it_was(night: Night) -> None:
    night.reach_690()
    night.sleep_until(NEW_YEAR)
    night.sweep()

    hold_store_to(expected_of(night.log), night.client, NEW_YEAR)


def test_the_change_is_published_once_with_its_day_and_what_was_lost(night: Night) -> None:
    night.reach_690()
    already = len(changes_in(night.client))
    night.sleep_until(NEW_YEAR)
    night.sweep()
    night.sweep()

    (change,) = changes_in(night.client)[already:]
    data = change["data"]
    assert (change["subject"], data["day"]) == (RESIDENT, "2027-01-01")
    assert {*data["entitlements_before"]} - {*data["entitlements"]} == {"transit_discount"}
    assert data["tier"] == data["tier_before"]


def test_a_due_set_is_empty_when_its_day_is_done_and_the_next_day_is_known(night: Night) -> None:
    night.reach_690()
    night.sleep_until(NEW_YEAR)
    night.sweep()

    (key,) = due_in(night.client)
    assert int(key.rpartition(b":")[2]) == night.card()["valid_until"] > NEW_YEAR


def test_a_day_is_swept_once(night: Night) -> None:
    night.reach_690()
    night.sleep_until(NEW_YEAR)

    assert [night.sweep(), night.sweep(), night.sweeper.sweep([night.partition]).standings] == [1, 0, 0]


def test_after_a_long_sleep_every_day_is_made_up_for_and_a_card_only_evaluated_for_today(night: Night) -> None:
    night.reach_690()
    after = day("2030-06-01")  # the honour lasts until 2031, the bravery until 2029
    night.sleep_until(after)

    swept = night.sweep(times_max=2_000)

    assert swept == 1
    hold_store_to(expected_of(night.log), night.client, after)


def test_an_event_between_the_day_and_its_sweep_leaves_nothing_to_sweep(night: Night) -> None:
    night.reach_690()
    night.sleep_until(NEW_YEAR, second=60)
    night.happen("library.loan.overdue")
    after_the_event = standings_in(night.client)

    assert night.sweep() == 0
    assert standings_in(night.client) == after_the_event


def test_a_subject_left_in_a_due_set_that_it_does_not_belong_to_is_taken_out(night: Night) -> None:
    night.reach_690()
    night.client.sadd(b"{%d}:due:%d" % (night.partition, TODAY + 1), f"{parse_subject(RESIDENT):016x}", "0" * 16)
    before = standings_in(night.client)
    night.sleep_until(TODAY + 1)

    assert night.sweep() == 0
    assert standings_in(night.client) == before
    assert not night.client.exists(b"{%d}:due:%d" % (night.partition, TODAY + 1))


def test_a_big_due_set_is_done_in_slices_between_which_events_are_applied(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "SLICE_SUBJECTS", 4)
    for number in range(40):
        subject = f"r-{number:016x}"
        night.log.publish("subject.registered", subject=subject, id=subject)
        night.log.publish("library.loan.overdue", subject=subject, id=f"loan of {subject}")
    night.scorer.work_off()
    partitions = [*night.log.records]
    later = day("2031-01-01")
    night.sleep_until(later)
    for partition in partitions:
        night.scorer.store.set_swept(partition, min(_days_due(night.client, partition)) - 1)

    slices: list[int] = []
    while any(min(_days_due(night.client, one), default=later) < later for one in partitions):
        slices.append(night.sweeper.sweep(partitions).standings)
        night.happen("library.loan.overdue", f"r-{len(slices):016x}", id=f"between slices {len(slices)}")

    assert 2 < len(slices) < 40
    assert max(slices) <= 4 * len(partitions)
    hold_store_to(expected_of(night.log), night.client, later)


def _days_due(client: Any, partition: int) -> list[int]:
    return [int(key.rpartition(b":")[2]) for key in due_in(client) if key.startswith(b"{%d}" % partition)]


def test_a_sweep_overtaken_by_another_worker_writes_nothing_and_is_made_up_for(night: Night) -> None:
    night.reach_690()
    night.sleep_until(NEW_YEAR)
    other = Scorer(night.log, night.client, night.clock)

    def meanwhile() -> None:
        night.log.publish("library.loan.overdue", id="meanwhile")
        other.work()

    night.scorer.store.meanwhile = meanwhile
    night.scorer.store.set_swept(night.partition, NEW_YEAR - 1)

    assert night.sweeper.sweep([night.partition]) == Swept()
    assert night.sweep() == 0
    hold_store_to(expected_of(night.log), night.client, NEW_YEAR)
    other.store.disconnect()


def test_a_partition_whose_fence_is_lost_is_said_so(night: Night) -> None:
    night.reach_690()
    night.sleep_until(NEW_YEAR)
    night.scorer.store.set_swept(night.partition, NEW_YEAR - 1)
    night.client.delete(next_key(night.partition))

    with pytest.raises(PartitionLostError):
        night.sweeper.sweep([night.partition])


def test_a_partition_that_the_store_does_not_know_has_nothing_due(night: Night) -> None:
    night.reach_690()
    night.client.delete(swept_key(night.partition))

    assert night.sweeper.sweep([night.partition]) == Swept()


def test_the_published_day_is_the_day_of_the_sweep(night: Night) -> None:
    night.reach_690()
    late = NEW_YEAR + 3
    night.sleep_until(late)
    night.sweep()

    assert changes_in(night.client)[-1]["data"]["day"] == date_of(late).isoformat()


def test_a_look_at_partitions_with_nothing_to_do_asks_once_for_all_of_them(night: Night) -> None:
    night.reach_690()
    night.sweep()
    before = night.client.info("commandstats")

    night.sweeper.sweep([*range(PARTITIONS)])
    Rescorer(night.scorer.store, ANNOUNCED, night.clock).behind([*range(PARTITIONS)])
    night.scorer.store.outbox_lengths([*range(PARTITIONS)])

    asked = {
        name: stats["calls"] - before.get(name, {"calls": 0})["calls"]
        for name, stats in night.client.info("commandstats").items()
    }
    assert {name: count for name, count in asked.items() if count} == {
        "cmdstat_mget": 2,
        "cmdstat_xlen": PARTITIONS,
        "cmdstat_info": 1,
    }


def worked(night: Night) -> None:
    """Do what a worker does each second, until nothing is left of it."""
    rescorer = Rescorer(night.scorer.store, ANNOUNCED, night.clock)
    for _ in range(2):
        night.sweep()
        while rescorer.behind([night.partition]):
            rescorer.rescore([night.partition])


def test_a_clock_that_was_ahead_leaves_no_card_of_a_day_to_come(night: Night) -> None:
    night.reach_690()
    worked(night)
    night.sleep_until(NEW_YEAR)
    worked(night)
    assert not night.entitled()

    night.clock.now_s = NOON_S
    worked(night)

    assert night.entitled()
    hold_store_to(expected_of(night.log), night.client)


def test_what_is_told_because_a_clock_went_forth_and_back_is_no_repetition_to_who_drops_those(night: Night) -> None:
    night.reach_690()
    worked(night)
    for _ in range(2):
        night.sleep_until(NEW_YEAR)
        worked(night)
        night.clock.now_s = NOON_S
        worked(night)

    changes = changes_in(night.client)
    assert len({one["id"] for one in changes}) == len(changes) > 4


@pytest.mark.parametrize("wrong", [TODAY - 400, TODAY - 1, NEW_YEAR, NEW_YEAR + 3_650])
def test_what_is_due_after_a_clock_was_wrong_is_swept_on_its_day(night: Night, wrong: int) -> None:
    night.reach_690()
    night.scorer.store.clock = lambda: min(night.clock.now_s, start_of(NEW_YEAR + 400))
    worked(night)
    night.sleep_until(wrong)
    worked(night)
    night.happen("library.loan.overdue")

    night.clock.now_s = NOON_S
    night.happen("library.loan.returned")
    for on in (TODAY, NEW_YEAR, NEW_YEAR + 400):
        night.sleep_until(on)
        worked(night)
        hold_store_to(expected_of(night.log), night.client, on)
