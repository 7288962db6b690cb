"""The access log as its subject sees it: who has read what, and who was told of which change. Pure; the last first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from schemas.access import CITIZEN, DESK, Access, ChangeReceived, StandingRead, fields_of, from_kept
from schemas.days import NEVER, date_of
from schemas.errors import Refusal

# The last entries that are read back; the store keeps about so many of each subject.
SHOWN_MAX = 200
# They are not told of changes: one is the subject, the other looks anew each time.
_NOT_TOLD = frozenset({CITIZEN, DESK})


@dataclass(frozen=True, slots=True)
class ChangeTold:
    """A change of the subject's tier or entitlements, and who has said to have been told of it.

    Attributes:
        change: its id in `credit.changes`.
        day: since when it holds.
        as_of: the log offset up to which events were in it.
        told: readers, and when each was told; the last first.

    """

    change: str
    day: date
    as_of: int
    told: Sequence[tuple[str, datetime]]


@dataclass(frozen=True, slots=True)
class Told:
    """Who knows of what an event changed.

    Attributes:
        told: readers that were told of a change since, and when each was first.
        untold: readers that have read before, and since then have neither been told nor read again.

    """

    told: Sequence[tuple[str, datetime]] = ()
    untold: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Accesses:
    """The last entries about one subject.

    Attributes:
        reads: who has read what.
        changes: who was told of which change.
        entries: both as they were written.
        last: another one whenever there is another entry.

    """

    reads: Sequence[StandingRead] = ()
    changes: Sequence[ChangeTold] = ()
    entries: Sequence[Access] = ()
    last: bytes = b""

    def told_since(self, offset: int) -> Told:
        """Return who knows of what the event at a log offset changed."""
        first: dict[str, datetime] = {}
        for change in self.changes:
            if change.as_of >= offset:
                first |= {reader: at for reader, at in change.told if at <= first.get(reader, at)}
        # Who has read when the event was in knows it too, and who has read nothing has nothing to forget.
        since = {one.reader for one in self.reads if one.as_of is not None and one.as_of >= offset}
        before = {one.reader for one in self.reads if one.as_of is not None and one.as_of < offset}
        told = sorted(first.items(), key=lambda one: (one[1], one[0]))
        return Told(told, sorted(before - since - first.keys() - _NOT_TOLD))

    def to_json(self) -> list[dict[str, Any]]:
        """Return the entries for machines."""
        return [
            {name: int(value) if name == "as_of" else value for name, value in fields_of(one).items()}
            for one in self.entries
        ]


def accesses_of(subject: str, raw: Sequence[bytes]) -> Accesses:
    """Return what a subject's list of accesses says, each once."""
    found: dict[str, Access] = {}
    for one in raw:
        try:
            access = from_kept(subject, one)
        except Refusal:
            # A later release wrote it; that release shows it.
            continue
        found.setdefault(access.id, access)
    entries = tuple(found.values())
    reads = tuple(one for one in entries if isinstance(one, StandingRead))
    changes = _changes(one for one in entries if isinstance(one, ChangeReceived))
    return Accesses(reads, changes, entries, raw[0] if raw else b"")


def _changes(receipts: Iterable[ChangeReceived]) -> list[ChangeTold]:
    told: dict[str, list[tuple[str, datetime]]] = {}
    for one in receipts:
        told.setdefault(one.change, []).append((one.reader, one.time))
    changes = []
    for change, readers in told.items():
        _, as_of, day, *_ = [*change.split("/"), "", ""]
        if as_of.isdecimal() and day.isdecimal() and int(day) <= NEVER:
            changes.append(ChangeTold(change, date_of(int(day)), int(as_of), readers))
    return sorted(changes, key=lambda one: (one.as_of, one.day), reverse=True)
