"""The doctor: whether a topic of dead letters that somebody else has made takes the largest of them."""

from typing import Any

import pytest
from confluent_kafka import KafkaError
from pydantic import SecretStr

from schemas.records import RecordKey
from sinks.keys import next_key
from sinks.store import Store
from stream.cli.doctor import Finding, _clock, _dead_letters, _together, _writing
from stream.settings import Settings
from stream.topics import DEAD_BYTES_MAX, TopicsError
from tests.support.fake_kafka import FakeAdmin


def found(admin: FakeAdmin) -> list[Finding]:
    return [*_dead_letters(admin, "credit.dead")]  # type: ignore[arg-type]  # a fake


def test_a_topic_that_takes_smaller_records_than_the_largest_letter_is_told_with_what_to_do() -> None:
    (finding,) = found(FakeAdmin({"credit.dead": 4}))

    assert (finding.what, finding.state) == ("dead letters", "missing")
    assert finding.detail.startswith("credit.dead takes records of 1048588 bytes")
    assert finding.remedy.endswith(f"--topic credit.dead --add-config max.message.bytes={DEAD_BYTES_MAX}")


@pytest.mark.parametrize(
    "admin",
    [
        FakeAdmin({"credit.dead": 4}, bytes_max=DEAD_BYTES_MAX),
        FakeAdmin({"credit.dead": 4}, {"credit.dead": KafkaError.TOPIC_AUTHORIZATION_FAILED}),
        FakeAdmin({}),
    ],
    ids=["takes them", "does not say", "is made by the first worker"],
)
def test_of_any_other_topic_nothing_is_said(admin: FakeAdmin) -> None:
    assert found(admin) == []


KEY = "a key of one deployment"
TOPICS = {"credit.events": 4, "credit.changes": 4, "credit.dead": 4, "credit.access": 4, "credit.packs": 1}


@pytest.mark.parametrize(
    ("topics", "key", "said"),
    [
        (TOPICS, KEY, []),
        (TOPICS, "a key of another one", [("store", "another pseudonym key")]),
        ({**TOPICS, "credit.events": 8}, KEY, [("store", "filled from 4 partitions, the topic has 8")]),
        ({name: 4 for name in TOPICS if name != "credit.dead"}, KEY, [("JASMINE_TOPIC_DEAD", "credit.dead is not")]),
        ({name: 4 for name in TOPICS if name != "credit.events"}, KEY, [("JASMINE_TOPIC_EVENTS", "credit.events is")]),
    ],
)
def test_a_filled_store_is_held_to_the_key_and_the_topics_as_a_worker_would(
    topics: dict[str, int],
    key: str,
    said: list[tuple[str, str]],
    client: Any,
    valkey_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.cli.doctor.admin_client", lambda _: FakeAdmin(topics))
    Store(client).open(RecordKey.derived(KEY.encode()), 4)

    findings = [*_together(Settings(redis_url=valkey_server, pseudonym_key=SecretStr(key)))]

    assert [(one.what, words in one.detail, one.state) for one, (_, words) in zip(findings, said, strict=True)] == [
        (what, True, "wrong") for what, _ in said
    ]


def test_an_empty_store_goes_with_any_topics(client: Any, valkey_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.cli.doctor.admin_client", lambda _: FakeAdmin({}))

    assert [*_together(Settings(redis_url=valkey_server, pseudonym_key=SecretStr(KEY)))] == []
    assert client.dbsize() == 0


@pytest.mark.parametrize(
    ("next_offset", "said"),
    [
        (7, []),
        (10, []),
        (3, ["credit.events/2: the store wants offset 3, the log holds 5 to 10; so in 1 of 1 partitions"]),
        (11, ["credit.events/2: the store wants offset 11, the log holds 5 to 10; so in 1 of 1 partitions"]),
    ],
)
def test_a_log_that_does_not_hold_what_the_store_needs_next_is_told(
    next_offset: int, said: list[str], client: Any, valkey_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.cli.doctor.admin_client", lambda _: FakeAdmin(TOPICS))
    monkeypatch.setattr("stream.cli.doctor.log_starts", lambda *_: {2: 5})
    monkeypatch.setattr("stream.cli.doctor.log_ends", lambda *_: {2: 10})
    Store(client).open(RecordKey.derived(KEY.encode()), 4)
    client.set(next_key(2), next_offset)

    findings = [*_together(Settings(redis_url=valkey_server, pseudonym_key=SecretStr(KEY)))]

    assert [(one.what, one.state, one.detail) for one in findings] == [("log", "wrong", detail) for detail in said]


def test_a_log_that_does_not_tell_where_it_ends_is_told(
    client: Any, valkey_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        message = "not authorised"
        raise TopicsError(message)

    monkeypatch.setattr("stream.cli.doctor.admin_client", lambda _: FakeAdmin(TOPICS))
    monkeypatch.setattr("stream.cli.doctor.log_starts", refuse)
    Store(client).open(RecordKey.derived(KEY.encode()), 4)
    client.set(next_key(2), 7)

    findings = [*_together(Settings(redis_url=valkey_server, pseudonym_key=SecretStr(KEY)))]

    assert [(one.what, one.detail) for one in findings] == [("log", "not authorised")]


@pytest.mark.parametrize(
    ("ahead_s", "said"), [(3_600, ["this machine's is 3600 s ahead of Redis'"]), (0, []), (-86_400, ["behind Redis'"])]
)
def test_a_clock_that_is_not_redis_is_told(ahead_s: int, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.cli.doctor.time.time", lambda: 1_800_000_000.5 + ahead_s)
    monkeypatch.setattr("stream.cli.doctor.Store.now_s", lambda _: 1_800_000_000)

    findings = [*_clock(Settings())]

    assert [(one.what, one.state) for one in findings] == [("clock", "wrong")] * len(said)
    assert all(text in one.detail for one, text in zip(findings, said, strict=True))


def test_a_redis_that_takes_what_a_worker_writes_is_left_as_it_was(client: Any, valkey_server: str) -> None:
    assert [*_writing(Settings(redis_url=valkey_server))] == []
    assert client.dbsize() == 0


# Without the first three, what is tried would be written.
FORBIDDEN = ("watch", "multi", "exec", "xadd", "hset", "xlen")


@pytest.mark.parametrize(
    ("spoil", "mend", "said"),
    [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "used memory"),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "read only replica"),
        *((f"ACL SETUSER default -{one}", "ACL SETUSER default +@all", f"'{one}'") for one in FORBIDDEN),
    ],
    ids=["full", "a replica", *FORBIDDEN],
)
def test_a_redis_that_answers_and_takes_no_writes_is_told_with_why(
    spoil: str, mend: str, said: str, client: Any, valkey_server: str
) -> None:
    client.execute_command(*spoil.split())
    try:
        (finding,) = _writing(Settings(redis_url=valkey_server))
    finally:
        client.execute_command(*mend.split())

    assert (finding.what, finding.state) == ("writing", "wrong")
    assert said in finding.detail
    assert client.dbsize() == 0
