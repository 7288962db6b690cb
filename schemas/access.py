"""Who read what about whom, for which purpose, and who was told of a change: events of the access log.

They are CloudEvents keyed by their subject, like credit events, but no entries of the catalogue: no score ever depends
on who looked at it, so they never enter a ledger. They name a reader and a purpose, never a place or an amount.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

import orjson

from schemas.codec import EPOCH_S_MAX, VALUE_BYTES_MAX, Encoded
from schemas.days import datetime_of
from schemas.errors import Reason, Refusal
from schemas.events import CONTENT_TYPE_STRUCTURED, ID_CHARACTERS_MAX, SPEC_VERSION, TIMESTAMP_PATTERN
from schemas.subjects import parse_subject

# The first nine are the scenarios of a payment code; with the others the city's own parts say what they read for.
Purpose = Literal[
    "admin", "transit", "medical", "education", "tourism", "culture", "finance", "utility", "parking",
    "desk", "explain", "suggest", "export", "page",
]  # fmt: skip
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
What = Literal["tier", "standing", "explanation", "suggestions", "page", "export"]
WHATS: tuple[What, ...] = get_args(What)

READ = "standing.read"
RECEIVED = "change.received"
SOURCE = "/jasmine/access"
READER_PATTERN = "[a-z][a-z0-9-]{1,39}"
# Readers of the city's own, whose names nobody else may give.
CITIZEN = "citizen"
DESK = "desk"

_READER = re.compile(READER_PATTERN)
_TIMESTAMP = re.compile(TIMESTAMP_PATTERN)
_ENVELOPE = frozenset({"specversion", "id", "source", "type", "subject", "time", "data"})
_FIELDS = {READ: frozenset({"reader", "purpose", "what", "as_of"}), RECEIVED: frozenset({"reader", "change"})}


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRead:
    """Somebody was given something about a subject.

    Attributes:
        id: names the reading; the same id again is the same reading.
        subject: the pseudonymous subject id.
        time: when, to the second.
        reader: who, such as ``transit-operator``.
        purpose: for what.
        what: what was given.
        as_of: the log offset up to which the subject's events were in what was read; None if nothing was known.

    """

    id: str
    subject: str
    time: datetime
    reader: str
    purpose: Purpose
    what: What
    as_of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReceived:
    """A reader's receipt: it was told of a change, and has dealt with it.

    Attributes:
        id: names the receipt; it follows from reader and change, so that one given twice is one.
        subject: the pseudonymous subject id.
        time: when, to the second.
        reader: who was told.
        change: the id of the change, as `credit.changes` has it.

    """

    id: str
    subject: str
    time: datetime
    reader: str
    change: str


Access: TypeAlias = StandingRead | ChangeReceived


def receipt_id(reader: str, change: str) -> str:
    """Return the id of a reader's receipt for a change."""
    return f"{reader}/{change}"


def check_reader(reader: str) -> str:
    """Return a reader's name.

    Raises:
        Refusal: it has not the form of one.

    """
    if not _READER.fullmatch(reader):
        remedy = "give 2 to 40 of a-z, 0-9 and '-', beginning with a letter, such as transit-operator"
        raise Refusal(Reason.BAD_VALUE, "data.reader", reader, remedy)
    return reader


# The fields that are kept, in order, behind the type; the last may be missing.
_KEPT = {
    READ: ("id", "time", "reader", "purpose", "what", "as_of"),
    RECEIVED: ("id", "time", "reader", "change"),
}


def encode(access: Access) -> Encoded:
    """Return the record of an access, keyed by its subject."""
    stated = fields_of(access)
    envelope: dict[str, Any] = {"specversion": SPEC_VERSION, "source": SOURCE, "subject": access.subject}
    envelope |= {name: stated.pop(name) for name in ("type", "id", "time")}
    data = {name: int(value) if name == "as_of" else value for name, value in stated.items()}
    return Encoded(
        access.subject.encode(),
        orjson.dumps({**envelope, "data": data}),
        [("content-type", CONTENT_TYPE_STRUCTURED.encode())],
    )


def decode(value: bytes | None) -> Access:
    """Return the access in one Kafka record.

    Raises:
        Refusal: it is none; the first fault found is named.

    """
    if value is not None and len(value) > VALUE_BYTES_MAX:
        raise Refusal(Reason.OVERSIZED, "", f"{len(value)} bytes", f"send at most {VALUE_BYTES_MAX}")
    try:
        body = orjson.loads(value or b"")
    except orjson.JSONDecodeError as error:
        raise Refusal(Reason.NOT_JSON, "", "", str(error)) from None
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise Refusal(Reason.NOT_JSON, "", type(body).__name__, "send a CloudEvent whose data is a JSON object")
    for name, known in (("specversion", SPEC_VERSION), ("source", SOURCE)):
        if body.get(name) != known:
            raise Refusal(Reason.BAD_ENVELOPE, name, body.get(name), f"only {known} is known")
    _nothing_else(body, _ENVELOPE, "")
    subject = _text(body, "subject", "")
    parse_subject(subject)
    data = body["data"]
    _nothing_else(data, _FIELDS[_kind(body)], "data.")
    if type(data.get("as_of", 0)) is not int:
        raise Refusal(Reason.BAD_VALUE, "data.as_of", data["as_of"], "give a log offset, a whole number")
    as_of = {"as_of": str(data["as_of"])} if "as_of" in data else {}
    return from_fields(subject, {**{name: body.get(name) for name in ("type", "id", "time")}, **data, **as_of})


def fields_of(access: Access) -> dict[str, str]:
    """Return what is kept of an access beside its subject: names and texts."""
    whole = datetime_of(int(access.time.timestamp())).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(access, ChangeReceived):
        return {"type": RECEIVED, "id": access.id, "time": whole, "reader": access.reader, "change": access.change}
    stated = {"type": READ, "id": access.id, "time": whole, "reader": access.reader}
    stated |= {"purpose": access.purpose, "what": access.what}
    return stated if access.as_of is None else {**stated, "as_of": str(access.as_of)}


def kept_of(access: Access) -> bytes:
    """Return what a subject's list keeps of an access: its fields in order, their names left out."""
    return orjson.dumps([*fields_of(access).values()])


def from_kept(subject: str, raw: bytes) -> Access:
    """Return the access about a subject of which this is kept; raises what `from_fields` does."""
    try:
        kind, *values = orjson.loads(raw)
        names = _KEPT[kind]
        # With more values than names a later release has written it.
        stated = dict(zip(names, values, strict=len(values) > len(names)))
    except (ValueError, TypeError, KeyError) as error:
        remedy = "delete this entry of the list, or read it with the release that wrote it"
        raise Refusal(Reason.BAD_VALUE, "", raw[:40].decode(errors="replace"), remedy) from error
    return from_fields(subject, {"type": kind, **stated})


def from_fields(subject: str, fields: Mapping[str, Any]) -> Access:
    """Return the access about a subject of which these fields are kept.

    Raises:
        Refusal: the first fault found.

    """
    kind = _kind(fields)
    data = {name: value for name, value in fields.items() if name not in _ENVELOPE}
    _nothing_else(data, _FIELDS[kind], "data.")
    access_id, time = _text(fields, "id", ""), _time(fields)
    reader = check_reader(_text(data, "reader", "data."))
    if kind == RECEIVED:
        change = _text(data, "change", "data.")
        return ChangeReceived(id=access_id, subject=subject, time=time, reader=reader, change=change)
    return StandingRead(
        id=access_id,
        subject=subject,
        time=time,
        reader=reader,
        purpose=_one_of(PURPOSES, data, "purpose"),
        what=_one_of(WHATS, data, "what"),
        as_of=_offset(data),
    )


def _kind(stated: Mapping[str, Any]) -> str:
    kind = _text(stated, "type", "")
    if kind not in _FIELDS:
        raise Refusal(Reason.UNKNOWN_TYPE, "type", kind, f"there are {READ} and {RECEIVED}")
    return kind


def _nothing_else(stated: Mapping[str, Any], known: frozenset[str], path: str) -> None:
    for name in stated:
        if name not in known:
            remedy = f"there are {', '.join(sorted(known))}; send nothing else about a person"
            raise Refusal(Reason.UNKNOWN_FIELD, path + name, "", remedy)


def _text(stated: Mapping[str, Any], name: str, path: str) -> str:
    value = stated.get(name)
    if value is None:
        raise Refusal(Reason.MISSING_FIELD, path + name, "", "it is required")
    if not isinstance(value, str) or not 0 < len(value) <= ID_CHARACTERS_MAX:
        raise Refusal(Reason.BAD_VALUE, path + name, value, f"give a text of 1 to {ID_CHARACTERS_MAX} characters")
    return value


def _time(stated: Mapping[str, Any]) -> datetime:
    text = _text(stated, "time", "")
    remedy = "give a time from 1970 to 2099 with its offset, such as 2026-11-24T08:30:00+08:00"
    if not _TIMESTAMP.fullmatch(text):
        raise Refusal(Reason.BAD_VALUE, "time", text, remedy)
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(Reason.BAD_VALUE, "time", text, remedy) from None
    if not 0 <= value.timestamp() < EPOCH_S_MAX:
        raise Refusal(Reason.BAD_VALUE, "time", text, remedy)
    return value


def _one_of(known: tuple[Any, ...], data: Mapping[str, Any], name: str) -> Any:
    value = _text(data, name, "data.")
    if value not in known:
        raise Refusal(Reason.BAD_VALUE, f"data.{name}", value, f"there are {', '.join(known)}")
    return value


def _offset(data: Mapping[str, Any]) -> int | None:
    if "as_of" not in data:
        return None
    text = _text(data, "as_of", "data.")
    if not (text.isascii() and text.isdigit()):
        raise Refusal(Reason.BAD_VALUE, "data.as_of", text, "give a log offset, a whole number")
    return int(text)
