"""The compiled scanner: what it accepts the specification accepts, with the same fact and subject."""

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.catalogue import EVENT_TYPES
from schemas.codec import FUTURE_ALLOWED_S, VALUE_BYTES_MAX, decode, encode
from schemas.decoder import Decoder
from schemas.events import CreditEvent
from schemas.facts import OFFSET_MAX
from schemas.partitioner import partition_of
from schemas.scanner import Scanned, Scanner
from tests.support.events import (
    COMPANY,
    KEY,
    PARTITIONS,
    RECORDED_MS,
    RESIDENT,
    ARecord,
    attributes_of,
    events,
    value_of,
)

SCANNER = Scanner(KEY, 1)
SPECIFICATION = Decoder(KEY, 1)
OFFSET = 0xFEDC_BA98_7654
NO_LIMIT_MS = (1 << 40) * 1000


def scan(value: bytes, recorded_ms: int = NO_LIMIT_MS) -> Scanned:
    return SCANNER.scan([value], np.array([OFFSET]), np.array([0]), np.array([recorded_ms]))


def is_accepted(value: bytes) -> bool:
    return bool(scan(value).accepted[0])


def hold_to_the_specification(value: bytes, recorded_ms: int = NO_LIMIT_MS) -> bool:
    """Return whether the scanner accepts; fail if the specification then disagrees."""
    scanned = scan(value, recorded_ms)
    assert scanned.accepted_count == scanned.accepted.sum()
    if scanned.accepted[0]:
        record = ARecord(raw=value, at_partition=0, at_offset=OFFSET, recorded_ms=recorded_ms)
        fact, subject = SPECIFICATION.decode_one(record)
        assert scanned.facts[0] == fact
        assert scanned.subjects[0] == subject
    return bool(scanned.accepted[0])


@given(events(plain=True))
def test_a_plainly_encoded_event_is_accepted(event: CreditEvent) -> None:
    assert hold_to_the_specification(encode(event).value)


@given(events())
def test_of_any_valid_event_the_scanner_accepts_only_the_right_fact(event: CreditEvent) -> None:
    hold_to_the_specification(encode(event).value)


@st.composite
def written_plainly(draw: st.DrawFn) -> bytes:
    """A plain event with its keys in any order, either usual spacing, and times at either usual offset."""
    event = draw(events(plain=True, latest_s=4_000_000_000))
    attributes = orjson.loads(encode(event).value)
    for within in (attributes, attributes["data"]):
        for name in ("time", "determined_at", "terminated_at"):
            if name in within and draw(st.booleans()):
                within[name] = within[name].replace("Z", "+08:00")
    attributes["data"] = dict(draw(st.permutations(list(attributes["data"].items()))))
    attributes |= draw(st.sampled_from([{}, {"datacontenttype": "application/json"}]))
    shuffled = dict(draw(st.permutations(list(attributes.items()))))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (",", ": "), (", ", ":")]))
    return json.dumps(shuffled, separators=separators).encode()


@given(written_plainly())
def test_order_spacing_and_the_citys_offset_keep_an_event_on_the_fast_path(value: bytes) -> None:
    time = decode_time(value)

    assert hold_to_the_specification(value) is (time >= 0)


def decode_time(value: bytes) -> int:
    """Return the earliest instant in an event, which may lie some hours before 1970."""
    attributes = json.loads(value)
    stated = [attributes["time"], *(attributes["data"].get(name) for name in ("determined_at", "terminated_at"))]
    early = [text for text in stated if text and text.startswith("1970-01-01T0") and text.endswith("+08:00")]
    return -1 if any(text < "1970-01-01T08" for text in early) else 0


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda one: one.name)
def test_every_type_is_on_the_fast_path(event_type: Any) -> None:
    from schemas.generate import example as example_of  # noqa: PLC0415 - only here, and slow to import

    assert hold_to_the_specification(orjson.dumps(example_of(event_type)))


@pytest.mark.parametrize(
    ("type_name", "data"),
    [
        ("tax.arrears.recorded", {}),
        ("org.penalty.imposed", {"grade": "fine_minor"}),
        ("record.revoked", {"record_source": "/dept/tax", "record_id": "1"}),
    ],
)
def test_an_event_with_linked_subjects_is_left_to_the_specification(type_name: str, data: dict[str, Any]) -> None:
    linked = {**data, "linked_subjects": [RESIDENT]}

    assert is_accepted(value_of(type_name, subject=COMPANY, data=data))
    assert not is_accepted(value_of(type_name, subject=COMPANY, data=linked))


# Pieces that break an event, or that look as if they did not.
PIECES = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"\n", b"\r", b"\0", b"\x7f", b"\xff", b"\xc3\xa9"),
    *(b"\\u0061", b"\\n", b'\\"', b"null", b"true", b"NaN", b"-1", b"0", b"00", b"01", b"1.0", b"1e2", b"65535"),
    *(b"65536", b"18446744073709551617", b"9" * 40, b"{}", b"[]", b'""', b",,", b"::", b'"data":{},', b'"id":"x",'),
    *(b'"data":{', b'"grade":"standard",', b'"quantity":7,', b'"quantity":007,', b'"quantity":"7",', b'"trace":"x",'),
    *(b"2024-02-29", b"2023-02-29", b"2100-02-29", b"2026-04-31", b"2026-00-10", b"2026-10-00", b"0000-01-01"),
    *(b"T24:00:00Z", b"T23:59:60Z", b"T08:60:00Z", b"t08:30:00z", b"Z", b"+08:00", b"-08:00", b"+00:00", b"+08:60"),
    *(b".5Z", b".000+08:00", b"r-", b"l-", b"o-", b"x-", b"0", b"4", b"8", b"c", b"F", b"\xd9\xa1", b"\xef\xbb\xbf"),
    *(b"application/json", b"application/xml", b"1.0", b"severe", b"record.corrected", b"library.loan.overdue"),
    *(b'"linked_subjects":["r-09c3f0a1b2d4e5f6"],', b'"linked_subjects":"r",', b',"linked_subjects":[]'),
]
OPERATIONS = ["letter", "letter", "flip", "insert", "delete", "replace", "double", "cut"]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid event with some of its bytes changed."""
    value = bytearray(draw(written_plainly()))
    for operation in draw(st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=2)):
        at = draw(st.integers(0, len(value) - 1)) if value else 0
        until = min(len(value), at + draw(st.integers(1, 12)))
        piece = draw(st.sampled_from(PIECES) | st.binary(min_size=1, max_size=3))
        if operation == "letter" and value:
            value[at] = draw(st.sampled_from(b"019abcdefrxTZ+-: ,"))
        elif operation == "flip" and value:
            value[at] ^= 1 << draw(st.integers(0, 7))
        elif operation == "insert":
            value[at:at] = piece
        elif operation == "delete":
            del value[at:until]
        elif operation == "replace":
            value[at : at + len(piece)] = piece
        elif operation == "double":
            value[at:at] = value[at:until]
        else:
            del value[at:]
    return bytes(value)


@given(st.lists(damaged(), min_size=1, max_size=8))
def test_of_a_damaged_event_the_scanner_accepts_only_the_right_fact(values: list[bytes]) -> None:
    for value in values:
        hold_to_the_specification(value)


@st.composite
def miswritten(draw: st.DrawFn) -> bytes:
    """A valid event, one of whose values is another: a text near the right one, or any JSON."""
    attributes = orjson.loads(draw(written_plainly()))
    within = draw(st.sampled_from([attributes, attributes["data"] or attributes]))
    name = draw(st.sampled_from(sorted(within)))
    near = st.sampled_from(PIECES).map(lambda piece: piece.decode("latin-1"))
    years, months, days = st.integers(1960, 2110), st.integers(0, 13), st.integers(0, 32)
    times = st.builds(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}".format,
        years,
        months,
        days,
        st.integers(0, 24),
        st.integers(0, 60),
        st.integers(0, 60),
        st.sampled_from(["Z", "+08:00", "+09:00", "-08:00", ""]),
    )
    others = st.integers(-2, 65_540) | st.none() | st.booleans() | st.floats(0, 9) | st.integers() | near | times
    within[name] = draw(others)
    return json.dumps(attributes, ensure_ascii=draw(st.booleans())).encode()


@given(st.lists(miswritten(), min_size=1, max_size=8))
def test_of_a_miswritten_event_the_scanner_accepts_only_the_right_fact(values: list[bytes]) -> None:
    for value in values:
        hold_to_the_specification(value)


TOKENS = [b"{", b"}", b",", b":", *(f'"{name}"'.encode() for name in [*attributes_of(), "grade", "quantity"])]
TOKENS += [
    b'"1.0"',
    b'"library.loan.overdue"',
    f'"{RESIDENT}"'.encode(),
    b'"2026-11-24T08:30:00Z"',
    b'"standard"',
    b"7",
]


@given(st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join) | st.binary(max_size=60))
@example(b"")
@example(b"}},{")
def test_of_random_text_the_scanner_accepts_only_the_right_fact(value: bytes) -> None:
    hold_to_the_specification(value)


PLAIN = value_of("traffic.penalty.imposed", data={"grade": "warning"})
COUNTED = value_of("capability.tenure.accrued", data={"quantity": 36})
# What is left to the specification, whether it is an event or not.
LEFT: dict[str, bytes] = {
    "nothing": b"",
    "an empty object": b"{}",
    "an escape": PLAIN.replace(b"library", rb"librar\u0079"),
    "a letter that is not ASCII": PLAIN.replace(b"library", "图书馆".encode()),
    "bytes that are no UTF-8": PLAIN.replace(b"library", b"\xff"),
    "a control character": PLAIN.replace(b"library", b"\x1f"),
    "an extension": value_of(traceparent="00"),
    "a data schema": value_of(dataschema="/schemas/1"),
    "an unknown field": value_of(data={"name": "Wang"}),
    "a field of another type": value_of(data={"quantity": 1}),
    "a data field in the envelope": value_of(grade="standard"),
    "an attribute in the data": value_of(data={"id": "1"}),
    "a key twice": PLAIN.replace(b'"id":', b'"id":"1","id":'),
    "data twice": PLAIN.replace(b'"id":', b'"data":{},"id":'),
    "an attribute that is null": PLAIN.replace(b'"id":', b'"datacontenttype":null,"id":'),
    "two spaces": PLAIN.replace(b'"id":', b'"id":  '),
    "a tab": PLAIN.replace(b'"id":', b'"id":\t'),
    "a new line at the end": PLAIN + b"\n",
    "a space before": b" " + PLAIN,
    "a byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "a comma too many": PLAIN.replace(b"}", b",}", 1),
    "a comma at the end": PLAIN[:-1] + b",}",
    "no comma": PLAIN.replace(b',"id"', b'"id"'),
    "a second object": PLAIN + b"{}",
    "a brace too many": PLAIN + b"}",
    "a brace too few": PLAIN[:-1],
    "an array": b"[" + PLAIN + b"]",
    "a quantity of zero": COUNTED.replace(b"36", b"0"),
    "a quantity with a zero before": COUNTED.replace(b"36", b"036"),
    "a quantity with a sign": COUNTED.replace(b"36", b"-36"),
    "a quantity with a point": COUNTED.replace(b"36", b"36.0"),
    "a quantity with an exponent": COUNTED.replace(b"36", b"3e1"),
    "a quantity in a text": COUNTED.replace(b"36", b'"36"'),
    "a quantity past 16 bits": COUNTED.replace(b"36", b"65536"),
    "a quantity past 64 bits": COUNTED.replace(b"36", b"18446744073709551652"),
    "no quantity at all": COUNTED.replace(b"36", b""),
    "a fraction of a second": value_of(time="2026-11-24T08:30:00.5Z"),
    "another offset": value_of(time="2026-11-24T08:30:00+09:00"),
    "a time in small letters": value_of(time="2026-11-24t08:30:00z"),
    "a 29 February of no leap year": value_of(time="2026-02-29T08:30:00Z"),
    "a 31 April": value_of(time="2026-04-31T08:30:00Z"),
    "an hour of 24": value_of(time="2026-11-24T24:00:00Z"),
    "a leap second": value_of(time="2016-12-31T23:59:60Z"),
    "a time before 1970": value_of(time="1970-01-01T07:59:59+08:00"),
    "a year of five digits": value_of(time="12026-11-24T08:30:00Z"),
    "upper-case hex digits": value_of(subject=RESIDENT.upper().replace("R", "r")),
    "a kind that the number contradicts": value_of(subject="l-09c3f0a1b2d4e5f6"),
    "a kind that the type is not about": value_of(subject="l-49c3f0a1b2d4e5f6"),
    "another version": value_of(specversion="1.1"),
    "data of another type": value_of(datacontenttype="application/yaml"),
    "an empty id": value_of(id=""),
    "an id that is too long": value_of(id="x" * 129),
    "a grade of another type": value_of(data={"grade": "warning"}),
    "no grade where there are several": value_of("traffic.penalty.imposed"),
    "a value that is too large": PLAIN.replace(b'"2026-000123"', b'"' + b"x" * VALUE_BYTES_MAX + b'"'),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_not_plain_is_left_to_the_specification(case: str) -> None:
    assert not is_accepted(LEFT[case])


@pytest.mark.parametrize(
    "time",
    ["2024-02-29T08:30:00Z", "2000-02-29T23:59:59+08:00", "1970-01-01T00:00:00Z", "2099-12-31T23:59:59Z"],
)
def test_the_calendars_edges_are_on_the_fast_path(time: str) -> None:
    assert hold_to_the_specification(value_of(time=time, data={"determined_at": time}))


@pytest.mark.parametrize("late_ms", [-1000, -1, 0, 1, 1000])
def test_a_time_is_at_most_a_day_after_it_was_recorded(late_ms: int) -> None:
    recorded_ms = RECORDED_MS - FUTURE_ALLOWED_S * 1000 - late_ms

    assert hold_to_the_specification(value_of(time="2026-11-24T08:30:00Z"), recorded_ms) is (late_ms <= 0)


@pytest.mark.parametrize("partition", range(PARTITIONS))
def test_a_subject_in_a_partition_that_is_not_its_own_is_left(partition: int) -> None:
    scanned = Scanner(KEY, PARTITIONS).scan([PLAIN], np.array([0]), np.array([partition]), np.array([NO_LIMIT_MS]))

    assert bool(scanned.accepted[0]) is (partition == partition_of(RESIDENT, PARTITIONS))


@given(st.lists(written_plainly() | damaged() | st.just(b""), max_size=6), st.integers(0, OFFSET_MAX))
def test_a_value_is_scanned_as_if_it_were_alone(values: list[bytes], offset: int) -> None:
    n = len(values)
    together = SCANNER.scan(values, np.full(n, OFFSET), np.zeros(n, np.int64), np.full(n, NO_LIMIT_MS))

    for index, value in enumerate(values):
        alone = scan(value)
        assert together.accepted[index] == alone.accepted[0]
        assert not alone.accepted[0] or together.facts[index] == alone.facts[0]


def test_the_fact_knows_its_offset() -> None:
    fact = scan(PLAIN).facts[0]

    assert int(fact["offset_low"]) | int(fact["offset_high"]) << 32 == OFFSET


def test_an_event_of_another_encoder_is_the_same_to_the_specification() -> None:
    assert decode(json.dumps(attributes_of(), indent=2).encode()) == decode(value_of())
