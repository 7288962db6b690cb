"""The compiled evaluator: many subjects in one call, each two times: on the day, and on the day it next changes.

It must agree with `scoring.evaluator`, where the rules are explained, on every input.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas import catalogue
from schemas.catalogue import GRADE_CODES, TYPE_CODES, Grade
from schemas.compiled import Int, Row, compiled, inlined
from schemas.days import CITY_OFFSET_S, DAY_OF_MONTH, DAY_S, FIRST_DAY_OF_MONTH, MONTH_OF_DAY, NEVER
from schemas.facts import Facts
from schemas.subjects import KIND_SHIFT
from scoring.card import CARD_VERSION, CEILING, DISPUTED, HAS_SCORE, NO_TIER, REVIEW, Cards
from scoring.pack import SCORE_MAX, Dimension
from scoring.rules import (
    ALLOWS_HEALTH,
    ALLOWS_SCORE,
    COUNTED_OVER,
    DETERMINED,
    ENDS_SCORE,
    FORBIDS_HEALTH,
    FORBIDS_SCORE,
    NO_REPAIR,
    OF_THE_SUBJECT,
    ON_FULFILMENT,
    OPT_IN,
    RECORD_ONLY,
    TERMINATED,
    WEIGHTY,
    Int64s,
    Rows,
    Rules,
)

_REGISTERED = catalogue.REGISTERED.code
_CORRECTED = catalogue.CORRECTED.code
_REVOKED = catalogue.REVOKED.code
_DISPUTED = catalogue.DISPUTED.code
_RESOLVED = catalogue.RESOLVED.code
_REPAIRED = catalogue.REPAIRED.code
_FULFILLED = catalogue.FULFILLED.code
_REMOVED = catalogue.REMOVED.code
_CONFIRMED = catalogue.CONFIRMED.code
_UPHELD = int(Grade.UPHELD)

_DIMENSIONS = len(Dimension)
# What is kept although it has ended: it says something of its subject, or when it ends is not known yet.
_KEPT = OF_THE_SUBJECT | COUNTED_OVER

# Why a record may have to stand aside: somebody disputes it, or it waits for a person to look at it; and of what waits
# whether it would lower its subject too far.
_DISPUTABLE, _WAITS, _TOO_FAR = 1, 2, 4

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

# What `_score` returns: flags, score, and the next day on which they may change.
_Found: TypeAlias = tuple[Int, Int, Int]

# What is remembered of one type while a subject's records are gone through.
_SEEN = np.dtype(
    [("stamp", "<i8"), ("sum", "<i8"), ("max_end", "<i4"), ("latest", "<i4"), ("year", "<i4"), ("points", "<i4")]
)


class _Work(NamedTuple):
    """Room for one subject's records, and for what is counted by type and group."""

    records: Rows  # of dtype _RECORD
    controls_at: Int64s  # places of controls among the facts
    linked: Int64s  # places of those that count and share an act with others
    waiting: Int64s  # places of those that wait for a person
    seen: Rows  # (T,) of dtype _SEEN
    pots: Int64s  # (N,)
    totals: Int64s  # (dimensions,)
    with_all: Int64s  # (dimensions,) likewise, before any record was let wait
    stamp: Int64s  # (1,) how often records were gone through, so that `seen` need not be emptied


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
def _add_months(day: Int, months: Int) -> Int:
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
    while _add_months(start, every * (times + 1)) < stopped:
        times += 1
    return _add_months(_add_months(start, every * times), np.int64(more.months))


@compiled
def _accrued(record: Row, rule: Row, day: Int) -> tuple[Int, Int]:
    """Return how many deductions of an act that went on count on a day, and the next day on which that changes."""
    start = np.int64(record.start)
    every = np.int64(rule.every)
    months = np.int64(rule.months)
    # Those before ended so many months ago that not even the ends of months can matter.
    times: Int = max((np.int64(MONTH_OF_DAY[day]) - np.int64(MONTH_OF_DAY[start]) - months) // every - 1, 0)
    count = 0
    change: Int = NEVER
    while True:
        at = _add_months(start, every * times)
        if at >= record.stopped:
            return count, change
        if at > day:
            return count, min(change, at)
        end = _add_months(at, months)
        if end > day:
            count += 1
            change = min(change, end)
        times += 1


@compiled
def _step(steps: Int64s, quantity: Int) -> Int:
    points: Int = 0
    for place in range(steps.shape[0]):
        if steps[place, 0] <= quantity:
            points = steps[place, 1]
    return points


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


@compiled
def _count_over(record: Row, rule: Row, of_type: Row, steps: Int64s, day: Int) -> Int:
    """Count an act that goes on as often as it was deducted, or a quantity by what it adds to the sum of its type.

    Returns the next day on which that changes by itself.
    """
    change: Int = NEVER
    if rule.every and record.original_end > day:
        times, change = _accrued(record, rule, day)
        record.points *= times
    if rule.steps:
        before = np.int64(of_type.sum)
        of_type.sum += np.int64(record.quantity)
        record.points = _step(steps[rule.steps], np.int64(of_type.sum)) - _step(steps[rule.steps], before)
    return change


@compiled
def _resolve(
    facts: Facts, begin: Int, stop: Int, day: Int, rules: Rules, work: _Work, known: Int
) -> tuple[Int, Int, Int]:
    """Put the subject's records into `records`; return how many, how many controls, and the bits of what is special.

    The places of controls are put into `controls_at`. What the first `known` of them say is taken into account, so a
    subject with controls, which most have not, is resolved once to find them and once more.
    A record that has ended by `day`, and cannot make a later one a repeat, is left out.
    """
    records = work.records
    controls_at = work.controls_at
    table = rules.table
    more = rules.more
    ends = rules.ends
    controls = 0
    count = 0
    special: Int = 0
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
        confirmed: Int = NEVER
        revoked = False
        aside = 0
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
                elif said == _CONFIRMED:
                    confirmed = min(confirmed, at)
                elif said == _DISPUTED or said == _RESOLVED:  # noqa: SIM109 - compiled, a tuple costs more
                    aside = _DISPUTABLE
        if revoked:
            continue
        row = code * GRADE_CODES + grade
        rule = table[row]
        if rule.repair == NO_REPAIR:
            repaired = NEVER
        elif rule.repair == ON_FULFILMENT:
            repaired = min(repaired, fulfilled)
        start = _day(fact.occurred)
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
            rule.doubles or aside != 0 or code == _REGISTERED or rule.special & _KEPT
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
            record.year = MONTH_OF_DAY[_day(fact.occurred)] // 12
        record.row = row
        record.repaired = repaired
        record.stopped = terminated or ended
        record.quantity = quantity
        count += 1
    return count, controls, special


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
def _conditions(facts: Facts, begin: Int, stop: Int, count: Int, day: Int, records: Rows) -> tuple[Int, bool, bool]:
    """Return since when awards are only recorded, whether health information may count, and whether there is no score.

    Only asked of subjects with a special record.
    """
    since: Int = NEVER
    since_with_consent: Int = NEVER
    health = False
    withdrawn = False
    deceased = False
    for i in range(count):
        record = records[i]
        special = record.special
        if special == 0 or record.start > day or record.aside & _WAITS:
            continue
        if record.aside:
            open_, _ = _dispute(facts, begin, stop, record.record, day)
            if open_:
                continue
        if special & RECORD_ONLY and record.original_end > day:
            if special & OPT_IN:
                since_with_consent = min(since_with_consent, np.int64(record.start))
            else:
                since = min(since, np.int64(record.start))
        if special & (ALLOWS_HEALTH | FORBIDS_HEALTH):
            health = special & ALLOWS_HEALTH != 0
        if special & (ALLOWS_SCORE | FORBIDS_SCORE):
            withdrawn = special & FORBIDS_SCORE != 0
        if special & ENDS_SCORE:
            deceased = True
    return min(since, since_with_consent) if health else since, health, withdrawn or deceased


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
    facts: Facts,
    begin: Int,
    stop: Int,
    count: Int,
    day: Int,
    special: Int,
    more: Rows,
    steps: Int64s,
    work: _Work,
) -> tuple[Int, Int, Int, Int]:
    """Give each record the points it has on a day; return flags, ceiling, the next change, and how many are linked."""
    records = work.records
    seen = work.seen
    flags: Int = 0
    until: Int = NEVER
    ceiling: Int = SCORE_MAX
    linked = 0
    since: Int = NEVER
    health = False
    barred = False
    work.stamp[0] += 1
    stamp = work.stamp[0]
    if special:
        since, health, barred = _conditions(facts, begin, stop, count, day, records)
    for i in range(count):
        record = records[i]
        record.points = 0
        if record.aside:
            if record.aside & _WAITS:
                continue
            open_, change = _dispute(facts, begin, stop, record.record, day)
            until = min(until, change)
            if open_:
                flags |= DISPUTED
                continue
        if special and record.special & OPT_IN and not health:
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
        counts = last_end > day
        if since < NEVER and record.award and start >= since:
            counts = False
        if counts:
            record.points = record.stated
            if record.link != 0:
                work.linked[linked] = i
                linked += 1
            if record.substituted and original_end <= day:
                record.points = more[record.row].substitute_points
                ceiling = min(ceiling, np.int64(more[record.row].substitute_ceiling))
        if not record.remembered:
            continue
        of_type = seen[record.type]
        if of_type.stamp != stamp:
            of_type.stamp = stamp
            of_type.max_end = 0
            of_type.latest = -1
            of_type.year = -1
            of_type.sum = 0
        if counts:
            if record.doubles and of_type.max_end > start and not (record.substituted and original_end <= day):
                record.points *= 2
            if special and record.special & COUNTED_OVER:
                until = min(until, _count_over(record, more[record.row], of_type, steps, day))
            if record.latest:
                if of_type.latest >= 0:
                    records[of_type.latest].points = 0
                of_type.latest = i
        of_type.max_end = max(np.int64(of_type.max_end), original_end)
    if barred:
        flags &= ~HAS_SCORE
    return flags, ceiling, until, linked


@compiled
def _score(
    facts: Facts, begin: Int, stop: Int, count: Int, day: Int, special: Int, rules: Rules, work: _Work
) -> tuple[Int, Int, Int]:
    """Return flags and score of one subject on a day, and the next day on which its records may change them.

    Of its records those that wait are left out.

    Its dimensions are left in ``work.totals``.
    """
    flags, ceiling, change, linked = _go_through(facts, begin, stop, count, day, special, rules.more, rules.steps, work)
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
def _let_wait(count: Int, day: Int, work: _Work) -> tuple[Int, Int]:
    """Let the records wait that a person has to look at; return how many, and when one is confirmed next."""
    waiting = 0
    change: Int = NEVER
    for i in range(count):
        record = work.records[i]
        if record.special & WEIGHTY and day < min(record.confirmed, record.last_end):
            if record.confirmed < record.last_end:
                change = min(change, np.int64(record.confirmed))
            if record.start <= day:
                record.aside |= _WAITS
                work.waiting[waiting] = i
                waiting += 1
    return waiting, change


@compiled
def _weigh(
    facts: Facts, who: tuple[Int, Int, Int, Int], day: Int, rules: Rules, work: _Work, waiting: Int, found: _Found
) -> _Found:
    """Return what is found without those of the waiting records each of which would by itself lower it too far.

    With all of them `_score` has ``found`` something already.
    """
    begin, stop, count, special = who
    records = work.records
    work.with_all[:] = work.totals
    without = _score(facts, begin, stop, count, day, special, rules, work)
    before = np.int64(rules.tier[without[1]])
    held = 0
    for place in range(waiting):
        record = records[work.waiting[place]]
        score = found[1]
        if waiting > 1:
            record.aside &= ~_WAITS
            _, score, _ = _score(facts, begin, stop, count, day, special, rules, work)
            record.aside |= _WAITS
        if before - np.int64(rules.tier[score]) >= rules.review_tiers:
            record.aside |= _TOO_FAR
            held += 1
    if held == 0:
        work.totals[:] = work.with_all
        return found
    if waiting > 1:
        for place in range(waiting):
            record = records[work.waiting[place]]
            if not record.aside & _TOO_FAR:
                record.aside &= ~_WAITS
        without = _score(facts, begin, stop, count, day, special, rules, work)
    return without[0] | REVIEW, without[1], without[2]


@compiled
def _reviewed(
    facts: Facts, who: tuple[Int, Int, Int, Int], day: Int, rules: Rules, work: _Work, found: _Found
) -> _Found:
    """Return what `_score` ``found``, but without what waits for a person."""
    waiting, confirmed = _let_wait(who[2], day, work)
    change = min(found[2], confirmed)
    if waiting and found[0] & HAS_SCORE:
        found = _weigh(facts, who, day, rules, work, waiting, found)
    for place in range(waiting):
        work.records[work.waiting[place]].aside &= _DISPUTABLE
    return found[0], found[1], change


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
        np.zeros(records_max, np.int64),
        np.zeros(TYPE_CODES, _SEEN),
        np.zeros(rules.pot_cap.shape[0], np.int64),
        np.zeros(_DIMENSIONS, np.int64),
        np.zeros(_DIMENSIONS, np.int64),
        np.zeros(1, np.int64),
    )
    for n in range(starts.shape[0] - 1):
        begin = starts[n]
        stop = starts[n + 1]
        kind = np.int64(subjects[n] >> np.uint64(KIND_SHIFT))
        count, controls, special = _resolve(facts, begin, stop, day, rules, work, 0)
        if controls:
            count, _, special = _resolve(facts, begin, stop, day, rules, work, controls)
        if special & COUNTED_OVER:
            _end_accruals(work.records, count, rules.more, rules.ends)
        found = _score(facts, begin, stop, count, day, special, rules, work)
        if special & WEIGHTY:
            found = _reviewed(facts, (begin, stop, count, special), day, rules, work, found)
        flags, score, change = found
        now = _state(flags, score, change, day, kind, rules)
        card = cards[n]
        for dimension in range(_DIMENSIONS):
            card.dimensions[dimension] = work.totals[dimension]
        then = now
        if now.until < NEVER:
            if change == now.until:
                found = _score(facts, begin, stop, count, change, special, rules, work)
                if special & WEIGHTY:
                    found = _reviewed(facts, (begin, stop, count, special), now.until, rules, work, found)
                flags, score, change = found
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
        card.next_pack = 0


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
