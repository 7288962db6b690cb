"""The announcement of a pack: what is written is read, and what is none is refused with its field."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from schemas.announcements import Announcement, AnnouncementError, Role

SAID = Announcement(
    event_id="1",
    time="2026-11-24T08:30:00+08:00",
    role=Role.LIVE,
    pack="my-city-2027",
    version="2",
    hash=0x00C0FFEE00C0FFEE,
    first=20_819,
    files={"pack.yaml": "id: my-city-2027\n", "rules/public.yaml": "# 公共\n"},
)


@pytest.mark.parametrize("role", Role)
def test_what_is_written_is_read(role: Role) -> None:
    said = replace(SAID, role=role)

    assert Announcement.from_bytes(said.to_bytes()) == said


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("specversion", {"specversion": "0.3"}, "is not '1.0'"),
    ("type", {"type": "library.loan.overdue"}, "is not 'rulepack.activated'"),
    ("id", {"id": ""}, "was ''"),
    ("time", {"time": "yesterday"}, "was 'yesterday'"),
    ("data", {"data": []}, "is no object"),
]
WRONG_DATA: list[tuple[str, dict[str, Any], str]] = [
    ("data.role", {"role": "dress rehearsal"}, "is one of live, shadow, shadow_ended"),
    ("data.hash", {"hash": "C0FFEE"}, "16 hexadecimal digits"),
    ("data.effective_from", {"effective_from": "soon"}, "a date such as"),
    ("data.effective_from", {"effective_from": "2201-01-01"}, "between 1970 and 2149"),
    ("data.files", {"files": {"../../etc/passwd": ""}}, "is no file of a pack"),
    ("data.files", {"files": {"rules/../../x.yaml": ""}}, "is no file of a pack"),
    ("data.files", {"files": {"pack.yaml": 1}}, "is no text"),
    ("data.files", {"files": "all"}, "no object of texts"),
    ("version", {"version": 2}, "was 2"),
]


@pytest.mark.parametrize(("field", "changes", "what"), WRONG)
def test_an_envelope_that_is_wrong_is_refused_with_its_field(field: str, changes: dict[str, Any], what: str) -> None:
    raw = orjson.dumps({**orjson.loads(SAID.to_bytes()), **changes})

    with pytest.raises(AnnouncementError, match=f"^{field}: .*{what}.*jasmine pack activate"):
        Announcement.from_bytes(raw)


@pytest.mark.parametrize(("field", "changes", "what"), WRONG_DATA)
def test_data_that_is_wrong_is_refused_with_its_field(field: str, changes: dict[str, Any], what: str) -> None:
    event = orjson.loads(SAID.to_bytes())
    event["data"] |= changes

    with pytest.raises(AnnouncementError, match=f"^{field}: .*{what}"):
        Announcement.from_bytes(orjson.dumps(event))


@pytest.mark.parametrize("raw", [None, b"", b"{", b"[]", b"null"])
def test_what_is_no_event_is_refused(raw: bytes | None) -> None:
    with pytest.raises(AnnouncementError):
        Announcement.from_bytes(raw)
