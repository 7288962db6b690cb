"""Topics: made where they are missing, never changed; and where a log begins and ends, on librdkafka's mock cluster.

The mock cluster makes a topic when a client asks for it and answers no request to create one, so that part is held to
a fake admin client.
"""

import re
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from stream import topics
from stream.embedded import free_port
from stream.settings import Settings
from stream.topics import (
    DEAD_BYTES_MAX,
    ReadableEnds,
    TopicMismatchError,
    TopicsError,
    admin_client,
    bytes_max_of,
    check_access_topic,
    ensure_topics,
    log_ends,
    log_starts,
)
from tests.support.fake_kafka import FakeAdmin, FakeConsumer, FakeLog

SETTINGS = Settings(partitions=6, replication=3)
NAMES = ["credit.events", "credit.changes", "credit.dead", "credit.packs", "credit.access"]
FIVE_YEARS_MS = 5 * 366 * 86_400_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a mock cluster."""
    owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "replaced", "log_level": 2})
    broker = next(iter(owner.list_topics(timeout=5).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    del owner


def ensured(admin: FakeAdmin) -> int:
    return ensure_topics(admin, SETTINGS)  # type: ignore[arg-type]  # a fake


def test_what_is_missing_is_made_as_the_settings_say_and_events_are_kept_for_good() -> None:
    admin = FakeAdmin({})

    assert ensured(admin) == 6

    made = {name: (one.num_partitions, one.replication_factor, one.config) for name, one in admin.created.items()}
    kept = {"retention.ms": "-1"}
    assert made == {
        "credit.events": (6, 3, kept),
        "credit.changes": (6, 3, {}),
        "credit.dead": (6, 3, {**kept, "max.message.bytes": str(DEAD_BYTES_MAX)}),
        "credit.access": (6, 3, {"retention.ms": str(FIVE_YEARS_MS)}),
        "credit.packs": (1, 3, kept),
    }


def test_what_is_there_stays_as_it_is_with_its_own_partitions() -> None:
    admin = FakeAdmin(dict.fromkeys(NAMES, 12))

    assert ensured(admin) == 12
    assert admin.created == {}


def test_only_what_is_missing_is_made() -> None:
    admin = FakeAdmin({"credit.events": 2})

    assert ensured(admin) == 2
    assert [*admin.created] == NAMES[1:]


def test_the_access_log_has_as_many_partitions_as_the_events_there_are() -> None:
    admin = FakeAdmin({"credit.events": 2})
    ensured(admin)

    assert admin.created["credit.access"].num_partitions == 2


def test_an_access_log_with_other_partitions_than_the_events_is_refused_with_what_to_do() -> None:
    admin: Any = FakeAdmin({"credit.events": 2, "credit.access": 4})

    assert ensured(admin) == 2, "whether the events are the store's is asked first"
    with pytest.raises(
        TopicMismatchError, match=r"credit\.access has 4 partitions, credit\.events has 2: .*JASMINE_TOPIC_ACCESS"
    ):
        check_access_topic(admin, SETTINGS, 2)
    assert check_access_topic(admin, SETTINGS, 4) == 4


def test_a_topic_that_was_just_made_is_waited_for_without_a_word() -> None:
    class Slow(FakeAdmin):
        """Tells of a topic at the third look."""

        looks = 0

        def list_topics(self, topic: str = "", timeout: float = -1) -> Any:
            self.looks += topic == "credit.access"
            if topic == "credit.access" and self.looks < 3:
                return FakeAdmin({}).list_topics(topic)
            return super().list_topics(topic, timeout)

    assert ensured(Slow({})) == 6


def test_another_worker_that_was_quicker_is_no_failure() -> None:
    admin = FakeAdmin({}, {"credit.dead": KafkaError.TOPIC_ALREADY_EXISTS})

    assert ensured(admin) == 6


def test_a_cluster_that_refuses_to_make_a_topic_is_named_with_its_reason() -> None:
    admin = FakeAdmin({}, {"credit.events": KafkaError.POLICY_VIOLATION})

    with pytest.raises(TopicsError, match=r"at 127\.0\.0\.1:9092: topic credit\.events .* refused by the test; let"):
        ensured(admin)


def test_a_topic_that_is_not_known_everywhere_yet_is_asked_for_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "_LOOKS_MAX", 1)
    admin = FakeAdmin({}, {"credit.events": KafkaError.TOPIC_ALREADY_EXISTS})

    with pytest.raises(TopicsError, match=r"credit\.events is not there yet"):
        ensured(admin)


def test_a_kafka_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "_ANSWER_S_MAX", 0.3)
    address = f"127.0.0.1:{free_port()}"
    settings = SETTINGS.model_copy()
    settings.__dict__["kafka"] = {"bootstrap.servers": address}
    admin = admin_client(settings.kafka)

    with pytest.raises(TopicsError, match=f"Kafka at {address}: .*: Connection refused"):
        ensure_topics(admin, settings)
    with pytest.raises(TopicsError, match=r"offsets of topic credit\.events"):
        log_ends(admin, "credit.events", [0])


def test_how_large_a_record_a_topic_takes_is_what_kafka_says_if_it_says() -> None:
    refused = {"credit.dead": KafkaError.TOPIC_AUTHORIZATION_FAILED}
    may, may_not = FakeAdmin({"credit.dead": 4}, bytes_max=7), FakeAdmin({"credit.dead": 4}, refused)

    assert [bytes_max_of(one, "credit.dead", 1.0) for one in (may, may_not)] == [7, None]  # type: ignore[arg-type]  # fakes


def test_topics_of_the_mock_cluster_are_found(cluster: str) -> None:
    admin = admin_client({"bootstrap.servers": cluster})
    for name in NAMES:
        admin.list_topics(name, timeout=5)

    assert ensure_topics(admin, SETTINGS) == 4


def test_a_log_begins_and_ends_where_its_records_do(cluster: str) -> None:
    producer = Producer({"bootstrap.servers": cluster, "log_level": 2})
    for partition, count in ((0, 3), (2, 1)):
        for _ in range(count):
            producer.produce("logs", b"record", partition=partition)
    assert producer.flush(5) == 0
    admin = admin_client({"bootstrap.servers": cluster})

    assert log_starts(admin, "logs", [0, 1, 2]) == {0: 0, 1: 0, 2: 0}
    assert log_ends(admin, "logs", [0, 1, 2]) == {0: 3, 1: 0, 2: 1}


@pytest.mark.parametrize(
    "answer",
    [
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    ],
)
def test_offsets_of_a_partition_without_a_leader_yet_are_asked_for_again(answer: int) -> None:
    class NotYet(FakeAdmin):
        """Has a leader at the third look."""

        looks = 0

        def list_offsets(self, asked: Any, request_timeout: float) -> dict[Any, Future[Any]]:
            self.looks += 1
            futures: dict[Any, Future[Any]] = {one: Future() for one in asked}
            for future in futures.values():
                if self.looks < 3:
                    future.set_exception(KafkaException(KafkaError(answer)))
                else:
                    future.set_result(SimpleNamespace(offset=7))
            return futures

    admin: Any = NotYet({"logs": 2})

    assert log_ends(admin, "logs", [0, 1]) == {0: 7, 1: 7}
    assert admin.looks == 3


def test_after_an_election_offsets_are_asked_for_by_the_leader_that_there_is_now() -> None:
    class Elected(FakeAdmin):
        """Asks as before the election until somebody looks at the topic, as librdkafka does."""

        has_looked = False

        def list_topics(self, topic: str = "", timeout: float = -1) -> Any:
            self.has_looked = True
            return super().list_topics(topic, timeout)

        def list_offsets(self, asked: Any, request_timeout: float) -> dict[Any, Future[Any]]:
            futures: dict[Any, Future[Any]] = {one: Future() for one in asked}
            for future in futures.values():
                if self.has_looked:
                    future.set_result(SimpleNamespace(offset=7))
                else:
                    future.set_exception(KafkaException(KafkaError(KafkaError.FENCED_LEADER_EPOCH)))
            return futures

    admin: Any = Elected({"logs": 1})

    assert log_ends(admin, "logs", [0]) == {0: 7}


def test_ends_that_can_be_read_are_the_logs_ends_where_a_reader_finds_records(cluster: str) -> None:
    producer = Producer({"bootstrap.servers": cluster, "log_level": 2})
    for _ in range(3):
        producer.produce("readable", b"record", partition=0)
    assert producer.flush(5) == 0
    settings = SETTINGS.model_copy(update={"topic_events": "readable"})
    settings.__dict__["kafka"] = {"bootstrap.servers": cluster}
    ends = ReadableEnds(admin_client(settings.kafka), settings, _never)

    # The second call finds the reader where it was, and looks whether there is something to read.
    assert [ends.of({0: 1, 1: 0}) for _ in range(2)] == [{0: 3, 1: 0}] * 2


def test_an_end_behind_which_nothing_can_be_read_is_where_the_reader_stands(
    cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = Producer({"bootstrap.servers": cluster, "log_level": 2})
    producer.produce("marked", b"record", partition=0)
    assert producer.flush(5) == 0
    # As a transaction's mark leaves it: one place behind the last record.
    monkeypatch.setattr(topics, "log_ends", lambda *_: {0: 2})
    settings = SETTINGS.model_copy(update={"topic_events": "marked"})
    settings.__dict__["kafka"] = {"bootstrap.servers": cluster}
    ends = ReadableEnds(admin_client(settings.kafka), settings, _never)

    assert [ends.of({0: 1}) for _ in range(2)] == [{0: 2}, {0: 1}]


class RefusedConsumer(FakeConsumer):
    """A consumer that may not read the topic."""

    def poll(self, timeout_s: float) -> Any:
        error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "refused by the test")
        return SimpleNamespace(error=lambda: error)


def test_a_topic_that_may_not_be_read_has_no_ends_and_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "log_ends", lambda *_: {0: 2})
    monkeypatch.setattr(topics, "Consumer", lambda _: RefusedConsumer(FakeLog()))
    told: list[Exception] = []
    ends = ReadableEnds(FakeAdmin({}), SETTINGS, told.append)  # type: ignore[arg-type]  # a fake

    assert [ends.of({0: 1}) for _ in range(2)] == [{0: 2}, {}]
    assert [str(error) for error in told] == [f"records of topic {SETTINGS.topic_events}: refused by the test"]


def test_a_reader_that_stands_nowhere_is_given_an_end_as_well(cluster: str) -> None:
    producer = Producer({"bootstrap.servers": cluster, "log_level": 2})
    producer.produce("unread", b"record", partition=0)
    assert producer.flush(5) == 0
    settings = SETTINGS.model_copy(update={"topic_events": "unread"})

    assert ReadableEnds(admin_client({"bootstrap.servers": cluster}), settings, _never).of({}) == {0: 1}


def _never(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("applied", [{0: 1}, {}])
def test_there_are_no_ends_while_kafka_does_not_answer_and_it_is_told(
    applied: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "_ANSWER_S_MAX", 0.3)
    settings = SETTINGS.model_copy()
    settings.__dict__["kafka"] = {"bootstrap.servers": f"127.0.0.1:{free_port()}"}
    told: list[Exception] = []

    assert ReadableEnds(admin_client(settings.kafka), settings, told.append).of(applied) == {}
    (error,) = told
    assert re.match(f"offsets of topic {settings.topic_events}: ..", str(error))


def test_a_timeout_which_has_no_words_is_told_as_no_answer() -> None:
    def timed_out(asked: dict[Any, Any], **_: Any) -> dict[Any, Future[Any]]:
        answers: dict[Any, Future[Any]] = {place: Future() for place in asked}
        for answer in answers.values():
            answer.set_exception(TimeoutError())
        return answers

    admin: Any = SimpleNamespace(list_offsets=timed_out, list_topics=FakeAdmin({}).list_topics)
    with pytest.raises(TopicsError, match=r"^offsets of topic credit\.events: no answer$"):
        log_ends(admin, "credit.events", [0])
