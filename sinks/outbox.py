"""The outbox: what a commit wants published, kept in the store by that same commit.

Each commit adds at most one entry a partition, so an event costs nothing here unless it changes a tier or what it
entitles to. The relay publishes entries at least once, with ids that let a consumer drop repetitions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.days import date_of
from schemas.events import CONTENT_TYPE_STRUCTURED, SPEC_VERSION
from schemas.subjects import format_subject
from scoring.card import NO_TIER, Cards
from sinks.dead import DeadLetter

CHANGE = np.dtype(
    [
        ("subject", "<u8"),
        ("as_of", "<u8"),
        ("entitlements", "<u4"),
        ("entitlements_before", "<u4"),
        ("day", "<u2"),
        ("tier", "u1"),
        ("tier_before", "u1"),
    ]
)
Changes = NDArray[np.void]

CHANGE_TYPE = "standing.changed"
CHANGE_SOURCE = "/jasmine/scorer"
_CHANGES = b"changes"
_DEAD = b"dead"


def changes_between(subjects: NDArray[np.uint64], before: Cards, after: Cards) -> Changes:
    """Return the changes of tier or entitlements; `before` has zeros for somebody new."""
    tier_before = np.where(before["version"] == 0, NO_TIER, before["tier"])
    moved = (tier_before != after["tier"]) | (before["entitlements"] != after["entitlements"])
    changes = np.zeros(int(moved.sum()), CHANGE)
    changes["subject"] = subjects[moved]
    changes["as_of"] = after["as_of"][moved]
    changes["entitlements"] = after["entitlements"][moved]
    changes["entitlements_before"] = before["entitlements"][moved]
    changes["day"] = after["evaluated"][moved]
    changes["tier"] = after["tier"][moved]
    changes["tier_before"] = tier_before[moved]
    return changes


@dataclass(frozen=True, slots=True)
class Message:
    """One record to publish: to the topic of changes, or of dead letters."""

    dead: bool
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def entry(changes: Changes, dead: Iterable[DeadLetter]) -> list[bytes]:
    """Return the fields and values of one outbox entry; empty when there is nothing to publish."""
    pairs: list[bytes] = []
    if len(changes):
        pairs += [_CHANGES, changes.tobytes()]
    for letter in dead:
        pairs += [_DEAD, letter.pack()]
    return pairs


class Names:
    """The pack's names for the numbers in a change."""

    def __init__(self, tiers: Sequence[str], perks: Sequence[str]) -> None:
        self._tiers = tiers
        self._perks = perks

    def tier(self, index: int) -> str | None:
        """Return a tier's id, or None for no score."""
        return None if index == NO_TIER else self._tiers[index]

    def entitlements(self, bits: int) -> list[str]:
        """Return the ids of the perks in a set of bits."""
        return [perk for number, perk in enumerate(self._perks) if bits >> number & 1]


def messages(pairs: Sequence[bytes], partition: int, names: Names) -> Iterator[Message]:
    """Return the records to publish for one outbox entry."""
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if name == _DEAD:
            yield DeadLetter.unpack(value).message()
        else:
            for change in np.frombuffer(value, CHANGE):
                yield _message(change, partition, names)


def _message(change: np.void, partition: int, names: Names) -> Message:
    subject = format_subject(int(change["subject"]))
    body: dict[str, Any] = {
        "specversion": SPEC_VERSION,
        # The same commit gives the same id, however often it is published.
        "id": f"{partition}/{change['as_of']}/{change['day']}/{subject}",
        "source": CHANGE_SOURCE,
        "type": CHANGE_TYPE,
        "subject": subject,
        "data": {
            "day": date_of(int(change["day"])).isoformat(),
            "tier": names.tier(int(change["tier"])),
            "tier_before": names.tier(int(change["tier_before"])),
            "entitlements": names.entitlements(int(change["entitlements"])),
            "entitlements_before": names.entitlements(int(change["entitlements_before"])),
        },
    }
    headers = [("content-type", CONTENT_TYPE_STRUCTURED.encode())]
    return Message(False, subject.encode(), orjson.dumps(body), headers)
