"""The outbox: what a commit wants published, kept in the store by that same commit.

Each commit adds at most one entry a partition, so an event costs nothing here unless it changes a tier, what it
entitles to, or whether a person has a record to look at. The relay publishes entries at least once, with ids that let
a consumer drop repetitions.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.compiled import Int, compiled
from schemas.days import date_of
from schemas.events import CONTENT_TYPE_STRUCTURED, SPEC_VERSION
from schemas.subjects import format_subject
from scoring.card import NO_TIER, REVIEW, Cards
from sinks.dead import DeadLetter
from sinks.message import Headers, Message

CHANGE = np.dtype(
    [
        ("subject", "<u8"),
        ("as_of", "<u8"),
        ("entitlements", "<u4"),
        ("entitlements_before", "<u4"),
        ("day", "<u2"),
        ("tier", "u1"),
        ("tier_before", "u1"),
        ("under_review", "?"),
    ]
)
Changes = NDArray[np.void]

CHANGE_TYPE = "standing.changed"
CHANGE_SOURCE = "/jasmine/scorer"
_CHANGES = b"changes"
_DEAD = b"dead"


@compiled
def _changes(
    subjects: NDArray[np.uint64],
    before: Cards,
    after: Cards,
    written: NDArray[np.bool_],
    changes: Changes,
    places: NDArray[np.int64],
) -> Int:
    count = 0
    for n in range(subjects.shape[0]):
        was = before[n]
        now = after[n]
        tier_before = np.int64(was.tier) if was.version else NO_TIER
        same = tier_before == now.tier and was.entitlements == now.entitlements
        if not written[n] or (same and was.flags & REVIEW == now.flags & REVIEW):
            continue
        change = changes[count]
        change.subject = subjects[n]
        change.as_of = now.as_of
        change.entitlements = now.entitlements
        change.entitlements_before = was.entitlements
        change.day = now.evaluated
        change.tier = now.tier
        change.tier_before = tier_before
        change.under_review = now.flags & REVIEW != 0
        places[count] = n
        count += 1
    return count


def changes_between(
    subjects: NDArray[np.uint64], before: Cards, after: Cards, written: NDArray[np.bool_]
) -> tuple[Changes, NDArray[np.int64]]:
    """Return the changes of tier, entitlements or review among the cards that are `written`, and their places.

    `before` has zeros for somebody new.
    """
    n = len(subjects)
    changes, places = np.empty(n, CHANGE), np.empty(n, np.int64)
    count = _changes(subjects, before, after, written, changes, places)
    return changes[:count], places[:count]


def entry(changes: Changes, dead: Iterable[DeadLetter]) -> list[bytes]:
    """Return the fields and values of one outbox entry; empty when there is nothing to publish."""
    pairs: list[bytes] = []
    if len(changes):
        pairs += [_CHANGES, changes.tobytes()]
    for letter in dead:
        pairs += [_DEAD, letter.pack()]
    return pairs


class Names:
    """The pack's names for the numbers in a change, as they stand in JSON."""

    def __init__(self, tiers: Sequence[str], perks: Sequence[str]) -> None:
        self._tiers = {index: orjson.dumps(tier) for index, tier in enumerate(tiers)} | {NO_TIER: b"null"}
        self._perks = perks
        self._entitlements: dict[int, bytes] = {}

    def tier(self, index: int) -> bytes:
        """Return a tier's id, or null for no score."""
        return self._tiers[index]

    def entitlements(self, bits: int) -> bytes:
        """Return the ids of the perks in a set of bits."""
        if bits not in self._entitlements:
            reached = [perk for number, perk in enumerate(self._perks) if bits >> number & 1]
            self._entitlements[bits] = orjson.dumps(reached)
        return self._entitlements[bits]


def messages(pairs: Sequence[bytes], partition: int, names: Names) -> Iterator[Message]:
    """Return the records to publish for one outbox entry."""
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if name == _DEAD:
            yield DeadLetter.unpack(value).message()
        else:
            yield from _changed(np.frombuffer(value, CHANGE), partition, names)


# Behind a backlog every batch has changes: what is built here per change takes time from the events.
_CHANGE_JSON = orjson.dumps(
    {
        "specversion": SPEC_VERSION,
        # The same commit gives the same id, however often it is published.
        "id": "%d/%d/%d/%b",
        "source": CHANGE_SOURCE,
        "type": CHANGE_TYPE,
        "subject": "%b",
        "data": {
            "day": "%b",
            "tier": ["tier"],
            "tier_before": ["tier"],
            "entitlements": ["perks"],
            "entitlements_before": ["perks"],
            "under_review": ["review"],
        },
    }
)
_CHANGE_TEMPLATE = _CHANGE_JSON.replace(b'["tier"]', b"%b").replace(b'["perks"]', b"%b").replace(b'["review"]', b"%b")
_TRUTH = (b"false", b"true")
_CHANGE_HEADERS: Headers = [("content-type", CONTENT_TYPE_STRUCTURED.encode())]


def _changed(changes: Changes, partition: int, names: Names) -> Iterator[Message]:
    columns = (changes[name].tolist() for name in ("subject", "as_of", "day", "tier", "tier_before", "under_review"))
    bits = (changes[name].tolist() for name in ("entitlements", "entitlements_before"))
    days: dict[int, bytes] = {}
    for number, as_of, day, tier, tier_before, under_review, reached, reached_before in zip(
        *columns, *bits, strict=True
    ):
        subject = format_subject(number).encode()
        if day not in days:
            days[day] = date_of(day).isoformat().encode()
        value = _CHANGE_TEMPLATE % (
            partition,
            as_of,
            day,
            subject,
            subject,
            days[day],
            names.tier(tier),
            names.tier(tier_before),
            names.entitlements(reached),
            names.entitlements(reached_before),
            _TRUTH[under_review],
        )
        yield Message(False, subject, value, _CHANGE_HEADERS)
