"""Bytes to events and back: the specification that the compiled scanner is held to.

Both modes of CloudEvents' Kafka binding are read: structured (the whole event is the value) and binary (attributes
are ``ce_`` headers, the value is the data). Whatever is wrong raises a Refusal that names field, value and remedy.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from schemas import catalogue
from schemas.catalogue import GRADES_BY_LABEL, TYPES_BY_NAME, EventType, Grade
from schemas.days import datetime_of
from schemas.errors import Reason, Refusal
from schemas.events import (
    ATTRIBUTE_PATTERN,
    CONTENT_TYPE_DATA,
    CONTENT_TYPE_STRUCTURED,
    EXTENSION_NAME_PATTERN,
    ID_CHARACTERS_MAX,
    LINKED_ID_CHARACTERS_MAX,
    LINKED_SUBJECTS_MAX,
    QUANTITY_MAX,
    SOURCE_CHARACTERS_MAX,
    SPEC_VERSION,
    TEXT_CHARACTERS_MAX,
    TIMESTAMP_PATTERN,
    CreditEvent,
    Data,
)
from schemas.subjects import Kind, is_resident, kind_of, parse_subject

Headers = Sequence[tuple[str, bytes | None]] | None

# A value longer than this is refused unread: no event of the catalogue comes near it.
VALUE_BYTES_MAX = 65_536
# A department's clock may be wrong by some hours, not by days; later times are a mistake.
FUTURE_ALLOWED_S = 86_400
EPOCH_S_MAX = 4_102_444_800  # 2100-01-01: a time past it does not fit a ledger's calendar

_HEADER_PREFIX = "ce_"
_ENVELOPE = ("id", "source", "specversion", "type", "subject", "time", "datacontenttype", "dataschema", "data")
_ATTRIBUTE = re.compile(ATTRIBUTE_PATTERN)
_EXTENSION_NAME = re.compile(EXTENSION_NAME_PATTERN)
_RECORD_FIELDS = frozenset(
    {"grade", "quantity", "determined_at", "terminated_at", "incident_key", "basis", "document_no"}
)
_CONTROL_FIELDS = frozenset({"record_source", "record_id", "basis", "document_no"})
_LINKED = "linked_subjects"
_TIMESTAMP = re.compile(TIMESTAMP_PATTERN)


class Encoded(NamedTuple):
    """What goes into one Kafka record."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def data_fields(event_type: EventType) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the fields an event type's data may have, and those it must have."""
    allowed, required = _own_fields(event_type)
    return (allowed | {_LINKED} if event_type.reaches else allowed), required


def _own_fields(event_type: EventType) -> tuple[frozenset[str], frozenset[str]]:
    """Return these fields but for the one about other subjects."""
    if not event_type.control:
        required = {"grade"} if len(event_type.grades) > 1 else set()
        if event_type.quantity:
            return _RECORD_FIELDS, frozenset(required | {"quantity"})
        return _RECORD_FIELDS - {"quantity"}, frozenset(required)
    required = {"record_source", "record_id"}
    if event_type is catalogue.CORRECTED:
        return _CONTROL_FIELDS | {"record_type", "grade", "quantity"}, frozenset(required | {"record_type"})
    if len(event_type.grades) > 1:
        return _CONTROL_FIELDS | {"grade"}, frozenset(required | {"grade"})
    return _CONTROL_FIELDS, frozenset(required)


def decode(value: bytes | None, headers: Headers = None) -> CreditEvent:
    """Return the event in one Kafka record.

    Raises:
        Refusal: it is no event of the catalogue; the first fault found is named.

    """
    if value is not None and len(value) > VALUE_BYTES_MAX:
        raise Refusal(Reason.OVERSIZED, "", f"{len(value)} bytes", f"send at most {VALUE_BYTES_MAX}")
    body = _parse(value)
    if "specversion" in body:
        return from_attributes(body)
    attributes: dict[str, Any] = {
        name[len(_HEADER_PREFIX) :]: _text_of(name, raw)
        for name, raw in headers or ()
        if name.startswith(_HEADER_PREFIX)
    }
    if not attributes:
        remedy = "send a CloudEvents 1.0 event: its attributes in the value, or as ce_ headers"
        raise Refusal(Reason.BAD_ENVELOPE, "specversion", "", remedy)
    return from_attributes({**attributes, "data": body})


def from_attributes(attributes: Mapping[str, Any]) -> CreditEvent:
    """Return the event with these CloudEvents attributes, `data` among them.

    Raises:
        Refusal: the first fault found.

    """
    # CloudEvents' JSON format: an attribute that is null is one left out.
    attributes = {name: value for name, value in attributes.items() if value is not None or name == "data"}
    if attributes.get("specversion") != SPEC_VERSION:
        value = attributes.get("specversion")
        raise Refusal(Reason.BAD_ENVELOPE, "specversion", value, f"only {SPEC_VERSION} is known")
    content_type = attributes.get("datacontenttype", CONTENT_TYPE_DATA)
    if content_type != CONTENT_TYPE_DATA:
        raise Refusal(Reason.BAD_ENVELOPE, "datacontenttype", content_type, f"send {CONTENT_TYPE_DATA}")
    if "data_base64" in attributes:
        raise Refusal(Reason.BAD_ENVELOPE, "data_base64", "", "send the data as a JSON object, in data")
    _optional_text(attributes, "dataschema", "", TEXT_CHARACTERS_MAX)
    event_type = _event_type(_text(attributes, "type", "", TEXT_CHARACTERS_MAX), "type")
    subject = _text(attributes, "subject", "", TEXT_CHARACTERS_MAX)
    kind = kind_of(parse_subject(subject))
    if kind not in event_type.kinds:
        letters = ", ".join(sorted(k.letter for k in event_type.kinds))
        raise Refusal(Reason.WRONG_SUBJECT_KIND, "subject", subject, f"{event_type.name} is about kind {letters}")
    event = CreditEvent(
        id=_text(attributes, "id", "", ID_CHARACTERS_MAX),
        source=_text(attributes, "source", "", SOURCE_CHARACTERS_MAX),
        type=event_type,
        subject=subject,
        time=_timestamp(attributes, "time", ""),
        data=_data(attributes.get("data", {}), event_type),
        extensions={name: _extension(name, value) for name, value in attributes.items() if name not in _ENVELOPE},
    )
    if event.data.linked_subjects:
        _check_reach(event, kind)
    return event


def encode(event: CreditEvent) -> Encoded:
    """Return the record of an event in structured mode, keyed by its subject."""
    value = orjson.dumps({**_envelope(event), "data": _data_attributes(event)})
    return Encoded(event.subject.encode(), value, [("content-type", CONTENT_TYPE_STRUCTURED.encode())])


def encode_binary(event: CreditEvent) -> Encoded:
    """Return the record of an event in binary mode, keyed by its subject."""
    headers = [(_HEADER_PREFIX + name, _header_value(value)) for name, value in _envelope(event).items()]
    headers.append(("content-type", CONTENT_TYPE_DATA.encode()))
    return Encoded(event.subject.encode(), orjson.dumps(_data_attributes(event)), headers)


def _header_value(value: str | int) -> bytes:
    """Return an attribute as CloudEvents writes it as text: a truth value in small letters."""
    return (str(value).lower() if isinstance(value, bool) else str(value)).encode()


def _envelope(event: CreditEvent) -> dict[str, str | int | bool]:
    return {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": event.source,
        "type": event.type.name,
        "subject": event.subject,
        "time": _format_time(event.time),
        **event.extensions,
    }


def _data_attributes(event: CreditEvent) -> dict[str, Any]:
    data = event.data
    stated: dict[str, Any] = {
        "grade": data.grade.label if data.grade and len(event.type.grades) > 1 else None,
        "quantity": data.quantity,
        "determined_at": _format_time(data.determined_at) if data.determined_at else None,
        "terminated_at": _format_time(data.terminated_at) if data.terminated_at else None,
        "incident_key": data.incident_key,
        "record_source": data.record_source,
        "record_id": data.record_id,
        "record_type": data.record_type.name if data.record_type else None,
        "basis": data.basis,
        "document_no": data.document_no,
        _LINKED: data.linked_subjects,
    }
    return {name: value for name, value in stated.items() if value}


def _format_time(value: datetime) -> str:
    whole = datetime_of(int(value.timestamp()))
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse(value: bytes | None) -> dict[str, Any]:
    if not value:
        raise Refusal(Reason.NOT_JSON, "", "", "the record has no value; a credit event is never deleted, but revoked")
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Refusal(Reason.NOT_JSON, "", value[:80].decode(errors="replace"), str(error)) from None
    if not isinstance(body, dict):
        raise Refusal(Reason.NOT_JSON, "", type(body).__name__, "send a JSON object")
    return body


def _text_of(name: str, raw: bytes | None) -> str:
    try:
        return (raw or b"").decode()
    except UnicodeDecodeError:
        raise Refusal(Reason.BAD_ENVELOPE, name, raw, "header values are UTF-8") from None


def _text(attributes: Mapping[str, Any], name: str, path: str, characters_max: int) -> str:
    if name not in attributes:
        raise Refusal(Reason.MISSING_FIELD, path + name, "", "it is required")
    value = attributes[name]
    if not isinstance(value, str) or not value:
        raise Refusal(Reason.BAD_VALUE, path + name, value, "give a text that is not empty")
    if len(value) > characters_max:
        raise Refusal(Reason.BAD_VALUE, path + name, value, f"give at most {characters_max} characters")
    return value if path else _without_controls(name, value)


def _without_controls(name: str, value: str) -> str:
    if not _ATTRIBUTE.fullmatch(value):
        raise Refusal(Reason.BAD_VALUE, name, value, "CloudEvents allows no control characters in an attribute")
    return value


def _optional_text(attributes: Mapping[str, Any], name: str, path: str, characters_max: int) -> str:
    return _text(attributes, name, path, characters_max) if name in attributes else ""


def _timestamp(attributes: Mapping[str, Any], name: str, path: str) -> datetime:
    text = _text(attributes, name, path, TEXT_CHARACTERS_MAX)
    remedy = "give a time from 1970 to 2099 with its offset, such as 2026-11-24T08:30:00+08:00"
    if not _TIMESTAMP.fullmatch(text):
        raise Refusal(Reason.BAD_VALUE, path + name, text, remedy)
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(Reason.BAD_VALUE, path + name, text, remedy) from None
    if not 0 <= value.timestamp() < EPOCH_S_MAX:
        raise Refusal(Reason.BAD_VALUE, path + name, text, remedy)
    return value


def _event_type(name: str, path: str) -> EventType:
    event_type = TYPES_BY_NAME.get(name)
    if event_type is None:
        raise Refusal(Reason.UNKNOWN_TYPE, path, name, "the catalogue's types are listed by `jasmine types`")
    return event_type


def _grade(value: str, path: str, grades: Iterable[Grade]) -> Grade:
    grade = GRADES_BY_LABEL.get(value)
    if grade is None or grade not in grades:
        labels = ", ".join(one.label for one in grades)
        raise Refusal(Reason.UNKNOWN_GRADE, path, value, f"its grades are {labels}")
    return grade


def _extension(name: str, value: object) -> str | int | bool:
    if not _EXTENSION_NAME.fullmatch(name):
        raise Refusal(Reason.BAD_ENVELOPE, name, "", "an attribute's name has 1 to 20 of a-z and 0-9")
    if not isinstance(value, str | int | bool):
        raise Refusal(Reason.BAD_ENVELOPE, name, value, "an attribute is a text, a whole number or a truth value")
    return _without_controls(name, value) if isinstance(value, str) else value


def _data(data: object, event_type: EventType) -> Data:
    if not isinstance(data, dict):
        raise Refusal(Reason.BAD_VALUE, "data", data, "give a JSON object")
    allowed, required = data_fields(event_type)
    for name in data:
        if name not in allowed:
            remedy = f"{event_type.name} has {', '.join(sorted(allowed))}; send nothing else about a person"
            raise Refusal(Reason.UNKNOWN_FIELD, f"data.{name}", "", remedy)
    for name in sorted(required):
        if name not in data:
            raise Refusal(Reason.MISSING_FIELD, f"data.{name}", "", f"{event_type.name} requires it")
    record_type, grades = _record_type_and_grades(data, event_type)
    return Data(
        grade=_grade_of(data, event_type, grades),
        quantity=_quantity(data),
        determined_at=_optional(_timestamp, data, "determined_at"),
        terminated_at=_optional(_timestamp, data, "terminated_at"),
        incident_key=_optional_text(data, "incident_key", "data.", ID_CHARACTERS_MAX),
        record_source=_optional_text(data, "record_source", "data.", SOURCE_CHARACTERS_MAX),
        record_id=_optional_text(data, "record_id", "data.", ID_CHARACTERS_MAX),
        record_type=record_type,
        basis=_optional_text(data, "basis", "data.", TEXT_CHARACTERS_MAX),
        document_no=_optional_text(data, "document_no", "data.", TEXT_CHARACTERS_MAX),
        linked_subjects=_linked_subjects(data),
    )


def _record_type_and_grades(
    data: Mapping[str, Any], event_type: EventType
) -> tuple[EventType | None, tuple[Grade, ...]]:
    if event_type is not catalogue.CORRECTED:
        return None, event_type.grades
    record_type = _event_type(_text(data, "record_type", "data.", TEXT_CHARACTERS_MAX), "data.record_type")
    if record_type.control:
        raise Refusal(Reason.BAD_VALUE, "data.record_type", record_type.name, "only a record can be corrected")
    if "grade" not in data and "quantity" not in data:
        raise Refusal(Reason.MISSING_FIELD, "data.grade", "", "say the right grade or the right quantity")
    return record_type, record_type.grades


def _grade_of(data: Mapping[str, Any], event_type: EventType, grades: tuple[Grade, ...]) -> Grade | None:
    if "grade" in data:
        return _grade(_text(data, "grade", "data.", TEXT_CHARACTERS_MAX), "data.grade", grades)
    return None if event_type is catalogue.CORRECTED else grades[0]


def _quantity(data: Mapping[str, Any]) -> int | None:
    if "quantity" not in data:
        return None
    value = data["quantity"]
    if type(value) is not int or not 1 <= value <= QUANTITY_MAX:
        raise Refusal(Reason.BAD_VALUE, "data.quantity", value, f"give a whole number from 1 to {QUANTITY_MAX}")
    return value


def _optional(
    read: Callable[[Mapping[str, Any], str, str], datetime], data: Mapping[str, Any], name: str
) -> datetime | None:
    return read(data, name, "data.") if name in data else None


def _linked_subjects(data: Mapping[str, Any]) -> tuple[str, ...]:
    if _LINKED not in data:
        return ()
    value, field = data[_LINKED], f"data.{_LINKED}"
    if not isinstance(value, list) or not 1 <= len(value) <= LINKED_SUBJECTS_MAX:
        remedy = f"give a list of 1 to {LINKED_SUBJECTS_MAX} subject ids, or leave it out"
        raise Refusal(Reason.BAD_VALUE, field, value, remedy)
    for one in value:
        if not isinstance(one, str) or not is_resident(one):
            raise Refusal(Reason.BAD_VALUE, field, one, "give subject ids of residents, such as r-09c3f0a1b2d4e5f6")
        if value.count(one) > 1:
            raise Refusal(Reason.BAD_VALUE, field, one, "name each subject once")
    return tuple(value)


def check_time(event: CreditEvent, recorded_s: int) -> None:
    """Hold an event to the time of its record, in seconds since the epoch.

    Raises:
        Refusal: the act is in that time's future, by more than a clock may be wrong.

    """
    if int(event.time.timestamp()) > recorded_s + FUTURE_ALLOWED_S:
        remedy = "an act cannot be recorded more than a day before it occurs"
        raise Refusal(Reason.TIME_IN_FUTURE, "time", event.time.isoformat(), remedy)


def _check_reach(event: CreditEvent, kind: Kind) -> None:
    """Raise a Refusal unless an event can have what it says of linked subjects."""
    linked, field = ", ".join(event.data.linked_subjects), f"data.{_LINKED}"
    if kind is Kind.RESIDENT:
        raise Refusal(Reason.BAD_VALUE, field, linked, "only an organisation's act reaches others: leave it out")
    record_type = event.data.record_type
    if record_type is not None and not record_type.reaches:
        raise Refusal(Reason.BAD_VALUE, field, linked, f"{record_type.name} reaches nobody else: leave it out")
    for path, value in (("id", event.id), ("data.record_id", event.data.record_id)):
        if len(value) > LINKED_ID_CHARACTERS_MAX:
            remedy = f"give at most {LINKED_ID_CHARACTERS_MAX} characters: a linked subject's id is added to it"
            raise Refusal(Reason.BAD_VALUE, path, value, remedy)
