"""A shadow pack beside the live one: by how much the cards that it would give differ."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from schemas.facts import Facts
from scoring import kernel
from scoring.card import CARD, NO_TIER, Cards
from scoring.pack import Pack
from scoring.timeline import Int64s, Span, Subjects

DIFFERENCES = ("none", "score", "perks", "tier")
NO_SCORE = "no_score"


class Compared(NamedTuple):
    """How many standings of a batch would differ.

    Attributes:
        differences: how many by the greatest difference, of `DIFFERENCES`.
        moves: how many by tier now and tier under the shadow pack, where these differ.

    """

    differences: Counter[str]
    moves: Counter[tuple[str, str]]


def compare(
    facts: Facts, starts: Int64s, subjects: Subjects, day: int, live: tuple[Pack, Cards], shadow: Span
) -> Compared:
    """Evaluate n subjects under the shadow pack and compare with their live cards; nothing is kept.

    Args:
        facts: all ledgers, as `kernel.evaluate` takes them.
        starts: (n + 1,) where each begins.
        subjects: (n,) their numbers.
        day: the day of evaluation.
        live: the live pack, and (n,) cards under it.
        shadow: the pack to compare with.

    """
    cards = np.zeros(len(subjects), CARD)
    kernel.evaluate(facts, starts, subjects, day, shadow.rules, cards)
    pack, now = live
    pairs = [card[["score", "tier", "entitlements"]] for card in (now, cards)]
    said = [zip(*(one[name].tolist() for name in one.dtype.names or ()), strict=True) for one in pairs]
    differences: Counter[str] = Counter()
    moves: Counter[tuple[str, str]] = Counter()
    for (before, after), count in Counter(zip(*said, strict=True)).items():
        tiers = _tier(pack, before[1]), _tier(shadow.pack, after[1])
        if tiers[0] != tiers[1]:
            moves[tiers] += count
            differences["tier"] += count
        elif _perks(pack, before[2]) != _perks(shadow.pack, after[2]):
            differences["perks"] += count
        else:
            differences["score" if before[0] != after[0] else "none"] += count
    return Compared(differences, moves)


def _tier(pack: Pack, tier: int) -> str:
    return NO_SCORE if tier == NO_TIER else pack.tiers[tier].id


def _perks(pack: Pack, entitlements: int) -> frozenset[str]:
    return frozenset(perk.id for number, perk in enumerate(pack.perks) if entitlements >> number & 1)
