"""Credit events: a builder for readable cases, and strategies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import orjson
from hypothesis import strategies as st

from schemas import catalogue
from schemas.catalogue import EVENT_TYPES, EventType
from schemas.codec import EPOCH_S_MAX, data_fields
from schemas.days import datetime_of
from schemas.events import (
    ID_CHARACTERS_MAX,
    LINKED_ID_CHARACTERS_MAX,
    LINKED_SUBJECTS_MAX,
    QUANTITY_MAX,
    SOURCE_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    CreditEvent,
    Data,
)
from schemas.partitioner import partition_of
from schemas.records import RecordKey
from schemas.subjects import KIND_SHIFT, Kind, format_subject

KEY = RecordKey(0x0706050403020100, 0x0F0E0D0C0B0A0908)
PARTITIONS = 4
LEFT_OUT = object()
RESIDENT = "r-09c3f0a1b2d4e5f6"
COMPANY = "l-49c3f0a1b2d4e5f9"
# 2026-11-24T08:30:00Z, when the records of these tests reach Kafka.
RECORDED_MS = 1_795_509_000_000
_RECORD_TYPES = tuple(one for one in EVENT_TYPES if not one.control)
_ENVELOPE = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data"}


def attributes_of(type_name: str = "library.loan.overdue", **changes: Any) -> dict[str, Any]:
    """Return a structured event as its publisher writes it; a change to LEFT_OUT leaves that attribute out."""
    stated: dict[str, Any] = {
        "specversion": "1.0",
        "id": "2026-000123",
        "source": "/dept/library",
        "type": type_name,
        "subject": RESIDENT,
        "time": "2026-11-24T08:30:00+08:00",
        "data": {},
        **changes,
    }
    return {name: value for name, value in stated.items() if value is not LEFT_OUT}


def value_of(type_name: str = "library.loan.overdue", **changes: Any) -> bytes:
    """Return the bytes of a structured event."""
    return orjson.dumps(attributes_of(type_name, **changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class ARecord:
    """A Kafka record as the decoder reads it."""

    raw: bytes | None
    at_partition: int
    at_offset: int = 7
    stated_headers: list[tuple[str, bytes | None]] | None = None
    recorded_ms: int = RECORDED_MS

    def value(self) -> bytes | None:
        return self.raw

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self.stated_headers

    def partition(self) -> int | None:
        return self.at_partition

    def offset(self) -> int | None:
        return self.at_offset

    def timestamp(self) -> tuple[int, int]:
        return 1, self.recorded_ms


def a_kafka_record(raw: bytes | None, subject: str = RESIDENT, **changes: Any) -> ARecord:
    """Return a Kafka record in the partition of a subject."""
    return ARecord(**{"raw": raw, "at_partition": partition_of(subject, PARTITIONS), **changes})


def attributes(characters_max: int, *, plain: bool = False) -> st.SearchStrategy[str]:
    """Texts that CloudEvents allows in attributes: without control characters."""
    return texts(characters_max, plain=plain, excluded=("Cs", "Cc"))


def texts(
    characters_max: int, *, plain: bool = False, excluded: Sequence[Literal["Cs", "Cc"]] = ("Cs",)
) -> st.SearchStrategy[str]:
    """Texts that are not empty; plain ones are those that JSON writes without escapes, in ASCII."""
    if plain:
        alphabet = st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\')
    else:
        alphabet = st.characters(exclude_categories=excluded)
    return st.text(alphabet, min_size=1, max_size=12) | st.just("x" * characters_max)


def times(latest_s: int = EPOCH_S_MAX - 1) -> st.SearchStrategy[datetime]:
    return st.integers(0, latest_s).map(datetime_of)


def subjects(kinds: frozenset[Kind] = frozenset(Kind)) -> st.SearchStrategy[str]:
    numbers = st.integers(0, (1 << KIND_SHIFT) - 1)
    return st.builds(lambda kind, n: format_subject(kind << KIND_SHIFT | n), st.sampled_from(sorted(kinds)), numbers)


@st.composite
def events(
    draw: st.DrawFn, *, plain: bool = False, types: tuple[EventType, ...] = EVENT_TYPES, latest_s: int = EPOCH_S_MAX - 1
) -> CreditEvent:
    """Valid events of all types, with every field now stated, now not."""
    event_type = draw(st.sampled_from(types))
    extensions: st.SearchStrategy[dict[str, Any]] = st.just({})
    if not plain:
        names = st.text("abcxyz019", min_size=1, max_size=20).filter(lambda name: name not in _ENVELOPE)
        values = attributes(40) | st.integers(-(2**31), 2**31 - 1) | st.booleans()
        extensions = st.dictionaries(names, values, max_size=2)
    subject = draw(subjects(event_type.kinds))
    data = draw(_data(event_type, plain=plain))
    event_id = draw(attributes(ID_CHARACTERS_MAX, plain=plain))
    if not plain and can_link(event_type, subject, data) and draw(st.booleans()):
        linked = draw(
            st.lists(subjects(frozenset({Kind.RESIDENT})), min_size=1, max_size=LINKED_SUBJECTS_MAX, unique=True)
        )
        event_id = event_id[:LINKED_ID_CHARACTERS_MAX]
        data = replace(data, record_id=data.record_id[:LINKED_ID_CHARACTERS_MAX], linked_subjects=tuple(linked))
    return CreditEvent(
        id=event_id,
        source=draw(attributes(SOURCE_CHARACTERS_MAX, plain=plain)),
        type=event_type,
        subject=subject,
        time=draw(times(latest_s)),
        data=data,
        extensions=draw(extensions),
    )


def can_link(event_type: EventType, subject: str, data: Data) -> bool:
    """Whether an event may name residents whom it reaches."""
    reaching = event_type.reaches and (data.record_type is None or data.record_type.reaches)
    return bool(reaching) and not subject.startswith("r-")


@st.composite
def _data(draw: st.DrawFn, event_type: EventType, *, plain: bool) -> Data:
    allowed, required = data_fields(event_type)
    record_type = draw(st.sampled_from(_RECORD_TYPES)) if event_type is catalogue.CORRECTED else None
    given: dict[str, st.SearchStrategy[Any]] = {
        "quantity": st.integers(1, QUANTITY_MAX),
        "determined_at": times(),
        "terminated_at": times(),
        "incident_key": texts(ID_CHARACTERS_MAX, plain=plain),
        "record_source": texts(SOURCE_CHARACTERS_MAX, plain=plain),
        "record_id": texts(ID_CHARACTERS_MAX, plain=plain),
        "basis": texts(TEXT_CHARACTERS_MAX, plain=plain),
        "document_no": texts(TEXT_CHARACTERS_MAX, plain=plain),
    }
    stated = {
        name: draw(values)
        for name, values in given.items()
        if name in required or (name in allowed and draw(st.booleans()))
    }
    if record_type is None:
        return Data(grade=draw(st.sampled_from(event_type.grades)), **stated)
    grade = draw(st.none() | st.sampled_from(record_type.grades))
    if grade is None and "quantity" not in stated:
        stated["quantity"] = draw(given["quantity"])
    return Data(grade=grade, record_type=record_type, **stated)
