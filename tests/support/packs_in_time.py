"""Announcements of packs, as their folders would be announced."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from schemas.announcements import Announcement, Role
from scoring.announced import Announced, files_of, pack_of
from scoring.pack import DEFAULT_PACK


@cache
def shipped_files() -> Mapping[str, str]:
    """The files of the shipped pack."""
    return files_of(DEFAULT_PACK)


def files_with(*changes: tuple[str, str], file: str = "pack.yaml") -> dict[str, str]:
    """Return the shipped pack's files with some text changed, which must be there."""
    text = shipped_files()[file]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return {**shipped_files(), file: text}


def announcement(files: Mapping[str, str], first: int, role: Role = Role.LIVE, **changes: Any) -> Announcement:
    """Return the announcement of a pack that loads, or one that says so."""
    stated = {"hash": pack_of(files, "a").hash} if "hash" not in changes else {}
    return Announcement(
        **{
            "event_id": "1",
            "time": "2026-11-24T08:30:00+08:00",
            "role": role,
            "pack": "fuzhou-2026",
            "version": "2",
            "first": first,
            "files": files,
            **stated,
            **changes,
        }
    )


def own() -> Announced:
    """A deployment of the shipped pack to which nothing was announced."""
    return Announced.of(pack_of(shipped_files(), "fuzhou-2026"), shipped_files())
