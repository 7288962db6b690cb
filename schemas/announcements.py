"""The control event `rulepack.activated`: a rule pack, whole, and from which day on it holds.

It is no credit event: it is about no subject and stands in a topic of its own, in one partition, so that there is one
order. It carries the pack's files, so that every worker has them without copying, and a replay needs nothing else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import orjson

from schemas.days import NEVER, date_of, day_of_date
from schemas.errors import quoted
from schemas.events import CONTENT_TYPE_DATA, SPEC_VERSION

ANNOUNCEMENT_TYPE = "rulepack.activated"
ANNOUNCEMENT_SOURCE = "/jasmine/packs"
# Kafka's default of 1 MiB for a record, with room for the envelope.
FILES_BYTES_MAX = 900_000
FILE_PATTERN = r"(pack\.yaml|rules/[A-Za-z0-9_][A-Za-z0-9_.-]*\.yaml)"
FILE_NAMES = "there are pack.yaml and rules/*.yaml, named by letters, digits, '_', '.' and '-'"
# What file systems take.
_NAME_CHARACTERS_MAX = 255
HASH_PATTERN = "[0-9a-f]{16}"


class Role(StrEnum):
    """What an announced pack is for."""

    LIVE = "live"
    SHADOW = "shadow"
    SHADOW_ENDED = "shadow_ended"


class AnnouncementError(Exception):
    """A record that is no announcement: the field, what is wrong, what to do."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}; announce packs with `jasmine pack activate`, which writes what is read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A pack that is to hold, to run beside the live one, or to run no more.

    Attributes:
        event_id: names the announcement.
        time: when it was made, in RFC 3339.
        role: what the pack is for.
        pack: the pack's id.
        version: the pack's version.
        hash: the pack's hash.
        first: the first day on which it holds.
        files: texts by their names within the pack's folder.

    """

    event_id: str
    time: str
    role: Role
    pack: str
    version: str
    hash: int
    first: int
    files: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """Return it as a structured CloudEvent."""
        return orjson.dumps(
            {
                "specversion": SPEC_VERSION,
                "id": self.event_id,
                "source": ANNOUNCEMENT_SOURCE,
                "type": ANNOUNCEMENT_TYPE,
                "time": self.time,
                "datacontenttype": CONTENT_TYPE_DATA,
                "data": {
                    "pack": self.pack,
                    "version": self.version,
                    "hash": f"{self.hash:016x}",
                    "effective_from": date_of(self.first).isoformat(),
                    "role": self.role,
                    "files": dict(self.files),
                },
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes | None) -> "Announcement":
        """Return the announcement in a record's value.

        Raises:
            AnnouncementError: it is none.

        """
        try:
            event = orjson.loads(raw or b"")
        except orjson.JSONDecodeError as error:
            raise AnnouncementError("value", f"is no JSON ({error})") from None
        for name, wanted in (("specversion", SPEC_VERSION), ("type", ANNOUNCEMENT_TYPE)):
            if not isinstance(event, dict) or event.get(name) != wanted:
                raise AnnouncementError(name, f"is not '{wanted}'")
        data = event.get("data")
        if not isinstance(data, dict):
            raise AnnouncementError("data", "is no object")
        files = _files(data)
        return cls(
            event_id=_text(event, "id"),
            time=_time(event),
            role=_role(data),
            pack=_text(data, "pack"),
            version=_text(data, "version"),
            hash=_hash(data),
            first=_day(data),
            files=files,
        )


def _text(stated: Mapping[str, Any], name: str) -> str:
    value = stated.get(name)
    if not isinstance(value, str) or not value:
        raise AnnouncementError(name, f"was {quoted(value) or repr('')}, is a text")
    return value


def _time(event: Mapping[str, Any]) -> str:
    value = _text(event, "time")
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise AnnouncementError("time", f"was {value!r}, is an instant such as 2026-11-24T08:30:00+08:00") from None
    return value


def _role(data: Mapping[str, Any]) -> Role:
    value = _text(data, "role")
    if value not in [*Role]:
        raise AnnouncementError("data.role", f"was {value!r}, is one of {', '.join(Role)}")
    return Role(value)


def _hash(data: Mapping[str, Any]) -> int:
    value = _text(data, "hash")
    if re.fullmatch(HASH_PATTERN, value) is None:
        raise AnnouncementError("data.hash", f"was {value!r}, is 16 hexadecimal digits")
    return int(value, 16)


def _day(data: Mapping[str, Any]) -> int:
    value = _text(data, "effective_from")
    try:
        day = day_of_date(date.fromisoformat(value))
    except ValueError:
        raise AnnouncementError("data.effective_from", f"was {value!r}, is a date such as 2027-01-01") from None
    if not 0 < day < NEVER:
        raise AnnouncementError("data.effective_from", f"was {value}, is between 1970 and {date_of(NEVER - 1)}")
    return day


def is_file_name(name: str) -> bool:
    """Whether a pack can have a file of this name: none that would lie outside its folder."""
    return re.fullmatch(FILE_PATTERN, name) is not None and len(name.removeprefix("rules/")) <= _NAME_CHARACTERS_MAX


def _files(data: Mapping[str, Any]) -> Mapping[str, str]:
    files = data.get("files")
    if not isinstance(files, dict):
        raise AnnouncementError("data.files", "is no object of texts")
    for name, text in files.items():
        if not is_file_name(name):
            raise AnnouncementError("data.files", f"'{quoted(name)}' is no file of a pack: {FILE_NAMES}")
        if not isinstance(text, str):
            raise AnnouncementError("data.files", f"'{name}' is no text")
    return files
