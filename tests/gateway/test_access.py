"""The access log's writing side: bounded, never waited for, and no read without it."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from gateway.access import AccessLog
from gateway.address import partition_of
from gateway.answer import UNKNOWN
from gateway.errors import AccessLogError
from gateway.lookup import AsyncLookup, Lookup
from schemas.access import ChangeReceived, StandingRead, decode
from schemas.errors import Refusal
from tests.gateway.city import NAMES, NOBODY, PARTITIONS, RESIDENT, City, an_event
from tests.support.fake_kafka import FakeProducer

AT_S = 1_795_480_200.5
CLOSE_S = 5.0


def a_log(bootstrap_servers: str, topic: str = "credit.access", **options: Any) -> AccessLog:
    properties = {"bootstrap.servers": bootstrap_servers, "log_level": 0}
    return AccessLog(properties, topic, clock=lambda: AT_S, **options)


def written(kafka: str, topic: str, count: int) -> list[Any]:
    """Return what stands in a topic."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "test", "log_level": 0})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    found: list[Any] = []
    ends_s = time.monotonic() + CLOSE_S
    while len(found) < count and time.monotonic() < ends_s:
        found += consumer.consume(count, 0.1)
    consumer.close()
    return found


@pytest.fixture
def away() -> Iterator[AccessLog]:
    """A log whose Kafka is away, with room for three."""
    log = a_log("127.0.0.1:1", waiting_max=3)
    yield log
    log.close(0.0)


def test_a_read_and_a_receipt_are_in_the_log_keyed_by_their_subject(kafka: str) -> None:
    with a_log(kafka) as log:
        log.read(RESIDENT, "transit-operator", "transit", "tier", as_of=7)
        log.received(RESIDENT, "transit-operator", f"0/7/20781/{RESIDENT}")
    records = written(kafka, "credit.access", 2)

    read, receipt = (decode(record.value()) for record in records)
    assert isinstance(read, StandingRead)
    assert isinstance(receipt, ChangeReceived)
    assert (read.reader, read.purpose, read.what, read.as_of) == ("transit-operator", "transit", "tier", 7)
    assert receipt.id == f"transit-operator/0/7/20781/{RESIDENT}"
    assert {record.key() for record in records} == {RESIDENT.encode()}
    assert {record.partition() for record in records} == {partition_of(RESIDENT, PARTITIONS)}


def test_while_kafka_is_away_reads_are_taken_until_the_queue_is_full_and_then_refused_at_once(away: AccessLog) -> None:
    for _ in range(3):
        away.read(RESIDENT, "transit-operator", "transit", "tier", as_of=7)
    refused = r"3 records wait for Kafka.*a read that cannot be logged is not given"
    took_s = []
    for _ in range(3):
        began_s = time.monotonic()
        with pytest.raises(AccessLogError, match=refused):
            away.read(RESIDENT, "transit-operator", "transit", "tier", as_of=7)
        with pytest.raises(AccessLogError):
            away.check()
        took_s.append(time.monotonic() - began_s)

    assert min(took_s) < 0.1, "a busy machine may pause once"
    assert away.waiting == 3


def test_what_could_not_be_written_is_counted_when_the_log_is_closed(away: AccessLog) -> None:
    away.read(RESIDENT, "transit-operator", "transit", "tier", as_of=7)

    assert away.close(0.01) == 1


def test_leaving_the_block_tells_what_was_lost() -> None:
    log = a_log("127.0.0.1:1")
    log.close = lambda *_: 1  # type: ignore[method-assign]  # instead of waiting for half a minute
    with pytest.raises(AccessLogError, match="1 records wait"), log:
        pass


class Refused:
    """A record that Kafka has refused, as its report gives it."""

    def key(self) -> bytes:
        return RESIDENT.encode()

    def value(self) -> bytes:
        return b"{}"


def test_what_kafka_refuses_is_given_to_it_again(kafka: str) -> None:
    log = a_log(kafka, "refused.once")
    log._failed(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), Refused())
    assert log.waiting == 1
    with pytest.raises(AccessLogError, match="TOPIC_AUTHORIZATION_FAILED"):
        log.check()

    assert log.flush(CLOSE_S) == 0
    log.check()
    assert [record.value() for record in written(kafka, "refused.once", 1)] == [b"{}"]


def test_what_is_refused_while_the_queue_is_full_is_not_forgotten(away: AccessLog) -> None:
    for _ in range(3):
        away.read(RESIDENT, "transit-operator", "transit", "tier", as_of=7)
    away._failed(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), Refused())
    with pytest.raises(AccessLogError):
        away.check()

    assert away.waiting == 4


class Watched:
    """A log whose Kafka refuses its topic, and whose clock stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = AT_S
        self.producer = FakeProducer(refused_topic="credit.access")
        self.log = AccessLog({"bootstrap.servers": "127.0.0.1:1"}, "credit.access", clock=lambda: self.now_s)
        self.log._producer = self.producer  # type: ignore[assignment]  # a fake

    def read(self) -> None:
        self.log.read(RESIDENT, "transit-operator", "transit", "tier", as_of=7)

    def is_refused(self) -> bool:
        try:
            self.log.check()
        except AccessLogError:
            return True
        return False


def test_while_kafka_refuses_no_read_is_given_although_what_it_refused_is_given_to_it_again() -> None:
    watched = Watched()
    watched.read()

    for _ in range(3):
        for _ in range(10):
            with pytest.raises(AccessLogError, match="TOPIC_AUTHORIZATION_FAILED"):
                watched.read()
        watched.now_s += 1.0
    assert watched.producer.calls == 1 + 3, "the read, and a probe a second"
    assert watched.log.waiting == 1


def test_reads_are_given_again_once_kafka_has_taken_what_it_refused() -> None:
    watched = Watched()
    watched.read()
    assert watched.is_refused()
    watched.producer.refused_topic = ""
    watched.now_s += 1.0

    assert [watched.is_refused() for _ in range(3)] == [True, False, False]
    watched.read()
    assert len(watched.producer.taken) == 2


def test_a_clock_that_is_set_back_does_not_keep_a_refusal_alive() -> None:
    watched = Watched()
    watched.read()
    assert watched.is_refused()
    watched.producer.refused_topic = ""
    watched.now_s -= 3_600.0

    assert [watched.is_refused() for _ in range(2)] == [True, False]


def test_after_a_refusal_for_good_another_producer_writes_what_waits(kafka: str) -> None:
    log = a_log(kafka, "refused.for.good")
    log._producer = FakeProducer(is_refused=True)  # type: ignore[assignment]  # a fake
    log._failed(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), Refused())

    with pytest.raises(AccessLogError, match=r"1 records wait.*no producer id"):
        log.check()

    assert log.close(CLOSE_S) == 0
    assert [record.value() for record in written(kafka, "refused.for.good", 1)] == [b"{}"]


@pytest.fixture
def known(valkey: str, city: City) -> str:
    """A store that knows the resident."""
    city.happen(an_event(RESIDENT, "subject.registered"))
    return valkey


def test_the_sdk_writes_each_read_before_it_answers(known: str, kafka: str, city: City) -> None:
    with a_log(kafka, "of.the.sdk") as log:
        record = log.reading("transit-operator", "transit")
        with Lookup.from_url(known, NAMES, access=record, clock=city.clock) as lookup:
            answers = [lookup.lookup(RESIDENT), lookup.lookup(NOBODY)]

        async def ask() -> None:
            async with AsyncLookup.from_url(known, NAMES, access=record, clock=city.clock) as lookup:
                answers.append(await lookup.lookup(RESIDENT))

        asyncio.run(ask())
    reads = [decode(one.value()) for one in written(kafka, "of.the.sdk", 3)]

    assert [one.status for one in answers] == ["scored", "unknown", "scored"]
    found = sorted((one.subject, one.what, one.as_of or 0) for one in reads if isinstance(one, StandingRead))
    assert found == [(RESIDENT, "standing", 0), (RESIDENT, "standing", 0), (NOBODY, "standing", 0)]


def test_the_sdk_gives_no_answer_that_it_cannot_write(known: str, away: AccessLog, city: City) -> None:
    record = away.reading("transit-operator", "transit")
    with Lookup.from_url(known, NAMES, access=record, clock=city.clock) as lookup:
        given = [lookup.lookup(RESIDENT) for _ in range(3)]
        with pytest.raises(AccessLogError):
            lookup.lookup(RESIDENT)

    async def ask() -> None:
        async with AsyncLookup.from_url(known, NAMES, access=record, clock=city.clock) as lookup:
            await lookup.lookup(RESIDENT)

    with pytest.raises(AccessLogError):
        asyncio.run(ask())
    assert UNKNOWN not in given


def test_a_reader_must_have_a_name(away: AccessLog) -> None:
    with pytest.raises(Refusal, match="such as transit-operator"):
        away.reading("Somebody", "transit")
