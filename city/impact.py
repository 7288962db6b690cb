"""Whom a change of rules moves: a synthetic city scored under two packs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from city.columns import Ledgers
from city.rows import Bools
from schemas.facts import Facts
from schemas.subjects import KIND_SHIFT
from scoring.card import CARD, HAS_SCORE, Cards
from scoring.kernel import evaluate
from scoring.pack import KIND_NAMES, Dimension, Pack
from scoring.packtools.diff import diff
from scoring.rules import Rules, compile_rules

NO_SCORE = "no score"
_AGES = ((18, 29), (30, 44), (45, 59), (60, 120))
# What no subject's score depends on.
_NAMES = frozenset({"id", "version", "effective_from"})


@dataclass(frozen=True, slots=True)
class Suspect:
    """One difference between the packs, and the old pack with it alone.

    Attributes:
        part: rules, tiers, perks and so on.
        name: the rule's type, or the part's name.
        pack: the old pack with this difference.
        rules: the same compiled; None if it cannot stand alone in the old pack.
        code: of a rule: its type's code, which only ledgers with such a record feel.

    """

    part: str
    name: str
    pack: Pack
    rules: Rules | None
    code: int | None = None


def suspects(old: Pack, new: Pack) -> list[Suspect]:
    """Return what differs, one rule or part at a time, in the order of the packs."""
    differing = dict.fromkeys((one.part, one.name if one.part in {"rules", "head"} else "") for one in diff(old, new))
    return [_suspect(old, new, part, name) for part, name in differing if name not in _NAMES]


def _suspect(old: Pack, new: Pack, part: str, name: str) -> Suspect:
    if part != "rules":
        key = name if part == "head" else part
        mixed = old.model_copy(update={key: getattr(new, key)})
        return Suspect(part, key, mixed, _compiled(mixed))
    swapped = {**{rule.type: rule for rule in old.rules}, **{one.type: one for one in new.rules if one.type == name}}
    known = {group.id for group in old.groups}
    groups = (*old.groups, *(group for group in new.groups if group.id not in known))
    pack = old.model_copy(update={"rules": tuple(swapped.values()), "groups": groups})
    return Suspect(part, name, pack, _compiled(pack), swapped[name].event_type.code)


def _compiled(pack: Pack) -> Rules | None:
    """Return a mixed pack's rules, or None where it names a tier or group that only the other pack has."""
    tiers, groups = {tier.id for tier in pack.tiers}, {group.id for group in pack.groups}
    ceilings = {grade.ceiling for rule in pack.rules for grade in rule.grades.values()}
    ceilings |= {rule.substitute.ceiling for rule in pack.rules if rule.substitute is not None}
    if ceilings - {None} - tiers or {rule.group for rule in pack.rules} - {None} - groups:
        return None
    return compile_rules(pack)


@dataclass(slots=True)
class Tally:
    """What is counted while a city goes by.

    Attributes:
        tiers: (old tiers + 1, new tiers + 1) how many went from one to the other; the last is no score.
        gained: by perk, how many have it only under the new pack.
        lost: by perk, how many have it only under the old pack.
        cohorts: by axis and cohort: subjects, changed, up, down.
        dimensions: by dimension: how many it lowers, raises, and the sum of points.
        points: (2001,) how many scores moved by so many points, from -1000 on.
        culprits: by place among the suspects: how many each moves by itself.
        subjects: how many there are.
        changed: how many change tier or perk.
        facts: in their ledgers.

    """

    tiers: NDArray[np.int64]
    gained: dict[str, int]
    lost: dict[str, int]
    culprits: NDArray[np.int64]
    cohorts: dict[tuple[str, str], NDArray[np.int64]] = field(default_factory=dict)
    dimensions: NDArray[np.int64] = field(default_factory=lambda: np.zeros((len(Dimension), 3), np.int64))
    points: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2001, np.int64))
    subjects: int = 0
    changed: int = 0
    facts: int = 0


class Impact:
    """Scores ledgers under two packs, and counts whom the change moves."""

    def __init__(self, old: Pack, new: Pack, day: int) -> None:
        self.old, self.new = old, new
        self.suspects = suspects(old, new)
        self.day = day
        self._rules = compile_rules(old), compile_rules(new)
        perks = [perk.id for perk in (*old.perks, *new.perks)]
        self.tally = Tally(
            np.zeros((len(old.tiers) + 1, len(new.tiers) + 1), np.int64),
            dict.fromkeys(perks, 0),
            dict.fromkeys(perks, 0),
            np.zeros(len(self.suspects), np.int64),
        )

    def add(self, part: Ledgers) -> None:
        """Score some subjects and count them."""
        before, after = (self._cards(part.facts, part.starts, part.subjects, rules) for rules in self._rules)
        tally = self.tally
        tally.subjects += len(part.subjects)
        tally.facts += len(part.facts)
        one, other = _tiers(before, len(self.old.tiers)), _tiers(after, len(self.new.tiers))
        np.add.at(tally.tiers, (one, other), 1)
        changed = _changed((before, self.old), (after, self.new))
        self._perks(before, after)
        tally.changed += int(changed.sum())
        moved = after["score"].astype(np.int64) - before["score"]
        scored = (before["flags"] & after["flags"] & HAS_SCORE) > 0
        tally.points += np.bincount(moved[scored] + 1000, minlength=2001)
        self._dimensions(before, after)
        self._cohorts(part, changed, np.where(scored, moved, 0))
        self._attribute(part, before)

    def _cards(self, facts: Facts, starts: NDArray[np.int64], subjects: NDArray[np.uint64], rules: Rules) -> Cards:
        cards = np.zeros(len(subjects), CARD)
        evaluate(facts, starts, subjects, self.day, rules, cards)
        return cards

    def _perks(self, before: Cards, after: Cards) -> None:
        had, has = _held(before, self.old), _held(after, self.new)
        nobody = np.zeros(len(before), np.bool_)
        for perk in self.tally.gained:
            one, other = had.get(perk, nobody), has.get(perk, nobody)
            self.tally.gained[perk] += int((other & ~one).sum())
            self.tally.lost[perk] += int((one & ~other).sum())

    def _dimensions(self, before: Cards, after: Cards) -> None:
        moved = after["dimensions"].astype(np.int64) - before["dimensions"]
        self.tally.dimensions += np.stack([(moved < 0).sum(0), (moved > 0).sum(0), moved.sum(0)], axis=1)

    def _cohorts(self, part: Ledgers, changed: Bools, moved: NDArray[np.int64]) -> None:
        for key, members in cohorts_of(part):
            row = [
                members.sum(),
                (members & changed).sum(),
                (members & (moved > 0)).sum(),
                (members & (moved < 0)).sum(),
            ]
            self.tally.cohorts[key] = self.tally.cohorts.get(key, np.zeros(4, np.int64)) + np.array(row)

    def _attribute(self, part: Ledgers, before: Cards) -> None:
        """Count whom each difference moves by itself, of the subjects who have a record of its type."""
        for number, suspect in enumerate(self.suspects):
            if suspect.rules is None:
                continue
            members = np.arange(len(part.subjects))
            facts, starts = part.facts, part.starts
            if suspect.code is not None:
                members = _with_type(part, suspect.code)
                facts, starts = _chosen(part, members)
            cards = self._cards(facts, starts, part.subjects[members], suspect.rules)
            moved = _changed((before[members], self.old), (cards, suspect.pack))
            self.tally.culprits[number] += int(moved.sum())


def cohorts_of(part: Ledgers) -> Iterator[tuple[tuple[str, str], Bools]]:
    """Yield the cohorts of some subjects: kind, and of residents age band and work."""
    kinds = (part.subjects >> np.uint64(KIND_SHIFT)).astype(np.int64)
    for name, kind in KIND_NAMES.items():
        yield ("kind", name.replace("_", " ")), kinds == kind
    residents = part.age_years >= 0
    for lowest, highest in _AGES:
        name = f"{lowest} to {highest}" if highest < _AGES[-1][1] else f"{lowest} or more"
        yield ("age", name), residents & (part.age_years >= lowest) & (part.age_years <= highest)
    yield ("work", "employed"), residents & part.employed
    yield ("work", "never employed"), residents & ~part.employed


def _tiers(cards: Cards, no_score: int) -> NDArray[np.int64]:
    return np.where(cards["flags"] & HAS_SCORE, cards["tier"], no_score).astype(np.int64)


def _changed(one: tuple[Cards, Pack], other: tuple[Cards, Pack]) -> Bools:
    """Return who has another tier or another perk, by their ids: their places may differ between packs."""
    names = [
        np.array([*(tier.id for tier in pack.tiers), NO_SCORE])[_tiers(cards, len(pack.tiers))]
        for cards, pack in (one, other)
    ]
    had, has = _held(*one), _held(*other)
    nobody = np.zeros(len(one[0]), np.bool_)
    changed: Bools = names[0] != names[1]
    for perk in {*had, *has}:
        changed |= had.get(perk, nobody) != has.get(perk, nobody)
    return changed


def _held(cards: Cards, pack: Pack) -> dict[str, Bools]:
    return {perk.id: (cards["entitlements"] >> number & 1) > 0 for number, perk in enumerate(pack.perks)}


def _with_type(part: Ledgers, code: int) -> NDArray[np.int64]:
    places = np.flatnonzero(part.facts["type"] == code)
    return np.unique(np.searchsorted(part.starts, places, side="right") - 1)


def _chosen(part: Ledgers, members: NDArray[np.int64]) -> tuple[Facts, NDArray[np.int64]]:
    sizes = np.diff(part.starts)
    chosen = np.zeros(len(sizes), np.bool_)
    chosen[members] = True
    starts = np.append(0, np.cumsum(sizes[members])).astype(np.int64)
    return part.facts[np.repeat(chosen, sizes)], starts


def report(impact: Impact) -> dict[str, Any]:
    """Return an impact for machines."""
    tally = impact.tally
    olds, news = ([*(tier.id for tier in pack.tiers), NO_SCORE] for pack in (impact.old, impact.new))
    return {
        "subjects": tally.subjects,
        "facts": tally.facts,
        "changed": tally.changed,
        "tiers": {
            one: {other: int(count) for other, count in zip(news, row, strict=True)}
            for one, row in zip(olds, tally.tiers, strict=True)
        },
        "perks": {perk: {"gained": tally.gained[perk], "lost": tally.lost[perk]} for perk in tally.gained},
        "dimensions": {
            dimension.label: dict(
                zip(("lowered", "raised", "points"), tally.dimensions[dimension].tolist(), strict=True)
            )
            for dimension in Dimension
        },
        "cohorts": [
            {"of": of, "cohort": cohort, **dict(zip(("subjects", "changed", "up", "down"), row.tolist(), strict=True))}
            for (of, cohort), row in tally.cohorts.items()
        ],
        "rules": sorted(
            (
                {"part": one.part, "name": one.name, "moves": int(moves) if one.rules is not None else None}
                for one, moves in zip(impact.suspects, tally.culprits, strict=True)
            ),
            key=lambda row: -(row["moves"] or 0),
        ),
    }
