"""The compiled resolver: the facts of one subject to records, each with what its controls and the pack say.

It is the first half of `scoring.evaluator` compiled, and must agree with it on every input.
"""

from typing import NamedTuple

import numpy as np

from schemas import catalogue
from schemas.catalogue import GRADE_CODES, TYPE_CODES, Grade
from schemas.compiled import Int, Row, allocating, compiled, inlined
from schemas.days import CITY_OFFSET_S, DAY_OF_MONTH, DAY_S, FIRST_DAY_OF_MONTH, MONTH_OF_DAY, NEVER, YEAR_OF_DAY
from schemas.facts import Facts
from scoring.pack import Dimension
from scoring.rules import (
    COUNTED_OVER,
    DETERMINED,
    NO_REPAIR,
    ON_FULFILMENT,
    SHARE_BITS,
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
_GRADES = np.uint64(GRADE_CODES)
# What of a record few have, as bits beside those of its rule: somebody disputes it; it waits for a person to look at
# it, or would lower its subject too far; it shares its act with others; a repair leaves something in its place; on the
# day at hand it is left out.
DISPUTABLE, WAITS, TOO_FAR, LINKED, SUBSTITUTED, LEFT_OUT = (1 << bit for bit in range(9, 15))

# One record of the subject at hand, with what its controls and the pack say; 64 bytes, as a line of the cache.
RECORD = np.dtype(
    [
        ("spent", "<i8"),  # of the cap of its year, with those before
        ("place", "<u4"),  # among the facts
        ("row", "<u4"),  # of the pack's tables
        ("start", "<i4"),
        ("original_end", "<i4"),
        ("last_end", "<i4"),
        ("stated", "<i4"),  # points before repeats, incidents and caps
        ("points", "<i4"),
        ("before", "<u4"),  # the record of its type before it, or that of nobody
        # What was seen of its type up to it:
        ("max_end", "<i4"),
        ("latest", "<u4"),  # the record that counts, or that of nobody
        ("sum", "<i4"),  # of quantities
        ("quantity", "<u2"),
        ("year", "<u2"),  # of the act
        ("special", "<u2"),
        ("repaired", "<u2"),
        ("stopped", "<u2"),
        ("confirmed", "<u2"),
    ],
    align=True,
)


# What controls say of one fact.
SAID = np.dtype(
    [
        ("fulfilled", "<u2"),
        ("ended", "<u2"),
        ("repaired", "<u2"),
        ("confirmed", "<u2"),
        ("quantity", "<u2"),  # the right one, or 0
        ("disputable", "<u2"),
        ("grade", "u1"),  # the right one, or 0
        ("revoked", "?"),
    ]
)


class Work(NamedTuple):
    """Room for one subject's records, and for what is counted of them."""

    records: Rows  # of dtype RECORD; the last is nobody's, and stands before the first of each type
    said: Rows  # of dtype SAID; one for each fact, set where there are controls
    controls_at: Int64s  # places of controls among the facts
    linked: Int64s  # places of those that count and share an act with others
    waiting: Int64s  # places of those that wait for a person
    newest: Int64s  # (T,) the last record of each type, counted on from subject to subject so that none is emptied
    pots: Int64s  # (N,)
    totals: Int64s  # (dimensions,)
    with_all: Int64s  # (dimensions,) likewise, before any record was let wait
    counted: Int64s  # (1,) how far `newest` counted before this subject


@compiled
def day_of_instant(occurred: Int) -> Int:
    """Do as `schemas.days.day_of`."""
    return np.int64((np.uint64(occurred) + np.uint64(CITY_OFFSET_S)) // np.uint64(DAY_S))


@compiled
def add_months(day: Int, months: Int) -> Int:
    """Do as `schemas.days.add_months`."""
    month = np.int64(MONTH_OF_DAY[np.uint64(day)]) + months
    first: Int = np.int64(FIRST_DAY_OF_MONTH[np.uint64(month)])
    following: Int = np.int64(FIRST_DAY_OF_MONTH[np.uint64(month + 1)])
    after: Int = min(first + np.int64(DAY_OF_MONTH[np.uint64(day)]), following, NEVER + 1)
    return after - 1


@compiled
def _end_of_accruals(start: Int, every: Int, months: Int, stopped: Int) -> Int:
    """Return when the last deduction of an act that went on ends."""
    if stopped >= NEVER:
        return NEVER
    if stopped <= start:
        return start
    times: Int = max((np.int64(MONTH_OF_DAY[stopped]) - np.int64(MONTH_OF_DAY[start])) // every - 1, 0)
    while add_months(start, every * (times + 1)) < stopped:
        times += 1
    return add_months(add_months(start, every * times), months)


@compiled
def _end_accruals(records: Rows, count: Int, rules: Rules) -> None:
    """Say of acts that went on when they end."""
    for i in range(count):
        record = records[i]
        rule = rules.table[record.row]
        more = rules.more[record.row]
        if record.special & COUNTED_OVER and more.every:
            end = _end_of_accruals(
                np.int64(record.start), np.int64(more.every), np.int64(rule.months), np.int64(record.stopped)
            )
            record.original_end = min(end, np.int64(record.repaired))
            record.last_end = record.original_end
            record.special &= ~SUBSTITUTED
            if rule.substituted and record.repaired != NEVER and record.repaired <= end:
                record.special |= SUBSTITUTED
                record.last_end = add_months(max(record.original_end, record.start), np.int64(more.substitute_months))


@compiled
def _find_controls(facts: Facts, begin: Int, stop: Int, rules: Rules, controls_at: Int64s) -> Int:
    """Put the places of controls into `controls_at`; return how many there are."""
    controls: Int = 0
    for i in range(begin, stop):
        # Written over unless kept: a branch would be guessed wrong.
        controls_at[np.uint64(controls)] = i
        controls += np.int64(rules.control[facts[np.uint64(i)].type])
    return controls


@compiled
def _hear(facts: Facts, begin: Int, stop: Int, controls: Int, work: Work) -> None:
    """Put what controls say of each fact into `work.said`, in the order of the facts."""
    for i in range(begin, stop):
        fact = facts[i]
        said = work.said[i - begin]
        _forget(said)
        for j in range(controls):
            control = facts[work.controls_at[j]]
            if control.link != fact.record:
                continue
            what = np.int64(control.type)
            at = day_of_instant(control.occurred)
            if what == _REVOKED or (what == _RESOLVED and control.grade == _UPHELD):
                said.revoked = True
            elif what == _CORRECTED:
                if control.determined == fact.type:
                    said.grade = control.grade or said.grade
                    said.quantity = control.quantity or said.quantity
            elif what == _FULFILLED:
                said.fulfilled = min(np.int64(said.fulfilled), at)
                said.ended = min(np.int64(said.ended), at)
            elif what == _REMOVED:
                said.ended = min(np.int64(said.ended), at)
            elif what == _REPAIRED:
                said.repaired = min(np.int64(said.repaired), at)
            elif what == _CONFIRMED:
                said.confirmed = min(np.int64(said.confirmed), at)
            elif what == _DISPUTED or what == _RESOLVED:  # noqa: SIM109 - compiled, a tuple costs more
                said.disputable = DISPUTABLE


@compiled
def _forget(said: Row) -> None:
    said.fulfilled = NEVER
    said.ended = NEVER
    said.repaired = NEVER
    said.confirmed = NEVER
    said.quantity = 0
    said.disputable = 0
    said.grade = 0
    said.revoked = False


@inlined
def resolve(facts: Facts, begin: Int, stop: Int, day: Int, rules: Rules, work: Work) -> tuple[Int, Int, Int]:
    """Put one subject's records into ``work.records``, in the order of its facts; revoked ones are left out.

    So is a record that has ended by ``day`` and cannot make a later one a repeat. Returns how many there are, how many
    controls, whose places are in ``work.controls_at``, and the bits of what is special.
    """
    records = work.records
    newest = work.newest
    table = rules.table
    nobody: Int = records.shape[0] - 1
    work.counted[0] += nobody
    counted = work.counted[0]
    controls = _find_controls(facts, begin, stop, rules, work.controls_at)
    if controls:
        _hear(facts, begin, stop, controls, work)
    count: Int = 0
    special: Int = 0
    for i in range(begin, stop):
        fact = facts[np.uint64(i)]
        grade = np.uint64(fact.grade)
        quantity = np.int64(fact.quantity)
        stopped: Int = np.int64(fact.terminated) or NEVER
        bits: Int = 0
        repaired: Int = NEVER
        confirmed: Int = NEVER
        if controls:
            said = work.said[i - begin]
            if said.revoked:
                continue
            grade = np.uint64(said.grade or fact.grade)
            quantity = np.int64(said.quantity or fact.quantity)
            stopped = min(stopped, np.int64(said.ended))
            bits = np.int64(said.disputable)
            repaired = np.int64(said.repaired)
            confirmed = np.int64(said.confirmed)
        row = np.uint64(rules.rows[np.uint64(fact.type) * _GRADES + grade])
        if row == 0:
            continue
        rule = table[row]
        start = day_of_instant(fact.occurred)
        anchored: Int = start
        record = records[np.uint64(count)]
        record.place = i
        record.row = row
        record.year = YEAR_OF_DAY[np.uint64(start)]
        record.stopped = stopped
        if rule.anchor == DETERMINED and fact.determined:
            start = np.int64(fact.determined)
            anchored = start
        elif rule.anchor == TERMINATED:
            anchored = stopped
        end = add_months(anchored, np.int64(rule.months))
        original_end = end
        last_end = end
        bits |= np.int64(rule.special) | (LINKED if fact.link != 0 else 0)
        if controls:
            if rule.repair == NO_REPAIR:
                repaired = NEVER
            elif rule.repair == ON_FULFILMENT:
                repaired = min(repaired, np.int64(work.said[i - begin].fulfilled))
            original_end = min(end, repaired)
            last_end = original_end
            if rule.substituted and repaired <= end and repaired < NEVER:
                bits |= SUBSTITUTED
                last_end = add_months(max(original_end, start), np.int64(rules.more[row].substitute_months))
        if bits:
            if bits & WEIGHTY and (confirmed <= day or (last_end <= day and not bits & COUNTED_OVER)):
                bits &= ~WEIGHTY
            record.repaired = repaired
            record.confirmed = confirmed
            record.quantity = quantity
        record.start = start
        record.original_end = original_end
        record.last_end = last_end
        record.stated = np.int64(rule.points) * ((quantity * np.int64(rule.share) >> SHARE_BITS) + np.int64(rule.once))
        record.special = bits
        before = newest[fact.type]
        record.before = before - counted if before >= counted else nobody
        # What is written of a record that is not kept is written over: that is never guessed wrong, as a branch is.
        kept = np.int64(max(start, last_end) > day) | np.int64(rule.outlasts) | np.int64(bits & DISPUTABLE != 0)
        newest[fact.type] = before + (counted + count - before) * kept
        special |= bits * kept
        count += kept
    if special & COUNTED_OVER:
        _end_accruals(records, count, rules)
    return count, controls, special


@compiled
def makes_repeat(facts: Facts, earlier: Row, later: Row) -> bool:
    """Do as `scoring.evaluator.makes_repeat`, of records of one type."""
    act = facts[later.place].link
    return bool(earlier.original_end > later.start and (act == 0 or facts[earlier.place].link != act))


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
    records = np.zeros(records_max + 1, RECORD)
    records[records_max].latest = records_max
    return Work(
        records,
        np.zeros(records_max, SAID),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(records_max, np.int64),
        np.zeros(TYPE_CODES, np.int64),
        np.zeros(pots, np.int64),
        np.zeros(DIMENSIONS, np.int64),
        np.zeros(DIMENSIONS, np.int64),
        np.zeros(1, np.int64),
    )
