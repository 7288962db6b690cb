"""The compiled evaluator: many subjects in one call, each two times: on the day, and on the day it next changes.

It must agree with `scoring.evaluator`, where the rules are explained, on every input.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas import catalogue
from schemas.catalogue import GRADE_CODES, TYPE_CODES, TYPES_BY_CODE, Grade
from schemas.compiled import Int, Row, compiled, inlined
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
_UNCAPPED = 1 << 40
_DIMENSIONS = len(Dimension)

# What the pack says of one type and grade: one row, so that a record touches one place in memory.
_RULE = np.dtype(
    [
        ("points", "<i2"),
        ("validity", "<i2"),  # row of `Rules.ends`
        ("ceiling", "<i2"),  # the highest score while it counts
        ("per", "<i2"),  # of the quantity; 0 for a type without one
        ("cap_year", "<i2"),  # 0 for none
        ("pot", "<i2"),  # where positive points go; negative ones go to the dimension's
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
        ("remembered", "?"),  # whether what was seen of its type matters
        ("substituted", "?"),
        ("disputable", "?"),
        ("doubles", "?"),
        ("latest", "?"),
        ("cap_year", "<i2"),
        ("pot", "<i2"),
        ("substitute_points", "<i2"),
    ],
    align=True,
)

# What is remembered of one type while a subject's records are gone through.
_SEEN = np.dtype([("stamp", "<i8"), ("max_end", "<i4"), ("latest", "<i4"), ("year", "<i4"), ("points", "<i4")])


class Rules(NamedTuple):
    """A pack as arrays; T types by code, G grades by code, N pots of points, E spans of days without a dated change."""

    table: Rows  # (T * G,) of dtype _RULE
    control: NDArray[np.bool_]  # (T,)
    ends: NDArray[np.uint16]  # (validities, days) when a validity that begins on each day ends
    pot_cap: Int64s  # (N,) first the dimensions' own, without a cap; then one for each cap
    pot_dimension: Int64s  # (N,)
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
    pots = _Pots(pack)
    for rule in pack.rules:
        _fill(table[rule.event_type.code], rule, pots.of(rule), validities, pack)
    dimensions = [pack.dimensions[dimension.label] for dimension in Dimension]
    spans = _spans(pack)
    return Rules(
        table=table.reshape(-1),
        control=control,
        ends=np.stack([_ends(months) for months in validities]),
        pot_cap=np.array(pots.caps, np.int64),
        pot_dimension=np.array(pots.dimensions, np.int64),
        lowest=np.array([one.lowest for one in dimensions], np.int64),
        highest=np.array([one.highest for one in dimensions], np.int64),
        tier=np.array([pack.tier_index(score) for score in range(SCORE_MAX + 1)], np.uint8),
        spans=spans,
        entitlements=_entitlements(pack, spans),
        base=pack.base_points,
        pack=np.uint64(pack.hash),
    )


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


def _fill(row: Rows, rule: Rule, pot: int, validities: list[int], pack: Pack) -> None:
    row["ruled"] = True
    row["dimension"] = Dimension[rule.dimension.upper()]
    row["anchor"] = _ANCHORS[rule.anchor]
    row["per"] = rule.per if rule.event_type.quantity else 0
    row["latest"] = rule.counts == "latest"
    row["cap_year"] = rule.cap_year or 0
    row["pot"] = pot
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
    controls_at: Int64s  # places of controls among the facts
    linked: Int64s  # places of those that count and share an act with others
    seen: Rows  # (T,) of dtype _SEEN
    pots: Int64s  # (N,)
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
    facts: Facts, begin: Int, stop: Int, day: Int, rules: Rules, records: Rows, controls_at: Int64s, known: Int
) -> tuple[Int, Int]:
    """Put the subject's records into `records`; return how many they are, and how many controls there are.

    The places of controls are put into `controls_at`. What the first `known` of them say is taken into account, so a
    subject with controls, which most have not, is resolved once to find them and once more.
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
        if not table[code * GRADE_CODES + grade].ruled:
            if rules.control[code]:
                controls_at[controls] = i
                controls += 1
            continue
        quantity = np.int64(fact.quantity)
        terminated: Int = np.int64(fact.terminated)
        fulfilled: Int = NEVER
        ended: Int = NEVER
        repaired: Int = NEVER
        revoked = False
        disputable = False
        for j in range(known):
            control = facts[controls_at[j]]
            if control.link == fact.record:
                said = np.int64(control.type)
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
        record.remembered = rule.cap_year != 0 or rule.doubles or rule.latest
        record.cap_year = rule.cap_year
        record.pot = rule.pot
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


@inlined
def _within_year(record: Row, seen: Rows) -> Int:
    """Return the record's positive points, cut at the cap of its year; acts come in the order of their years."""
    of_type = seen[record.type]
    if of_type.year != record.year:
        of_type.year = record.year
        of_type.points = 0
    points = min(np.int64(record.points), np.int64(record.cap_year) - np.int64(of_type.points))
    of_type.points += points
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
        if last_end > day:
            record.points = record.stated
            if record.link != 0:
                work.linked[linked] = i
                linked += 1
            if record.substituted and original_end <= day:
                record.points = record.substitute_points
        if not record.remembered:
            continue
        of_type = seen[record.type]
        if of_type.stamp != stamp:
            of_type.stamp = stamp
            of_type.max_end = 0
            of_type.latest = -1
            of_type.year = -1
        if last_end > day:
            if record.doubles and of_type.max_end > start and not (record.substituted and original_end <= day):
                record.points = 2 * record.stated
            if record.latest:
                if of_type.latest >= 0:
                    records[of_type.latest].points = 0
                of_type.latest = i
        of_type.max_end = max(np.int64(of_type.max_end), original_end)
    return flags, ceiling, until, linked


@compiled
def _score(
    facts: Facts, begin: Int, stop: Int, count: Int, day: Int, rules: Rules, work: _Work, stamp: Int
) -> tuple[Int, Int, Int]:
    """Return flags and score of one subject on a day, and the next day on which its records may change them.

    Its dimensions are left in ``work.totals``.
    """
    flags, ceiling, change, linked = _go_through(facts, begin, stop, count, day, work, stamp)
    records = work.records
    if linked > 1:
        _keep_largest_of_each_incident(records, work.linked, linked)
    totals = work.totals
    for dimension in range(_DIMENSIONS):
        totals[dimension] = 0
    pots = work.pots
    pots[:] = 0
    for i in range(count):
        record = records[i]
        points = np.int64(record.points)
        if points > 0:
            if record.cap_year:
                points = _within_year(record, work.seen)
            pots[record.pot] += points
        else:
            totals[record.dimension] += points
    for pot in range(pots.shape[0]):
        totals[rules.pot_dimension[pot]] += min(pots[pot], rules.pot_cap[pot])
    total: Int = rules.base
    for dimension in range(_DIMENSIONS):
        totals[dimension] = min(max(totals[dimension], rules.lowest[dimension]), rules.highest[dimension])
        total += totals[dimension]
    score = min(max(total, 0), SCORE_MAX, ceiling)
    if ceiling < SCORE_MAX:
        flags |= CEILING
    return flags, score, change


@compiled
def _state(flags: Int, score: Int, change: Int, day: Int, kind: Int, rules: Rules) -> _State:
    """Return what a score is worth on a day, and until when: until records or a perk's threshold change."""
    until: Int = change
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
        np.zeros(records_max, np.int64),
        np.zeros(TYPE_CODES, _SEEN),
        np.zeros(rules.pot_cap.shape[0], np.int64),
        np.zeros(_DIMENSIONS, np.int64),
    )
    stamp = 0
    for n in range(starts.shape[0] - 1):
        begin = starts[n]
        stop = starts[n + 1]
        kind = np.int64(subjects[n] >> np.uint64(KIND_SHIFT))
        count, controls = _resolve(facts, begin, stop, day, rules, work.records, work.controls_at, 0)
        if controls:
            count, controls = _resolve(facts, begin, stop, day, rules, work.records, work.controls_at, controls)
        stamp += 1
        flags, score, change = _score(facts, begin, stop, count, day, rules, work, stamp)
        now = _state(flags, score, change, day, kind, rules)
        card = cards[n]
        for dimension in range(_DIMENSIONS):
            card.dimensions[dimension] = work.totals[dimension]
        then = now
        if now.until < NEVER:
            if change == now.until:
                stamp += 1
                flags, score, change = _score(facts, begin, stop, count, change, rules, work, stamp)
            # Otherwise a threshold moves first: the score stays, and what it earns changes.
            then = _state(flags, score, change, now.until, kind, rules)
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
