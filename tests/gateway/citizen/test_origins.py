"""Where a record comes from, read again in the log."""

import asyncio

import pytest

from gateway.citizen.errors import NotTakenError, OriginGoneError
from gateway.citizen.origins import KafkaOrigins, Origin, Place
from gateway.producer import Delivery, Publisher
from schemas.events import CreditEvent
from tests.gateway.city import KEY, OTHER, RESIDENT, an_event

BOOK = an_event(RESIDENT, "library.loan.overdue")
TOPIC = "credit.events"


@pytest.fixture(scope="module")
def place(kafka: str) -> Place:
    """Where the log has an event."""
    delivered: list[Delivery] = []
    with Publisher({"bootstrap.servers": kafka}, TOPIC, on_delivery=delivered.append) as publisher:
        publisher.publish(an_event(RESIDENT, "subject.registered"))
        publisher.publish(BOOK)
    return place_of(BOOK, delivered[1].partition or 0, delivered[1].offset or 0)


def place_of(event: CreditEvent, partition: int, offset: int) -> Place:
    record = KEY.record(event.source, event.id)
    return Place(subject=event.subject, record=record, partition=partition, offset=offset)


def find(kafka: str, place: Place) -> Origin:
    return asyncio.run(KafkaOrigins({"bootstrap.servers": kafka}, TOPIC, KEY).find(place))


def test_source_and_id_are_read_from_the_log(kafka: str, place: Place) -> None:
    assert find(kafka, place) == Origin(BOOK.source, BOOK.id)


def test_an_event_of_another_record_or_subject_is_not_taken_for_it(kafka: str, place: Place) -> None:
    elsewhere = (
        place_of(BOOK, place.partition, place.offset - 1),
        place_of(an_event(OTHER, "library.loan.overdue"), place.partition, place.offset),
    )

    for wrong in elsewhere:
        with pytest.raises(OriginGoneError):
            find(kafka, wrong)


def test_an_event_that_is_not_in_the_log_is_gone(kafka: str, place: Place) -> None:
    with pytest.raises(OriginGoneError):
        find(kafka, place_of(BOOK, place.partition, place.offset + 1))


def test_a_log_that_does_not_answer_is_said_to_be_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.citizen.origins._ANSWER_S_MAX", 0.1)

    with pytest.raises(NotTakenError):
        find("127.0.0.1:1", place)
