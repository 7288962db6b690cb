"""The producer SDK on librdkafka's mock cluster."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from gateway.async_producer import AsyncPublisher
from gateway.errors import PropertyError, PublisherClosedError, PublishingError, QueueFullError, UndeliveredError
from gateway.producer import Delivery, Publisher, Report, checked, event_of, kafka_properties
from schemas.catalogue import Grade
from schemas.codec import decode
from schemas.errors import Reason, Refusal
from schemas.events import CreditEvent, Data
from schemas.partitioner import partition_of
from tests.gateway.city import COMPANY, OTHER, RESIDENT, an_event
from tests.support.embedded_worker import until
from tests.support.fake_kafka import FakeProducer

PARTITIONS = 4
EVENT = an_event(RESIDENT, "subject.registered")
ATTRIBUTES = {
    "id": "loan 1",
    "source": "/dept/library",
    "type": "library.loan.returned",
    "subject": RESIDENT,
    "time": "2026-11-24T08:30:00+08:00",
}


def quiet(address: str, **more: Any) -> dict[str, Any]:
    return {"bootstrap.servers": address, "log_level": 0, **more}


def with_data(event: CreditEvent, **changes: Any) -> CreditEvent:
    return replace(event, data=replace(event.data, **changes))


@pytest.fixture
def nowhere() -> str:
    """An address at which no Kafka is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def read(kafka: str, topic: str, count: int) -> list[Message]:
    with closing(Consumer({"bootstrap.servers": kafka, "group.id": "test", "log_level": 0})) as consumer:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        return consumer.consume(count, 10)


def published(kafka: str, topic: str, *events: CreditEvent) -> list[Delivery]:
    deliveries: list[Delivery] = []
    with Publisher(quiet(kafka), topic, on_delivery=deliveries.append) as publisher:
        for event in events:
            publisher.publish(event)
    return deliveries


def test_an_event_arrives_as_the_event_it_was_keyed_by_its_subject_in_its_subjects_partition(kafka: str) -> None:
    events = [EVENT, an_event(OTHER, "library.loan.overdue"), an_event(COMPANY, "tax.arrears.recorded")]

    deliveries = published(kafka, "arrives", *events)

    records = read(kafka, "arrives", 3)
    by_key = {record.key(): record for record in records}
    for event in events:
        record = by_key[event.subject.encode()]
        assert decode(record.value()) == event
        assert record.partition() == partition_of(event.subject, PARTITIONS)
        assert record.headers() == [("content-type", b"application/cloudevents+json")]
    expected = {(record.partition(), record.offset()) for record in records}
    assert {(one.partition, one.offset) for one in deliveries} == expected


def test_each_delivery_is_reported_once_with_its_event(kafka: str) -> None:
    events = [replace(EVENT, id=f"{number}") for number in range(100)]

    deliveries = published(kafka, "reported", *events)

    assert [one.event_id for one in deliveries] == [one.id for one in events]
    assert {(one.source, one.error) for one in deliveries} == {(EVENT.source, "")}


def test_attributes_are_an_event_too(kafka: str) -> None:
    with Publisher(quiet(kafka), "attributes") as publisher:
        publisher.publish_attributes(ATTRIBUTES)
        assert publisher.flush(10) == Report(delivered=1, failed=0, waiting=0)

    (record,) = read(kafka, "attributes", 1)
    assert decode(record.value()).id == "loan 1"


@pytest.mark.parametrize(
    ("spoil", "reason", "field"),
    [
        (lambda one: replace(one, subject="350102199003076543"), Reason.BAD_VALUE, "subject"),
        (lambda one: replace(one, subject=COMPANY), Reason.WRONG_SUBJECT_KIND, "subject"),
        (lambda one: replace(one, id=""), Reason.BAD_VALUE, "id"),
        (lambda one: replace(one, id="\ud800"), Reason.BAD_VALUE, ""),
        (lambda one: replace(one, source="s" * 201), Reason.BAD_VALUE, "source"),
        (lambda one: replace(one, extensions={"id": "other"}), Reason.BAD_VALUE, "id"),
        (lambda one: replace(one, extensions={"traceparent": 1.5}), Reason.BAD_ENVELOPE, "traceparent"),
        (lambda one: replace(one, time=datetime(2026, 11, 24)), Reason.BAD_VALUE, "time"),  # noqa: DTZ001
        (lambda one: replace(one, time="2026-11-24T08:30:00+08:00"), Reason.BAD_VALUE, "time"),
        (lambda one: replace(one, time=None), Reason.BAD_VALUE, "time"),
        (lambda one: replace(one, type="library.loan.returned"), Reason.BAD_VALUE, "type"),
        (lambda one: replace(one, data={"grade": "standard"}), Reason.BAD_VALUE, "data"),
        (lambda one: with_data(one, determined_at=date(2026, 11, 24)), Reason.BAD_VALUE, "data.determined_at"),
        (lambda one: replace(one, time=datetime.now(UTC) + timedelta(days=2)), Reason.TIME_IN_FUTURE, "time"),
        (lambda one: replace(one, time=datetime(1969, 1, 1, tzinfo=UTC)), Reason.BAD_VALUE, "time"),
        (lambda one: replace(one, data=Data(quantity=1)), Reason.UNKNOWN_FIELD, "data.quantity"),
        (lambda one: replace(one, data=Data(quantity=0)), Reason.BAD_VALUE, "data.quantity"),
        (lambda one: replace(one, data=Data(grade=Grade.SEVERE)), Reason.BAD_VALUE, "data.grade"),
        (lambda one: replace(one, data=Data(incident_key="i" * 129)), Reason.BAD_VALUE, "data.incident_key"),
        (lambda one: replace(one, data=Data(linked_subjects=(OTHER,))), Reason.UNKNOWN_FIELD, "data.linked_subjects"),
    ],
)
def test_what_a_worker_would_refuse_or_read_otherwise_is_refused_at_once(
    nowhere: str, spoil: Callable[[CreditEvent], CreditEvent], reason: Reason, field: str
) -> None:
    publisher = Publisher(quiet(nowhere), "refused")

    with pytest.raises(Refusal) as caught:
        publisher.publish(spoil(an_event(RESIDENT, "library.loan.returned")))

    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert publisher.close(0) == Report(0, 0, 0)


def test_an_organisations_event_may_name_who_represents_it(kafka: str) -> None:
    event = an_event(COMPANY, "org.dishonest.listed", linked_subjects=(RESIDENT, OTHER))

    published(kafka, "linked", event)

    (record,) = read(kafka, "linked", 1)
    assert decode(record.value()) == event


@pytest.mark.parametrize("linked", ["r-09c3f0a1b2d4e5f6", [RESIDENT], (COMPANY,), (RESIDENT, RESIDENT)])
def test_linked_subjects_that_a_worker_would_refuse_or_read_otherwise_are_refused_at_once(linked: Any) -> None:
    with pytest.raises(Refusal) as caught:
        checked(an_event(COMPANY, "org.dishonest.listed", linked_subjects=linked))

    assert (caught.value.reason, caught.value.field) == (Reason.BAD_VALUE, "data.linked_subjects")


def test_an_attribute_that_is_null_is_published_as_one_left_out() -> None:
    assert event_of({**ATTRIBUTES, "dataschema": None, "traceparent": None}) == event_of(ATTRIBUTES)


def test_attributes_that_are_no_event_are_refused_at_once(nowhere: str) -> None:
    publisher = Publisher(quiet(nowhere), "refused")

    with pytest.raises(Refusal, match="unknown_type"):
        publisher.publish_attributes({**ATTRIBUTES, "type": "speech.made"})


def test_publishing_waits_for_a_full_queue_and_then_says_so(nowhere: str) -> None:
    publisher = Publisher(quiet(nowhere, **{"queue.buffering.max.messages": 2}), "full", queue_wait_s=0.1)
    publisher.publish(EVENT)
    publisher.publish(EVENT)

    with pytest.raises(QueueFullError, match=r"0\.1 s"):
        publisher.publish(EVENT)

    assert publisher.close(0) == Report(delivered=0, failed=2, waiting=0)


def test_a_queue_smaller_than_what_is_published_loses_nothing(kafka: str) -> None:
    deliveries: list[Delivery] = []
    properties = quiet(kafka, **{"queue.buffering.max.messages": 3})
    with Publisher(properties, "narrow", on_delivery=deliveries.append) as publisher:
        for number in range(50):
            publisher.publish(replace(EVENT, id=f"{number}"))

    assert [one.event_id for one in deliveries] == [f"{number}" for number in range(50)]


def test_what_kafka_did_not_take_is_told_one_by_one_when_closing(nowhere: str) -> None:
    deliveries: list[Delivery] = []
    publisher = Publisher(quiet(nowhere), "lost", on_delivery=deliveries.append)
    publisher.publish(EVENT)

    assert publisher.close(0.1) == Report(delivered=0, failed=1, waiting=0)
    assert [(one.event_id, one.partition, one.offset) for one in deliveries] == [(EVENT.id, None, None)]
    assert "purge" in deliveries[0].error.lower()


def test_news_of_an_unreachable_kafka_is_not_an_event_that_waits(nowhere: str) -> None:
    class Unserved(Producer):
        def flush(self, timeout: float = 0) -> int:
            return 0

    publisher = Publisher(quiet(nowhere), "news")
    publisher._producer = Unserved(quiet(nowhere))
    until(lambda: len(publisher._producer) > 0, "librdkafka has queued that Kafka is away")

    assert publisher.close(0) == Report(0, 0, 0)


def test_leaving_with_events_that_kafka_did_not_take_is_an_error(nowhere: str) -> None:
    properties = quiet(nowhere, **{"message.timeout.ms": 100})

    with pytest.raises(UndeliveredError, match="of 1 events 1 were not"), Publisher(properties, "lost") as publisher:
        publisher.publish(EVENT)


def test_closing_reports_what_arrived_although_kafka_refuses_the_publisher_for_good(kafka: str) -> None:
    publisher = Publisher(quiet(kafka), "a.refused")
    publisher.publish(EVENT)
    assert publisher.flush(10).delivered == 1
    publisher._producer = FakeProducer(is_refused=True)  # type: ignore[assignment]  # a fake

    with pytest.raises(PublishingError, match="no producer id; make another publisher"):
        publisher.publish(EVENT)

    assert publisher.close() == Report(delivered=1, failed=0, waiting=0)


def test_nothing_is_taken_after_close(kafka: str) -> None:
    publisher = Publisher(quiet(kafka), "closed")
    publisher.close()

    with pytest.raises(PublisherClosedError):
        publisher.publish(EVENT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("acks", 1),
        ("request.required.acks", "0"),
        ("enable.idempotence", False),
        ("partitioner", "consistent"),
        ("delivery.report.only.error", "true"),
    ],
)
def test_a_property_that_would_lose_or_misplace_events_is_refused(name: str, value: object) -> None:
    with pytest.raises(PropertyError, match=name):
        kafka_properties({name: value})


def test_properties_that_say_the_same_are_taken() -> None:
    stated = {"acks": -1, "request.required.acks": "all", "enable.idempotence": "true", "partitioner": "murmur2"}

    assert kafka_properties({**stated, "linger.ms": 5}) == {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "delivery.report.only.error": False,
        "linger.ms": 5,
    }


def test_an_event_awaited_is_in_the_log(kafka: str) -> None:
    async def publish() -> list[Delivery]:
        async with AsyncPublisher(quiet(kafka), "awaited") as publisher:
            one = await publisher.publish_attributes(ATTRIBUTES)
            more = await asyncio.gather(*(publisher.publish(replace(EVENT, id=f"{n}")) for n in range(20)))
            return [one, *more]

    deliveries = asyncio.run(publish())

    assert [one.event_id for one in deliveries] == ["loan 1", *(f"{number}" for number in range(20))]
    assert {(one.partition, one.offset) for one in deliveries} == {
        (record.partition(), record.offset()) for record in read(kafka, "awaited", 21)
    }


def test_an_event_awaited_that_kafka_did_not_take_is_an_error(nowhere: str) -> None:
    async def publish() -> None:
        async with AsyncPublisher(quiet(nowhere, **{"message.timeout.ms": 100}), "lost") as publisher:
            await publisher.publish(EVENT)

    with pytest.raises(UndeliveredError, match=re_of(EVENT.id)):
        asyncio.run(publish())


def test_an_async_publisher_that_kafka_has_refused_for_good_takes_another_producer(kafka: str) -> None:
    async def publish() -> Delivery:
        publisher = AsyncPublisher(quiet(kafka), "an.async.refused")
        publisher._producer = FakeProducer(is_refused=True)  # type: ignore[assignment]  # a fake
        async with publisher:
            # Its thread finds that out by itself.
            await asyncio.to_thread(until, lambda: publisher._ended is not None, "it knows that Kafka refused it")
            return await publisher.publish(EVENT)

    assert asyncio.run(publish()).offset == 0


def re_of(text: str) -> str:
    return text.replace(".", r"\.")


def test_an_async_publisher_waits_for_a_full_queue_gives_up_at_close_and_takes_nothing_after(nowhere: str) -> None:
    async def publish() -> None:
        properties = quiet(nowhere, **{"queue.buffering.max.messages": 1})
        publisher = AsyncPublisher(properties, "full", queue_wait_s=0.05)
        with pytest.raises(PublisherClosedError):
            await publisher.publish(EVENT)
        await publisher.__aenter__()
        first = asyncio.create_task(publisher.publish(EVENT))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await publisher.publish(EVENT)
        with pytest.raises(Refusal):
            await publisher.publish(replace(EVENT, id=""))
        await publisher.close(0.05)
        with pytest.raises(UndeliveredError, match="urge"):
            await first
        with pytest.raises(PublisherClosedError):
            await publisher.publish(EVENT)

    asyncio.run(publish())


def test_an_async_publisher_takes_nothing_from_another_event_loop(kafka: str) -> None:
    def elsewhere(publisher: AsyncPublisher) -> None:
        with pytest.raises(RuntimeError, match="event loop"):
            asyncio.run(asyncio.wait_for(publisher.publish(EVENT), 1))

    async def publish() -> None:
        async with AsyncPublisher(quiet(kafka), "loops") as publisher:
            await asyncio.to_thread(elsewhere, publisher)

    asyncio.run(publish())
