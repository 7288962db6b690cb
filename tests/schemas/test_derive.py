"""What follows from an organisation's event for whom it names."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import EVENT_TYPES, TYPES_BY_NAME, Grade
from schemas.codec import decode, encode
from schemas.derive import derived
from schemas.events import CreditEvent
from schemas.records import fact_of
from schemas.subjects import Kind
from tests.support.events import COMPANY, KEY, RESIDENT, events, subjects, value_of

OTHER = "r-19c3f0a1b2d4e5f7"
REACHING = tuple(one for one in EVENT_TYPES if one.reaches and one.kinds != {Kind.RESIDENT})


def of_company(type_name: str, data: dict[str, Any], *linked: str, **changes: Any) -> CreditEvent:
    """Return a company's event with linked subjects."""
    value = value_of(type_name, subject=COMPANY, data={**data, "linked_subjects": linked}, **changes)
    return decode(value)


def test_each_linked_subject_has_an_event_of_the_personal_type_about_the_same_act() -> None:
    said = {"grade": "fine_medium", "determined_at": "2026-11-20T08:30:00Z", "incident_key": "act 1", "basis": "art. 1"}
    event = of_company("org.penalty.imposed", said, RESIDENT, OTHER, partitionkey=COMPANY)

    one, other = derived(event)

    assert (one.id, one.source, one.subject) == (f"2026-000123/{RESIDENT}", event.source, RESIDENT)
    assert (one.type.name, one.time) == ("admin.penalty.imposed", event.time)
    assert one.data == replace(event.data, grade=Grade.FINE_MAJOR, linked_subjects=())
    assert one.extensions == {"causationid": "2026-000123"}
    assert other == replace(one, id=f"2026-000123/{OTHER}", subject=OTHER)


def test_an_act_that_residents_have_too_reaches_them_as_what_it_is() -> None:
    (one,) = derived(of_company("tax.evasion.determined", {"grade": "severe"}, RESIDENT))

    assert (one.type.name, one.data.grade) == ("tax.evasion.determined", Grade.SEVERE)


def test_a_control_is_about_the_derived_record() -> None:
    (one,) = derived(of_company("record.revoked", {"record_source": "/dept/tax", "record_id": "7"}, RESIDENT, id="8"))

    assert (one.type.name, one.id) == ("record.revoked", f"8/{RESIDENT}")
    assert (one.data.record_source, one.data.record_id) == ("/dept/tax", f"7/{RESIDENT}")


def test_a_correction_corrects_to_the_personal_types_grade() -> None:
    said = {"record_source": "/dept/a", "record_id": "7", "record_type": "org.penalty.imposed", "grade": "fine_medium"}

    (one,) = derived(of_company("record.corrected", said, RESIDENT))

    assert one.data.record_type is TYPES_BY_NAME["admin.penalty.imposed"]
    assert one.data.grade is Grade.FINE_MAJOR


def test_a_correction_that_keeps_the_grade_keeps_the_derived_one() -> None:
    said = {"record_source": "/dept/a", "record_id": "7", "record_type": "org.penalty.imposed", "quantity": 2}

    (one,) = derived(of_company("record.corrected", said, RESIDENT))

    assert (one.data.grade, one.data.quantity) == (None, 2)


def test_nothing_follows_where_nobody_is_linked() -> None:
    assert [*derived(decode(value_of()))] == []


@given(events(types=REACHING), st.lists(subjects(frozenset({Kind.RESIDENT})), max_size=3, unique=True))
def test_whatever_follows_is_an_event_of_its_own_and_the_same_each_time(event: CreditEvent, linked: list[str]) -> None:
    record_type = event.data.record_type
    if event.subject.startswith("r-") or (record_type is not None and not record_type.reaches):
        linked = []
    data = replace(event.data, record_id=event.data.record_id[:109], linked_subjects=tuple(linked))
    event = replace(event, id=event.id[:109], data=data)

    following = [*derived(decode(encode(event).value))]

    assert [decode(encode(one).value) for one in following] == following == [*derived(event)]
    assert [one.subject for one in following] == linked
    assert len({int(fact_of(one, KEY, 0)["record"]) for one in (event, *following)}) == 1 + len(linked)
