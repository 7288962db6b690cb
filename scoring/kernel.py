"""The compiled evaluator: many subjects in one call, each two times: on the day, and on the day it next changes.

It must agree with `scoring.evaluator`, where the rules are explained, on every input.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.compiled import Int, Row, allocating, compiled, inlined
from schemas.days import MONTH_OF_DAY, NEVER
from schemas.facts import Facts
from schemas.subjects import KIND_SHIFT
from scoring.card import CARD_VERSION, CEILING, DISPUTED, HAS_SCORE, NO_TIER, REVIEW, Cards
from scoring.pack import SCORE_MAX
from scoring.resolver import (
    DIMENSIONS,
    DISPUTABLE,
    LEFT_OUT,
    LINKED,
    SUBSTITUTED,
    TOO_FAR,
    WAITS,
    Work,
    add_months,
    dispute,
    makes_repeat,
    resolve,
    room_for,
)
from scoring.rules import (
    ALLOWS_HEALTH,
    ALLOWS_SCORE,
    COUNTED_OVER,
    ENDS_SCORE,
    FORBIDS_HEALTH,
    FORBIDS_SCORE,
    OF_THE_SUBJECT,
    OPT_IN,
    RECORD_ONLY,
    WEIGHTY,
    Int64s,
    Rows,
    Rules,
)

# What of a record matters to the others.
_CONDITIONS = OF_THE_SUBJECT | RECORD_ONLY | OPT_IN
# What `_score` returns: flags, score, and the next day on which they may change.
_Found: TypeAlias = tuple[Int, Int, Int]


class _State(NamedTuple):
    flags: Int
    score: Int
    tier: Int
    entitlements: Int
    until: Int


@compiled
def _accrued(record: Row, every: Int, months: Int, day: Int) -> tuple[Int, Int]:
    """Return how many deductions of an act that went on count on a day, and the next day on which that changes."""
    start = np.int64(record.start)
    # Those before ended so many months ago that not even the ends of months can matter.
    times: Int = max((np.int64(MONTH_OF_DAY[day]) - np.int64(MONTH_OF_DAY[start]) - months) // every - 1, 0)
    count = 0
    change: Int = NEVER
    while True:
        at = add_months(start, every * times)
        if at >= record.stopped:
            return count, change
        if at > day:
            return count, min(change, at)
        end = add_months(at, months)
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
def _count_over(record: Row, rules: Rules, day: Int) -> Int:
    """Count an act that goes on as often as it was deducted, or a quantity by what it adds to the sum of its type.

    Returns the next day on which that changes by itself.
    """
    change: Int = NEVER
    more = rules.more[record.row]
    if more.every and record.original_end > day:
        times, change = _accrued(record, np.int64(more.every), np.int64(rules.table[record.row].months), day)
        record.points *= times
    if more.steps:
        steps = rules.steps[more.steps]
        before = np.int64(record.sum)
        record.sum += np.int64(record.quantity)
        record.points = _step(steps, np.int64(record.sum)) - _step(steps, before)
    return change


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
        if special == 0 or record.start > day or special & WAITS:
            continue
        if special & DISPUTABLE:
            open_, _ = dispute(facts, begin, stop, facts[record.place].record, day)
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
def _keep_largest_of_each_incident(facts: Facts, records: Rows, linked: Int64s, count: Int) -> None:
    for i in range(1, count):
        record = records[linked[i]]
        for j in range(i):
            other = records[linked[j]]
            if facts[other.place].link != facts[record.place].link or other.points == 0 or record.points == 0:
                continue
            if (other.points < 0) == (record.points < 0):
                if abs(record.points) > abs(other.points):
                    other.points = 0
                else:
                    record.points = 0
                break


@inlined
def _pass_over(record: Row, before: Row) -> None:
    """Let a record count for nothing, and pass on what was seen of its type before it."""
    record.points = 0
    record.max_end = before.max_end
    record.latest = before.latest
    record.sum = before.sum


@compiled
def _repeats_another(facts: Facts, records: Rows, i: Int, nobody: Int, day: Int) -> bool:
    """Whether an earlier record makes a linked one a repeat, which one of the same act does not."""
    record: Row = records[i]
    place: Int = np.int64(record.before)
    while place != nobody:
        earlier: Row = records[place]
        heeded = earlier.start <= day and not earlier.special & LEFT_OUT
        if heeded and makes_repeat(facts, earlier, record):
            return True
        place = np.int64(earlier.before)
    return False


@inlined
def _go_through(  # one loop over the records: each goes on from what was seen of its type before
    facts: Facts, begin: Int, stop: Int, count: Int, day: Int, special: Int, rules: Rules, work: Work
) -> tuple[Int, Int, Int, Int]:
    """Give each record the points it has on a day; return flags, ceiling, the next change, and how many are linked."""
    records = work.records
    table = rules.table
    nobody: Int = records.shape[0] - 1
    flags: Int = 0
    until: Int = NEVER
    ceiling: Int = SCORE_MAX
    linked = 0
    since: Int = NEVER
    health = False
    barred = False
    if special & _CONDITIONS:
        since, health, barred = _conditions(facts, begin, stop, count, day, records)
    for i in range(count):
        record = records[i]
        before = records[record.before]
        bits = np.int64(record.special)
        if bits:
            open_ = False
            if bits & DISPUTABLE and not bits & WAITS:
                open_, change = dispute(facts, begin, stop, facts[record.place].record, day)
                until = min(until, change)
                flags |= DISPUTED if open_ else 0
            if open_ or bits & WAITS or (bits & OPT_IN and not health):
                record.special = bits | LEFT_OUT
                _pass_over(record, before)
                continue
            record.special = bits & ~LEFT_OUT
        rule = table[record.row]
        start = np.int64(record.start)
        original_end = np.int64(record.original_end)
        counts = original_end > day
        until = min(until, original_end if counts else NEVER)
        if start > day:
            until = min(until, start)
            _pass_over(record, before)
            continue
        flags |= HAS_SCORE if rule.registers else 0
        ceiling = min(ceiling, np.int64(rule.ceiling) if counts else SCORE_MAX)
        withheld = since < NEVER and rule.award and start >= since
        points = np.int64(record.stated)
        repeats = rule.doubles and points < 0 and before.max_end > start
        if repeats and bits & LINKED:
            repeats = _repeats_another(facts, records, i, nobody, day)
        points = points << np.int64(repeats)
        if bits & SUBSTITUTED and not counts and record.last_end > day:
            counts = True
            until = min(until, np.int64(record.last_end))
            points = np.int64(rules.more[record.row].substitute_points)
            ceiling = ceiling if withheld else min(ceiling, np.int64(rules.more[record.row].substitute_ceiling))
        counts = counts and not withheld
        record.points = points if counts else 0
        if bits:
            record.sum = before.sum
            if bits & LINKED and counts:
                work.linked[linked] = i
                linked += 1
            if bits & COUNTED_OVER and counts:
                until = min(until, _count_over(record, rules, day))
        latest = np.int64(before.latest)
        newer = np.int64(rule.latest) & np.int64(counts)
        records[np.uint64(latest if newer else nobody)].points = 0
        record.latest = latest + (i - latest) * newer
        record.max_end = max(np.int64(before.max_end), original_end)
    if barred:
        flags &= ~HAS_SCORE
    return flags, ceiling, until, linked


@inlined
def _score(
    facts: Facts, begin: Int, stop: Int, count: Int, day: Int, special: Int, rules: Rules, work: Work
) -> tuple[Int, Int, Int]:
    """Return flags and score of one subject on a day, and the next day on which its records may change them.

    Of its records those that wait are left out.

    Its dimensions are left in ``work.totals``.
    """
    flags, ceiling, change, linked = _go_through(facts, begin, stop, count, day, special, rules, work)
    records = work.records
    table = rules.table
    if linked > 1:
        _keep_largest_of_each_incident(facts, records, work.linked, linked)
    pots = work.pots
    for pot in range(pots.shape[0]):
        pots[pot] = 0
    for i in range(count):
        record = records[i]
        rule = table[record.row]
        before = records[record.before]
        # Acts come in the order of their years.
        spent = np.int64(before.spent) * np.int64(before.year == record.year)
        points: Int = min(np.int64(record.points), np.int64(rule.cap_year) - spent)
        record.spent = spent + max(points, 0)
        # A dimension's own pot has no cap; what is chosen between without a branch is never guessed wrong.
        pots[np.uint64(rule.pot) if points > 0 else np.uint64(rule.dimension)] += points
    for pot in range(DIMENSIONS, pots.shape[0]):
        pots[np.uint64(rules.pot_dimension[pot])] += min(pots[pot], rules.pot_cap[pot])
    total: Int = rules.base
    for dimension in range(DIMENSIONS):
        work.totals[dimension] = min(max(pots[dimension], rules.lowest[dimension]), rules.highest[dimension])
        total += work.totals[dimension]
    score = min(max(total, 0), SCORE_MAX, ceiling)
    if ceiling < SCORE_MAX:
        flags |= CEILING
    return flags, score, change


@compiled
def _score_again(
    facts: Facts, begin: Int, stop: Int, count: Int, day: Int, special: Int, rules: Rules, work: Work
) -> tuple[Int, Int, Int]:
    """Do as `_score`, for the few subjects with records that wait: as one function, not as a copy in each place."""
    return _score(facts, begin, stop, count, day, special, rules, work)


@compiled
def _let_wait(count: Int, day: Int, work: Work) -> tuple[Int, Int]:
    """Let the records wait that a person has to look at; return how many, and when one is confirmed next."""
    waiting = 0
    change: Int = NEVER
    for i in range(count):
        record = work.records[i]
        if record.special & WEIGHTY and day < min(record.confirmed, record.last_end):
            if record.confirmed < record.last_end:
                change = min(change, np.int64(record.confirmed))
            if record.start <= day:
                record.special |= WAITS
                work.waiting[waiting] = i
                waiting += 1
    return waiting, change


@compiled
def _keep_totals(totals: Int64s, kept: Int64s) -> None:
    for dimension in range(DIMENSIONS):
        kept[dimension] = totals[dimension]


@compiled
def _weigh(
    facts: Facts, who: tuple[Int, Int, Int, Int], day: Int, rules: Rules, work: Work, waiting: Int, found: _Found
) -> _Found:
    """Return what is found without those of the waiting records each of which would by itself lower it too far.

    With all of them `_score` has ``found`` something already.
    """
    begin, stop, count, special = who
    records = work.records
    _keep_totals(work.totals, work.with_all)
    without = _score_again(facts, begin, stop, count, day, special, rules, work)
    before = np.int64(rules.tier[without[1]])
    held = 0
    for place in range(waiting):
        record = records[work.waiting[place]]
        score = found[1]
        if waiting > 1:
            record.special &= ~WAITS
            _, score, _ = _score_again(facts, begin, stop, count, day, special, rules, work)
            record.special |= WAITS
        if before - np.int64(rules.tier[score]) >= rules.review_tiers:
            record.special |= TOO_FAR
            held += 1
    if held == 0:
        _keep_totals(work.with_all, work.totals)
        return found
    if waiting > 1:
        for place in range(waiting):
            record = records[work.waiting[place]]
            if not record.special & TOO_FAR:
                record.special &= ~WAITS
        without = _score_again(facts, begin, stop, count, day, special, rules, work)
    return without[0] | REVIEW, without[1], without[2]


@compiled
def _reviewed(
    facts: Facts, who: tuple[Int, Int, Int, Int], day: Int, rules: Rules, work: Work, found: _Found
) -> _Found:
    """Return what `_score` ``found``, but without what waits for a person."""
    waiting, confirmed = _let_wait(who[2], day, work)
    change = min(found[2], confirmed)
    if waiting and found[0] & HAS_SCORE:
        found = _weigh(facts, who, day, rules, work, waiting, found)
    for place in range(waiting):
        work.records[work.waiting[place]].special &= ~(WAITS | TOO_FAR)
    return found[0], found[1], change


@inlined
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
def evaluate_each(
    facts: Facts, starts: Int64s, subjects: NDArray[np.uint64], rules: Rules, cards: Cards, work: Work
) -> None:
    """Do as `evaluate`, on the day that each card is of, in the room that a caller has."""
    for n in range(starts.shape[0] - 1):
        day = np.int64(cards[n].evaluated)
        begin = starts[n]
        stop = starts[n + 1]
        kind = np.int64(subjects[n] >> np.uint64(KIND_SHIFT))
        count, _, special = resolve(facts, begin, stop, day, rules, work)
        found = _score(facts, begin, stop, count, day, special, rules, work)
        if special & WEIGHTY:
            found = _reviewed(facts, (begin, stop, count, special), day, rules, work, found)
        flags, score, change = found
        now = _state(flags, score, change, day, kind, rules)
        card = cards[n]
        for dimension in range(DIMENSIONS):
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
        card.facts = stop - begin
        card.pack = rules.pack
        card.next_pack = 0


@allocating
def _evaluate(facts: Facts, starts: Int64s, subjects: NDArray[np.uint64], rules: Rules, cards: Cards) -> None:
    evaluate_each(facts, starts, subjects, rules, cards, room_for(starts, rules.pot_cap.shape[0]))


def evaluate(
    facts: Facts, starts: Int64s, subjects: NDArray[np.uint64], day: int | Int64s, rules: Rules, cards: Cards
) -> None:
    """Fill in the cards of n subjects, but for ``as_of``.

    Args:
        facts: all ledgers, one behind the other, each ordered by (occurred, record) and without repetition.
        starts: (n + 1,) where each begins.
        subjects: (n,) their numbers.
        day: days since 1970-01-01 in the city; (n,) where each has its own.
        rules: the pack.
        cards: (n,) of dtype CARD, overwritten.

    """
    cards["evaluated"] = day
    _evaluate(facts, starts, subjects, rules, cards)
