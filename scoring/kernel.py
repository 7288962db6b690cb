"""The compiled evaluator: many subjects in one call, each two times: on the day, and on the day it next changes.

It must agree with `scoring.evaluator`, where the rules are explained, on every input.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas import catalogue
from schemas.catalogue import GRADE_CODES, TYPE_CODES, TYPES_BY_CODE, Grade
from schemas.compiled import Int, compiled
from schemas.days import (
    CITY_OFFSET_S,
    DAY_OF_MONTH,
    DAY_S,
    FIRST_DAY_OF_MONTH,
    MONTH_OF_DAY,
    NEVER,
    day_of_date,
)
from schemas.facts import Facts
from scoring.card import CARD_VERSION, CEILING, DISPUTED, HAS_SCORE, NO_TIER, Cards
from scoring.pack import KIND_NAMES, SCORE_MAX, Anchor, Dimension, Pack, RepairPath, Rule

Int16s = NDArray[np.int16]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

_REGISTERED = catalogue.REGISTERED.code
_CORRECTED = catalogue.CORRECTED.code
_REVOKED = catalogue.REVOKED.code
_DISPUTED = catalogue.DISPUTED.code
_RESOLVED = catalogue.RESOLVED.code
_REPAIRED = catalogue.REPAIRED.code
_FULFILLED = catalogue.FULFILLED.code
_REMOVED = catalogue.REMOVED.code
_UPHELD = int(Grade.UPHELD)

_OCCURRED, _DETERMINED, _TERMINATED = range(3)
_ANCHORS = {Anchor.OCCURRED: _OCCURRED, Anchor.DETERMINED: _DETERMINED, Anchor.TERMINATED: _TERMINATED}
_NO_REPAIR, _ON_REPAIR, _ON_FULFILMENT = range(3)
_REPAIRS = {RepairPath.BY_AUTHORITY: _ON_REPAIR, RepairPath.ON_FULFILMENT: _ON_FULFILMENT}
_STANDING = -1
_DIMENSIONS = len(Dimension)


class Rules(NamedTuple):
    """A pack as arrays; T types by code, G grades by code, N groups, P perks, H thresholds."""

    control: Bools  # (T,)
    ruled: Bools  # (T,)
    points: Int16s  # (T, G)
    months: Int16s  # (T, G), or _STANDING
    ceiling: Int16s  # (T, G) highest score
    dimension: Int16s  # (T,)
    anchor: Int16s  # (T,)
    per: Int16s  # (T,), 0 for a type without a quantity
    latest: Bools  # (T,)
    cap_year: Int16s  # (T,), 0 for none
    group: Int16s  # (T,), 0 for none
    doubles: Bools  # (T,)
    repair: Int16s  # (T,)
    substituted: Bools  # (T,)
    substitute_points: Int16s  # (T,)
    substitute_months: Int16s  # (T,)
    group_cap: Int16s  # (N,)
    lowest: Int16s  # (dimensions,)
    highest: Int16s  # (dimensions,)
    tiers: Int16s  # lowest score of each tier, rising
    perk_kinds: Int16s  # (P,) bits
    threshold_perk: Int16s  # (H,) ordered by perk, then day
    threshold_day: Int32s  # (H,)
    threshold_points: Int16s  # (H,)
    base: int
    pack: np.uint64


def compile_rules(pack: Pack) -> Rules:
    """Return a pack's rules as arrays for the kernel."""
    rules = _empty_rules(pack)
    rules.control[[code for code, one in TYPES_BY_CODE.items() if one.control]] = True
    group_numbers = {group.id: number for number, group in enumerate(pack.groups, start=1)}
    caps = [0, *(group.cap for group in pack.groups)]
    for rule in pack.rules:
        code = rule.event_type.code
        rules.ruled[code] = True
        if rule.group:
            rules.group[code] = group_numbers[rule.group]
        elif rule.cap:
            rules.group[code] = len(caps)
            caps.append(rule.cap)
        _fill(rules, rule, code, pack)
    return rules._replace(group_cap=np.array(caps, np.int16))


def _empty_rules(pack: Pack) -> Rules:
    def per_type(dtype: type = np.int16) -> NDArray[np.generic]:
        return np.zeros(TYPE_CODES, dtype)

    def per_grade(value: int = 0) -> Int16s:
        return np.full((TYPE_CODES, GRADE_CODES), value, np.int16)

    thresholds = [(number, one) for number, perk in enumerate(pack.perks) for one in perk.thresholds]
    kinds = [sum(1 << KIND_NAMES[kind] for kind in perk.kinds) for perk in pack.perks]
    dimensions = [pack.dimensions[dimension.label] for dimension in Dimension]
    zeros: dict[str, NDArray[np.generic]] = {
        name: per_type() for name in ("dimension", "anchor", "per", "cap_year", "group", "repair")
    }
    return Rules(
        **zeros,  # type: ignore[arg-type]  # one dtype for each of these names
        control=per_type(np.bool_),  # type: ignore[arg-type]
        ruled=per_type(np.bool_),  # type: ignore[arg-type]
        latest=per_type(np.bool_),  # type: ignore[arg-type]
        doubles=per_type(np.bool_),  # type: ignore[arg-type]
        substituted=per_type(np.bool_),  # type: ignore[arg-type]
        substitute_points=per_type(),  # type: ignore[arg-type]
        substitute_months=per_type(),  # type: ignore[arg-type]
        points=per_grade(),
        months=per_grade(),
        ceiling=per_grade(SCORE_MAX),
        group_cap=np.zeros(1, np.int16),
        lowest=np.array([one.lowest for one in dimensions], np.int16),
        highest=np.array([one.highest for one in dimensions], np.int16),
        tiers=np.array([tier.lowest for tier in pack.tiers], np.int16),
        perk_kinds=np.array(kinds, np.int16),
        threshold_perk=np.array([number for number, _ in thresholds], np.int16),
        threshold_day=np.array([day_of_date(one.effective_from) for _, one in thresholds], np.int32),
        threshold_points=np.array([one.points for _, one in thresholds], np.int16),
        base=pack.base_points,
        pack=np.uint64(pack.hash),
    )


def _fill(rules: Rules, rule: Rule, code: int, pack: Pack) -> None:
    rules.dimension[code] = Dimension[rule.dimension.upper()]
    rules.anchor[code] = _ANCHORS[rule.anchor]
    rules.per[code] = rule.per if rule.event_type.quantity else 0
    rules.latest[code] = rule.counts == "latest"
    rules.cap_year[code] = rule.cap_year or 0
    rules.doubles[code] = rule.doubles
    rules.repair[code] = _REPAIRS.get(rule.repair, _NO_REPAIR)
    if rule.substitute is not None:
        rules.substituted[code] = True
        rules.substitute_points[code] = rule.substitute.points
        rules.substitute_months[code] = rule.substitute.months
    for grade in rule.event_type.grades:
        stated = rule.grades[grade.label]
        rules.points[code, grade] = stated.points
        rules.months[code, grade] = _STANDING if stated.months is None else stated.months
        if stated.ceiling is not None:
            rules.ceiling[code, grade] = pack.ceiling_points(stated.ceiling)


class _Work(NamedTuple):
    """Room for one subject's records, and for what is counted by type and group."""

    fact: Int64s  # the record's place among the facts
    type: Int64s
    grade: Int64s
    quantity: Int64s
    start: Int64s
    original_end: Int64s
    last_end: Int64s
    substituted: Bools
    disputable: Bools
    counts: Bools
    points: Int64s
    stamp: Int64s  # (T,) the pass in which the next four were last set
    max_end: Int64s  # (T,)
    latest: Int64s  # (T,)
    year: Int64s  # (T,)
    year_points: Int64s  # (T,)
    group_stamp: Int64s  # (N,)
    group_points: Int64s  # (N,)
    totals: Int64s  # (dimensions,)


class _State(NamedTuple):
    flags: Int
    score: Int
    tier: Int
    entitlements: Int
    until: Int


@compiled
def _work(records_max: Int, groups: Int) -> _Work:
    return _Work(
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.bool_),
        np.zeros(records_max, np.bool_),
        np.zeros(records_max, np.bool_),
        np.zeros(records_max, np.int64),
        np.zeros(TYPE_CODES, np.int64),
        np.zeros(TYPE_CODES, np.int64),
        np.zeros(TYPE_CODES, np.int64),
        np.zeros(TYPE_CODES, np.int64),
        np.zeros(TYPE_CODES, np.int64),
        np.zeros(groups, np.int64),
        np.zeros(groups, np.int64),
        np.zeros(_DIMENSIONS, np.int64),
    )


@compiled
def _day(occurred: Int) -> Int:
    return (np.int64(occurred) + CITY_OFFSET_S) // DAY_S


@compiled
def _add_months(day: Int, months: Int) -> Int:
    month = np.int64(MONTH_OF_DAY[day]) + months
    first = np.int64(FIRST_DAY_OF_MONTH[month])
    length = np.int64(FIRST_DAY_OF_MONTH[month + 1]) - first
    return min(first + min(np.int64(DAY_OF_MONTH[day]), length) - 1, NEVER)


@compiled
def _resolve(facts: Facts, begin: Int, stop: Int, rules: Rules, work: _Work) -> Int:
    """Put the subject's records into `work`, each with what its controls say; return how many."""
    controls = 0
    for i in range(begin, stop):
        if rules.control[facts[i].type]:
            controls += 1
    count = 0
    for i in range(begin, stop):
        fact = facts[i]
        code = np.int64(fact.type)
        if not rules.ruled[code]:
            continue
        grade = np.int64(fact.grade)
        quantity = np.int64(fact.quantity)
        determined = np.int64(fact.determined)
        terminated = np.int64(fact.terminated)
        fulfilled = NEVER
        ended = NEVER
        repaired = NEVER
        revoked = False
        disputable = False
        if controls:
            for j in range(begin, stop):
                control = facts[j]
                said = np.int64(control.type)
                if control.link != fact.record or not rules.control[said]:
                    continue
                at = _day(control.occurred)
                if said == _REVOKED or (said == _RESOLVED and control.grade == _UPHELD):
                    revoked = True
                elif said == _CORRECTED:
                    if control.determined == fact.type:
                        if control.grade:
                            grade = np.int64(control.grade)
                        if control.quantity:
                            quantity = np.int64(control.quantity)
                elif said == _FULFILLED:
                    fulfilled = min(fulfilled, at)
                    ended = min(ended, at)
                elif said == _REMOVED:
                    ended = min(ended, at)
                elif said == _REPAIRED:
                    repaired = min(repaired, at)
                else:
                    disputable = True
        if revoked:
            continue
        if rules.repair[code] == _NO_REPAIR:
            repaired = NEVER
        elif rules.repair[code] == _ON_FULFILMENT:
            repaired = min(repaired, fulfilled)
        start = _day(fact.occurred)
        anchored = start
        if rules.anchor[code] == _DETERMINED and determined:
            start = determined
            anchored = determined
        elif rules.anchor[code] == _TERMINATED:
            anchored = terminated or ended
        months = np.int64(rules.months[code, grade])
        end = NEVER
        if months != _STANDING and anchored != NEVER:
            end = _add_months(anchored, months)
        original_end = min(end, repaired)
        last_end = original_end
        substituted = rules.substituted[code] and repaired != NEVER
        if substituted:
            last_end = _add_months(max(original_end, start), np.int64(rules.substitute_months[code]))
        work.fact[count] = i
        work.type[count] = code
        work.grade[count] = grade
        work.quantity[count] = quantity
        work.start[count] = start
        work.original_end[count] = original_end
        work.last_end[count] = last_end
        work.substituted[count] = substituted
        work.disputable[count] = disputable
        count += 1
    return count


@compiled
def _dispute(facts: Facts, begin: Int, stop: Int, record: np.uint64, day: Int) -> tuple[bool, Int]:
    """Return whether a record is disputed on a day, and the next day on which that may change."""
    open_ = False
    change = NEVER
    for j in range(begin, stop):
        control = facts[j]
        if control.link == record and (control.type == _DISPUTED or control.type == _RESOLVED):
            at = _day(control.occurred)
            if at <= day:
                open_ = control.type == _DISPUTED
            else:
                change = min(change, at)
    return open_, change


@compiled
def _keep_largest_of_each_incident(facts: Facts, count: Int, work: _Work) -> None:
    for i in range(count):
        points = work.points[i]
        link = facts[work.fact[i]].link
        if link == 0 or points == 0 or not work.counts[i]:
            continue
        for j in range(i):
            other = work.points[j]
            if other == 0 or not work.counts[j] or (other < 0) != (points < 0):
                continue
            if facts[work.fact[j]].link != link:
                continue
            if abs(points) > abs(other):
                work.points[j] = 0
            else:
                work.points[i] = 0
            break


@compiled
def _sum(facts: Facts, count: Int, rules: Rules, work: _Work, stamp: Int) -> Int:
    """Cap positive points, add all up by dimension, limit each; return the unlimited score."""
    work.totals[:] = 0
    for i in range(count):
        points = work.points[i]
        if points == 0 or not work.counts[i]:
            continue
        code = work.type[i]
        if points > 0:
            cap_year = np.int64(rules.cap_year[code])
            if cap_year:
                year = np.int64(MONTH_OF_DAY[_day(facts[work.fact[i]].occurred)]) // 12
                if work.year[code] != year:
                    work.year[code] = year
                    work.year_points[code] = 0
                points = min(points, cap_year - work.year_points[code])
                work.year_points[code] += points
            group = np.int64(rules.group[code])
            if group:
                if work.group_stamp[group] != stamp:
                    work.group_stamp[group] = stamp
                    work.group_points[group] = 0
                points = min(points, np.int64(rules.group_cap[group]) - work.group_points[group])
                work.group_points[group] += points
        work.totals[rules.dimension[code]] += points
    total = rules.base
    for dimension in range(_DIMENSIONS):
        limited = min(
            max(work.totals[dimension], np.int64(rules.lowest[dimension])), np.int64(rules.highest[dimension])
        )
        work.totals[dimension] = limited
        total += limited
    return total


@compiled
def _state(
    facts: Facts, begin: Int, stop: Int, count: Int, day: Int, kind: Int, rules: Rules, work: _Work, stamp: Int
) -> _State:
    """Return the state of one subject's score on a day; its dimensions are left in ``work.totals``."""
    until: Int = NEVER
    ceiling: Int = SCORE_MAX
    registered = False
    disputed = False
    linked = False
    for i in range(count):
        work.counts[i] = False
        work.points[i] = 0
        if work.disputable[i]:
            open_, change = _dispute(facts, begin, stop, facts[work.fact[i]].record, day)
            until = min(until, change)
            if open_:
                disputed = True
                continue
        start = work.start[i]
        original_end = work.original_end[i]
        last_end = work.last_end[i]
        if start > day:
            until = min(until, start)
        if original_end > day:
            until = min(until, original_end)
        if last_end > day:
            until = min(until, last_end)
        if start > day:
            continue
        code = work.type[i]
        grade = work.grade[i]
        if code == _REGISTERED:
            registered = True
        if original_end > day:
            ceiling = min(ceiling, np.int64(rules.ceiling[code, grade]))
        if work.stamp[code] != stamp:
            work.stamp[code] = stamp
            work.max_end[code] = 0
            work.latest[code] = -1
            work.year[code] = -1
        if last_end > day:
            work.counts[i] = True
            if facts[work.fact[i]].link:
                linked = True
            if work.substituted[i] and original_end <= day:
                points = np.int64(rules.substitute_points[code])
            else:
                points = np.int64(rules.points[code, grade])
                if rules.per[code]:
                    points *= work.quantity[i] // rules.per[code]
                if points < 0 and rules.doubles[code] and work.max_end[code] > start:
                    points *= 2
            if rules.latest[code]:
                if work.latest[code] >= 0:
                    work.points[work.latest[code]] = 0
                work.latest[code] = i
            work.points[i] = points
        work.max_end[code] = max(work.max_end[code], original_end)
    if linked:
        _keep_largest_of_each_incident(facts, count, work)
    total = _sum(facts, count, rules, work, stamp)
    score = min(min(max(total, 0), SCORE_MAX), ceiling)
    flags = (DISPUTED if disputed else 0) | (CEILING if ceiling < SCORE_MAX else 0)
    entitlements, change = _entitlements(score, day, kind, rules)
    until = min(until, change)
    if not registered:
        return _State(flags, 0, NO_TIER, 0, until)
    tier = 0
    for t in range(rules.tiers.shape[0]):
        if score >= rules.tiers[t]:
            tier = t
    return _State(flags | HAS_SCORE, score, tier, entitlements, until)


@compiled
def _entitlements(score: Int, day: Int, kind: Int, rules: Rules) -> tuple[Int, Int]:
    """Return the bits of the perks reached, and the next day on which a threshold changes."""
    entitlements: Int = 0
    change: Int = NEVER
    for h in range(rules.threshold_perk.shape[0]):
        perk = np.int64(rules.threshold_perk[h])
        if rules.threshold_day[h] > day:
            change = min(change, np.int64(rules.threshold_day[h]))
        elif rules.perk_kinds[perk] >> kind & 1:
            # Thresholds come in the order of their days: the last one begun decides.
            if score >= rules.threshold_points[h]:
                entitlements |= 1 << perk
            else:
                entitlements &= ~(1 << perk)
    return entitlements, change


@compiled
def _evaluate(facts: Facts, starts: Int64s, subjects: NDArray[np.uint64], day: Int, rules: Rules, cards: Cards) -> None:
    records_max = 1
    for n in range(starts.shape[0] - 1):
        records_max = max(records_max, starts[n + 1] - starts[n])
    work = _work(records_max, rules.group_cap.shape[0])
    stamp = 0
    for n in range(starts.shape[0] - 1):
        begin = starts[n]
        stop = starts[n + 1]
        kind = np.int64(subjects[n] >> np.uint64(62))
        count = _resolve(facts, begin, stop, rules, work)
        stamp += 1
        now = _state(facts, begin, stop, count, day, kind, rules, work, stamp)
        card = cards[n]
        for dimension in range(_DIMENSIONS):
            card.dimensions[dimension] = work.totals[dimension]
        then = now
        if now.until < NEVER:
            stamp += 1
            then = _state(facts, begin, stop, count, now.until, kind, rules, work, stamp)
        card.version = CARD_VERSION
        card.flags = now.flags
        card.score = now.score
        card.tier = now.tier
        card.next_tier = then.tier
        card.next_score = then.score
        card.next_flags = then.flags
        card.reserved = 0
        card.entitlements = now.entitlements
        card.next_entitlements = then.entitlements
        card.valid_until = now.until
        card.next_until = then.until
        card.evaluated = day
        card.facts = stop - begin
        card.pack = rules.pack
        card.unused = 0


def evaluate(facts: Facts, starts: Int64s, subjects: NDArray[np.uint64], day: int, rules: Rules, cards: Cards) -> None:
    """Fill in the cards of n subjects, but for ``as_of``.

    Args:
        facts: all ledgers, one behind the other, each ordered by (occurred, record) and without repetition.
        starts: (n + 1,) where each begins.
        subjects: (n,) their numbers.
        day: days since 1970-01-01 in the city.
        rules: the pack.
        cards: (n,) of dtype CARD, overwritten.

    """
    _evaluate(facts, starts, subjects, day, rules, cards)
