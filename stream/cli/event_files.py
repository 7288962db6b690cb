"""Events in files: JSON Lines, and CSV whose identity numbers become pseudonyms here and go no further."""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import orjson

from schemas.errors import Reason, Refusal
from schemas.events import SPEC_VERSION
from schemas.subjects import IdentityNumberError, Pseudonymiser
from stream.settings import Settings

_ENVELOPE = frozenset({"id", "source", "type", "subject", "time", "specversion"})
_IDENTITY = frozenset({"resident", "legal_person", "organisation"})
_SUBJECTS = _IDENTITY | {"subject"}
_REQUIRED = ("id", "source", "type", "time")
_QUOTED_CHARACTERS = 40
# What is quoted and a number that begins at its end, of four bytes a character.
_MASKED_BYTES = 320
_IDENTITY_NUMBER = re.compile(
    r"\d(?: ?\d){16} ?[\dX]"
    r"|[0-9A-Z]{2}\d{6}[0-9A-Z]{10}"
    # A refusal quotes 80 characters: of a number that begins within the last 17 only the beginning is left.
    r"|(?<=.{63})[0-9A-Z]{0,2}\d{6}[0-9A-Z]*\Z",
    re.IGNORECASE | re.DOTALL,
)


class FileFormatError(Exception):
    """A file that cannot be read any further."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a file, or why it is none.

    Attributes:
        number: its line.
        raw: the line as it came; empty in a CSV with identity columns, whose numbers must not be copied anywhere.
        attributes: the event's CloudEvents attributes, or the refusal.
        quotable: whether a refusal may quote its values.

    """

    number: int
    raw: bytes
    attributes: dict[str, Any] | Refusal
    quotable: bool = True


class _Row(NamedTuple):
    """One row of a CSV: the line it begins in, its lines as they came, and its cells."""

    number: int
    raw: bytes
    cells: list[str]


def masked(text: str) -> str:
    """Return a text without what has the shape of an identity number or credit code: it may stand in any field."""
    return _IDENTITY_NUMBER.sub("(an identity number)", text)


def read_json_lines(source: IO[bytes]) -> Iterator[Line]:
    """Yield the events of JSON Lines: a structured CloudEvent a line."""
    for number, raw in enumerate(source, start=1):
        # What saves a file as "UTF-8 with BOM" puts one before its first line.
        text = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        if text.strip():
            yield Line(number, raw, _parsed(text))


def _parsed(raw: bytes) -> dict[str, Any] | Refusal:
    try:
        attributes = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # Masked before it is cut: half a number no longer looks like one.
        # Of UTF-16 the zero bytes between digits would hide it, too.
        text = raw[:_MASKED_BYTES].decode(errors="replace").replace("\0", "")
        beginning = masked(text)[:_QUOTED_CHARACTERS]
        return Refusal(Reason.NOT_JSON, "", beginning, str(error))
    return attributes if isinstance(attributes, dict) else Refusal(Reason.NOT_JSON, "", "", "give an object a line")


def read_csv(source: IO[bytes], settings: Settings) -> Iterator[Line]:
    """Yield the events of a CSV file: its header names attributes, fields of data, and identity columns.

    Raises:
        FileFormatError: its header is missing, ambiguous or lacks a column, or it is not UTF-8, or no CSV.
        SettingsError: it has identity numbers, and there is no pseudonym key.

    """
    rows = _rows(source)
    header = _header(next(rows, None))
    identity = _IDENTITY & set(header)
    pseudonymiser = settings.pseudonymiser if identity else None
    for row in rows:
        # Spreadsheets leave empty rows behind, too: of nothing but commas.
        if any(row.cells):
            raw = b"" if identity else row.raw
            yield Line(row.number, raw, _attributes(header, row.cells, pseudonymiser), quotable=not identity)


def _header(row: _Row | None) -> list[str]:
    if row is None or not row.cells:
        raise FileFormatError("the first line is empty; it names the columns")
    # Spreadsheets leave empty columns behind, without a name.
    named = [name for name in row.cells if name]
    if repeated := [name for name in dict.fromkeys(named) if named.count(name) > 1]:
        raise FileFormatError(f"the header names {masked(repeated[0])!r} twice; which of the two holds?")
    if missing := [name for name in _REQUIRED if name not in named]:
        remedy = "name the columns in small letters, and separate them by commas"
        raise FileFormatError(f"the header does not name {', '.join(missing)}; {remedy}")
    return row.cells


def _rows(source: IO[bytes]) -> Iterator[_Row]:
    taken: list[bytes] = []
    reader = csv.reader(_texts(source, taken), strict=True)
    begins = 1
    try:
        for cells in reader:
            yield _Row(begins, b"".join(taken), cells)
            taken.clear()
            begins = reader.line_num + 1
    except csv.Error as error:
        if "new-line character" in str(error):
            remedy = "end lines with a line feed, as Windows and Unix do"
            raise FileFormatError(f"line {begins} has a carriage return within it; {remedy}") from None
        # The reader's limit of a cell also ends an open quote early, before it has read a large file to its end.
        remedy = "is a quote not closed, or not doubled within a cell?"
        raise FileFormatError(f"the row that begins in line {begins} is no CSV: {error}; {remedy}") from None


def _texts(source: IO[bytes], taken: list[bytes]) -> Iterator[str]:
    for number, raw in enumerate(source, start=1):
        taken.append(raw)
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise FileFormatError(f"line {number} is not UTF-8; save the file as CSV UTF-8") from None


def _attributes(header: list[str], cells: list[str], pseudonymiser: Pseudonymiser | None) -> dict[str, Any] | Refusal:
    if any("\n" in cell or "\r" in cell for cell in cells):
        return Refusal(Reason.BAD_VALUE, "", "", "a cell has a line break: is a quote not closed in this line?")
    if len(cells) != len(header):
        remedy = f"the line has {len(cells)} cells, the header {len(header)}: a shifted line says something else"
        return Refusal(Reason.BAD_VALUE, "", "", remedy)
    stated = {name: value for name, value in zip(header, cells, strict=True) if value}
    if len(subjects := [name for name in stated if name in _SUBJECTS]) > 1:
        return Refusal(Reason.BAD_VALUE, "subject", "", f"{' and '.join(subjects)} are filled: name one subject")
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
