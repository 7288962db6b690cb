"""Bytes to events and back, by the specification."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import TYPES_BY_NAME, Grade
from schemas.codec import VALUE_BYTES_MAX, Encoded, Headers, decode, encode, encode_binary, from_attributes
from schemas.days import datetime_of
from schemas.errors import Reason, Refusal
from schemas.events import CreditEvent, Data
from tests.support.events import COMPANY, LEFT_OUT, RESIDENT, attributes_of, events, value_of

HEADERS: list[tuple[str, bytes | None]] = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"2026-000123"),
    ("ce_source", b"/dept/library"),
    ("ce_type", b"library.loan.overdue"),
    ("ce_subject", RESIDENT.encode()),
    ("ce_time", b"2026-11-24T08:30:00+08:00"),
    ("content-type", b"application/json"),
]


OTHER = "r-19c3f0a1b2d4e5f7"


def a_fine(linked: object, **changes: Any) -> dict[str, Any]:
    """Return what makes of an event a company's fine with these linked subjects."""
    data = {"grade": "fine_minor", "linked_subjects": linked}
    return {"type": "org.penalty.imposed", "subject": COMPANY, "data": data, **changes}


def refusal_of(value: bytes | None, headers: Headers = None) -> Refusal:
    with pytest.raises(Refusal) as raised:
        decode(value, headers)
    return raised.value


def test_a_structured_event_is_read() -> None:
    assert decode(value_of()) == CreditEvent(
        id="2026-000123",
        source="/dept/library",
        type=TYPES_BY_NAME["library.loan.overdue"],
        subject=RESIDENT,
        time=datetime_of(1_795_480_200),
        data=Data(grade=Grade.STANDARD),
    )


def test_a_binary_event_is_the_same_as_the_structured_one() -> None:
    assert decode(b"{}", HEADERS) == decode(value_of())


def test_every_field_of_the_data_is_read() -> None:
    data = {
        "grade": "fine_major",
        "determined_at": "2026-11-24T08:30:00Z",
        "terminated_at": "2026-11-25T08:30:00.5-03:30",
        "incident_key": "act 1",
        "basis": "art. 1",
        "document_no": "榕建罚 2026-1",
    }

    event = decode(value_of("admin.penalty.imposed", data=data))

    assert event.data.grade is Grade.FINE_MAJOR
    assert event.data.determined_at == datetime_of(1_795_509_000)
    assert (event.data.incident_key, event.data.basis, event.data.document_no) == ("act 1", "art. 1", "榕建罚 2026-1")


@pytest.mark.parametrize("linked", [[RESIDENT], [OTHER, RESIDENT]])
def test_whom_an_organisations_act_reaches_is_read_in_the_order_given(linked: list[str]) -> None:
    assert decode(value_of(**a_fine(linked))).data.linked_subjects == tuple(linked)


def test_linked_subjects_leave_room_for_their_ids_in_that_of_the_event() -> None:
    assert len(decode(value_of(**a_fine([RESIDENT], id="x" * 109))).id) == 109


def test_a_type_with_one_grade_need_not_state_it() -> None:
    assert decode(value_of(data={})) == decode(value_of(data={"grade": "standard"}))


def test_data_may_be_left_out_where_nothing_is_required() -> None:
    assert decode(value_of(data=LEFT_OUT)) == decode(value_of())


def test_a_correction_of_the_quantity_alone_keeps_the_grade() -> None:
    data = {"record_source": "/dept/hr", "record_id": "1", "record_type": "capability.tenure.accrued", "quantity": 24}

    assert decode(value_of("record.corrected", data=data)).data.grade is None


@given(events())
def test_a_structured_event_is_the_same_after_a_round_trip(event: CreditEvent) -> None:
    assert decode(*_record(encode(event))) == event


@given(events())
def test_a_binary_event_is_the_same_after_a_round_trip_but_for_extensions_that_become_texts(
    event: CreditEvent,
) -> None:
    texts = {name: _as_text(value) for name, value in event.extensions.items()}

    assert decode(*_record(encode_binary(event))) == replace(event, extensions=texts)


def _record(encoded: Encoded) -> tuple[bytes, Headers]:
    return encoded.value, [(name, value) for name, value in encoded.headers]


def _as_text(value: str | int) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("encoder", [encode, encode_binary])
def test_a_record_is_keyed_by_its_subject(encoder: Any) -> None:
    assert encoder(decode(value_of())).key == RESIDENT.encode()


def test_a_structured_record_says_so_in_its_content_type() -> None:
    assert encode(decode(value_of())).headers == [("content-type", b"application/cloudevents+json")]


def test_a_binary_record_has_the_attributes_as_headers_and_the_data_as_value() -> None:
    event = decode(value_of("traffic.penalty.imposed", data={"grade": "warning"}, urgent=True))

    encoded = encode_binary(event)

    assert encoded.value == b'{"grade":"warning"}'
    assert dict(encoded.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"2026-000123",
        "ce_source": b"/dept/library",
        "ce_type": b"traffic.penalty.imposed",
        "ce_subject": RESIDENT.encode(),
        "ce_time": b"2026-11-24T00:30:00Z",
        "ce_urgent": b"true",
        "content-type": b"application/json",
    }


def test_the_attributes_in_the_value_win_over_those_in_headers() -> None:
    assert decode(value_of(id="in the value"), HEADERS).id == "in the value"


def test_headers_of_others_are_not_read() -> None:
    assert decode(b"{}", [*HEADERS, ("traceparent", b"\xff"), ("CE_ID", b"another")]).id == "2026-000123"


def test_an_attribute_that_is_null_is_one_left_out() -> None:
    value = orjson.dumps({**attributes_of(), "dataschema": None, "traceparent": None})

    assert decode(value) == decode(value_of())


def test_a_required_attribute_that_is_null_is_missing() -> None:
    assert refusal_of(value_of(id=None)).reason is Reason.MISSING_FIELD


def test_of_a_key_that_stands_twice_the_last_one_holds() -> None:
    assert decode(value_of().replace(b'"id":', b'"id":"first","id":')).id == "2026-000123"


def test_extensions_are_carried() -> None:
    extensions: dict[str, Any] = {"traceparent": "00-4bf9", "attempt": 2, "urgent": False}

    assert decode(value_of(**extensions)).extensions == extensions


def test_a_value_of_the_largest_size_is_read() -> None:
    padding = VALUE_BYTES_MAX - len(value_of())

    assert decode(value_of() + b" " * padding).id == "2026-000123"


@pytest.mark.parametrize(
    ("time", "same"),
    [
        ("1970-01-01T00:00:00Z", "1970-01-01T08:00:00+08:00"),
        ("2099-12-31T23:59:59Z", "2100-01-01T07:59:59+08:00"),
        ("2024-02-29T00:00:00Z", "2024-02-28T19:30:00-04:30"),
        ("2026-11-24T08:30:00.123456789Z", "2026-11-24T08:30:00.123456Z"),
        ("2026-11-24T08:30:00-00:00", "2026-11-24T08:30:00Z"),
    ],
)
def test_a_time_may_be_written_in_any_offset(time: str, same: str) -> None:
    assert decode(value_of(time=time)) == decode(value_of(time=same))


CORRECTION = {"record_source": "/dept/hr", "record_id": "1"}
# What is wrong: the reason, the field, what the message quotes, a word of the remedy, the attributes.
REFUSED: dict[str, tuple[Reason, str, str, str, dict[str, Any]]] = {
    "another version": (Reason.BAD_ENVELOPE, "specversion", "0.3", "1.0", {"specversion": "0.3"}),
    "no type": (Reason.MISSING_FIELD, "type", "", "required", {"type": LEFT_OUT}),
    "no id": (Reason.MISSING_FIELD, "id", "", "required", {"id": LEFT_OUT}),
    "no source": (Reason.MISSING_FIELD, "source", "", "required", {"source": LEFT_OUT}),
    "no subject": (Reason.MISSING_FIELD, "subject", "", "required", {"subject": LEFT_OUT}),
    "no time": (Reason.MISSING_FIELD, "time", "", "required", {"time": LEFT_OUT}),
    "an id that is a number": (Reason.BAD_VALUE, "id", "7", "text", {"id": 7}),
    "an empty source": (Reason.BAD_VALUE, "source", "", "text", {"source": ""}),
    "an id that is too long": (Reason.BAD_VALUE, "id", "xxx", "at most 128", {"id": "x" * 129}),
    "a source that is too long": (Reason.BAD_VALUE, "source", "///", "at most 200", {"source": "/" * 201}),
    "an unknown type": (Reason.UNKNOWN_TYPE, "type", "lost", "jasmine types", {"type": "lost"}),
    "a subject of no form": (Reason.BAD_VALUE, "subject", "Wang", "16 lower-case hex", {"subject": "Wang"}),
    "an unknown kind": (
        Reason.UNKNOWN_SUBJECT_KIND,
        "subject",
        "x-09c3f0a1b2d4e5f6",
        "r, l, o",
        {"subject": "x-09c3f0a1b2d4e5f6"},
    ),
    "a kind that the number contradicts": (
        Reason.BAD_VALUE,
        "subject",
        "r-49c3f0a1b2d4e5f6",
        "first hex digit",
        {"subject": "r-49c3f0a1b2d4e5f6"},
    ),
    "a kind that the type is not about": (
        Reason.WRONG_SUBJECT_KIND,
        "subject",
        "l-49c3f0a1b2d4e5f6",
        "kind r",
        {"subject": "l-49c3f0a1b2d4e5f6"},
    ),
    "a time without an offset": (
        Reason.BAD_VALUE,
        "time",
        "2026-11-24T08:30:00",
        "offset",
        {"time": "2026-11-24T08:30:00"},
    ),
    "a day that is none": (
        Reason.BAD_VALUE,
        "time",
        "2026-02-29T00:00:00Z",
        "2026-11-24T",
        {"time": "2026-02-29T00:00:00Z"},
    ),
    "an offset that is none": (
        Reason.BAD_VALUE,
        "time",
        "2026-11-24T08:30:00+08:60",
        "offset",
        {"time": "2026-11-24T08:30:00+08:60"},
    ),
    "a second before 1970": (
        Reason.BAD_VALUE,
        "time",
        "1969-12-31T23:59:59Z",
        "1970",
        {"time": "1969-12-31T23:59:59Z"},
    ),
    "a second after 2099": (
        Reason.BAD_VALUE,
        "time",
        "2100-01-01T00:00:00Z",
        "2099",
        {"time": "2100-01-01T00:00:00Z"},
    ),
    "data of another type": (
        Reason.BAD_ENVELOPE,
        "datacontenttype",
        "text/xml",
        "application/json",
        {"datacontenttype": "text/xml"},
    ),
    "data in another character set": (
        Reason.BAD_ENVELOPE,
        "datacontenttype",
        "application/json; charset=gbk",
        "application/json",
        {"datacontenttype": "application/json; charset=gbk"},
    ),
    "a data schema that is too long": (
        Reason.BAD_VALUE,
        "dataschema",
        "sss",
        "at most 256",
        {"dataschema": "s" * 257},
    ),
    "a NUL in the id": (Reason.BAD_VALUE, "id", "a\0", "no control characters", {"id": "a\0"}),
    "a line's end in the source": (
        Reason.BAD_VALUE,
        "source",
        "/dept\n",
        "no control characters",
        {"source": "/dept\n"},
    ),
    "a DEL in an extension": (Reason.BAD_VALUE, "trace", "\x7f", "no control characters", {"trace": "\x7f"}),
    "an extension with an upper-case name": (Reason.BAD_ENVELOPE, "traceParent", "", "a-z", {"traceParent": "0"}),
    "an extension with a long name": (Reason.BAD_ENVELOPE, "a" * 21, "", "1 to 20", {"a" * 21: "0"}),
    "an extension whose name ends a line": (Reason.BAD_ENVELOPE, "trace\n", "", "a-z", {"trace\n": "0"}),
    "an extension with a list": (Reason.BAD_ENVELOPE, "tags", "['a']", "truth value", {"tags": ["a"]}),
    "data in base64": (Reason.BAD_ENVELOPE, "data_base64", "", "in data", {"data_base64": "e30="}),
    "data that is no object": (Reason.BAD_VALUE, "data", "[]", "object", {"data": []}),
    "data that is null": (Reason.BAD_VALUE, "data", "None", "object", {"data": None}),
    "a name in the data": (Reason.UNKNOWN_FIELD, "data.name", "", "nothing else", {"data": {"name": "Wang"}}),
    "a quantity that the type does not have": (
        Reason.UNKNOWN_FIELD,
        "data.quantity",
        "",
        "library.loan.overdue has",
        {"data": {"quantity": 3}},
    ),
    "no grade where there are several": (
        Reason.MISSING_FIELD,
        "data.grade",
        "",
        "requires",
        {"type": "traffic.penalty.imposed"},
    ),
    "a grade of another type": (
        Reason.UNKNOWN_GRADE,
        "data.grade",
        "severe",
        "its grades are standard",
        {"data": {"grade": "severe"}},
    ),
    "no quantity where it counts": (
        Reason.MISSING_FIELD,
        "data.quantity",
        "",
        "requires",
        {"type": "capability.tenure.accrued"},
    ),
    "a quantity of zero": (
        Reason.BAD_VALUE,
        "data.quantity",
        "0",
        "from 1 to 65535",
        {"type": "capability.tenure.accrued", "data": {"quantity": 0}},
    ),
    "a quantity that is a truth value": (
        Reason.BAD_VALUE,
        "data.quantity",
        "True",
        "whole number",
        {"type": "capability.tenure.accrued", "data": {"quantity": True}},
    ),
    "a quantity with a point": (
        Reason.BAD_VALUE,
        "data.quantity",
        "3.0",
        "whole number",
        {"type": "capability.tenure.accrued", "data": {"quantity": 3.0}},
    ),
    "an incident that is too long": (
        Reason.BAD_VALUE,
        "data.incident_key",
        "iii",
        "at most 128",
        {"data": {"incident_key": "i" * 129}},
    ),
    "a determination that is no time": (
        Reason.BAD_VALUE,
        "data.determined_at",
        "today",
        "offset",
        {"data": {"determined_at": "today"}},
    ),
    "a control about nothing": (
        Reason.MISSING_FIELD,
        "data.record_id",
        "",
        "requires",
        {"type": "record.revoked", "data": {"record_source": "/dept/hr"}},
    ),
    "linked subjects that are no list": (
        Reason.BAD_VALUE,
        "data.linked_subjects",
        RESIDENT,
        "a list of 1 to 8",
        a_fine(RESIDENT),
    ),
    "no linked subject": (Reason.BAD_VALUE, "data.linked_subjects", "[]", "a list of 1 to 8", a_fine([])),
    "too many linked subjects": (
        Reason.BAD_VALUE,
        "data.linked_subjects",
        "r-0000000000000000",
        "a list of 1 to 8",
        a_fine([f"r-000000000000000{n}" for n in range(9)]),
    ),
    "a linked organisation": (
        Reason.BAD_VALUE,
        "data.linked_subjects",
        COMPANY,
        "ids of residents",
        a_fine([RESIDENT, COMPANY]),
    ),
    "a linked number": (Reason.BAD_VALUE, "data.linked_subjects", "7", "ids of residents", a_fine([7])),
    "a linked name": (Reason.BAD_VALUE, "data.linked_subjects", "Wang", "ids of residents", a_fine(["Wang"])),
    "a linked subject twice": (
        Reason.BAD_VALUE,
        "data.linked_subjects",
        RESIDENT,
        "once",
        a_fine([RESIDENT, OTHER, RESIDENT]),
    ),
    "a resident's act with linked subjects": (
        Reason.BAD_VALUE,
        "data.linked_subjects",
        OTHER,
        "leave it out",
        {"type": "tax.arrears.recorded", "data": {"linked_subjects": [OTHER]}},
    ),
    "linked subjects of an act that reaches nobody": (
        Reason.UNKNOWN_FIELD,
        "data.linked_subjects",
        "",
        "org.abnormal.listed has basis",
        {"type": "org.abnormal.listed", "subject": COMPANY, "data": {"linked_subjects": [RESIDENT]}},
    ),
    "linked subjects of the correction of what reaches nobody": (
        Reason.BAD_VALUE,
        "data.linked_subjects",
        RESIDENT,
        "org.trace.gap reaches nobody",
        {
            "type": "record.corrected",
            "subject": COMPANY,
            "data": {**CORRECTION, "record_type": "org.trace.gap", "grade": "standard", "linked_subjects": [RESIDENT]},
        },
    ),
    "an id without room for that of a linked subject": (
        Reason.BAD_VALUE,
        "id",
        "xxx",
        "at most 109",
        a_fine([RESIDENT], id="x" * 110),
    ),
    "a record's id without room for that of a linked subject": (
        Reason.BAD_VALUE,
        "data.record_id",
        "xxx",
        "at most 109",
        {
            "type": "record.revoked",
            "subject": COMPANY,
            "data": {"record_source": "/dept/tax", "record_id": "x" * 110, "linked_subjects": [RESIDENT]},
        },
    ),
    "a correction of an unknown type": (
        Reason.UNKNOWN_TYPE,
        "data.record_type",
        "lost",
        "jasmine types",
        {"type": "record.corrected", "data": {**CORRECTION, "record_type": "lost", "quantity": 1}},
    ),
    "a correction of a control": (
        Reason.BAD_VALUE,
        "data.record_type",
        "record.revoked",
        "only a record",
        {"type": "record.corrected", "data": {**CORRECTION, "record_type": "record.revoked", "grade": "standard"}},
    ),
    "a correction that corrects nothing": (
        Reason.MISSING_FIELD,
        "data.grade",
        "",
        "the right grade or the right quantity",
        {"type": "record.corrected", "data": {**CORRECTION, "record_type": "library.loan.overdue"}},
    ),
    "a correction to a grade of another type": (
        Reason.UNKNOWN_GRADE,
        "data.grade",
        "severe",
        "its grades are standard",
        {
            "type": "record.corrected",
            "data": {**CORRECTION, "record_type": "library.loan.overdue", "grade": "severe"},
        },
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_names_reason_field_value_and_remedy(case: str) -> None:
    reason, field, value, remedy, changes = REFUSED[case]

    refusal = refusal_of(value_of(**changes))

    assert (refusal.reason, refusal.field) == (reason, field)
    assert value in refusal.value
    assert remedy in refusal.remedy
    assert all(part in str(refusal) for part in (reason, field, remedy))


def test_a_refusal_quotes_no_more_than_a_line() -> None:
    assert len(refusal_of(value_of(id="x" * 10_000)).value) == 80


# What is no event at all: the reason, what the message quotes, a word of the remedy, value, headers.
UNREADABLE: dict[str, tuple[Reason, str, str, bytes | None, Headers]] = {
    "a tombstone": (Reason.NOT_JSON, "", "revoked", None, None),
    "a tombstone with headers": (Reason.NOT_JSON, "", "revoked", None, HEADERS),
    "an empty value": (Reason.NOT_JSON, "", "revoked", b"", None),
    "half an event": (Reason.NOT_JSON, '{"id"', "unexpected end", b'{"id"', None),
    "bytes that are no UTF-8": (Reason.NOT_JSON, "\ufffd", "", b'{"id":"\xff"}', None),
    "half a surrogate pair": (Reason.NOT_JSON, "ud800", "", b'{"id":"\\ud800"}', None),
    "a batch of events": (Reason.NOT_JSON, "list", "JSON object", b"[" + value_of() + b"]", None),
    "a number": (Reason.NOT_JSON, "int", "JSON object", b"7", None),
    "an oversized value": (Reason.OVERSIZED, "65537 bytes", "at most 65536", b" " * (VALUE_BYTES_MAX + 1), None),
    "no attributes anywhere": (Reason.BAD_ENVELOPE, "", "ce_ headers", b"{}", None),
    "a content type and no attributes": (Reason.BAD_ENVELOPE, "", "ce_ headers", b"{}", HEADERS[-1:]),
    "headers without a version": (Reason.BAD_ENVELOPE, "None", "1.0", b"{}", HEADERS[1:]),
    "headers of another version": (Reason.BAD_ENVELOPE, "0.3", "1.0", b"{}", [*HEADERS, ("ce_specversion", b"0.3")]),
    "a header that is no UTF-8": (Reason.BAD_ENVELOPE, "xff", "UTF-8", b"{}", [*HEADERS, ("ce_id", b"\xff")]),
    "a header without a value": (Reason.BAD_VALUE, "", "not empty", b"{}", [*HEADERS, ("ce_id", None)]),
    "a header that is no attribute": (Reason.BAD_ENVELOPE, "", "a-z", b"{}", [*HEADERS, ("ce_trace-id", b"1")]),
    "headers of data in XML": (
        Reason.BAD_ENVELOPE,
        "text/xml",
        "application/json",
        b"{}",
        [*HEADERS, ("ce_datacontenttype", b"text/xml")],
    ),
    "an attribute in the data": (Reason.UNKNOWN_FIELD, "", "nothing else", b'{"subject":"Wang"}', HEADERS),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_event_is_refused_with_the_reason(case: str) -> None:
    reason, quoted, remedy, value, headers = UNREADABLE[case]

    refusal = refusal_of(value, headers)

    assert refusal.reason is reason
    assert quoted in refusal.value
    assert remedy in refusal.remedy


@given(st.binary(max_size=80))
def test_any_bytes_are_an_event_or_a_refusal(value: bytes) -> None:
    with pytest.raises(Refusal):
        decode(value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*attributes_of(), "dataschema", "trace"]), _JSON, max_size=4))
def test_any_attributes_are_an_event_or_a_refusal(changes: dict[str, Any]) -> None:
    try:
        event = from_attributes({**attributes_of(), **changes})
    except Refusal:
        return
    assert event.subject == {**attributes_of(), **changes}["subject"]
