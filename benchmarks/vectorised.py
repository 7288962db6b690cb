"""A peer of the kernel: an evaluator in NumPy, over all records of all subjects at once.

It knows the rules that an array operation can express: validity, quantities, the latest of a type, caps of years and
groups, limits of dimensions, ceilings, the next change. What a record does to the next ones (repeats, shared
incidents, sums in steps), disputes, consent and review it leaves out, and it evaluates one day, where the kernel
evaluates two. So it does less than the kernel, and is what one would write without a compiler.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.catalogue import GRADE_CODES, TYPE_CODES
from schemas.days import CITY_OFFSET_S, DAY_OF_MONTH, DAY_S, FIRST_DAY_OF_MONTH, MONTH_OF_DAY, NEVER, YEAR_OF_DAY
from schemas.facts import Facts
from scoring.pack import SCORE_MAX
from scoring.rules import DETERMINED, SHARE_BITS, TERMINATED, Int64s, Rows, Rules
from sinks.store import Ints

NO_SCORE = -1


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of n subjects, or NO_SCORE, and the days on which their records may change them next."""

    scores: Int64s
    until: Int64s


def evaluate(facts: Facts, starts: Ints, day: int, rules: Rules) -> Scores:
    """Return the scores of n subjects, whose ledgers stand one behind the other, in order."""
    count = len(starts) - 1
    subject = np.repeat(np.arange(count), np.diff(starts))
    rule = _rules_of(facts, rules)
    occurred = (facts["occurred"].astype(np.int64) + CITY_OFFSET_S) // DAY_S
    start, end = _span(facts, rule, occurred)
    until = np.where(start > day, np.minimum(start, end), np.where(end > day, end, NEVER))
    counts = np.flatnonzero((start <= day) & (end > day))
    begun = np.flatnonzero((start <= day) & rule["registers"])
    scored = np.zeros(count, np.bool_)
    scored[subject[begun]] = True

    subject, rule, year = subject[counts], rule[counts], YEAR_OF_DAY[occurred[counts]].astype(np.int64)
    kind = subject * TYPE_CODES + facts["type"][counts]
    points = rule["points"] * ((facts["quantity"][counts] * rule["share"] >> SHARE_BITS) + rule["once"])
    points = np.where(rule["latest"] & ~_is_last(kind), 0, points)
    points = _within_years(points, rule["cap_year"], kind, year)
    ceiling = np.full(count, SCORE_MAX, np.int64)
    np.minimum.at(ceiling, subject, rule["ceiling"])
    total = rules.base + _by_dimension(subject, points, rule, count, rules).sum(axis=1)
    scores = np.clip(np.minimum(total, ceiling), 0, SCORE_MAX)
    return Scores(np.where(scored, scores, NO_SCORE), np.minimum.reduceat(until, starts[:-1]))


def has_only_what_is_known(facts: Facts, starts: Ints, rules: Rules) -> NDArray[np.bool_]:
    """Return of each of n subjects whether its records ask for nothing that `evaluate` leaves out."""
    rule = _rules_of(facts, rules)
    more = rules.control[facts["type"]] | (facts["link"] != 0) | rule["doubles"] | (rule["special"] != 0)
    return ~np.logical_or.reduceat(more, starts[:-1])


def _rules_of(facts: Facts, rules: Rules) -> Rows:
    found: Rows = rules.table[rules.rows[facts["type"].astype(np.int64) * GRADE_CODES + facts["grade"]]]
    return found


def _span(facts: Facts, rule: Rows, occurred: Int64s) -> tuple[Int64s, Int64s]:
    """Return the day from which each record counts, and the one on which it ends."""
    determined = (rule["anchor"] == DETERMINED) & (facts["determined"] > 0)
    start = np.where(determined, facts["determined"], occurred)
    terminated = np.where(facts["terminated"] > 0, facts["terminated"], NEVER)
    anchored = np.where(rule["anchor"] == TERMINATED, terminated, start)
    month = MONTH_OF_DAY[anchored].astype(np.int64) + rule["months"]
    end = np.minimum(FIRST_DAY_OF_MONTH[month] + DAY_OF_MONTH[anchored], FIRST_DAY_OF_MONTH[month + 1]) - 1
    return start, np.minimum(end, NEVER)


def _is_last(kind: Int64s) -> NDArray[np.bool_]:
    """Return of each record whether none of the same kind stands behind it."""
    order = np.argsort(kind, kind="stable")
    last = np.ones(len(kind), np.bool_)
    last[order[:-1]] = kind[order[1:]] != kind[order[:-1]]
    return last


def _within_years(points: Int64s, caps: Int64s, kind: Int64s, year: Int64s) -> Int64s:
    """Return points of which the awards of a kind and year add up to their cap at most."""
    capped = np.flatnonzero(points > 0)
    _, first, number = np.unique(kind[capped] << 16 | year[capped], return_index=True, return_inverse=True)
    sums = np.bincount(number, points[capped], len(first)).astype(np.int64)
    kept = np.where(points > 0, 0, points)
    kept[capped[first]] = np.minimum(sums, caps[capped[first]])
    return kept


def _by_dimension(subject: Int64s, points: Int64s, rule: Rows, count: int, rules: Rules) -> Int64s:
    """Return what each subject has in each dimension, shape (n, dimensions)."""
    pots, dimensions = len(rules.pot_cap), len(rules.lowest)
    pot = np.where(points > 0, rule["pot"], rule["dimension"])
    filled = np.bincount(subject * pots + pot, points, count * pots).astype(np.int64).reshape(count, pots)
    filled = np.minimum(filled, rules.pot_cap)
    sums = np.zeros((count, dimensions), np.int64)
    np.add.at(sums.T, rules.pot_dimension, filled.T)
    return np.clip(sums, rules.lowest, rules.highest)
