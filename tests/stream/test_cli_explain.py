"""`jasmine explain` and `suggest` with a worker: the evidence is what was published; both languages are spoken."""

import math
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import redis
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from scoring.announced import pack_of
from scoring.pack import DEFAULT_PACK
from sinks.keys import PACKS
from sinks.packs import documents_of
from sinks.store import Store
from stream.cli.evidence import _at, _LateError, read_evidence
from stream.cli.output import Exit
from stream.embedded import free_port
from stream.settings import load_settings
from tests.stream.conftest import Deployment
from tests.stream.test_cli import Jasmine, a_resident, jasmine, line_of, settings  # noqa: F401 - a fixture
from tests.support.embedded_worker import until
from tests.support.packs_in_time import announcement, files_with, own
from tests.support.records import day


class FakeConsumer:
    """A consumer of one partition that holds some offsets."""

    def __init__(self, offsets: list[int]) -> None:
        self._offsets = offsets
        self._position = 0
        self.sought: list[int] = []

    def assign(self, places: list[TopicPartition]) -> None:
        self._position = places[0].offset
        self.sought.append(self._position)

    def poll(self, _: float) -> Any:
        following = next(offset for offset in self._offsets if offset >= self._position)
        self._position = following + 1
        return SimpleNamespace(error=lambda: None, offset=lambda: following)


FILES = files_with(("base_points: 500", "base_points: 510"))


@pytest.fixture
def late(jasmine: Jasmine, deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: F811
    """Return somebody who has a library book overdue."""
    settings(monkeypatch, deployment.bootstrap_servers, deployment.redis_url)
    subject = a_resident(41)
    jasmine("publish", "-", stdin=line_of(subject) + line_of(subject, "library.loan.overdue"))
    until(lambda: "library" in jasmine("explain", subject, "--json").out, "explained")
    return subject


def test_the_evidence_is_read_back_from_the_log(jasmine: Jasmine, late: str) -> None:  # noqa: F811
    answer = jasmine("explain", late, "--evidence", "--json")

    (one,) = answer.json["contributions"]
    events = {event["offset"]: event for event in answer.json["evidence"]["events"]}
    assert answer.json["evidence"]["problem"] is None
    assert answer.json["evidence"]["partition"] == one["evidence"]["partition"]
    assert late in orjson.dumps(events[one["evidence"]["offset"]]).decode()
    assert "library.loan.overdue" in orjson.dumps(events[one["evidence"]["offset"]]).decode()


def test_without_kafka_the_explanation_stands_and_says_what_is_missing(
    jasmine: Jasmine,  # noqa: F811
    late: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JASMINE_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()}")
    monkeypatch.setattr("stream.cli.evidence._ANSWER_S_MAX", 0.3)

    answer = jasmine("explain", late, "--evidence")

    assert answer.code == Exit.DONE
    assert late in answer.out
    assert "they cannot be shown" in answer.err


def test_an_offset_that_the_log_does_not_have_is_said_so(late: str) -> None:
    found = read_evidence(load_settings(), 0, [1 << 40])

    assert [(one.value, one.text) for one in found.events] == [(None, "no longer in the log")]


def test_events_that_kafka_does_not_give_in_time_are_not_called_gone() -> None:
    with pytest.raises(_LateError):
        _at(FakeConsumer([3]), "credit.events", 0, [3], ends_s=0.0)  # type: ignore[arg-type]  # a fake


def test_events_that_may_not_be_read_are_not_waited_for() -> None:
    consumer: Any = FakeConsumer([3])
    consumer.poll = lambda _: SimpleNamespace(error=lambda: KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no"))

    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        _at(consumer, "credit.events", 0, [3], ends_s=math.inf)


def test_events_near_each_other_are_read_on_the_way_and_others_sought() -> None:
    consumer = FakeConsumer([0, 1, 2, 3, 5, 6, 9_000, 9_001])

    found = _at(consumer, "credit.events", 0, [1, 3, 4, 6, 9_001], ends_s=math.inf)  # type: ignore[arg-type]  # a fake

    assert {offset for offset in (1, 3, 4, 6, 9_001) if offset in found} == {1, 3, 6, 9_001}
    assert consumer.sought == [1, 9_001]


@pytest.mark.parametrize(("language", "word"), [("zh", "图书逾期未还"), ("en", "Library loan overdue")])
def test_both_languages_are_spoken(jasmine: Jasmine, late: str, language: str, word: str) -> None:  # noqa: F811
    assert word in "".join(jasmine("explain", late, "--lang", language).out.replace("│", "").split("\n"))
    assert word in jasmine("suggest", late, "--target", "500", "--lang", language).out


def test_what_is_owed_is_suggested_with_the_score_it_brings(jasmine: Jasmine, late: str) -> None:  # noqa: F811
    answer: Any = jasmine("suggest", late, "--target", "500", "--json").json

    found = [(act["kind"], act["type"], one["score"]) for one in answer["found"] for act in one["acts"]]
    assert (answer["score"], answer["subject"]) == (497, late)
    assert ("fulfil", "library.loan.overdue", 500) in found


def test_without_a_target_it_is_the_next_score_that_earns_anything(jasmine: Jasmine, late: str) -> None:  # noqa: F811
    assert jasmine("suggest", late, "--json").json["target"] == 550


def test_a_target_that_is_no_score_is_wrong_usage(jasmine: Jasmine, late: str) -> None:  # noqa: F811
    assert jasmine("suggest", late, "--target", "1001").code == Exit.USAGE


def test_a_day_is_explained_under_the_pack_of_that_day_as_the_workers_tell_it(
    jasmine: Jasmine,  # noqa: F811
    late: str,
    deployment: Deployment,
) -> None:
    second = pack_of(FILES, "second")
    holds = own().followed_by(announcement(FILES, day("2026-12-01")))
    client = redis.Redis.from_url(deployment.redis_url)
    kept: Any = client.hgetall(PACKS)
    try:
        Store(client).keep_packs(documents_of(holds))
        bases = [jasmine("explain", late, "--as-of", on, "--json").json["base"] for on in ("2026-11-30", "2026-12-01")]
        forced = jasmine("explain", late, "--as-of", "2026-12-01", "--pack", str(DEFAULT_PACK), "--json").json["base"]
    finally:
        client.delete(PACKS)
        client.hset(PACKS, mapping=kept)
        client.close()

    assert (bases, forced) == ([500, second.base_points], 500)


@pytest.mark.parametrize("on", ["1950-01-01", "1969-12-31", "2149-06-06", "3000-01-01"])
def test_a_date_outside_the_calendar_is_wrong_usage(jasmine: Jasmine, on: str) -> None:  # noqa: F811
    answer = jasmine("explain", a_resident(41), "--as-of", on)

    assert answer.code == Exit.USAGE
    assert f"--as-of was {on}: give a date from 1970-01-01 to 2149-06-05" in answer.err


@pytest.mark.parametrize("on", ["1970-01-01", "2149-06-05"])
def test_the_first_and_the_last_day_of_the_calendar_are_explained(jasmine: Jasmine, late: str, on: str) -> None:  # noqa: F811
    answer = jasmine("explain", late, "--as-of", on, "--json")

    assert (answer.code, answer.json["day"]) == (Exit.DONE, on)
