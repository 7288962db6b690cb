"""The card, read with the standard library alone: a payment gateway need not install what decides it.

`scoring.card` is where the same 64 bytes are written; a test holds the two layouts equal.
"""

from datetime import date, timedelta
from struct import Struct
from typing import NamedTuple

from gateway.errors import CardFormatError

CARD_VERSION = 1
HAS_SCORE = 1
DISPUTED = 2
CEILING = 4
REVIEW = 8

# The last day that fits 16 bits; as an end it means that no end is known.
NEVER = 65_535

FIELDS = (
    ("version", "B"),
    ("flags", "B"),
    ("score", "H"),
    ("tier", "B"),
    ("next_tier", "B"),
    ("next_score", "H"),
    ("dimensions", "7h"),
    ("next_flags", "B"),
    ("reserved", "B"),
    ("entitlements", "I"),
    ("next_entitlements", "I"),
    ("valid_until", "H"),
    ("next_until", "H"),
    ("evaluated", "H"),
    ("facts", "H"),
    ("as_of", "Q"),
    ("pack", "Q"),
    ("next_pack", "Q"),
)
_LAYOUT = Struct("<" + "".join(code for _, code in FIELDS))
CARD_BYTES = _LAYOUT.size

_EPOCH = date(1970, 1, 1)
_DAY_S = 86_400
# China has kept UTC+8 without daylight saving since 1991.
_CITY_OFFSET_S = 8 * 3_600


def day_of(epoch_s: float) -> int:
    """Return the city's day at an instant, in seconds since the epoch."""
    return (int(epoch_s) + _CITY_OFFSET_S) // _DAY_S


def date_of(day: int) -> date | None:
    """Return the calendar date of a day, or None for NEVER."""
    return None if day >= NEVER else _EPOCH + timedelta(days=day)


class State(NamedTuple):
    """What holds between two days.

    Attributes:
        score: 0 to 1000, or None: no score is not a low score.
        tier: its place among the pack's tiers, or None.
        entitlements: bit n is set when the pack's perk n is reached.
        disputed: whether a record is left out because it is disputed.
        ceiling: whether a record holds the score down.
        until: the first day on which any of this may change, or NEVER.
        pack: hash of the rule pack whose tiers and perks these are.
        under_review: whether a record is left out because a person has yet to look at it.

    """

    score: int | None
    tier: int | None
    entitlements: int
    disputed: bool
    ceiling: bool
    until: int
    pack: int
    under_review: bool = False


class Card(NamedTuple):
    """A decided card.

    Attributes:
        now: what holds from the day of evaluation.
        then: what holds from the day `now` ends.
        dimensions: points of each dimension now, in the order of `scoring.pack.Dimension`.
        evaluated: the day of evaluation.
        facts: how many facts the ledger behind it has.
        as_of: the log offset up to which the subject's events are in.
        pack: hash of the rule pack of `now`.

    """

    now: State
    then: State
    dimensions: tuple[int, ...]
    evaluated: int
    facts: int
    as_of: int
    pack: int

    def at(self, day: int) -> State | None:
        """Return what holds on a day, or None once the card says nothing of it any more.

        A reader whose clock is behind the scorer's, as around midnight, is given the scorer's day.
        """
        if day < self.now.until:
            return self.now
        return self.then if day < self.then.until else None


def decode(raw: bytes) -> Card:
    """Return the card at the beginning of a standing.

    Raises:
        CardFormatError: it is too short, or of another version.

    """
    if raw[:1] != bytes([CARD_VERSION]):
        was = f"version {raw[0]}" if raw else "nothing"
        message = f"a card of version {CARD_VERSION} is needed, was {was}: install the gateway of the worker's release"
        raise CardFormatError(message)
    if len(raw) < CARD_BYTES:
        message = f"a card has {CARD_BYTES} bytes, was {len(raw)}: another program has written to this key"
        raise CardFormatError(message)
    (
        _,
        flags,
        score,
        tier,
        next_tier,
        next_score,
        d0,
        d1,
        d2,
        d3,
        d4,
        d5,
        d6,
        next_flags,
        _,
        entitlements,
        next_entitlements,
        valid_until,
        next_until,
        evaluated,
        facts,
        as_of,
        pack,
        next_pack,
    ) = _LAYOUT.unpack_from(raw)
    return Card(
        _state(flags, score, tier, entitlements, valid_until, pack),
        _state(next_flags, next_score, next_tier, next_entitlements, next_until, next_pack or pack),
        (d0, d1, d2, d3, d4, d5, d6),
        evaluated,
        facts,
        as_of,
        pack,
    )


def _state(flags: int, score: int, tier: int, entitlements: int, until: int, pack: int) -> State:
    scored = flags & HAS_SCORE
    return State(
        score if scored else None,
        tier if scored else None,
        entitlements,
        flags & DISPUTED != 0,
        flags & CEILING != 0,
        until,
        pack,
        flags & REVIEW != 0,
    )
