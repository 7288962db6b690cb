"""A rule pack as arrays, as the compiled evaluator reads it."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas import catalogue
from schemas.catalogue import GRADE_CODES, TYPE_CODES, TYPES_BY_CODE, Grade
from schemas.days import MONTH_OF_DAY, NEVER, day_of_date
from schemas.subjects import Kind
from scoring.pack import KIND_NAMES, SCORE_MAX, STEPS_MAX, Anchor, Dimension, Pack, RepairPath, Rule
from scoring.review import is_weighty

Int64s = NDArray[np.int64]
Rows = NDArray[np.void]

OCCURRED, DETERMINED, TERMINATED = range(3)
_ANCHORS = {Anchor.OCCURRED: OCCURRED, Anchor.DETERMINED: DETERMINED, Anchor.TERMINATED: TERMINATED}
NO_REPAIR, ON_REPAIR, ON_FULFILMENT = range(3)
_REPAIRS = {RepairPath.BY_AUTHORITY: ON_REPAIR, RepairPath.ON_FULFILMENT: ON_FULFILMENT}
# So many months after any day there is no day any more.
_STANDING = int(MONTH_OF_DAY[NEVER]) + 1
# What few records have, as bits, so that all others pay one comparison for it.
RECORD_ONLY, OPT_IN, ALLOWS_HEALTH, FORBIDS_HEALTH, ALLOWS_SCORE, FORBIDS_SCORE, ENDS_SCORE, COUNTED_OVER, WEIGHTY = (
    1 << bit for bit in range(9)
)
_CONSENTS = {
    (catalogue.CONSENTED, Grade.HEALTH): ALLOWS_HEALTH,
    (catalogue.WITHDRAWN, Grade.HEALTH): FORBIDS_HEALTH,
    (catalogue.CONSENTED, Grade.SCORING): ALLOWS_SCORE,
    (catalogue.WITHDRAWN, Grade.SCORING): FORBIDS_SCORE,
    (catalogue.DECEASED, Grade.STANDARD): ENDS_SCORE,
}
OF_THE_SUBJECT = ALLOWS_HEALTH | FORBIDS_HEALTH | ALLOWS_SCORE | FORBIDS_SCORE | ENDS_SCORE
# What is kept although it has ended: it says something of its subject, or when it ends is not known yet.
_KEPT = OF_THE_SUBJECT | COUNTED_OVER
_UNCAPPED = 1 << 40
SHARE_BITS = 32

# What the pack says of one type and grade: one row, so that a record touches one place in memory.
_RULE = np.dtype(
    [
        ("cap_year", "<i8"),
        ("share", "<i8"),  # how often the points count for each of the quantity, shifted by SHARE_BITS
        ("points", "<i2"),
        ("ceiling", "<i2"),  # the highest score while it counts
        ("months", "<u2"),  # of validity
        ("pot", "<u2"),  # where positive points go; negative ones go to the dimension's
        ("special", "<u2"),
        ("once", "?"),  # whether the points count once, without a quantity
        ("registers", "?"),
        ("outlasts", "?"),  # whether it is kept although it has ended
        ("award", "?"),
        ("anchor", "u1"),
        ("repair", "u1"),
        ("substituted", "?"),
        ("doubles", "?"),
        ("latest", "?"),
        ("dimension", "u1"),
    ],
    align=True,
)

# What only few types have, apart, so that the others' rows stay short.
_MORE = np.dtype(
    [
        ("every", "<u2"),  # months; 0 for what is deducted once
        ("steps", "<u2"),  # row of `Rules.steps`; 0 for none
        ("substitute_points", "<i2"),
        ("substitute_months", "<u2"),
        ("substitute_ceiling", "<i2"),
    ]
)


class Rules(NamedTuple):
    """A pack as arrays; T types by code, G grades by code, R of both together that the pack has rules for.

    N pots of points, E spans of days without a dated change.
    """

    rows: NDArray[np.uint16]  # (T * G,) of a type and grade the row of the next two; 0 where there is no rule
    table: Rows  # (R + 1,) of dtype _RULE
    more: Rows  # (R + 1,) of dtype _MORE
    control: NDArray[np.bool_]  # (T,)
    steps: Int64s  # (S, STEPS_MAX, 2) quantity and points of each step, the first row empty
    pot_cap: Int64s  # (N,) first the dimensions' own, without a cap; then one for each cap
    pot_dimension: Int64s  # (N,)
    lowest: Int64s  # (dimensions,)
    highest: Int64s  # (dimensions,)
    tier: NDArray[np.uint8]  # (scores,) the tier of each score
    spans: Int64s  # (E,) the first day of each span; the first is 0
    entitlements: NDArray[np.uint32]  # (E, kinds, scores) bits of the perks reached
    base: int
    review_tiers: int  # how far a drop waits for a person; without a review no record is WEIGHTY
    retention: int  # months after which what has ended is deleted; 0 for never
    pack: np.uint64


def compile_rules(pack: Pack) -> Rules:
    """Return a pack's rules as arrays for the kernel."""
    graded = [(rule, grade) for rule in pack.rules for grade in rule.event_type.grades]
    rows = np.zeros((TYPE_CODES, GRADE_CODES), np.uint16)
    table, more = (np.zeros(len(graded) + 1, dtype) for dtype in (_RULE, _MORE))
    pots = _Pots(pack)
    pot = {rule.event_type: pots.of(rule) for rule in pack.rules}
    stepped = [rule for rule in pack.rules if rule.steps]
    for row, (rule, grade) in enumerate(graded, 1):
        rows[rule.event_type.code, grade] = row
        _fill(table[row], rule, grade, pack)
        table[row]["pot"] = pot[rule.event_type]
        _fill_more(more[row], rule, pack)
        more[row]["steps"] = stepped.index(rule) + 1 if rule.steps else 0
    control = np.zeros(TYPE_CODES, np.bool_)
    control[[code for code, one in TYPES_BY_CODE.items() if one.control]] = True
    dimensions = [pack.dimensions[dimension.label] for dimension in Dimension]
    spans = _spans(pack)
    return Rules(
        rows=rows.reshape(-1),
        table=table,
        more=more,
        control=control,
        steps=_steps(stepped),
        pot_cap=np.array(pots.caps, np.int64),
        pot_dimension=np.array(pots.dimensions, np.int64),
        lowest=np.array([one.lowest for one in dimensions], np.int64),
        highest=np.array([one.highest for one in dimensions], np.int64),
        tier=np.array([pack.tier_index(score) for score in range(SCORE_MAX + 1)], np.uint8),
        spans=spans,
        entitlements=_entitlements(pack, spans),
        base=pack.base_points,
        review_tiers=0 if pack.review is None else pack.review.tiers,
        retention=0 if pack.retention is None else pack.retention.months,
        pack=np.uint64(pack.hash),
    )


def without_review(rules: Rules) -> Rules:
    """Return the same rules under which no record waits for a person."""
    table = rules.table.copy()
    table["special"] &= ~np.uint16(WEIGHTY)
    return rules._replace(table=table, review_tiers=0)


class _Pots:
    """Numbers the pots: one for each dimension, one for each group, one for each rule with a cap of its own."""

    def __init__(self, pack: Pack) -> None:
        self.caps = [_UNCAPPED] * len(Dimension)
        self.dimensions = list(range(len(Dimension)))
        self._group_caps = {group.id: group.cap for group in pack.groups}
        self._groups: dict[str, int] = {}

    def of(self, rule: Rule) -> int:
        """Return the pot of a rule's positive points."""
        dimension = Dimension[rule.dimension.upper()]
        if rule.group:
            if rule.group not in self._groups:
                self._groups[rule.group] = self._add(self._group_caps[rule.group], dimension)
            return self._groups[rule.group]
        return self._add(rule.cap, dimension) if rule.cap else dimension

    def _add(self, cap: int, dimension: int) -> int:
        self.caps.append(cap)
        self.dimensions.append(dimension)
        return len(self.caps) - 1


def _steps(stepped: Sequence[Rule]) -> Int64s:
    steps = np.zeros((len(stepped) + 1, STEPS_MAX, 2), np.int64)
    for row, rule in enumerate(stepped, 1):
        steps[row, :, 0] = _UNCAPPED  # steps that there are not are never reached
        for place, step in enumerate(rule.steps):
            steps[row, place] = step.lowest, step.points
    return steps


def _months(rule: Rule, label: str, pack: Pack) -> int:
    months = pack.months(rule, label)
    return _STANDING if months is None else months


def _fill(row: Rows, rule: Rule, grade: Grade, pack: Pack) -> None:
    stated = rule.grades[grade.label]
    row["dimension"] = Dimension[rule.dimension.upper()]
    row["anchor"] = _ANCHORS[rule.anchor]
    row["points"] = stated.points
    row["share"] = share_of(rule.per) if rule.event_type.quantity else 0
    row["once"] = not rule.event_type.quantity
    row["award"] = stated.points > 0 or bool(rule.steps)
    row["months"] = _months(rule, grade.label, pack)
    row["ceiling"] = SCORE_MAX if stated.ceiling is None else pack.ceiling_points(stated.ceiling)
    row["cap_year"] = rule.cap_year or _UNCAPPED
    row["latest"] = rule.counts == "latest"
    row["doubles"] = rule.doubles
    row["repair"] = _REPAIRS.get(rule.repair, NO_REPAIR)
    row["substituted"] = rule.substitute is not None
    row["registers"] = rule.event_type == catalogue.REGISTERED
    row["special"] = special = _special(rule, grade, pack)
    row["outlasts"] = rule.doubles or rule.event_type == catalogue.REGISTERED or special & _KEPT != 0


def share_of(per: int) -> int:
    """Return what divides by ``per`` when multiplied with, and shifted by SHARE_BITS; quicker, and as exact.

    Both numbers have at most 16 bits. Source: Granlund and Montgomery, Division by Invariant Integers using
    Multiplication (1994), theorem 4.2.
    """
    return -(-(1 << SHARE_BITS) // per)


def _fill_more(row: Rows, rule: Rule, pack: Pack) -> None:
    row["every"] = rule.every or 0
    row["substitute_ceiling"] = SCORE_MAX
    if rule.substitute is not None:
        ceiling = rule.substitute.ceiling
        row["substitute_points"] = rule.substitute.points
        row["substitute_months"] = rule.substitute.months
        if ceiling is not None:
            row["substitute_ceiling"] = pack.ceiling_points(ceiling)


def _special(rule: Rule, grade: Grade, pack: Pack) -> int:
    bits = _CONSENTS.get((rule.event_type, grade), 0)
    if rule.record_only and rule.grades[grade.label].ceiling is not None:
        bits |= RECORD_ONLY
    if rule.opt_in:
        bits |= OPT_IN
    if rule.every or rule.steps:
        bits |= COUNTED_OVER
    if is_weighty(rule, grade.label, pack):
        bits |= WEIGHTY
    return bits


def _spans(pack: Pack) -> Int64s:
    days = {day_of_date(one.effective_from) for perk in pack.perks for one in perk.thresholds}
    return np.array(sorted({0, *days}), np.int64)


def _entitlements(pack: Pack, spans: Int64s) -> NDArray[np.uint32]:
    bits = np.zeros((len(spans), len(Kind), SCORE_MAX + 1), np.uint32)
    for (span, day), (number, perk) in product(enumerate(spans.tolist()), enumerate(pack.perks)):
        asked = pack.threshold(perk, day)
        if asked is not None:
            for kind in perk.kinds:
                bits[span, KIND_NAMES[kind], asked:] |= np.uint32(1 << number)
    return bits
