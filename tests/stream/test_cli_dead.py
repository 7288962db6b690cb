"""`jasmine dead`: a letter that is replayed gives way to what comes of it."""

from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer

from schemas.errors import Reason, Refusal
from sinks.dead import DeadLetter
from stream.cli.output import Exit
from tests.stream.conftest import Deployment
from tests.stream.test_cli import Jasmine, _at_work, _away, dead, jasmine, line_of  # noqa: F401 - fixtures
from tests.support.embedded_worker import until
from tests.support.fake_kafka import FakeAdmin, FakeProducer, FakeRecord

REASON = Reason.UNKNOWN_TYPE
DEAD = "credit.dead"


def letter(offset: int, value: bytes = b"{}") -> FakeRecord:
    one = DeadLetter.of(
        Refusal(REASON), topic="credit.events", partition=0, offset=offset, key=b"k", value=value, headers=None
    )
    return FakeRecord(raw=one.pack(), raw_key=one.name.encode(), at_partition=0, at_offset=offset, at_ms=offset)


def mark(of: int, replayed_as: int) -> FakeRecord:
    return FakeRecord(
        raw=None,
        raw_key=f"credit.events/0/{of}".encode(),
        at_partition=0,
        at_offset=1_000 + of,
        at_ms=0,
        stated_headers=[("replayed_as", f"credit.events/0/{replayed_as}".encode())],
    )


def read(monkeypatch: pytest.MonkeyPatch, *records: FakeRecord) -> None:
    def again(*_: object) -> Iterator[FakeRecord]:
        return iter(records)

    monkeypatch.setattr("stream.cli.dead._records", again)


def listed(jasmine: Jasmine, reason: Reason = REASON) -> dict[str, Any]:  # noqa: F811
    return {one["name"]: one["replays"] for one in jasmine("dead", "list", "--reason", reason, "--json").json}


@pytest.fixture
def refused(jasmine: Jasmine, deployment: Deployment, _at_work: None) -> list[str]:  # noqa: F811
    """Letters of three events that will be refused however often they are replayed."""
    producer = Producer({"bootstrap.servers": deployment.bootstrap_servers, "log_level": 2})
    for number in range(3):
        subject = f"r-{0x7000 + number:016x}"
        value = line_of(subject).strip().replace(b"subject.registered", b"subject.unheard_of")
        producer.produce("credit.events", value, subject)
    assert producer.flush(5) == 0
    until(lambda: len(listed(jasmine)) == 3, "they are listed")
    return list(listed(jasmine))


@pytest.mark.slow
def test_letters_do_not_become_more_however_often_they_are_replayed(
    jasmine: Jasmine,  # noqa: F811
    refused: list[str],
) -> None:
    for replays in (1, 2, 3):
        answer = jasmine("dead", "replay", "--reason", REASON, "--json")
        assert (answer.code, answer.json) == (Exit.DONE, {"replayed": 3, "failed": 0})
        until(partial(_all_replayed, jasmine, replays), "they were refused again")

    answer = jasmine("dead", "replay", refused[0], "--json")
    first = jasmine("dead", "show", refused[0], "--json").json

    assert answer.json == {"replayed": 1, "failed": 0}
    assert first["replayed_as"] not in {None, refused[0]}
    until(lambda: sorted(listed(jasmine).values()) == [3, 3, 4], "the newest of its chain was replayed")


def _all_replayed(jasmine: Jasmine, replays: int) -> bool:  # noqa: F811
    return [*listed(jasmine).values()] == [replays] * 3


def test_a_letter_that_a_replay_has_healed_is_listed_no_more(jasmine: Jasmine, dead: tuple[str, str]) -> None:  # noqa: F811
    subject, name = dead
    assert jasmine("dead", "replay", name).code == Exit.DONE
    until(lambda: jasmine("lookup", subject).code == Exit.DONE, "it is scored")

    again = jasmine("dead", "replay", name)

    assert name not in listed(jasmine, Reason.WRONG_PARTITION)
    assert again.code == Exit.NOT_FOUND
    assert f"{name} was replayed as credit.events/" in again.err
    assert jasmine("dead", "show", name).code == Exit.DONE


@pytest.mark.usefixtures("_at_work")
def test_a_topic_of_dead_letters_that_is_not_there_is_named_with_its_variable(
    jasmine: Jasmine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JASMINE_TOPIC_DEAD", "nowhere.dead")

    answer = jasmine("dead", "list")

    assert answer.code == Exit.AWAY
    assert answer.err.startswith("jasmine: topic nowhere.dead: ")
    assert "JASMINE_TOPIC_DEAD" in answer.err


class RefusedConsumer:
    """A consumer of a topic that may be described and not read."""

    def list_topics(self, topic: str, timeout: float) -> Any:
        return FakeAdmin({topic: 1}).list_topics(topic)

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return 0, 1

    def assign(self, _: Any) -> None: ...

    def poll(self, _: float) -> Any:
        error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "refused by the test")
        return SimpleNamespace(error=lambda: error, partition=lambda: 0, offset=lambda: None)

    def close(self) -> None: ...


def test_who_may_not_read_the_letters_is_told_so_at_once(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("stream.cli.dead.Consumer", lambda _: RefusedConsumer())

    answer = jasmine("dead", "list")

    assert answer.code == Exit.AWAY
    assert "topic credit.dead: refused by the test; let who runs this read it" in answer.err


def test_a_letters_bytes_are_shown_as_they_came_without_line_breaks_of_ours(
    jasmine: Jasmine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    value = b'{"basis": "' + b"one of many words " * 20 + b'"}'
    read(monkeypatch, letter(1, value))

    assert value.decode() in jasmine("dead", "show", "credit.events/0/1").out


def test_a_mark_counts_whatever_the_clock_of_who_wrote_it(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    read(monkeypatch, letter(1), letter(2), letter(3), mark(1, replayed_as=2), mark(3, replayed_as=4))

    assert listed(jasmine) == {"credit.events/0/2": 1}


def test_names_that_a_topic_gave_out_twice_do_not_lead_round_for_ever(
    jasmine: Jasmine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read(monkeypatch, letter(1), letter(2), mark(1, replayed_as=2), mark(2, replayed_as=1))

    assert listed(jasmine) == {}
    assert jasmine("dead", "replay", "credit.events/0/1").code == Exit.NOT_FOUND


@pytest.mark.parametrize("value", [b"no letter", b'{"topic": "of another release"}'])
def test_a_record_that_is_no_letter_of_this_release_is_named_and_the_others_are_listed(
    jasmine: Jasmine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    value: bytes,
) -> None:
    read(monkeypatch, letter(1), FakeRecord(raw=value, raw_key=b"k", at_partition=3, at_offset=7, at_ms=2), letter(2))

    answer = jasmine("dead", "list", "--json")

    assert [one["name"] for one in answer.json] == ["credit.events/0/1", "credit.events/0/2"]
    assert "1 records of credit.dead are no letters of this release, the first at 3/7" in answer.err


def test_letters_that_were_replayed_but_could_not_be_marked_are_said_so(
    jasmine: Jasmine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read(monkeypatch, letter(1), letter(2))
    producer = FakeProducer(refused_topic=DEAD)
    monkeypatch.setattr("stream.cli.dead.Producer", lambda _: producer)

    answer = jasmine("dead", "replay", "--json")

    assert (answer.code, answer.json) == (Exit.AWAY, {"replayed": 2, "failed": 0})
    assert "2 were replayed, but stay listed: topic credit.dead did not take their marks" in answer.err


def test_what_kafka_does_not_take_is_not_marked(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    read(monkeypatch, letter(1), letter(2))
    producer = FakeProducer(undelivered_at=2)
    monkeypatch.setattr("stream.cli.dead.Producer", lambda _: producer)

    answer = jasmine("dead", "replay", "--json")

    assert (answer.code, answer.json) == (Exit.AWAY, {"replayed": 1, "failed": 1})
    assert [one.key for one in producer.taken if one.topic == DEAD] == [b"credit.events/0/1"]


def test_a_replay_of_many_marks_some_before_it_publishes_the_next(
    jasmine: Jasmine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.cli.dead._AT_ONCE", 2)
    read(monkeypatch, letter(1), letter(2), letter(3))
    producer = FakeProducer()
    monkeypatch.setattr("stream.cli.dead.Producer", lambda _: producer)

    assert jasmine("dead", "replay", "--json").json == {"replayed": 3, "failed": 0}
    assert [one.topic == DEAD for one in producer.taken] == [False, False, True, True, False, True]
