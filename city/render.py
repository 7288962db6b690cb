"""Rows to bytes, by templates: the bytes that `schemas.codec.encode` would write, without its detours."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from city.rows import Expect, Fate, Rows
from schemas.catalogue import CORRECTED, TYPES_BY_CODE, EventType, Grade
from schemas.codec import VALUE_BYTES_MAX
from schemas.events import CONTENT_TYPE_STRUCTURED, SPEC_VERSION
from schemas.partitioner import murmur2
from schemas.subjects import Kind, format_subject, parse_subject

HEADERS = (("content-type", CONTENT_TYPE_STRUCTURED.encode()),)


@dataclass(frozen=True, slots=True)
class Published:
    """One record as a department hands it to Kafka.

    Attributes:
        key: the record's key.
        value: the record's value.
        headers: the record's headers; `confluent_kafka` wants a list of them.
        expect: what the scorer must do with it: score it, see that it has it already, or refuse it for a reason.
        reaches: how many events follow from it for others, once it is scored: for who represents the subject.

    """

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    expect: Expect
    reaches: int = 0


def source_of(event_type: EventType) -> str:
    """Return the URI reference of the department that publishes a type."""
    return f"/dept/{event_type.publisher}"


# By type; what varies is the id's prefix and number, the subject, the time and the fields of the data.
_HEADS = {
    code: (
        f'{{"specversion":"{SPEC_VERSION}","id":"%b%x","source":"{source_of(one)}","type":"{one.name}",'
        '"subject":"%b","time":"%bZ","data":{%b}}'
    ).encode()
    for code, one in TYPES_BY_CODE.items()
}
_GRADE_DATA = {
    (code, grade): f'"grade":"{grade.label}"'.encode() if len(one.grades) > 1 else b""
    for code, one in TYPES_BY_CODE.items()
    for grade in one.grades
}
# A control reaches whom the record that it is about has reached.
_REACHES = np.array([code in TYPES_BY_CODE and bool(TYPES_BY_CODE[code].reaches) for code in range(256)])
_FATES = list(Fate)
_EXPECTS: list[Expect] = [fate.expect for fate in Fate]


class Renderer:
    """Writes the rows of one stream, whose ids share a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()

    def render(self, rows: Rows, subjects: list[bytes], represented_by: Sequence[bytes] = ()) -> Iterator[Published]:
        """Yield the records of rows.

        Args:
            rows: what to render.
            subjects: by row, the id of its subject.
            represented_by: by row, the id of who represents its subject, or nothing; left out if nobody has one.

        """
        times = np.datetime_as_string(rows["occurred"].astype("datetime64[s]")).astype("S19").tolist()
        types = rows["type"].tolist()
        numbers = rows["number"].tolist()
        fates = rows["fate"].tolist()
        data = self._data(rows, types)
        reaches = [0] * len(rows)
        for index in _linked(rows, represented_by):
            link = b'"linked_subjects":["%b"]' % represented_by[index]
            data[index] = data[index] + b"," + link if data[index] else link
            reaches[index] = int(fates[index] == Fate.SCORED)
        heads, prefix = _HEADS, self._prefix
        values = [
            heads[code] % (prefix, number, subject, time, fields)
            for code, number, subject, time, fields in zip(types, numbers, subjects, times, data, strict=True)
        ]
        return map(_publish, subjects, values, fates, reaches)

    def _data(self, rows: Rows, types: list[int]) -> list[bytes]:
        """Return the fields of each row's data: most have a grade or nothing, many a quantity, few anything else."""
        fields = [_GRADE_DATA.get(key, b"") for key in zip(types, rows["grade"].tolist(), strict=True)]
        more = rows["determined"] | rows["terminated"] | rows["incident"] | rows["about"]
        plain = np.flatnonzero((rows["quantity"] > 0) & (more == 0))
        for index, quantity in zip(plain.tolist(), rows["quantity"][plain].tolist(), strict=True):
            fields[index] = b'"quantity":%d' % quantity
        for index in np.flatnonzero(more).tolist():
            fields[index] = self._fields(rows[index])
        return fields

    def _fields(self, row: np.void) -> bytes:
        """Return the fields of one row's data, in the codec's order."""
        code, grade = int(row["type"]), int(row["grade"])
        parts = [_GRADE_DATA.get((code, Grade(grade)), b"")] if grade and code != CORRECTED.code else []
        if code == CORRECTED.code and grade:
            parts.append(f'"grade":"{Grade(grade).label}"'.encode())
        if row["quantity"]:
            parts.append(b'"quantity":%d' % int(row["quantity"]))
        parts += [
            b'"%b":"%bZ"' % (name, np.datetime_as_string(np.datetime64(int(row[column]), "s")).encode())
            for name, column in ((b"determined_at", "determined"), (b"terminated_at", "terminated"))
            if row[column]
        ]
        if row["incident"]:
            parts.append(b'"incident_key":"%bi%x"' % (self._prefix, int(row["incident"])))
        if row["about"]:
            about = TYPES_BY_CODE[int(row["about_type"])]
            parts.append(b'"record_source":"%b"' % source_of(about).encode())
            parts.append(b'"record_id":"%b%x"' % (self._prefix, int(row["about"])))
            if code == CORRECTED.code:
                parts.append(b'"record_type":"%b"' % about.name.encode())
        return b",".join(part for part in parts if part)


def _linked(rows: Rows, represented_by: Sequence[bytes]) -> list[int]:
    """Return the places of rows that reach who represents their subject; one that is broken anyway names nobody."""
    if not represented_by:
        return []
    reaches = _REACHES[np.where(rows["about"] > 0, rows["about_type"], rows["type"])] & (rows["fate"] <= Fate.CONFLICT)
    return [index for index in np.flatnonzero(reaches).tolist() if represented_by[index]]


def _publish(subject: bytes, value: bytes, fate: int, reaches: int) -> Published:
    if fate <= Fate.CONFLICT:
        return Published(subject, value, HEADERS, _EXPECTS[fate], reaches)
    if fate == Fate.WRONG_PARTITION:
        return Published(wrong_key(subject), value, HEADERS, _EXPECTS[fate])
    return Published(subject, _SPOILS[_FATES[fate]](value), HEADERS, _EXPECTS[fate])


# With up to so many partitions a wrong key never leads to the right one.
PARTITIONS_MAX = 1_024
_FACTORS = math.prod(range(2, PARTITIONS_MAX + 1))


def wrong_key(subject: bytes) -> bytes:
    """Return another subject's key whose partition is another, with any number of partitions from 2 to 1024."""
    right = murmur2(subject) & 0x7FFFFFFF
    number = parse_subject(subject.decode())
    others = (format_subject(number ^ step).encode() for step in count(1))
    return next(key for key in others if math.gcd((murmur2(key) & 0x7FFFFFFF) - right, _FACTORS) == 1)


def _with_field(value: bytes, field: bytes) -> bytes:
    comma = b"" if value.endswith(b"{}}") else b","
    return value[:-2] + comma + field + b"}}"


def _with_grade(value: bytes) -> bytes:
    if b'"grade":"' in value:
        return value.replace(b'"grade":"', b'"grade":"very_')
    return _with_field(value, b'"grade":"platinum"')


def _of_another_kind(value: bytes) -> bytes:
    other = b"org.trace.gap" if b'"subject":"%b-' % Kind.RESIDENT.letter.encode() in value else b"library.loan.returned"
    return re.sub(rb'"type":"[^"]*"', b'"type":"%b"' % other, value, count=1)


_SPOILS: dict[Fate, Callable[[bytes], bytes]] = {
    Fate.NOT_JSON: lambda value: value[:-2],
    Fate.BAD_ENVELOPE: lambda value: value.replace(b'"specversion":"1.0"', b'"specversion":"0.3"'),
    Fate.MISSING_FIELD: lambda value: re.sub(rb'"subject":"[^"]*",', b"", value, count=1),
    Fate.UNKNOWN_FIELD: lambda value: _with_field(value, b'"amount_yuan":1200'),
    Fate.BAD_VALUE: lambda value: value.replace(b'"time":"', b'"time":"about '),
    Fate.UNKNOWN_TYPE: lambda value: value.replace(b'"type":"', b'"type":"old.'),
    Fate.UNKNOWN_GRADE: _with_grade,
    Fate.UNKNOWN_SUBJECT_KIND: lambda value: re.sub(rb'"subject":"[a-z]', b'"subject":"x', value, count=1),
    Fate.WRONG_SUBJECT_KIND: _of_another_kind,
    Fate.OVERSIZED: lambda value: value[:-1] + b',"padding":"%b"}' % (b"x" * VALUE_BYTES_MAX),
    # A leap year, so that every date exists in it.
    Fate.TIME_IN_FUTURE: lambda value: re.sub(rb'"time":"\d{4}', b'"time":"2096', value, count=1),
}
