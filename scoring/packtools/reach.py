"""Which scores a pack can give at all: computed from base, points, caps and ranges, not guessed.

A set of totals is a whole number whose bit n says that n points are possible, so that adding two sets is shifting.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

from scoring.pack import KIND_NAMES, SCORE_MAX, Dimension, Pack, Rule

# Larger totals lead nowhere that smaller ones do not: no dimension moves a score by more than SCORE_MAX each way.
_TOTAL_MAX = 2 * SCORE_MAX
_ALL = (1 << _TOTAL_MAX + 1) - 1
_NOTHING = 1
_MONTHS_OF_YEAR = 12


@dataclass(frozen=True, slots=True)
class Reach:
    """What one kind of subject can reach.

    Attributes:
        scores: those that are possible, rising.
        dimensions: the lowest and the highest total of each, within its range.

    """

    scores: tuple[int, ...]
    dimensions: dict[str, tuple[int, int]]

    @property
    def highest(self) -> int:
        """The highest possible score."""
        return self.scores[-1]


def reach(pack: Pack, kind: str) -> Reach:
    """Return every score that some set of records of one kind of subject leads to."""
    rules = [rule for rule in pack.rules if KIND_NAMES[kind] in rule.event_type.kinds]
    # Bit n of `scores` is the score n - below: a dimension can only lower it.
    scores, below = 1 << pack.base_points, 0
    dimensions = {}
    for dimension in Dimension:
        totals = _of_dimension(pack, [rule for rule in rules if rule.dimension == dimension.label], dimension.label)
        dimensions[dimension.label] = min(totals), max(totals)
        lowest = pack.dimensions[dimension.label].lowest
        scores = _or(scores << total - lowest for total in totals)
        below -= lowest
    within = {min(max(bit - below, 0), SCORE_MAX) for bit in _members(scores)}
    limited = {min(score, limit) for limit in _ceilings(pack, rules) for score in within}
    return Reach(tuple(sorted(within | limited)), dimensions)


def _of_dimension(pack: Pack, rules: list[Rule], label: str) -> set[int]:
    lowest, highest = pack.dimensions[label].lowest, pack.dimensions[label].highest
    gains = _gains(pack, rules)
    differences = _or(gains << _TOTAL_MAX - loss for loss in _members(_closed(_deductions(rules))))
    return {min(max(bit - _TOTAL_MAX, lowest), highest) for bit in _members(differences)}


def _gains(pack: Pack, rules: list[Rule]) -> int:
    """Return the totals of awards: each group cut at its cap, each rule at its own."""
    caps = {group.id: group.cap for group in pack.groups}
    of_group: dict[str, int] = {}
    totals = _NOTHING
    for rule in rules:
        own = _gain(pack, rule)
        if rule.group:
            of_group[rule.group] = _sum(of_group.get(rule.group, _NOTHING), own)
        else:
            totals = _sum(totals, own if rule.cap is None else _cut(own, rule.cap))
    for group, own in of_group.items():
        totals = _sum(totals, _cut(own, caps[group]))
    return totals


def _gain(pack: Pack, rule: Rule) -> int:
    """Return the totals of one rule's awards, before the cap that it may share."""
    points = [grade.points for grade in rule.grades.values() if grade.points > 0]
    if rule.steps:
        return _set_of(step.points for step in rule.steps)
    if rule.counts == "latest" and not rule.event_type.quantity:
        return _set_of(points)
    totals = _closed(points)
    return totals if rule.cap_year is None else _cut(totals, rule.cap_year * _years(pack, rule))


def _years(pack: Pack, rule: Rule) -> int:
    """Return of how many calendar years acts can count at a time."""
    months = [pack.months(rule, label) for label in rule.grades]
    if any(one is None for one in months):
        return _TOTAL_MAX
    return -(-max(one for one in months if one is not None) // _MONTHS_OF_YEAR) + 1


def _deductions(rules: list[Rule]) -> Iterator[int]:
    for rule in rules:
        yield from (-grade.points for grade in rule.grades.values() if grade.points < 0)
        if rule.substitute is not None and rule.substitute.points:
            yield -rule.substitute.points


def _ceilings(pack: Pack, rules: list[Rule]) -> set[int]:
    stated = {grade.ceiling for rule in rules for grade in rule.grades.values()}
    stated |= {rule.substitute.ceiling for rule in rules if rule.substitute is not None}
    return {pack.ceiling_points(tier) for tier in stated if tier is not None}


def _set_of(points: Iterable[int]) -> int:
    totals = _NOTHING
    for one in points:
        totals |= 1 << one
    return totals & _ALL


def _closed(points: Iterable[int]) -> int:
    """Return what any number of acts of these points add up to."""
    totals = _NOTHING
    for one in set(points):
        shift = one
        while shift <= _TOTAL_MAX:
            totals |= totals << shift & _ALL
            shift *= 2
    return totals


def _sum(some: int, others: int) -> int:
    return _or(some << one for one in _members(others)) & _ALL


def _or(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)


def _cut(totals: int, cap: int) -> int:
    """Return totals cut at a cap."""
    if cap >= _TOTAL_MAX:
        return totals
    within = totals & ((1 << cap + 1) - 1)
    return within if within == totals else within | 1 << cap


def _members(totals: int) -> list[int]:
    return [number for number, bit in enumerate(reversed(f"{totals:b}")) if bit == "1"]
