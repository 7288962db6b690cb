"""Packs that change under a worker: cards around the day, the pass, names, a stale worker, a shadow."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from schemas.days import day_of, start_of
from schemas.facts import FACT, facts_in
from schemas.subjects import kind_of
from scoring.announced import Announced
from scoring.card import CARD
from scoring.pack import KIND_NAMES, Pack
from scoring.rules import compile_rules
from scoring.timeline import Span, state_on
from sinks.errors import PacksBehindError
from sinks.keys import epoch_key, rescored_key
from sinks.outbox import NamesByPack
from stream import rescore
from stream.rescore import Rescorer
from stream.sweep import Sweeper
from tests.support.events import PARTITIONS, RESIDENT
from tests.support.fake_kafka import FakeLog
from tests.support.packs import pack_with
from tests.support.records import day, shipped
from tests.support.scorers import ANNOUNCED, NOON_S, TODAY, Scorer, changes_in, due_in, standings_in

NEW_YEAR = day("2027-01-01")
ALL = range(PARTITIONS)
LATER = pack_with(base_points=560, version="2")
# The same tiers and perks under other numbers, and one perk by another name.
RENAMED = pack_with(
    version="3",
    perks=[*shipped().perks[1:], shipped().perks[0].model_copy(update={"id": "ride_discount"})],
)


def announced(*packs: tuple[Pack, int]) -> Announced:
    """What is announced: packs, each from a day on."""
    holds = ANNOUNCED
    for pack, first in packs:
        timeline = holds.timeline.followed_by(Span(first, pack, compile_rules(pack)))
        packs_ = {**holds.packs, pack.hash: pack}
        holds = replace(holds, timeline=timeline, epoch=holds.epoch + 1, packs=packs_)
    return holds


class Town:
    """A worker by hand: events, sweeps, and passes over all standings."""

    def __init__(self, client: Any, log: FakeLog | None = None) -> None:
        self.now_s = NOON_S
        self.deleted = 0
        self.client = client
        self.log = log or FakeLog()
        self.scorer = Scorer(self.log, client, lambda: self.now_s)
        parts = self.scorer.store, ANNOUNCED, lambda: self.now_s
        self.sweeper, self.rescorer = Sweeper(*parts), Rescorer(*parts)

    def take_up(self, holds: Announced) -> None:
        for part in (self.scorer.processor, self.sweeper, self.rescorer):
            part.announced = holds
        self.scorer.store.epoch = holds.epoch

    def happen(self, type_name: str, subject: str = RESIDENT, **changes: Any) -> None:
        self.log.publish(type_name, **{"id": f"{type_name} of {subject}", "subject": subject, **changes})
        self.scorer.work()

    def register(self, count: int = 12) -> list[str]:
        subjects = [f"r-{number:016x}" for number in range(count)]
        for one in subjects:
            self.happen("subject.registered", one)
        return subjects

    def rescore(self, times_max: int = 100) -> int:
        """Go on until nothing is left; return how many standings were written."""
        written = 0
        for _ in range(times_max):
            done = self.rescorer.rescore(ALL)
            written += done.written
            self.deleted += done.deleted
            if not self.rescorer.behind(ALL):
                return written
        raise AssertionError("the pass does not come to an end")

    def sleep_until(self, on: int) -> None:
        self.now_s = start_of(on)

    def card(self, subject: str = RESIDENT) -> np.void:
        (value,) = [value for key, value in standings_in(self.client).items() if key.endswith(subject[2:].encode())]
        card: np.void = np.frombuffer(value[: CARD.itemsize], CARD)[0]
        return card

    def hold(self, holds: Announced) -> None:
        """Fail unless every card says now and next what the plain evaluator says under the pack of each day."""
        for key, value in standings_in(self.client).items():
            subject = int(key.rpartition(b":")[2], 16)
            kind = next(name for name, one in KIND_NAMES.items() if one is kind_of(subject))
            facts, card = facts_in(value[CARD.itemsize :]), np.frombuffer(value[: CARD.itemsize], CARD)[0]
            today = day_of(int(self.now_s))
            now = state_on(facts, today, holds.timeline, kind)
            then = state_on(facts, now.until, holds.timeline, kind)
            assert (card["score"], card["valid_until"]) == (now.score or 0, now.until)
            assert (card["next_score"], card["next_until"]) == (then.score or 0, then.until)
            packs = [holds.timeline.at(one).pack.hash for one in (today, now.until)]
            assert (card["pack"], card["next_pack"] or card["pack"]) == tuple(packs)


@pytest.fixture
def town(client: Any) -> Town:
    return Town(client)


def test_without_announcements_there_is_nothing_to_rescore_and_nobody_is_looked_at(town: Town, client: Any) -> None:
    town.register()
    client.config_resetstat()

    assert town.rescore() == 0
    assert "cmdstat_scan" not in client.info("commandstats")


def test_an_announcement_is_in_every_card_after_one_pass(town: Town) -> None:
    town.register()
    holds = announced((LATER, NEW_YEAR))
    town.take_up(holds)

    assert town.rescore() == 12
    town.hold(holds)
    assert town.rescore() == 0


def test_a_card_is_exact_on_the_day_before_on_the_day_and_after_it(town: Town) -> None:
    town.register(3)
    holds = announced((LATER, NEW_YEAR))
    town.take_up(holds)
    town.rescore()
    before = town.card("r-0000000000000001").tobytes()

    town.sleep_until(NEW_YEAR - 1)
    assert (town.rescore(), town.card("r-0000000000000001").tobytes()) == (0, before)
    for on in (NEW_YEAR, NEW_YEAR + 1):
        town.sleep_until(on)
        town.rescore()
        town.hold(holds)
    assert town.card("r-0000000000000001")["score"] == 560


def test_an_event_between_announcement_and_pass_and_between_day_and_pass_is_scored_by_the_packs_of_its_days(
    town: Town,
) -> None:
    holds = announced((LATER, NEW_YEAR))
    town.register(3)
    town.take_up(holds)
    town.happen("library.loan.overdue", "r-0000000000000001")
    town.rescore()
    town.sleep_until(NEW_YEAR)
    town.happen("library.loan.overdue", "r-0000000000000002")
    town.rescore()

    town.hold(holds)


def test_the_pack_makes_nobody_due_and_other_days_still_do(town: Town, client: Any) -> None:
    town.register(3)
    town.happen("library.loan.overdue", "r-0000000000000001", time="2026-07-01T08:30:00+08:00")
    town.take_up(announced((LATER, NEW_YEAR)))
    town.rescore()

    days = {int(key.rpartition(b":")[2]): members for key, members in due_in(client).items()}
    assert NEW_YEAR not in days
    assert set().union(*days.values()) in ({b"0000000000000001"}, set())


def test_a_change_that_is_called_off_leaves_the_cards_and_due_sets_as_they_were(town: Town, client: Any) -> None:
    town.register(3)
    town.happen("library.loan.overdue", "r-0000000000000001")
    cards, due = standings_in(client), due_in(client)
    town.take_up(announced((LATER, NEW_YEAR)))
    town.rescore()
    assert standings_in(client) != cards

    town.take_up(announced((LATER, NEW_YEAR), (shipped(), NEW_YEAR)))
    town.rescore()

    assert (standings_in(client), due_in(client)) == (cards, due)


def test_a_pass_that_was_interrupted_is_begun_anew_by_another_worker(
    town: Town, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescore, "SLICE_KEYS", 1)
    town.register(30)
    holds = announced((LATER, NEW_YEAR))
    town.take_up(holds)
    town.rescorer.rescore(ALL)
    other = Town(client, town.log)
    other.take_up(holds)

    written = other.rescore(1_000)

    assert 0 < written <= 30
    other.hold(holds)
    town.scorer.store.disconnect()


def test_a_pass_gives_way_to_events_between_slices(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescore, "SLICE_KEYS", 1)
    subjects = town.register(20)
    holds = announced((LATER, NEW_YEAR))
    town.take_up(holds)

    for subject in subjects:
        town.rescorer.rescore(ALL)
        town.happen("library.loan.overdue", subject)
    town.rescore(1_000)

    town.hold(holds)


def test_a_slice_overtaken_by_an_event_is_done_again(town: Town, client: Any) -> None:
    town.register(8)
    holds = announced((LATER, NEW_YEAR))
    town.take_up(holds)
    other = Town(client, town.log)
    other.take_up(holds)

    def meanwhile() -> None:
        other.happen("library.loan.overdue", "r-0000000000000003")

    town.rescorer.rescore(ALL)
    town.scorer.store.meanwhile = meanwhile
    town.take_up(announced((LATER, NEW_YEAR), (shipped(), NEW_YEAR), (LATER, NEW_YEAR + 1)))
    other.scorer.take_over()
    town.rescore()

    town.hold(town.rescorer.announced)
    other.scorer.store.disconnect()


def test_a_worker_that_has_not_read_the_announcement_writes_nothing_behind_one_that_has(
    town: Town, client: Any
) -> None:
    town.register()
    stale = Town(client, town.log)
    holds = announced((LATER, NEW_YEAR))
    town.take_up(holds)
    town.rescore()
    cards = standings_in(client)

    town.log.publish("library.loan.overdue", subject=RESIDENT)
    with pytest.raises(PacksBehindError, match="under 1 announcements of packs, this worker has applied 0"):
        stale.scorer.work()
    stale.rescorer.announced = announced((LATER, TODAY + 3))
    with pytest.raises(PacksBehindError):
        stale.rescorer.rescore(ALL)
    assert standings_in(client) == cards

    stale.take_up(holds)
    stale.scorer.work()
    stale.rescore()
    stale.hold(holds)
    stale.scorer.store.disconnect()


def test_a_stale_worker_that_has_loaded_before_the_pass_began_does_not_commit(town: Town, client: Any) -> None:
    town.register()
    stale = Town(client, town.log)
    holds = announced((LATER, NEW_YEAR))
    town.take_up(holds)
    stale.scorer.store.meanwhile = lambda: _(town.rescore())
    town.log.publish("library.loan.overdue", subject=RESIDENT)

    with pytest.raises(PacksBehindError):
        stale.scorer.work()

    assert all(client.get(epoch_key(one)) == b"1" for one in ALL)
    town.hold(holds)
    stale.scorer.store.disconnect()


def _(_: object) -> None: ...


def test_an_emptied_store_is_filled_under_the_packs_announced_and_then_looked_at(town: Town, client: Any) -> None:
    holds = announced((LATER, NEW_YEAR))
    town.take_up(holds)
    town.register()
    town.rescore()
    client.flushall()
    town.scorer.take_over()
    town.scorer.work_off()

    assert town.rescore() == 0
    town.hold(holds)
    assert all(client.get(rescored_key(one)).startswith(b"1:") for one in ALL)


def test_two_changes_of_packs_that_cancel_each_other_between_two_looks_are_still_looked_at(town: Town) -> None:
    town.register(3)
    town.take_up(announced((LATER, NEW_YEAR)))
    town.rescore()
    called_off = announced((LATER, NEW_YEAR), (shipped(), NEW_YEAR))
    town.take_up(called_off)
    town.happen("library.loan.overdue", "r-0000000000000001")
    again = announced((LATER, NEW_YEAR), (shipped(), NEW_YEAR), (LATER, NEW_YEAR))
    town.take_up(again)

    assert town.rescore() == 1
    town.hold(again)


def told(client: Any, holds: Announced, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setattr("tests.support.scorers.NAMES", NamesByPack.of(holds.packs))
    return changes_in(client)


def reach_690(town: Town) -> None:
    town.happen("subject.registered")
    town.happen("occupation.honour.awarded", data={"grade": "national"})
    town.happen("capability.contribution.continuous", data={"quantity": 60})
    town.happen("bravery.recognised", data={"grade": "outstanding"})


def test_changes_are_told_by_name_and_a_perk_under_another_number_is_none(
    town: Town, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach_690(town)
    holds = announced((RENAMED, TODAY + 1))
    town.take_up(holds)
    town.rescore()
    already = len(told(client, holds, monkeypatch))
    town.sleep_until(TODAY + 1)
    town.rescore()

    (change,) = told(client, holds, monkeypatch)[already:]
    before, after = ({*change["data"][name]} for name in ("entitlements_before", "entitlements"))
    assert before ^ after == {"transit_discount", "ride_discount"}
    assert change["data"]["tier"] == change["data"]["tier_before"]
    assert f"/{RESIDENT}/{RENAMED.hash:016x}/" in change["id"]


def test_a_pack_under_which_all_is_called_as_before_tells_no_change(
    town: Town, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach_690(town)
    moved = pack_with(version="4", perks=[*shipped().perks[1:], shipped().perks[0]])
    holds = announced((moved, TODAY + 1))
    town.take_up(holds)
    already = len(told(client, holds, monkeypatch))
    town.sleep_until(TODAY + 1)

    assert town.rescore() == 1
    assert told(client, holds, monkeypatch)[already:] == []


@pytest.mark.parametrize(
    ("pack", "difference"),
    [
        (shipped(), "none"),
        (pack_with(base_points=501), "score"),
        (pack_with(base_points=650), "tier"),
    ],
)
def test_a_shadow_pack_is_counted_by_its_greatest_difference_and_changes_nothing(
    client: Any, pack: Pack, difference: str
) -> None:
    town = Town(client)
    town.take_up(replace(ANNOUNCED, shadow=Span(TODAY, pack, compile_rules(pack))))
    town.register(3)

    compared = [one.compared for one in town.scorer.outcomes]
    assert sum((one.differences for one in compared if one), Counter()) == Counter({difference: 3})
    moves = sum((one.moves for one in compared if one), Counter[tuple[str, str]]())
    assert moves == ({("poor", "good"): 3} if difference == "tier" else {})
    town.hold(ANNOUNCED)


def test_without_a_shadow_pack_nothing_is_compared(town: Town) -> None:
    town.register(2)

    assert [one.compared for one in town.scorer.outcomes] == [None, None]


# Once a month


def test_each_month_the_records_whose_time_is_over_are_deleted_and_no_score_changes(town: Town, client: Any) -> None:
    town.register(3)
    town.happen("library.loan.overdue", "r-0000000000000001", time="2021-12-20T08:30:00+08:00")
    town.happen("library.loan.overdue", "r-0000000000000002", time="2026-07-01T08:30:00+08:00")
    before, published = standings_in(client), changes_in(client)

    assert (town.rescore(), town.deleted) == (0, 0)
    town.sleep_until(day("2026-12-19"))
    assert (town.rescore(), town.deleted) == (0, 0)
    town.sleep_until(day("2027-01-01"))
    town.rescore()

    assert town.deleted == 1
    sizes = {key[-1:]: (len(before[key]), len(value)) for key, value in standings_in(client).items()}
    assert [was - now for was, now in (sizes[b"0"], sizes[b"1"], sizes[b"2"])] == [0, FACT.itemsize, 0]
    town.hold(ANNOUNCED)
    assert changes_in(client) == published
    town.sleep_until(day("2027-01-31"))
    assert (town.rescore(), town.deleted) == (0, 1)


def test_a_clock_that_is_ahead_of_redis_deletes_nothing(town: Town, client: Any) -> None:
    town.scorer.store.clock = lambda: NOON_S
    town.happen("subject.registered")
    town.happen("library.loan.overdue")
    town.rescore()
    before = standings_in(client)

    town.sleep_until(day("2040-01-01"))
    town.rescore()
    assert town.deleted == 0
    town.now_s = NOON_S
    town.sweeper.sweep(ALL)
    town.rescore()

    assert standings_in(client) == before


def test_a_replay_brings_deleted_records_back_and_the_next_pass_deletes_them_again(town: Town, client: Any) -> None:
    town.happen("subject.registered")
    town.happen("library.loan.overdue", time="2021-12-20T08:30:00+08:00")
    town.rescore()
    town.sleep_until(day("2027-01-01"))
    town.rescore()
    after = standings_in(client)

    client.flushdb()
    again = Town(client, town.log)
    again.scorer.work()
    again.sleep_until(day("2027-01-01"))
    again.rescore()
    again.sleep_until(day("2027-02-01"))
    again.rescore()

    assert again.deleted == 1
    assert [value[CARD.itemsize :] for value in standings_in(client).values()] == [
        value[CARD.itemsize :] for value in after.values()
    ]


def test_what_is_to_hold_later_keeps_what_it_counts(town: Town) -> None:
    longer = pack_with(retention={"months": 60, "basis": {"zh": "依据", "en": "basis"}}, version="4")
    holds = announced(
        (pack_with(retention={"months": 1, "basis": {"zh": "依据", "en": "basis"}}), TODAY), (longer, NEW_YEAR)
    )
    town.happen("subject.registered")
    town.happen("library.loan.overdue", time="2024-01-10T08:30:00+08:00")
    town.take_up(holds)

    town.rescore()

    assert town.deleted == 0
    town.hold(holds)


def test_a_standing_that_is_swept_is_rid_of_them_too(town: Town) -> None:
    town.happen("subject.registered")
    town.happen("library.loan.overdue", id="old", time="2021-11-28T08:30:00+08:00")
    town.happen("library.loan.overdue", id="new", time="2026-06-01T08:30:00+08:00")
    ends = int(town.card()["valid_until"])
    town.sleep_until(ends)

    deleted = sum(town.sweeper.sweep(ALL).deleted for _ in range(ends - TODAY + 1))

    assert deleted == 1
    town.hold(ANNOUNCED)
