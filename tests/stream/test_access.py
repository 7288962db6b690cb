"""The copy of the access log: whatever fails, and wherever, each access is there once."""

from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from schemas.access import StandingRead, encode, from_kept
from schemas.subjects import parse_subject
from sinks.accesses import AccessStore
from sinks.errors import StoreError, StoreUnavailableError
from sinks.keys import access_key
from stream import access as access_module
from stream.access import AccessCopy
from tests.support.events import PARTITIONS, RESIDENT
from tests.support.fake_kafka import FakeConsumer, FakeLog
from tests.support.redis_server import Fault, Faults, FaultyConnection, connect

OTHER = "r-19c3f0a1b2d4e5f7"
ATTEMPTS_MAX = 5
READS = 12
DEADLINE_S = 5.0


@pytest.fixture(autouse=True)
def _in_small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "RECORDS_MAX", 4)
    monkeypatch.setattr(access_module, "_RETRY_S", 0.01)
    structlog.reset_defaults()


def a_log(reads: int = READS) -> FakeLog:
    log = FakeLog()
    for number in range(reads):
        read_by(log, number)
    return log


def read_by(log: FakeLog, number: int) -> None:
    read = StandingRead(
        id=str(number),
        subject=(RESIDENT, OTHER)[number % 2],
        time=datetime(2026, 11, 24, 0, 30, number, tzinfo=UTC),
        reader="transit-operator",
        purpose="transit",
        what="tier",
        as_of=number,
    )
    key, value, _ = encode(read)
    log.append(value, key=key)


def copying(client: Any, consumer: FakeConsumer) -> AccessCopy:
    def connect_once() -> Any:
        return consumer

    copy = AccessCopy(AccessStore(client), connect_once, "credit.access", lambda _: None)
    copy.partitions = tuple(range(PARTITIONS))
    return copy


def copy_all(copy: AccessCopy, consumer: FakeConsumer) -> None:
    """Go on as the thread does, until a round in which nothing fails finds nothing."""
    failures = idle = 0
    while idle < 2:
        try:
            idle = 0 if copy.copy() else idle + 1
            failures = 0
        except (StoreUnavailableError, KafkaException):
            failures += 1
            idle = 0
            assert failures < ATTEMPTS_MAX


def seen(client: Any) -> dict[str, list[bytes]]:
    """Return the ids of what each subject sees, in order."""
    return {
        subject: [
            from_kept(subject, kept).id.encode()
            for partition in range(PARTITIONS)
            for kept in client.lrange(access_key(partition, parse_subject(subject)), 0, -1)[::-1]
        ]
        for subject in (RESIDENT, OTHER)
    }


WHOLE = {
    RESIDENT: [b"%d" % number for number in range(0, READS, 2)],
    OTHER: [b"%d" % number for number in range(1, READS, 2)],
}


def test_each_subject_sees_what_was_read_about_it_in_order(client: Any) -> None:
    consumer = FakeConsumer(a_log())
    copy = copying(client, consumer)
    copy_all(copy, consumer)

    assert seen(client) == WHOLE
    assert copy.copied == READS
    assert sum(consumer.committed.values()) == READS


def test_another_worker_goes_on_where_the_last_one_ended_and_repeats_nothing(client: Any) -> None:
    log = a_log(5)
    copy_all(copying(client, first := FakeConsumer(log)), first)
    for number in range(5, READS):
        read_by(log, number)
    later = copying(client, second := FakeConsumer(log))
    copy_all(later, second)

    assert later.copied == READS - 5
    assert seen(client) == WHOLE


def test_a_stale_worker_that_goes_on_repeats_nothing(client: Any) -> None:
    log = a_log(6)
    stale = copying(client, old := FakeConsumer(log))
    stale.copy()
    copy_all(copying(client, new := FakeConsumer(log)), new)
    for number in range(6, READS):
        read_by(log, number)
    copy_all(stale, old)

    assert seen(client) == WHOLE


def test_an_emptied_store_is_filled_again_also_while_nobody_reads(client: Any) -> None:
    consumer = FakeConsumer(a_log())
    copy = copying(client, consumer)
    copy_all(copy, consumer)
    client.flushall()
    copy_all(copy, consumer)

    assert seen(client) == WHOLE


def test_a_log_that_was_made_anew_is_told_with_what_to_do(client: Any) -> None:
    consumer = FakeConsumer(a_log())
    copy_all(copying(client, consumer), consumer)
    consumer = FakeConsumer(a_log(2))

    with pytest.raises(StoreError, match=r"credit\.access/\d was made anew: .*delete the keys \{\d\}:reads:\*"):
        copying(client, consumer).copy()


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.SENT_UNANSWERED, Fault.ANSWER_LOST])
def test_whichever_call_to_redis_fails_the_end_is_the_same(valkey_server: str, client: Any, fault: Fault) -> None:
    ends = {}
    for at in count(1):
        client.flushall()
        faults = Faults(fault, at)
        consumer = FakeConsumer(a_log())
        faulty = connect(valkey_server, FaultyConnection, faults=faults)
        copy_all(copying(faulty, consumer), consumer)
        faulty.close()
        if not faults.fired:
            break
        ends[at] = seen(client)

    assert {at: end for at, end in ends.items() if end != WHOLE} == {}
    assert len(ends) > 10


def test_whichever_call_to_kafka_fails_the_end_is_the_same(client: Any) -> None:
    ends = {}
    for at in count(1):
        client.flushall()
        consumer = FakeConsumer(a_log(), fails_at=at)
        copy_all(copying(client, consumer), consumer)
        if consumer.calls < at:
            break
        ends[at] = seen(client)

    assert {at: end for at, end in ends.items() if end != WHOLE} == {}
    assert len(ends) > 5


def test_what_is_no_access_is_left_in_the_log_and_named_by_its_place_alone(client: Any) -> None:
    log = FakeLog()
    log.append(b'{"subject":"350102199003076543"}', key=b"x", partition=1)
    read_by(log, 0)
    consumer = FakeConsumer(log)
    with capture_logs() as lines:
        copy_all(copying(client, consumer), consumer)

    assert seen(client)[RESIDENT] == [b"0"]
    assert [(line["partition"], line["offset"], line["reason"]) for line in lines] == [(1, 0, "not_json")]
    assert "350102199003076543" not in str(lines)


def test_a_worker_without_partitions_copies_nothing(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "_WAIT_S", 0.0)
    copy = copying(client, FakeConsumer(a_log()))
    copy.partitions = ()

    assert copy.copy() == 0
    assert seen(client) == {RESIDENT: [], OTHER: []}


class RefusedConsumer(FakeConsumer):
    """A consumer that may not read the topic."""

    def consume(self, *_: Any) -> Any:
        refusal = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "refused by the test")
        return [SimpleNamespace(error=lambda: refusal)]


def test_a_refused_topic_is_named(client: Any) -> None:
    with pytest.raises(KafkaException, match=r"topic credit\.access: refused by the test"):
        copying(client, RefusedConsumer(a_log())).copy()


def test_the_thread_copies_tells_what_fails_and_ends_when_it_is_told_to(client: Any) -> None:
    consumer = FakeConsumer(a_log(), fails_at=2)
    errors: list[Exception] = []
    partly: Any = lambda: consumer  # noqa: E731
    copy = AccessCopy(AccessStore(client), partly, "credit.access", errors.append)
    copy.partitions = tuple(range(PARTITIONS))
    copy.start()
    while copy.copied < READS:
        assert copy.is_alive()
    copy.end()
    copy.join(DEADLINE_S)

    assert not copy.is_alive()
    assert consumer.is_closed
    assert [type(one) for one in errors] == [KafkaException]
    assert seen(client) == WHOLE
