"""What a score earns: the perks' thresholds and the edges of the tiers, as one list of scores to reach."""

from dataclasses import dataclass

from scoring.pack import Names, Pack
from scoring.words import Words, joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """What begins at one score.

    Attributes:
        points: the lowest score that has it.
        tier: the id of the tier that begins there, or None.
        perks: ids of the perks that begin there.
        words: their names.

    """

    points: int
    tier: str | None
    perks: tuple[str, ...]
    words: Words


def words_of(names: Names) -> Words:
    """Return a pack's names as words."""
    return Words(names.zh, names.en)


def benefits(pack: Pack, day: int, kind: str) -> list[Benefit]:
    """Return what can be reached on a day by a kind of subject, from the lowest score on."""
    tiers = {tier.lowest: tier for tier in pack.tiers}
    perks: dict[int, list[str]] = {}
    names: dict[str, Words] = {}
    for perk in pack.perks:
        asked = pack.threshold(perk, day)
        if kind in perk.kinds and asked is not None:
            perks.setdefault(asked, []).append(perk.id)
            names[perk.id] = words_of(perk.name)
    return [
        Benefit(
            points=points,
            tier=tiers[points].id if points in tiers else None,
            perks=tuple(perks.get(points, ())),
            words=joined(
                ([words_of(tiers[points].name)] if points in tiers else [])
                + [names[perk] for perk in perks.get(points, ())]
            ),
        )
        for points in sorted({*tiers, *perks})
    ]


def next_benefit(score: int, pack: Pack, day: int, kind: str) -> Benefit | None:
    """Return what the next higher score earns that earns anything more."""
    return next((one for one in benefits(pack, day, kind) if one.points > score), None)
