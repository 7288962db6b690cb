"""What a worker does with announcements: kept for readers first, then taken up by all its parts at once."""

from typing import Any

import pytest

from schemas.announcements import Announcement, Role
from scoring.announced import Announced, pack_of
from sinks.keys import PACKS, TIMELINE
from sinks.packs import documents_of
from sinks.store import Store
from stream.announcements import AnnouncementLog, Said
from stream.metrics import Metrics
from stream.packs import PackWatch
from stream.sweep import Sweeper
from tests.support.packs_in_time import announcement, files_with, own
from tests.support.scorers import NOON_S, TODAY

FILES = files_with(("base_points: 500", "base_points: 510"))
SECOND = announcement(FILES, TODAY + 1)
WRONG = announcement(FILES, TODAY + 1, hash=1)


class FakeLog(AnnouncementLog):
    """A log in memory."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self._offset = 0

    def append(self, *announcements: Announcement) -> None:
        for one in announcements:
            self.said.append(Said(self._offset, one.to_bytes()))
            self._offset += 1

    def read(self) -> list[Said]:
        said, self.said = self.said, []
        return said

    def more(self, wait_s: float) -> list[Said]:
        return self.read()


class Watch:
    """A watch over one part of a worker."""

    def __init__(self, client: Any, deployment: Announced) -> None:
        self.now_s = NOON_S
        self.log, self.store, self.metrics = FakeLog(), Store(client), Metrics()
        self.packs = PackWatch(deployment, self.log, self.store, self.metrics, lambda: self.now_s)
        self.part = Sweeper(self.store, deployment, lambda: self.now_s)
        self.packs.follow(self.part)

    def hear(self, *announcements: Announcement) -> bool:
        self.log.append(*announcements)
        return self.packs.listen(0.0)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def watch(client: Any) -> Watch:
    return Watch(client, own())


def test_a_pack_is_in_the_store_before_a_part_works_by_it(watch: Watch, client: Any) -> None:
    assert watch.hear(SECOND)
    watch.packs.keep()

    assert client.hexists(PACKS, f"{SECOND.hash:016x}")
    assert (watch.part.announced.epoch, watch.store.epoch) == (0, 0)
    watch.packs.take_up()
    assert (watch.part.announced.epoch, watch.store.epoch) == (1, 1)
    assert SECOND.hash in watch.part.announced.packs


def test_a_wrong_pack_is_counted_and_nothing_is_to_be_taken_up(watch: Watch) -> None:
    assert not watch.hear(WRONG)
    assert watch.sample("credit_pack_announcements_total", outcome="refused") == 1

    assert watch.hear(WRONG, SECOND)
    assert watch.sample("credit_pack_announcements_total", outcome="applied") == 1


def test_the_metrics_show_the_pack_in_force_and_the_next_with_its_day(watch: Watch) -> None:
    watch.hear(SECOND)
    watch.packs.take_up()
    named = {"pack": "fuzhou-2026", "hash": f"{SECOND.hash:016x}", "since": "2026-11-25"}
    assert watch.sample("credit_pack_info", state="next", **named) == 1
    assert watch.sample("credit_pack_info", state="live", **named) is None

    watch.now_s += 86_400
    watch.packs.look_at_the_day()
    assert watch.sample("credit_pack_info", state="live", **named) == 1
    assert watch.sample("credit_pack_info", state="next", **named) is None


def test_a_shadow_pack_changes_no_epoch(watch: Watch) -> None:
    watch.hear(announcement(FILES, TODAY, Role.SHADOW))
    watch.packs.take_up()

    assert watch.part.announced.shadow is not None
    assert watch.store.epoch == 0


def test_the_pack_of_a_deployment_before_this_one_is_remembered_by_the_store(client: Any) -> None:
    Store(client).keep_packs(documents_of(own()))
    later = Watch(client, Announced.of(pack_of(FILES, "second"), FILES))
    (number,) = own().packs

    later.packs.remember()
    later.packs.take_up()

    assert number in later.part.announced.packs
    assert later.packs.names.at(number).tier(1) == b'"poor"'


def test_what_another_release_has_kept_and_this_one_cannot_read_is_passed_over(watch: Watch, client: Any) -> None:
    client.hset(PACKS, "00000000000000ff", b'{"id": "newer", "files": {"pack.yaml": "novelty: 1"}}')
    client.hset(PACKS, TIMELINE, b"[]")

    watch.packs.remember()
    watch.packs.take_up()

    assert set(watch.part.announced.packs) == set(own().packs)
