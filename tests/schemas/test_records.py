"""Record ids, and the fact that an event becomes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import TYPES_BY_NAME
from schemas.codec import decode
from schemas.days import day_of
from schemas.events import CreditEvent
from schemas.facts import OFFSET_MAX, offsets_of, same_content
from schemas.records import RecordKey, fact_of
from tests.support.events import KEY, events, value_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def test_source_and_id_cannot_change_places() -> None:
    assert KEY.record("/a", "b") != KEY.record("/", "ab")


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_unlike_sources_or_ids_give_unlike_records(source: str, one: str, other_source: str, other: str) -> None:
    same = (source, one) == (other_source, other)

    assert (KEY.record(source, one) == KEY.record(other_source, other)) is same


def test_a_key_is_derived_from_the_deployments_own() -> None:
    assert RecordKey.derived(b"k" * 32) != RecordKey.derived(b"l" * 32)
    assert RecordKey.derived(b"k" * 32) == RecordKey.derived(b"k" * 32)


@given(TEXTS)
def test_the_link_of_an_incident_is_never_that_of_none(incident_key: str) -> None:
    assert KEY.incident(incident_key) != 0


@given(events(), st.integers(0, OFFSET_MAX))
def test_a_fact_knows_its_place_in_the_log(event: CreditEvent, offset: int) -> None:
    assert offsets_of(np.array([fact_of(event, KEY, offset)])).tolist() == [offset]


@given(events(), st.integers(0, OFFSET_MAX))
def test_the_same_event_at_another_place_has_the_same_content(event: CreditEvent, offset: int) -> None:
    assert same_content(fact_of(event, KEY, 0), fact_of(event, KEY, offset))


@given(events())
def test_a_fact_holds_what_its_event_says(event: CreditEvent) -> None:
    fact, data = fact_of(event, KEY, 0), event.data

    assert fact["record"] == KEY.record(event.source, event.id)
    assert fact["occurred"] == event.time.timestamp()
    assert fact["type"] == event.type.code
    assert fact["grade"] == (data.grade or 0)
    assert fact["quantity"] == (data.quantity or 0)
    assert fact["terminated"] == (day_of(int(data.terminated_at.timestamp())) if data.terminated_at else 0)


def test_a_control_links_to_the_record_it_is_about() -> None:
    value = value_of("record.revoked", data={"record_source": "/dept/library", "record_id": "2026-000122"})

    assert fact_of(decode(value), KEY, 0)["link"] == KEY.record("/dept/library", "2026-000122")


def test_events_of_one_incident_have_the_same_link() -> None:
    links = {
        int(fact_of(decode(value_of(source=source, data={"incident_key": "act 1"})), KEY, 0)["link"])
        for source in ("/dept/library", "/dept/court")
    }

    assert links == {KEY.incident("act 1")}


def test_a_correction_says_which_type_it_is_meant_for() -> None:
    data = {"record_source": "/s", "record_id": "1", "record_type": "capability.tenure.accrued", "quantity": 24}

    fact = fact_of(decode(value_of("record.corrected", data=data)), KEY, 0)

    assert fact["determined"] == TYPES_BY_NAME["capability.tenure.accrued"].code
    assert (fact["quantity"], fact["grade"]) == (24, 0)
