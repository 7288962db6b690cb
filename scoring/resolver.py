"""The compiled resolver: the facts of one subject to records, each with what its controls and the pack say.

It is the first half of `scoring.evaluator` compiled, and must agree with it on every input.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas import catalogue
from schemas.catalogue import GRADE_CODES, TYPE_CODES, Grade
from schemas.compiled import Int, Row, allocating, compiled, inlined
from schemas.days import CITY_OFFSET_S, DAY_OF_MONTH, DAY_S, FIRST_DAY_OF_MONTH, MONTH_OF_DAY, NEVER
from schemas.facts import Facts
from scoring.pack import Dimension
from scoring.rules import (
    COUNTED_OVER,
    DETERMINED,
    NO_REPAIR,
    OF_THE_SUBJECT,
    ON_FULFILMENT,
    TERMINATED,
    WEIGHTY,
    Int64s,
    Rows,
    Rules,
)

REGISTERED = catalogue.REGISTERED.code
_CORRECTED = catalogue.CORRECTED.code
_REVOKED = catalogue.REVOKED.code
_DISPUTED = catalogue.DISPUTED.code
_RESOLVED = catalogue.RESOLVED.code
_REPAIRED = catalogue.REPAIRED.code
_FULFILLED = catalogue.FULFILLED.code
_REMOVED = catalogue.REMOVED.code
_CONFIRMED = catalogue.CONFIRMED.code
_UPHELD = int(Grade.UPHELD)

DIMENSIONS = len(Dimension)
# What is kept although it has ended: it says something of its subject, or when it ends is not known yet.
_KEPT = OF_THE_SUBJECT | COUNTED_OVER

# Why a record may have to stand aside: somebody disputes it, or it waits for a person to look at it; and of what waits
# whether it would lower its subject too far.
DISPUTABLE, WAITS, TOO_FAR = 1, 2, 4

# One record of the subject at hand, with what its controls and the pack say.
RECORD = np.dtype(
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
        ("aside", "u1"),
        ("doubles", "?"),
        ("latest", "?"),
        ("cap_year", "<i2"),
        ("pot", "<i2"),
        ("special", "<u2"),
        ("award", "?"),
        ("row", "<i4"),  # of `Rules.more`
        ("quantity", "<i4"),
        # Days that fewer look at, short so that a record does not outgrow 72 bytes.
        ("repaired", "<u2"),
        ("stopped", "<u2"),
        ("confirmed", "<u2"),
    ],
    align=True,
)

# What is remembered of one type while a subject's records are gone through.
SEEN = np.dtype(
    [("stamp", "<i8"), ("sum", "<i8"), ("max_end", "<i4"), ("latest", "<i4"), ("year", "<i4"), ("points", "<i4")]
)


class Work(NamedTuple):
    """Room for one subject's records, and for what is counted by type and group."""

    records: Rows  # of dtype RECORD
    controls_at: Int64s  # places of controls among the facts
    linked: Int64s  # places of those that count and share an act with others
    waiting: Int64s  # places of those that wait for a person
    seen: Rows  # (T,) of dtype SEEN
    pots: Int64s  # (N,)
    totals: Int64s  # (dimensions,)
    with_all: Int64s  # (dimensions,) likewise, before any record was let wait
    stamp: Int64s  # (1,) how often records were gone through, so that `seen` need not be emptied


@compiled
def day_of_instant(occurred: Int) -> Int:
    """Do as `schemas.days.day_of`."""
    return (np.int64(occurred) + CITY_OFFSET_S) // DAY_S


@compiled
def add_months(day: Int, months: Int) -> Int:
    """Do as `schemas.days.add_months`."""
    month = np.int64(MONTH_OF_DAY[day]) + months
    if day >= NEVER or month + 1 >= FIRST_DAY_OF_MONTH.shape[0]:
        return NEVER
    length = np.int64(FIRST_DAY_OF_MONTH[month + 1]) - np.int64(FIRST_DAY_OF_MONTH[month])
    return min(np.int64(FIRST_DAY_OF_MONTH[month]) + min(np.int64(DAY_OF_MONTH[day]), length) - 1, NEVER)


@compiled
def _end_of_accruals(start: Int, more: Row, stopped: Int) -> Int:
    """Return when the last deduction of an act that went on ends."""
    every = np.int64(more.every)
    if stopped >= NEVER:
        return NEVER
    if stopped <= start:
        return start
    times: Int = max((np.int64(MONTH_OF_DAY[stopped]) - np.int64(MONTH_OF_DAY[start])) // every - 1, 0)
    while add_months(start, every * (times + 1)) < stopped:
        times += 1
    return add_months(add_months(start, every * times), np.int64(more.months))


@compiled
def _end_accruals(records: Rows, count: Int, more: Rows, ends: NDArray[np.uint16]) -> None:
    """Say of acts that went on when they end."""
    for i in range(count):
        record = records[i]
        rule = more[record.row]
        if record.special & COUNTED_OVER and rule.every:
            end = _end_of_accruals(np.int64(record.start), rule, np.int64(record.stopped))
            record.original_end = min(end, np.int64(record.repaired))
            record.last_end = record.original_end
            record.substituted = rule.substitute_validity >= 0 and record.repaired != NEVER and record.repaired <= end
            if record.substituted:
                record.last_end = ends[rule.substitute_validity, max(record.original_end, record.start)]


@inlined
def _find_controls(facts: Facts, begin: Int, stop: Int, rules: Rules, controls_at: Int64s) -> Int:
    """Put the places of controls into `controls_at`; return how many there are."""
    controls = 0
    for i in range(begin, stop):
        code = np.int64(facts[i].type)
        if rules.control[code] and not rules.table[code * GRADE_CODES + np.int64(facts[i].grade)].ruled:
            controls_at[controls] = i
            controls += 1
    return controls


@compiled
def resolve(facts: Facts, begin: Int, stop: Int, day: Int, rules: Rules, work: Work) -> tuple[Int, Int, Int]:
    """Put one subject's records into ``work.records``, in the order of its facts; revoked ones are left out.

    So is a record that has ended by ``day`` and cannot make a later one a repeat. Returns how many there are, how many
    controls, whose places are in ``work.controls_at``, and the bits of what is special.
    """
    records = work.records
    controls_at = work.controls_at
    table = rules.table
    more = rules.more
    ends = rules.ends
    controls = _find_controls(facts, begin, stop, rules, controls_at)
    count = 0
    special: Int = 0
    for i in range(begin, stop):
        fact = facts[i]
        code = np.int64(fact.type)
        grade = np.int64(fact.grade)
        if not table[code * GRADE_CODES + grade].ruled:
            continue
        quantity = np.int64(fact.quantity)
        terminated: Int = np.int64(fact.terminated)
        fulfilled: Int = NEVER
        ended: Int = NEVER
        repaired: Int = NEVER
        confirmed: Int = NEVER
        revoked = False
        aside = 0
        for j in range(controls):
            control = facts[controls_at[j]]
            if control.link == fact.record:
                said = np.int64(control.type)
                at = day_of_instant(control.occurred)
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
                elif said == _CONFIRMED:
                    confirmed = min(confirmed, at)
                elif said == _DISPUTED or said == _RESOLVED:  # noqa: SIM109 - compiled, a tuple costs more
                    aside = DISPUTABLE
        if revoked:
            continue
        row = code * GRADE_CODES + grade
        rule = table[row]
        if rule.repair == NO_REPAIR:
            repaired = NEVER
        elif rule.repair == ON_FULFILMENT:
            repaired = min(repaired, fulfilled)
        start = day_of_instant(fact.occurred)
        anchored: Int = start
        if rule.anchor == DETERMINED and fact.determined:
            start = np.int64(fact.determined)
            anchored = start
        elif rule.anchor == TERMINATED:
            anchored = terminated or ended
        end = np.int64(ends[rule.validity, anchored])
        original_end = min(end, repaired)
        last_end = original_end
        substituted = rule.substituted and repaired != NEVER and repaired <= end
        if substituted:
            last_end = np.int64(ends[more[row].substitute_validity, max(original_end, start)])
        if max(start, last_end) <= day and not (
            rule.doubles or aside != 0 or code == REGISTERED or rule.special & _KEPT
        ):
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
        record.remembered = rule.cap_year != 0 or rule.doubles or rule.latest or rule.special & COUNTED_OVER != 0
        record.award = rule.award
        bits = np.int64(rule.special)
        if bits & WEIGHTY and (confirmed <= day or (last_end <= day and not bits & COUNTED_OVER)):
            bits &= ~WEIGHTY
        record.confirmed = confirmed
        record.special = bits
        special |= bits
        record.cap_year = rule.cap_year
        record.pot = rule.pot
        record.substituted = substituted
        record.aside = aside
        record.doubles = rule.doubles and stated < 0
        if rule.cap_year:
            record.year = MONTH_OF_DAY[day_of_instant(fact.occurred)] // 12
        record.row = row
        record.repaired = repaired
        record.stopped = terminated or ended
        record.quantity = quantity
        count += 1
    if special & COUNTED_OVER:
        _end_accruals(records, count, more, ends)
    return count, controls, special


@compiled
def dispute(facts: Facts, begin: Int, stop: Int, record: np.uint64, day: Int) -> tuple[bool, Int]:
    """Return whether a record is disputed on a day, and the next day on which that may change."""
    open_ = False
    change: Int = NEVER
    for j in range(begin, stop):
        control = facts[j]
        if control.link == record and (control.type == _DISPUTED or control.type == _RESOLVED):
            at = day_of_instant(control.occurred)
            if at <= day:
                open_ = control.type == _DISPUTED
            else:
                change = min(change, at)
    return open_, change


@allocating
def room_for(starts: Int64s, pots: Int) -> Work:
    """Return room for the longest of some ledgers, under rules with so many pots."""
    records_max = 1
    for n in range(starts.shape[0] - 1):
        records_max = max(records_max, starts[n + 1] - starts[n])
    return Work(
        np.zeros(records_max, RECORD),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(TYPE_CODES, SEEN),
        np.zeros(pots, np.int64),
        np.zeros(DIMENSIONS, np.int64),
        np.zeros(DIMENSIONS, np.int64),
        np.zeros(1, np.int64),
    )
