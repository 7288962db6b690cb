"""The doctor: whether a topic of dead letters that somebody else has made takes the largest of them."""

from typing import Any

import pytest
from confluent_kafka import KafkaError
from pydantic import SecretStr

from schemas.records import RecordKey
from sinks.store import Store
from stream.cli.doctor import Finding, _dead_letters, _together
from stream.settings import Settings
from stream.topics import DEAD_BYTES_MAX
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
