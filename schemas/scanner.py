"""The compiled scanner: the same facts as the specification, from the joined bytes of a whole batch.

It accepts only what it understands completely: structured mode, ASCII without escapes, known attributes and fields,
each at most once, plain whole numbers, times in UTC or at +08:00 to the second. Everything else it leaves to
`schemas.codec`, which is slower and says what is wrong; so it does with every event that names linked subjects.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy import uint64
from numpy.typing import NDArray

from schemas import catalogue
from schemas.catalogue import EVENT_TYPES, GRADE_CODES, TYPE_CODES, Grade
from schemas.codec import FUTURE_ALLOWED_S, VALUE_BYTES_MAX, data_fields
from schemas.compiled import Int, Row, allocating, compiled, inlined
from schemas.days import CITY_OFFSET_S, DAY_S, FIRST_DAY_OF_MONTH
from schemas.events import ID_CHARACTERS_MAX, QUANTITY_MAX, SOURCE_CHARACTERS_MAX, TEXT_CHARACTERS_MAX
from schemas.facts import FACT, Facts
from schemas.partitioner import murmur2_slice
from schemas.records import RecordKey
from schemas.siphash import siphash

Ints = NDArray[np.int64]
Rows = NDArray[np.void]

_SLOTS = 512
_WORDS_BYTES_MAX = 16_384
_EMPTY = -1
_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_FNV_MASK = (1 << 64) - 1

# The envelope's attributes, then the data's fields; the order gives each its number in the scan.
_NAMES = (
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "data",
    "grade",
    "quantity",
    "determined_at",
    "terminated_at",
    "incident_key",
    "record_source",
    "record_id",
    "record_type",
    "basis",
    "document_no",
)
(
    _SPECVERSION,
    _ID,
    _SOURCE,
    _TYPE,
    _SUBJECT,
    _TIME,
    _DATACONTENTTYPE,
    _DATA,
    _GRADE,
    _QUANTITY,
    _DETERMINED_AT,
    _TERMINATED_AT,
    _INCIDENT_KEY,
    _RECORD_SOURCE,
    _RECORD_ID,
    _RECORD_TYPE,
    _BASIS,
    _DOCUMENT_NO,
) = range(len(_NAMES))
_NAMES_COUNT = len(_NAMES)
_ENVELOPE_REQUIRED = (1 << _SPECVERSION) | (1 << _ID) | (1 << _SOURCE) | (1 << _TYPE) | (1 << _SUBJECT) | (1 << _TIME)
_CORRECTED = catalogue.CORRECTED.code
_JSON_TYPE = np.frombuffer(b"application/json", np.uint8)
_LIMITS = np.full(_NAMES_COUNT, TEXT_CHARACTERS_MAX, np.int64)
_LIMITS[[_ID, _RECORD_ID, _INCIDENT_KEY]] = ID_CHARACTERS_MAX
_LIMITS[[_SOURCE, _RECORD_SOURCE]] = SOURCE_CHARACTERS_MAX


# An exact dictionary from words to numbers that compiled code can look up. All dictionaries are rows of one array, and
# all that is known of types is another: handing arrays to compiled code costs as much as scanning an event.
_WORDS = np.dtype(
    [
        ("slots", "<i8", _SLOTS),  # index of a word, or _EMPTY
        ("starts", "<i8", _SLOTS + 1),  # where each word begins in `text`
        ("numbers", "<i8", _SLOTS),
        ("text", "u1", _WORDS_BYTES_MAX),
    ]
)
_ATTRIBUTES, _TYPES, _GRADES = range(3)

_RULES = np.dtype(
    [
        ("allowed", "<i8"),  # bits of the data fields a type may have
        ("required", "<i8"),  # bits of the data fields it must have
        ("kinds", "<i8"),  # bits of the kinds of subject
        ("default_grade", "<i8"),
        ("control", "?"),
        ("has_grade", "u1", GRADE_CODES),  # a truth value; Numba has no arrays of them in rows
    ],
    align=True,
)


def _fill(row: np.void, entries: Iterable[tuple[str, int]]) -> None:
    words = list(entries)
    raw = [word.encode() for word, _ in words]
    slots = row["slots"]
    slots[:] = _EMPTY
    for index, word in enumerate(raw):
        slot = _fnv1a(word) % _SLOTS
        while slots[slot] != _EMPTY:
            slot = (slot + 1) % _SLOTS
        slots[slot] = index
    row["starts"][: len(raw) + 1] = np.cumsum([0, *map(len, raw)])
    row["numbers"][: len(raw)] = [number for _, number in words]
    text = np.frombuffer(b"".join(raw), np.uint8)
    row["text"][: len(text)] = text


def _fnv1a(word: bytes) -> int:
    h = _FNV_OFFSET
    for byte in word:
        h = (h ^ byte) * _FNV_PRIME & _FNV_MASK
    return h


def _dictionaries() -> Rows:
    words = np.zeros(3, _WORDS)
    _fill(words[_ATTRIBUTES], ((name, number) for number, name in enumerate(_NAMES)))
    _fill(words[_TYPES], ((one.name, one.code) for one in EVENT_TYPES))
    _fill(words[_GRADES], ((grade.label, int(grade)) for grade in Grade))
    return words


def _rules() -> Rows:
    numbers = {name: number for number, name in enumerate(_NAMES)}
    rules = np.zeros(TYPE_CODES, _RULES)
    for one in EVENT_TYPES:
        may, must = data_fields(one)
        rule = rules[one.code]
        rule["allowed"] = sum(1 << numbers[name] for name in may if name in numbers)
        rule["required"] = sum(1 << numbers[name] for name in must)
        rule["kinds"] = sum(1 << kind for kind in one.kinds)
        rule["control"] = one.control
        rule["default_grade"] = 0 if one is catalogue.CORRECTED else one.grades[0]
        rule["has_grade"][list(one.grades)] = True
    return rules


@compiled
def _find(words: Row, data: bytes, start: Int, stop: Int) -> Int:
    """Return the number of the word ``data[start:stop]``, or -1."""
    h = uint64(0xCBF29CE484222325)
    for i in range(start, stop):
        h = (h ^ uint64(data[i])) * uint64(0x100000001B3)
    slot = np.int64(h & uint64(_SLOTS - 1))
    found = -1
    while words.slots[slot] != _EMPTY:
        index = words.slots[slot]
        begin = words.starts[index]
        if words.starts[index + 1] - begin == stop - start:
            same = True
            for k in range(stop - start):
                if words.text[begin + k] != data[start + k]:
                    same = False
                    break
            if same:
                found = words.numbers[index]
                break
        slot = (slot + 1) & (_SLOTS - 1)
    return found


@compiled
def _digits(data: bytes, start: Int, count: Int) -> Int:
    """Return the number written in `count` digits, or -1."""
    value: Int = 0
    for i in range(start, start + count):
        digit = np.int64(data[i]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value


@compiled
def _seconds(data: bytes, start: Int, stop: Int, first_days: NDArray[np.int32]) -> Int:
    """Return the instant ``YYYY-MM-DDTHH:MM:SS`` at ``Z`` or ``+08:00``, in seconds since the epoch, or -1."""
    offset = 0
    if stop - start == 25:
        if data[start + 19] != 43 or data[start + 22] != 58:
            return -1
        if _digits(data, start + 20, 2) != 8 or _digits(data, start + 23, 2) != 0:
            return -1
        offset = CITY_OFFSET_S
    elif stop - start != 20 or data[start + 19] != 90:
        return -1
    if data[start + 4] != 45 or data[start + 7] != 45 or data[start + 10] != 84:
        return -1
    if data[start + 13] != 58 or data[start + 16] != 58:
        return -1
    year = _digits(data, start, 4)
    month = _digits(data, start + 5, 2)
    day = _digits(data, start + 8, 2)
    hour = _digits(data, start + 11, 2)
    minute = _digits(data, start + 14, 2)
    second = _digits(data, start + 17, 2)
    if year < 1970 or year > 2099 or month < 1 or month > 12 or day < 1:
        return -1
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return -1
    index = (year - 1970) * 12 + month - 1
    if day > first_days[index + 1] - first_days[index]:
        return -1
    return (np.int64(first_days[index]) + day - 1) * DAY_S + hour * 3600 + minute * 60 + second - offset


@compiled
def _subject(data: bytes, start: Int, stop: Int) -> tuple[bool, uint64]:
    """Return whether ``data[start:stop]`` is a subject id, and its number."""
    number = uint64(0)
    if stop - start != 18 or data[start + 1] != 45:
        return False, number
    for i in range(start + 2, stop):
        c = data[i]
        if c >= 48 and c <= 57:
            digit = c - 48
        elif c >= 97 and c <= 102:
            digit = c - 87
        else:
            return False, number
        number = (number << uint64(4)) | uint64(digit)
    letter = data[start]
    kind = number >> uint64(62)
    known = (letter == 114 and kind == 0) or (letter == 108 and kind == 1) or (letter == 111 and kind == 2)
    return known, number


@inlined
def _is_control(rule: Row) -> bool:
    return bool(rule.control)


@inlined
def _has_grade(rule: Row, grade: Int) -> bool:
    return bool(rule.has_grade[grade])


@compiled
def _tokens(data: bytes, start: Int, stop: Int, names: Row, spans: Ints) -> Int:
    """Find the fields of one event.

    Fills ``spans[number] = (begin, end)`` of each field's text or digits, and returns the bits of the fields seen,
    or -1 when the event is not of the plain form.
    """
    seen = 0
    depth = 0
    i = start
    after_value = False
    while i < stop:
        c = data[i]
        if c == 123:
            if depth != 0:
                return -1
            depth = 1
            i += 1
            continue
        if c == 125:
            depth -= 1
            i += 1
            if depth == 0:
                return seen if i == stop else -1
            after_value = True
            continue
        if depth == 0:
            return -1
        if c == 44:
            if not after_value:
                return -1
            after_value = False
            i += 1
            if i < stop and data[i] == 32:
                i += 1
            if i >= stop or data[i] != 34:
                return -1
            continue
        if c != 34 or after_value:
            return -1
        i += 1
        begin = i
        while i < stop and data[i] != 34:
            i += 1
        number = _find(names, data, begin, i)
        i += 1
        if number < 0 or i >= stop or data[i] != 58 or seen >> number & 1:
            return -1
        if (number < _GRADE) != (depth == 1):
            return -1
        i += 1
        if i < stop and data[i] == 32:
            i += 1
        if i >= stop:
            return -1
        seen |= 1 << number
        c = data[i]
        i += 1
        begin = i
        if number == _DATA:
            if c != 123:
                return -1
            depth = 2
            if i < stop and data[i] == 44:
                return -1
        elif number == _QUANTITY:
            begin -= 1
            while i < stop and data[i] >= 48 and data[i] <= 57:
                i += 1
            spans[number, 0] = begin
            spans[number, 1] = i
            after_value = True
        else:
            if c != 34:
                return -1
            while i < stop and data[i] != 34:
                if data[i] < 32 or data[i] > 126 or data[i] == 92:
                    return -1
                i += 1
            if i == begin or i - begin > _LIMITS[number]:
                return -1
            spans[number, 0] = begin
            spans[number, 1] = i
            i += 1
            after_value = True
    return -1


@allocating
def _scan(
    data: bytes,
    sizes: Ints,
    offsets: Ints,
    partitions_of: Ints,
    recorded_ms: Ints,
    partitions: Int,
    k0: uint64,
    k1: uint64,
    words: Rows,
    rules: Rows,
    first_days: NDArray[np.int32],
    facts: Facts,
    subjects: NDArray[np.uint64],
    accepted: NDArray[np.bool_],
) -> Int:
    spans = np.zeros((_NAMES_COUNT, 2), np.int64)
    names = words[_ATTRIBUTES]
    types = words[_TYPES]
    grades = words[_GRADES]
    count = 0
    stop = np.int64(0)
    for n in range(sizes.shape[0]):
        accepted[n] = False
        start = stop
        stop = start + sizes[n]
        if sizes[n] > VALUE_BYTES_MAX:
            continue
        seen = _tokens(data, start, stop, names, spans)
        if seen < 0 or seen & _ENVELOPE_REQUIRED != _ENVELOPE_REQUIRED:
            continue
        a = spans[_SPECVERSION, 0]
        if spans[_SPECVERSION, 1] - a != 3 or data[a] != 49 or data[a + 1] != 46 or data[a + 2] != 48:
            continue
        if seen >> _DATACONTENTTYPE & 1:
            a = spans[_DATACONTENTTYPE, 0]
            same = spans[_DATACONTENTTYPE, 1] - a == _JSON_TYPE.shape[0]
            if same:
                for k in range(_JSON_TYPE.shape[0]):
                    same = same and data[a + k] == _JSON_TYPE[k]
            if not same:
                continue
        code = _find(types, data, spans[_TYPE, 0], spans[_TYPE, 1])
        if code < 0:
            continue
        rule: Row = rules[code]
        fields = (seen >> _GRADE) << _GRADE
        if fields & ~rule.allowed or rule.required & ~fields:
            continue
        known, subject = _subject(data, spans[_SUBJECT, 0], spans[_SUBJECT, 1])
        if not known or not rule.kinds >> np.int64(subject >> uint64(62)) & 1:
            continue
        hashed = np.int64(murmur2_slice(data, spans[_SUBJECT, 0], spans[_SUBJECT, 1])) & 0x7FFFFFFF
        if hashed % partitions != partitions_of[n]:
            continue
        occurred = _seconds(data, spans[_TIME, 0], spans[_TIME, 1], first_days)
        if occurred < 0 or occurred > recorded_ms[n] // 1000 + FUTURE_ALLOWED_S:
            continue
        determined = 0
        if seen >> _DETERMINED_AT & 1:
            at = _seconds(data, spans[_DETERMINED_AT, 0], spans[_DETERMINED_AT, 1], first_days)
            if at < 0:
                continue
            determined = (at + CITY_OFFSET_S) // DAY_S
        terminated = 0
        if seen >> _TERMINATED_AT & 1:
            at = _seconds(data, spans[_TERMINATED_AT, 0], spans[_TERMINATED_AT, 1], first_days)
            if at < 0:
                continue
            terminated = (at + CITY_OFFSET_S) // DAY_S
        graded = code
        if code == _CORRECTED:
            graded = _find(types, data, spans[_RECORD_TYPE, 0], spans[_RECORD_TYPE, 1])
            if graded < 0 or _is_control(rules[graded]) or not seen & (1 << _GRADE | 1 << _QUANTITY):
                continue
            determined = graded
        grade = rule.default_grade
        if seen >> _GRADE & 1:
            grade = _find(grades, data, spans[_GRADE, 0], spans[_GRADE, 1])
            if grade < 0 or not _has_grade(rules[graded], grade):
                continue
        quantity = 0
        if seen >> _QUANTITY & 1:
            a = spans[_QUANTITY, 0]
            digits = spans[_QUANTITY, 1] - a
            if digits < 1 or digits > 5 or data[a] == 48:
                continue
            quantity = _digits(data, a, digits)
            if quantity < 1 or quantity > QUANTITY_MAX:
                continue
        link = uint64(0)
        if rule.control:
            source = siphash(data, spans[_RECORD_SOURCE, 0], spans[_RECORD_SOURCE, 1], k0, k1)
            link = siphash(data, spans[_RECORD_ID, 0], spans[_RECORD_ID, 1], k0 ^ source, k1)
        elif seen >> _INCIDENT_KEY & 1:
            link = siphash(data, spans[_INCIDENT_KEY, 0], spans[_INCIDENT_KEY, 1], k0, k1) | uint64(1)
        source = siphash(data, spans[_SOURCE, 0], spans[_SOURCE, 1], k0, k1)
        fact = facts[n]
        fact.record = siphash(data, spans[_ID, 0], spans[_ID, 1], k0 ^ source, k1)
        fact.link = link
        fact.occurred = occurred
        fact.offset_low = offsets[n] & 0xFFFFFFFF
        fact.offset_high = (offsets[n] >> 32) & 0xFFFF
        fact.type = code
        fact.determined = determined
        fact.terminated = terminated
        fact.quantity = quantity
        fact.grade = grade
        fact.reserved = 0
        subjects[n] = subject
        accepted[n] = True
        count += 1
    return count


class Scanned(NamedTuple):
    """What the scanner made of a batch of n values; rows that are not accepted hold nothing of meaning."""

    facts: Facts  # (n,) FACT
    subjects: NDArray[np.uint64]  # (n,)
    accepted: NDArray[np.bool_]  # (n,)
    accepted_count: int


class Scanner:
    """The compiled scanner for one deployment's key and partition count."""

    def __init__(self, key: RecordKey, partitions: int) -> None:
        self._k0 = uint64(key.k0)
        self._k1 = uint64(key.k1)
        self._partitions = partitions
        self._words = _dictionaries()
        self._rules = _rules()

    def scan(self, values: list[bytes], offsets: Ints, partitions_of: Ints, recorded_ms: Ints) -> Scanned:
        """Scan n values.

        Args:
            values: the records' values.
            offsets: (n,) their log offsets.
            partitions_of: (n,) the partitions they were read from.
            recorded_ms: (n,) Kafka's times, in milliseconds since the epoch; none may have occurred long after its own.

        """
        n = len(values)
        facts, subjects, accepted = np.empty(n, FACT), np.empty(n, np.uint64), np.empty(n, np.bool_)
        count = _scan(
            b"".join(values),
            np.fromiter(map(len, values), np.int64, n),
            offsets,
            partitions_of,
            recorded_ms,
            self._partitions,
            self._k0,
            self._k1,
            self._words,
            self._rules,
            FIRST_DAY_OF_MONTH,
            facts,
            subjects,
            accepted,
        )
        return Scanned(facts, subjects, accepted, count)
