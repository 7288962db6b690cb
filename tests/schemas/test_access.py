"""The access log's events: what is written is what is read, and nothing else about a person gets in."""

import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs

from gateway.names import SCENARIOS
from schemas.access import (
    PURPOSES,
    Access,
    ChangeReceived,
    StandingRead,
    check_reader,
    decode,
    encode,
    fields_of,
    from_fields,
    from_kept,
    kept_of,
    receipt_id,
)
from schemas.catalogue import TYPES_BY_NAME
from schemas.errors import Reason, Refusal
from schemas.generate import FOLDER

SUBJECT = "r-09c3f0a1b2d4e5f6"
AT = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
CHANGE = f"3/17/20781/{SUBJECT}"
READ = StandingRead(
    id="a", subject=SUBJECT, time=AT, reader="transit-operator", purpose="transit", what="tier", as_of=17
)
UNKNOWN = StandingRead(id="b", subject=SUBJECT, time=AT, reader="desk", purpose="desk", what="standing")
RECEIVED = ChangeReceived(
    id=receipt_id("transit-operator", CHANGE), subject=SUBJECT, time=AT, reader="transit-operator", change=CHANGE
)
KINDS = {"standing.read": READ, "change.received": RECEIVED}


def validator(name: str) -> Any:
    return Draft202012Validator(json.loads((FOLDER / f"{name}.json").read_text("utf-8")))


@pytest.mark.parametrize("access", [READ, UNKNOWN, RECEIVED])
def test_what_is_written_is_what_is_read(access: Access) -> None:
    assert decode(encode(access).value) == access
    assert from_fields(SUBJECT, fields_of(access)) == access
    assert from_kept(SUBJECT, kept_of(access)) == access
    assert encode(access).key == SUBJECT.encode()


@pytest.mark.parametrize(("name", "access"), [*KINDS.items(), ("standing.read", UNKNOWN)])
def test_what_is_written_fits_its_schema(name: str, access: Access) -> None:
    validator(name).validate(orjson.loads(encode(access).value))


def test_every_scenario_of_a_payment_code_is_a_purpose() -> None:
    assert PURPOSES[: len(SCENARIOS)] == SCENARIOS


def test_who_reads_is_no_entry_of_the_catalogue_and_never_enters_a_ledger() -> None:
    assert KINDS.keys() & TYPES_BY_NAME.keys() == set()


# As (where, value, reason): of a read, or of a receipt where the field is its own.
WRONG: list[tuple[str, object, Reason]] = [
    ("specversion", "0.3", Reason.BAD_ENVELOPE),
    ("source", "/dept/library", Reason.BAD_ENVELOPE),
    ("type", "standing.sold", Reason.UNKNOWN_TYPE),
    ("type", 3, Reason.BAD_VALUE),
    ("id", "", Reason.BAD_VALUE),
    ("id", None, Reason.MISSING_FIELD),
    ("subject", "350102199003076543", Reason.BAD_VALUE),
    ("time", "yesterday", Reason.BAD_VALUE),
    ("time", "2026-02-30T00:00:00Z", Reason.BAD_VALUE),
    ("time", "2100-06-01T00:00:00Z", Reason.BAD_VALUE),
    ("place", "26.08,119.30", Reason.UNKNOWN_FIELD),
    ("data", [], Reason.NOT_JSON),
    ("data.reader", "A Person", Reason.BAD_VALUE),
    ("data.reader", None, Reason.MISSING_FIELD),
    ("data.purpose", "curiosity", Reason.BAD_VALUE),
    ("data.what", "everything", Reason.BAD_VALUE),
    ("data.as_of", "17", Reason.BAD_VALUE),
    ("data.as_of", -1, Reason.BAD_VALUE),
    ("data.as_of", True, Reason.BAD_VALUE),
    ("data.amount", 350, Reason.UNKNOWN_FIELD),
    ("data.id", "another", Reason.UNKNOWN_FIELD),
    ("data.change", CHANGE, Reason.UNKNOWN_FIELD),
]


@pytest.mark.parametrize(("where", "value", "reason"), WRONG)
def test_what_is_wrong_is_refused_and_named_and_does_not_fit_the_schema(
    where: str, value: object, reason: Reason
) -> None:
    body = orjson.loads(encode(READ).value)
    part, name = (body["data"], where[5:]) if where.startswith("data.") else (body, where)
    if value is None:
        del part[name]
    else:
        part[name] = value

    with pytest.raises(Refusal) as refused:
        decode(orjson.dumps(body))

    assert refused.value.reason == reason
    assert refused.value.field == where or reason is Reason.NOT_JSON
    dates = where == "time" and value != "yesterday"  # what a pattern cannot tell
    assert dates or not validator("standing.read").is_valid(body)


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"{}", b"\xff", b'"text"'])
def test_what_is_no_event_is_refused(value: bytes | None) -> None:
    with pytest.raises(Refusal) as refused:
        decode(value)

    assert refused.value.reason is Reason.NOT_JSON


def test_an_oversized_value_is_refused_unread() -> None:
    with pytest.raises(Refusal, match="oversized"):
        decode(b" " * 100_000)


@pytest.mark.parametrize("reader", ["a", "A", "1st", "x" * 41, "two words", "r\n", ""])
def test_a_reader_is_a_short_name_and_no_sentence(reader: str) -> None:
    with pytest.raises(Refusal, match="such as transit-operator"):
        check_reader(reader)
