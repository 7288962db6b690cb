"""What is deleted once its time is over: nobody is followed for good by what they did.

Bad information is kept for five years from the end of the act and then deleted (Regulation on the Credit Reporting
Industry, art. 16; likewise Shandong 2020, art. 38). Here that holds of every record, the good ones too: nothing is kept
for longer than its purpose needs (Personal Information Protection Law, art. 19).

Deleting changes no score, on the day or later: what anything that counts rests on is kept until then. `kept` is the
rule as one would read it out, `kept_of_many` its compiled equal.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.catalogue import TYPE_CODES, TYPES_BY_CODE
from schemas.compiled import Int, Row, allocating, compiled
from schemas.days import NEVER, add_months, day_of
from schemas.facts import Fact, Facts, plain
from scoring.evaluator import Record, disputed_on, end_of, makes_repeat, resolve
from scoring.pack import Pack
from scoring.resolver import Work, day_of_instant, dispute, room_for
from scoring.resolver import add_months as add_months_compiled
from scoring.resolver import makes_repeat as makes_repeat_compiled
from scoring.resolver import resolve as resolve_compiled
from scoring.rules import Int64s, Rules

Bools = NDArray[np.bool_]

_ABOUT_THE_SUBJECT = np.zeros(TYPE_CODES, np.bool_)
_ABOUT_THE_SUBJECT[[code for code, one in TYPES_BY_CODE.items() if one.about_the_subject]] = True


def kept(facts: Facts, pack: Pack, day: int) -> Bools:
    """Return which facts of one subject are kept on a day.

    Args:
        facts: (n,) of dtype FACT, each record id once.
        pack: the rules; without a retention everything is kept.
        day: days since 1970-01-01 in the city.

    """
    if pack.retention is None:
        return np.ones(len(facts), np.bool_)
    months = pack.retention.months
    stated = plain(facts)
    records = {one.record: one for one in resolve(facts, pack)}
    controls = [fact for fact in stated if TYPES_BY_CODE[fact.type].control]
    keeps = {
        fact.record: _keeps(fact, [one for one in controls if one.link == fact.record], records, months, day)
        for fact in stated
        if not TYPES_BY_CODE[fact.type].control
    }
    # What is said of a record goes with it; said of none that is here, it waits as long for one to come.
    keeps |= {one.record: keeps.get(one.link, not _is_over(day_of(one.occurred), months, day)) for one in controls}
    return np.array([keeps[fact.record] for fact in stated], np.bool_)


def _keeps(fact: Fact, about: Sequence[Fact], records: dict[int, Record], months: int, day: int) -> bool:
    """Whether a record is kept: if it says who somebody is, or its time is not over, or something needs it."""
    if TYPES_BY_CODE[fact.type].about_the_subject or any(day_of(one.occurred) > day for one in about):
        return True
    record = records.get(fact.record)
    if record is None:
        # Revoked, or of a type that no rule is about: only the act itself says when it was over.
        return not _is_over(max(day_of(fact.occurred), fact.determined, fact.terminated), months, day)
    over = max(record.start, record.stopped if record.stopped < NEVER else 0)
    ended = end_of(record) <= day and not disputed_on(record, day)
    return not (ended and _is_over(over, months, day)) or _is_needed(record, list(records.values()), day)


def _is_over(since: int, months: int, day: int) -> bool:
    return add_months(since, months) <= day


def _is_needed(record: Record, records: Sequence[Record], day: int) -> bool:
    """Whether a later act of the kind still counts, or will, that is a repeat because of this one."""
    later = records[[one.record for one in records].index(record.record) + 1 :]
    return any(one.rule.doubles and makes_repeat(record, one) and day < end_of(one) for one in later)


@compiled
def _waits_for_a_control(facts: Facts, begin: Int, stop: Int, record: np.uint64, day: Int, rules: Rules) -> bool:
    for i in range(begin, stop):
        control: Row = facts[i]
        if rules.control[control.type] and control.link == record and day_of_instant(control.occurred) > day:
            return True
    return False


@compiled
def _is_needed_compiled(facts: Facts, number: Int, count: Int, day: Int, rules: Rules, work: Work) -> bool:
    record: Row = work.records[number]
    for i in range(number + 1, count):
        later: Row = work.records[i]
        same = facts[later.place].type == facts[record.place].type and rules.table[later.row].doubles
        if same and makes_repeat_compiled(facts, record, later) and later.last_end > day:
            return True
    return False


@compiled
def _has_ended(facts: Facts, begin: Int, stop: Int, number: Int, day: Int, rules: Rules, work: Work) -> bool:
    """Whether a record's time is over and it is neither counted nor disputed."""
    record: Row = work.records[number]
    over: Int = np.int64(record.start)
    if record.stopped < NEVER:
        over = max(over, np.int64(record.stopped))
    if record.last_end > day or add_months_compiled(over, rules.retention) > day:
        return False
    open_, _ = dispute(facts, begin, stop, facts[record.place].record, day)
    return not open_


@compiled
def _keeps_compiled(
    facts: Facts, begin: Int, stop: Int, day: Int, rules: Rules, work: Work, who: tuple[Int, Int, Int]
) -> bool:
    """Do as `_keeps`; ``who`` has the places of the fact and of its record, or -1, and how many records there are."""
    place, number, count = who
    fact: Row = facts[place]
    if _ABOUT_THE_SUBJECT[fact.type] or _waits_for_a_control(facts, begin, stop, fact.record, day, rules):
        return True
    if number < 0:
        over = max(day_of_instant(fact.occurred), np.int64(fact.determined), np.int64(fact.terminated))
        return bool(add_months_compiled(over, rules.retention) > day)
    ended = _has_ended(facts, begin, stop, number, day, rules, work)
    return not ended or _is_needed_compiled(facts, number, count, day, rules, work)


@compiled
def _keep_controls(facts: Facts, begin: Int, stop: Int, day: Int, rules: Rules, keep: Bools) -> None:
    for i in range(begin, stop):
        control: Row = facts[i]
        if not rules.control[control.type]:
            continue
        keep[i] = add_months_compiled(day_of_instant(control.occurred), rules.retention) > day
        for j in range(begin, stop):
            fact: Row = facts[j]
            if fact.record == control.link and not rules.control[fact.type]:
                keep[i] = keep[j]
                break


@compiled
def _keep_each(facts: Facts, starts: Int64s, day: Int, rules: Rules, keep: Bools, work: Work) -> None:
    for n in range(starts.shape[0] - 1):
        begin = starts[n]
        stop = starts[n + 1]
        # On a day before all days nothing has ended, so no record is left out but those that were revoked.
        count, controls, _ = resolve_compiled(facts, begin, stop, np.int64(-1), rules, work)
        number = np.int64(0)
        for i in range(begin, stop):
            fact: Row = facts[i]
            if rules.control[fact.type]:
                continue
            record: Row = work.records[number]
            if number < count and record.place == i:
                keep[i] = _keeps_compiled(facts, begin, stop, day, rules, work, (i, number, count))
                number += 1
            else:
                keep[i] = _keeps_compiled(facts, begin, stop, day, rules, work, (i, np.int64(-1), count))
        if controls:
            _keep_controls(facts, begin, stop, day, rules, keep)


@allocating
def _keep(facts: Facts, starts: Int64s, day: Int, rules: Rules, keep: Bools) -> None:
    _keep_each(facts, starts, day, rules, keep, room_for(starts, rules.pot_cap.shape[0]))


def kept_of_many(facts: Facts, starts: Int64s, day: int, rules: Rules) -> Bools:
    """Return which facts of n subjects are kept on a day.

    Args:
        facts: all ledgers, one behind the other, each ordered by (occurred, record) and without repetition.
        starts: (n + 1,) where each begins.
        day: days since 1970-01-01 in the city.
        rules: the pack; without a retention everything is kept.

    """
    keep = np.ones(len(facts), np.bool_)
    if rules.retention:
        _keep(facts, starts, day, rules, keep)
    return keep
