"""The compiled evaluator: many subjects in one call, each two times: on the day, and on the day it next changes.

It must agree with `scoring.evaluator`, where the rules are explained, on every input.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas import catalogue
from schemas.catalogue import GRADE_CODES, TYPE_CODES, TYPES_BY_CODE, Grade
from schemas.compiled import Int, Row, compiled
from schemas.days import CITY_OFFSET_S, DAY_OF_MONTH, DAY_S, FIRST_DAY_OF_MONTH, MONTH_OF_DAY, NEVER, day_of_date
from schemas.facts import Facts
from schemas.subjects import KIND_SHIFT, Kind
from scoring.card import CARD_VERSION, CEILING, DISPUTED, HAS_SCORE, NO_TIER, Cards
from scoring.pack import KIND_NAMES, SCORE_MAX, Anchor, Dimension, Pack, RepairPath, Rule

Int64s = NDArray[np.int64]
Rows = NDArray[np.void]

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

# What the pack says of one type and grade: one row, so that a record touches one place in memory.
_RULE = np.dtype(
    [
        ("points", "<i2"),
        ("validity", "<i2"),  # row of `Rules.ends`
        ("ceiling", "<i2"),  # the highest score while it counts
        ("per", "<i2"),  # of the quantity; 0 for a type without one
        ("cap_year", "<i2"),  # 0 for none
        ("group", "<i2"),  # 0 for none
        ("substitute_points", "<i2"),
        ("substitute_validity", "<i2"),
        ("ruled", "?"),
        ("anchor", "u1"),
        ("repair", "u1"),
        ("substituted", "?"),
        ("doubles", "?"),
        ("latest", "?"),
        ("dimension", "u1"),
    ],
    align=True,
)

# One record of the subject at hand, with what its controls and the pack say.
_RECORD = np.dtype(
    [
        ("record", "<u8"),
        ("link", "<u8"),
        ("start", "<i4"),
        ("original_end", "<i4"),
        ("last_end", "<i4"),
        ("stated", "<i4"),  # points before repeats, incidents and caps
        ("points", "<i4"),
        ("type", "<i2"),
        ("ceiling", "<i2"),
        ("year", "<i2"),  # of the act, since 1970; set where points are capped by it
        ("dimension", "u1"),
        ("capped", "?"),
        ("substituted", "?"),
        ("disputable", "?"),
        ("doubles", "?"),
        ("latest", "?"),
        ("cap_year", "<i2"),
        ("group", "<i2"),
        ("substitute_points", "<i2"),
    ],
    align=True,
)

# What is remembered of one type while a subject's records are gone through.
_SEEN = np.dtype([("stamp", "<i8"), ("max_end", "<i4"), ("latest", "<i4"), ("year", "<i4"), ("points", "<i4")])


class Rules(NamedTuple):
    """A pack as arrays; T types by code, G grades by code, N groups, E spans of days without a dated change."""

    table: Rows  # (T * G,) of dtype _RULE
    control: NDArray[np.bool_]  # (T,)
    ends: NDArray[np.uint16]  # (validities, days) when a validity that begins on each day ends
    group_cap: Int64s  # (N,)
    lowest: Int64s  # (dimensions,)
    highest: Int64s  # (dimensions,)
    tier: NDArray[np.uint8]  # (scores,) the tier of each score
    spans: Int64s  # (E,) the first day of each span; the first is 0
    entitlements: NDArray[np.uint32]  # (E, kinds, scores) bits of the perks reached
    base: int
    pack: np.uint64


def compile_rules(pack: Pack) -> Rules:
    """Return a pack's rules as arrays for the kernel."""
    table = np.zeros((TYPE_CODES, GRADE_CODES), _RULE)
    control = np.zeros(TYPE_CODES, np.bool_)
    control[[code for code, one in TYPES_BY_CODE.items() if one.control]] = True
    validities = sorted({months for rule in pack.rules for months in _validities(rule)})
    group_numbers = {group.id: number for number, group in enumerate(pack.groups, start=1)}
    caps = [0, *(group.cap for group in pack.groups)]
    for rule in pack.rules:
        group = group_numbers.get(rule.group or "", 0)
        if rule.cap:
            group = len(caps)
            caps.append(rule.cap)
        _fill(table[rule.event_type.code], rule, group, validities, pack)
    dimensions = [pack.dimensions[dimension.label] for dimension in Dimension]
    spans = _spans(pack)
    return Rules(
        table=table.reshape(-1),
        control=control,
        ends=np.stack([_ends(months) for months in validities]),
        group_cap=np.array(caps, np.int64),
        lowest=np.array([one.lowest for one in dimensions], np.int64),
        highest=np.array([one.highest for one in dimensions], np.int64),
        tier=np.array([pack.tier_index(score) for score in range(SCORE_MAX + 1)], np.uint8),
        spans=spans,
        entitlements=_entitlements(pack, spans),
        base=pack.base_points,
        pack=np.uint64(pack.hash),
    )


def _validities(rule: Rule) -> list[int]:
    stated = [_STANDING if one.months is None else one.months for one in rule.grades.values()]
    return stated if rule.substitute is None else [*stated, rule.substitute.months]


def _ends(months: int) -> NDArray[np.uint16]:
    """Return `add_months` of every day; never ends what never begins."""
    days = np.arange(NEVER + 1)
    if months == _STANDING:
        return np.full(NEVER + 1, NEVER, np.uint16)
    month = MONTH_OF_DAY.astype(np.int64) + months
    length = FIRST_DAY_OF_MONTH[month + 1] - FIRST_DAY_OF_MONTH[month]
    ends = FIRST_DAY_OF_MONTH[month] + np.minimum(DAY_OF_MONTH, length) - 1
    return np.where(days == NEVER, NEVER, np.minimum(ends, NEVER)).astype(np.uint16)


def _fill(row: Rows, rule: Rule, group: int, validities: list[int], pack: Pack) -> None:
    row["ruled"] = True
    row["dimension"] = Dimension[rule.dimension.upper()]
    row["anchor"] = _ANCHORS[rule.anchor]
    row["per"] = rule.per if rule.event_type.quantity else 0
    row["latest"] = rule.counts == "latest"
    row["cap_year"] = rule.cap_year or 0
    row["group"] = group
    row["doubles"] = rule.doubles
    row["repair"] = _REPAIRS.get(rule.repair, _NO_REPAIR)
    if rule.substitute is not None:
        row["substituted"] = True
        row["substitute_points"] = rule.substitute.points
        row["substitute_validity"] = validities.index(rule.substitute.months)
    for grade in rule.event_type.grades:
        stated = rule.grades[grade.label]
        row["points"][grade] = stated.points
        row["validity"][grade] = validities.index(_STANDING if stated.months is None else stated.months)
        row["ceiling"][grade] = SCORE_MAX if stated.ceiling is None else pack.ceiling_points(stated.ceiling)


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


class _Work(NamedTuple):
    """Room for one subject's records, and for what is counted by type and group."""

    records: Rows  # of dtype _RECORD
    linked: Int64s  # places of those that count and share an act with others
    seen: Rows  # (T,) of dtype _SEEN
    groups: Rows  # (N,) of dtype _SEEN
    totals: Int64s  # (dimensions,)


class _State(NamedTuple):
    flags: Int
    score: Int
    tier: Int
    entitlements: Int
    until: Int


@compiled
def _day(occurred: Int) -> Int:
    return (np.int64(occurred) + CITY_OFFSET_S) // DAY_S


@compiled
def _resolve(
    facts: Facts, begin: Int, stop: Int, day: Int, rules: Rules, records: Rows, controlled: bool
) -> tuple[Int, Int]:
    """Put the subject's records into `records`; return how many they are, and how many controls there are.

    What controls say is looked up only if `controlled`: most subjects have none, and the lookup is a loop in a loop.
    A record that has ended by `day`, and cannot make a later one a repeat, is left out.
    """
    table = rules.table
    ends = rules.ends
    controls = 0
    count = 0
    for i in range(begin, stop):
        fact = facts[i]
        code = np.int64(fact.type)
        grade = np.int64(fact.grade)
        quantity = np.int64(fact.quantity)
        terminated: Int = np.int64(fact.terminated)
        fulfilled: Int = NEVER
        ended: Int = NEVER
        repaired: Int = NEVER
        revoked = False
        disputable = False
        if controlled:
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
        rule = table[code * GRADE_CODES + grade]
        if not rule.ruled:
            controls += rules.control[code]
            continue
        if rule.repair == _NO_REPAIR:
            repaired = NEVER
        elif rule.repair == _ON_FULFILMENT:
            repaired = min(repaired, fulfilled)
        start = _day(fact.occurred)
        anchored: Int = start
        if rule.anchor == _DETERMINED and fact.determined:
            start = np.int64(fact.determined)
            anchored = start
        elif rule.anchor == _TERMINATED:
            anchored = terminated or ended
        end = np.int64(ends[rule.validity, anchored])
        original_end = min(end, repaired)
        last_end = original_end
        substituted = rule.substituted and repaired != NEVER and repaired <= end
        if substituted:
            last_end = np.int64(ends[rule.substitute_validity, max(original_end, start)])
        if max(start, last_end) <= day and not (rule.doubles or disputable or code == _REGISTERED):
            continue
        stated = np.int64(rule.points)
        if rule.per:
            stated *= quantity // np.int64(rule.per)
        record = records[count]
        record.record = fact.record
        record.link = fact.link
        record.start = start
        record.original_end = original_end
        record.last_end = last_end
        record.stated = stated
        record.type = code
        record.ceiling = rule.ceiling
        record.dimension = rule.dimension
        record.latest = rule.latest
        record.capped = rule.cap_year != 0 or rule.group != 0
        record.cap_year = rule.cap_year
        record.group = rule.group
        record.substitute_points = rule.substitute_points
        record.substituted = substituted
        record.disputable = disputable
        record.doubles = rule.doubles and stated < 0
        if rule.cap_year:
            record.year = MONTH_OF_DAY[_day(fact.occurred)] // 12
        count += 1
    return count, controls


@compiled
def _dispute(facts: Facts, begin: Int, stop: Int, record: np.uint64, day: Int) -> tuple[bool, Int]:
    """Return whether a record is disputed on a day, and the next day on which that may change."""
    open_ = False
    change: Int = NEVER
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
def _keep_largest_of_each_incident(records: Rows, linked: Int64s, count: Int) -> None:
    for i in range(1, count):
        record = records[linked[i]]
        for j in range(i):
            other = records[linked[j]]
            if other.link != record.link or other.points == 0 or record.points == 0:
                continue
            if (other.points < 0) == (record.points < 0):
                if abs(record.points) > abs(other.points):
                    other.points = 0
                else:
                    record.points = 0
                break


@compiled
def _capped(record: Row, seen: Rows, group_cap: Int64s, groups: Rows, stamp: Int) -> Int:
    """Return the record's positive points, cut at the caps of the year and of the rule or its group."""
    points: Int = np.int64(record.points)
    if record.cap_year:
        of_type = seen[record.type]
        if of_type.year != record.year:
            of_type.year = record.year
            of_type.points = 0
        points = min(points, np.int64(record.cap_year) - np.int64(of_type.points))
        of_type.points += points
    if record.group:
        group = groups[record.group]
        if group.stamp != stamp:
            group.stamp = stamp
            group.points = 0
        points = min(points, group_cap[record.group] - np.int64(group.points))
        group.points += points
    return points


@compiled
def _go_through(  # one loop over the records: its parts share what was seen of each type
    facts: Facts, begin: Int, stop: Int, count: Int, day: Int, work: _Work, stamp: Int
) -> tuple[Int, Int, Int, Int]:
    """Give each record the points it has on a day; return flags, ceiling, the next change, and how many are linked."""
    records = work.records
    seen = work.seen
    flags: Int = 0
    until: Int = NEVER
    ceiling: Int = SCORE_MAX
    linked = 0
    for i in range(count):
        record = records[i]
        record.points = 0
        if record.disputable:
            open_, change = _dispute(facts, begin, stop, record.record, day)
            until = min(until, change)
            if open_:
                flags |= DISPUTED
                continue
        start = np.int64(record.start)
        original_end = np.int64(record.original_end)
        last_end = np.int64(record.last_end)
        if original_end > day:
            until = min(until, original_end)
        if last_end > day:
            until = min(until, last_end)
        if start > day:
            until = min(until, start)
            continue
        if record.type == _REGISTERED:
            flags |= HAS_SCORE
        if original_end > day:
            ceiling = min(ceiling, np.int64(record.ceiling))
        of_type = seen[record.type]
        if of_type.stamp != stamp:
            of_type.stamp = stamp
            of_type.max_end = 0
            of_type.latest = -1
            of_type.year = -1
        if last_end > day:
            if record.link != 0:
                work.linked[linked] = i
                linked += 1
            if record.substituted and original_end <= day:
                record.points = record.substitute_points
            elif record.doubles and of_type.max_end > start:
                record.points = 2 * record.stated
            else:
                record.points = record.stated
            if record.latest:
                if of_type.latest >= 0:
                    records[of_type.latest].points = 0
                of_type.latest = i
        of_type.max_end = max(np.int64(of_type.max_end), original_end)
    return flags, ceiling, until, linked


@compiled
def _state(
    facts: Facts, begin: Int, stop: Int, count: Int, day: Int, kind: Int, rules: Rules, work: _Work, stamp: Int
) -> _State:
    """Return the state of one subject's score on a day; its dimensions are left in ``work.totals``."""
    flags, ceiling, until, linked = _go_through(facts, begin, stop, count, day, work, stamp)
    records = work.records
    if linked > 1:
        _keep_largest_of_each_incident(records, work.linked, linked)
    totals = work.totals
    for dimension in range(_DIMENSIONS):
        totals[dimension] = 0
    for i in range(count):
        record = records[i]
        points = np.int64(record.points)
        if points > 0 and record.capped:
            points = _capped(record, work.seen, rules.group_cap, work.groups, stamp)
        totals[record.dimension] += points
    total: Int = rules.base
    for dimension in range(_DIMENSIONS):
        totals[dimension] = min(max(totals[dimension], rules.lowest[dimension]), rules.highest[dimension])
        total += totals[dimension]
    score = min(max(total, 0), SCORE_MAX, ceiling)
    if ceiling < SCORE_MAX:
        flags |= CEILING
    span = rules.spans.shape[0] - 1
    while rules.spans[span] > day:
        until = min(until, rules.spans[span])
        span -= 1
    if flags & HAS_SCORE:
        return _State(flags, score, np.int64(rules.tier[score]), np.int64(rules.entitlements[span, kind, score]), until)
    return _State(flags, 0, NO_TIER, 0, until)


@compiled
def _evaluate(facts: Facts, starts: Int64s, subjects: NDArray[np.uint64], day: Int, rules: Rules, cards: Cards) -> None:
    records_max = 1
    for n in range(starts.shape[0] - 1):
        records_max = max(records_max, starts[n + 1] - starts[n])
    work = _Work(
        np.zeros(records_max, _RECORD),
        np.zeros(records_max, np.int64),
        np.zeros(TYPE_CODES, _SEEN),
        np.zeros(rules.group_cap.shape[0], _SEEN),
        np.zeros(_DIMENSIONS, np.int64),
    )
    stamp = 0
    for n in range(starts.shape[0] - 1):
        begin = starts[n]
        stop = starts[n + 1]
        kind = np.int64(subjects[n] >> np.uint64(KIND_SHIFT))
        count, controls = _resolve(facts, begin, stop, day, rules, work.records, False)
        if controls:
            count, controls = _resolve(facts, begin, stop, day, rules, work.records, True)
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
