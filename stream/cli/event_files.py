"""Events in files: JSON Lines, and CSV whose identity numbers become pseudonyms here and go no further."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import orjson

from schemas.errors import Reason, Refusal
from schemas.events import SPEC_VERSION
from schemas.subjects import IdentityNumberError, Pseudonymiser
from stream.settings import Settings

_ENVELOPE = frozenset({"id", "source", "type", "subject", "time", "specversion"})
_IDENTITY = frozenset({"resident", "legal_person", "organisation"})


class FileFormatError(Exception):
    """A file that cannot be read any further."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a file, or why it is none.

    Attributes:
        number: its line.
        raw: the line as it came; empty where it may hold an identity number, which must not be copied anywhere.
        attributes: the event's CloudEvents attributes, or the refusal.
        quotable: whether a refusal may quote its values.

    """

    number: int
    raw: bytes
    attributes: dict[str, Any] | Refusal
    quotable: bool = True


def read_json_lines(source: IO[bytes]) -> Iterator[Line]:
    """Yield the events of JSON Lines: a structured CloudEvent a line."""
    for number, raw in enumerate(source, start=1):
        if raw.strip():
            yield Line(number, raw, _parsed(raw))


def _parsed(raw: bytes) -> dict[str, Any] | Refusal:
    try:
        attributes = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return Refusal(Reason.NOT_JSON, "", raw[:40].decode(errors="replace"), str(error))
    return attributes if isinstance(attributes, dict) else Refusal(Reason.NOT_JSON, "", "", "give an object a line")


def read_csv(source: IO[bytes], settings: Settings) -> Iterator[Line]:
    """Yield the events of a CSV file: its header names attributes, fields of data, and identity columns.

    Raises:
        FileFormatError: it has no header, or is not UTF-8.
        SettingsError: it has identity numbers, and there is no pseudonym key.

    """
    reader = csv.reader(_texts(source))
    header = next(reader, None)
    if header is None:
        raise FileFormatError("the file is empty; its first line names the columns")
    identity = _IDENTITY & set(header)
    pseudonymiser = settings.pseudonymiser if identity else None
    for cells in reader:
        if not cells:
            continue
        raw = b"" if identity else ",".join(cells).encode()
        yield Line(reader.line_num, raw, _attributes(header, cells, pseudonymiser), quotable=not identity)


def _texts(source: IO[bytes]) -> Iterator[str]:
    for number, raw in enumerate(source, start=1):
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise FileFormatError(f"line {number} is not UTF-8; save the file as CSV UTF-8") from None


def _attributes(header: list[str], cells: list[str], pseudonymiser: Pseudonymiser | None) -> dict[str, Any] | Refusal:
    if len(cells) != len(header):
        remedy = f"the line has {len(cells)} cells, the header {len(header)}: a shifted line says something else"
        return Refusal(Reason.BAD_VALUE, "", "", remedy)
    stated = {name: value for name, value in zip(header, cells, strict=True) if value}
    attributes: dict[str, Any] = {"specversion": SPEC_VERSION}
    attributes |= {name: value for name, value in stated.items() if name in _ENVELOPE}
    if pseudonymiser is not None:
        try:
            attributes |= _pseudonym(stated, pseudonymiser)
        except IdentityNumberError as error:
            return Refusal(Reason.BAD_VALUE, "subject", "", str(error))
    data: dict[str, Any] = {name: value for name, value in stated.items() if name not in _ENVELOPE | _IDENTITY}
    quantity = data.get("quantity", "")
    if quantity.isascii() and quantity.isdigit():
        data["quantity"] = int(quantity)
    if "linked_subjects" in data:
        data["linked_subjects"] = data["linked_subjects"].split()
    return {**attributes, "data": data}


def _pseudonym(stated: dict[str, str], pseudonymiser: Pseudonymiser) -> dict[str, str]:
    make = {
        "resident": pseudonymiser.resident,
        "legal_person": pseudonymiser.legal_person,
        "organisation": pseudonymiser.organisation,
    }
    subjects = [pseudonym(stated[kind]) for kind, pseudonym in make.items() if kind in stated]
    return {"subject": subjects[0]} if subjects else {}
