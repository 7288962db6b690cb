"""The outbox: what a commit wants published, kept in the store by that same commit.

Each commit adds at most one entry a partition, so an event costs nothing here unless it changes a tier, what it
entitles to, or whether a person has a record to look at. The relay publishes entries at least once, with ids that let
a consumer drop repetitions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Self

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.compiled import Int, compiled
from schemas.days import date_of
from schemas.events import CONTENT_TYPE_STRUCTURED, SPEC_VERSION
from schemas.subjects import format_subject
from scoring.card import NO_TIER, REVIEW, Cards
from scoring.pack import Pack
from sinks.dead import DeadLetter
from sinks.errors import LetterFormatError, OutboxFormatError, UnknownPackError
from sinks.message import Channel, Headers, Message

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
        ("under_review_before", "?"),
        ("pack", "<u8"),  # whose tiers and perks the numbers are
        ("pack_before", "<u8"),
    ]
)
Changes = NDArray[np.void]

CHANGE_TYPE = "standing.changed"
CHANGE_SOURCE = "/jasmine/scorer"
# Another layout needs another name: by it a worker of an earlier release knows that it cannot read the entry.
_CHANGES = b"changed"
_RENEWED = b"renewed"
_DEAD = b"dead"
_DERIVED = b"derived"


@compiled
def _changes(
    subjects: NDArray[np.uint64],
    before: Cards,
    after: Cards,
    written: NDArray[np.bool_],
    changes: Changes,
    places: NDArray[np.int64],
) -> tuple[Int, Int]:
    count = 0
    others = 0
    for n in range(subjects.shape[0]):
        was = before[n]
        now = after[n]
        tier_before = np.int64(was.tier) if was.version else NO_TIER
        repacked = was.version != 0 and was.pack != now.pack
        same = tier_before == now.tier and was.entitlements == now.entitlements
        if not written[n] or (same and not repacked and was.flags & REVIEW == now.flags & REVIEW):
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
        change.under_review_before = was.flags & REVIEW != 0
        change.pack = now.pack
        change.pack_before = was.pack if repacked else now.pack
        others += repacked
        places[count] = n
        count += 1
    return count, others


def changes_between(
    subjects: NDArray[np.uint64],
    before: Cards,
    after: Cards,
    written: NDArray[np.bool_],
    packs: Mapping[int, Pack] = MappingProxyType({}),
) -> tuple[Changes, NDArray[np.int64]]:
    """Return the changes of tier, entitlements or review among the cards that are `written`, and their places.

    Args:
        subjects: (n,) their numbers.
        before: (n,) their cards until now, zeros for somebody new.
        after: (n,) their new cards.
        written: (n,) which of them count.
        packs: those that cards may be of: across packs tiers and perks are the same when their ids are. A card of an
            unknown pack is read as if it were of the new one.

    """
    n = len(subjects)
    changes, places = np.empty(n, CHANGE), np.empty(n, np.int64)
    count, others = _changes(subjects, before, after, written, changes, places)
    changes, places = changes[:count], places[:count]
    if others:
        kept = _differing(changes, packs)
        return changes[kept], places[kept]
    return changes, places


def _differing(changes: Changes, packs: Mapping[int, Pack]) -> NDArray[np.bool_]:
    """Return which changes are some by name, too, or by review."""
    unknown = ~np.isin(changes["pack_before"], np.array([*packs], np.uint64))
    changes["pack_before"][unknown] = changes["pack"][unknown]
    fields = ["tier_before", "entitlements_before", "pack_before", "tier", "entitlements", "pack"]
    kinds, which = np.unique(changes[fields], return_inverse=True)
    names = NamesByPack.of(packs)
    differs = [names.said(*kind[:3]) != names.said(*kind[3:]) for kind in kinds.tolist()]
    reviewed: NDArray[np.bool_] = changes["under_review"] != changes["under_review_before"]
    return reviewed | np.array(differs, np.bool_)[which]


def entry(
    changes: Changes, dead: Iterable[DeadLetter], derived: Iterable[bytes] = (), *, renewed: bool = False
) -> list[bytes]:
    """Return the fields and values of one outbox entry; empty when there is nothing to publish.

    Args:
        changes: of tiers, entitlements and review.
        dead: refused records.
        derived: events that follow from those applied, encoded in structured mode, for the log itself.
        renewed: whether the changes came without an event.

    """
    pairs: list[bytes] = []
    if len(changes):
        pairs += [_RENEWED if renewed else _CHANGES, changes.tobytes()]
    for letter in dead:
        pairs += [_DEAD, letter.pack()]
    for value in derived:
        pairs += [_DERIVED, value]
    return pairs


class Names:
    """A pack's names for the numbers in a change, as they stand in JSON."""

    @classmethod
    def of(cls, pack: Pack) -> Self:
        """Return the names of a pack."""
        return cls([tier.id for tier in pack.tiers], [perk.id for perk in pack.perks])

    def __init__(self, tiers: Sequence[str], perks: Sequence[str]) -> None:
        self._tiers = {index: orjson.dumps(tier) for index, tier in enumerate(tiers)} | {NO_TIER: b"null"}
        self._perks = perks
        self._entitlements: dict[int, bytes] = {}

    def tier(self, index: int) -> bytes:
        """Return a tier's id; null for no score, and for a tier that only an unreadable pack before it had."""
        return self._tiers.get(index, b"null")

    def entitlements(self, bits: int) -> bytes:
        """Return the ids of the perks in a set of bits."""
        if bits not in self._entitlements:
            reached = [perk for number, perk in enumerate(self._perks) if bits >> number & 1]
            self._entitlements[bits] = orjson.dumps(reached)
        return self._entitlements[bits]


class NamesByPack:
    """The names of every pack that a change may be of."""

    @classmethod
    def of(cls, packs: Mapping[int, Pack]) -> Self:
        """Return the names of packs, which stand by their hashes."""
        names = cls({})
        names.know(packs)
        return names

    def __init__(self, names: Mapping[int, Names]) -> None:
        self._names = dict(names)

    def know(self, packs: Mapping[int, Pack]) -> None:
        """Add packs."""
        self._names |= {number: Names.of(pack) for number, pack in packs.items() if number not in self._names}

    def at(self, pack: int) -> Names:
        """Return the names of a pack.

        Raises:
            UnknownPackError: it was not announced here yet.

        """
        if pack not in self._names:
            raise UnknownPackError(pack)
        return self._names[pack]

    def said(self, tier: int, entitlements: int, pack: int) -> tuple[bytes, frozenset[str]]:
        """Return what numbers of a pack say by name."""
        names = self.at(pack)
        return names.tier(tier), frozenset(orjson.loads(names.entitlements(entitlements)))


def messages(pairs: Sequence[bytes], partition: int, names: NamesByPack, entry_id: bytes = b"") -> Iterator[Message]:
    """Return the records to publish for one outbox entry.

    The entry's own id is a part of those of changes that came without an event: where a clock or a pack went back and
    forth, one standing may have several on one day, of which none is a repetition.

    Raises:
        UnknownPackError: a change is of a pack that has no names yet.
        OutboxFormatError: another release has written it.

    """
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if name == _DEAD:
            yield _letter(value, partition).message()
        elif name == _DERIVED:
            yield Message(Channel.EVENTS, orjson.loads(value)["subject"].encode(), value, _STRUCTURED_HEADERS)
        elif name in {_CHANGES, _RENEWED}:
            apart = b"/" + entry_id if name == _RENEWED else b""
            yield from _changed(np.frombuffer(value, CHANGE), partition, names, apart)
        else:
            raise OutboxFormatError(partition, name)


def _letter(value: bytes, partition: int) -> DeadLetter:
    try:
        return DeadLetter.unpack(value)
    except LetterFormatError as error:
        raise OutboxFormatError(partition, _DEAD) from error


# A byte that JSON never holds stands where each change has its own: the offset it was made at, and its subject.
_OWN = b"\0"
_CHANGE_JSON = orjson.dumps(
    {
        "specversion": SPEC_VERSION,
        # The same commit gives the same id, however often it is published.
        "id": "%d/%b/%d/%b%b",
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
_STRUCTURED_HEADERS: Headers = [("content-type", CONTENT_TYPE_STRUCTURED.encode())]


def _changed(changes: Changes, partition: int, names: NamesByPack, apart: bytes) -> Iterator[Message]:
    subjects, offsets, *rest = (changes[name].tolist() for name in CHANGE.names or ())
    # Behind a backlog an entry has changes by the hundred, of few kinds, and what is built for each takes time from
    # the events.
    kinds: dict[tuple[int, ...], list[bytes]] = {}
    for number, as_of, kind in zip(subjects, offsets, zip(*rest, strict=True), strict=True):
        if kind not in kinds:
            kinds[kind] = _between(partition, kind, names, apart)
        first, second, third, last = kinds[kind]
        subject = format_subject(number).encode()
        value = b"".join((first, b"%d" % as_of, second, subject, third, subject, last))
        yield Message(Channel.CHANGES, subject, value, _STRUCTURED_HEADERS)


def _between(partition: int, kind: tuple[int, ...], names: NamesByPack, apart: bytes) -> list[bytes]:
    """Return what stands in each change of a kind between what is its own."""
    reached, reached_before, day, tier, tier_before, under_review, _, pack, pack_before = kind
    now, before = names.at(pack), names.at(pack_before)
    value = _CHANGE_TEMPLATE % (
        partition,
        _OWN,
        day,
        _OWN,
        # On one day an event and a new pack may each change the same standing.
        (b"" if pack == pack_before else b"/%016x" % pack) + apart,
        _OWN,
        date_of(day).isoformat().encode(),
        now.tier(tier),
        before.tier(tier_before),
        now.entitlements(reached),
        before.entitlements(reached_before),
        _TRUTH[under_review],
    )
    return value.split(_OWN)
