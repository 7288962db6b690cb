"""The plain evaluator: the rules as one would read them out. It is slow, and it is the specification.

A score is a function of a set of facts, a day and a rule pack. Each step below is a sentence of the rules; the
compiled kernel must agree with it on every input.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from schemas import catalogue
from schemas.catalogue import TYPES_BY_CODE, Grade
from schemas.days import NEVER, add_months, day_of, year_of
from schemas.facts import Fact, Facts, plain
from scoring.pack import SCORE_MAX, Anchor, Dimension, Pack, RepairPath, Rule
from scoring.review import is_weighty


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record with everything that its controls say about it.

    Attributes:
        record: the record id.
        type: the catalogue code.
        grade: the grade, corrected.
        quantity: the quantity, corrected.
        incident: the link shared by records of one act, or 0.
        occurred: seconds since the epoch.
        offset: where in the log its event stands.
        start: the first day it counts.
        end: the first day it does not, or NEVER.
        repaired: the day of its repair, or NEVER.
        stopped: the first day on which the act, or the listing, was over, or NEVER.
        months: how long it counts, or None while it stands.
        disputes: days on which a dispute opens (True) or closes (False), in order.
        confirmed: the day on which a person who looked at it let it count, or NEVER.
        rule: what the pack says of its type.

    """

    record: int
    type: int
    grade: Grade
    quantity: int
    incident: int
    occurred: int
    offset: int
    start: int
    end: int
    repaired: int
    stopped: int
    months: int | None
    disputes: tuple[tuple[int, bool], ...]
    confirmed: int
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """The signed points that one record adds to the score.

    Attributes:
        record: what it comes from.
        points: what is added after repeats, incidents and caps.
        stated: what the rule says before them.
        until: the first day on which it ends, or NEVER.

    """

    record: Record
    points: int
    stated: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The score between two days.

    ``base + sum(contributions) + sum(limits) = score``, where limits are what dimensions, the range of scores and
    the ceiling take away or give back.

    Attributes:
        score: 0 to 1000, or None for somebody who is not registered: no score is not a low score.
        tier: its place among the pack's tiers, or None.
        dimensions: points of each dimension, limited to its range.
        entitlements: ids of the perks reached.
        disputed: whether a record is left out because it is disputed.
        ceiling: the highest score possible now, by a record that sets a ceiling.
        until: the first day on which any of this may change.
        contributions: those that are not zero, in the order of occurrence.
        limits: by name.
        held: ids of the records that wait for a person to look at them, and are left out until then.

    """

    score: int | None
    tier: int | None
    dimensions: tuple[int, ...]
    entitlements: frozenset[str]
    disputed: bool
    ceiling: int
    until: int
    contributions: tuple[Contribution, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    held: frozenset[int] = frozenset()

    @property
    def under_review(self) -> bool:
        """Whether a record is left out because a person has yet to look at it."""
        return bool(self.held)


def evaluate(facts: Facts, day: int, pack: Pack, kind: str = "resident") -> State:
    """Return the state of one subject's score on a day.

    Args:
        facts: (n,) of dtype FACT, in any order.
        day: days since 1970-01-01 in the city.
        pack: the rules.
        kind: the subject's kind, as perks name it.

    """
    return evaluate_records(resolve(facts, pack), day, pack, kind)


def evaluate_records(records: Sequence[Record], day: int, pack: Pack, kind: str = "resident") -> State:
    """Do as `evaluate`, of records that were resolved under the same pack."""
    held = held_on(records, day, pack)
    state = state_of(_without(records, held), day, pack, kind)
    return replace(state, held=frozenset(one.record for one in held), until=_until(records, day, pack))


def state_of(records: Sequence[Record], day: int, pack: Pack, kind: str) -> State:
    """Return the state of who has these records, none of them held; how long it lasts is not looked for."""
    begun = begun_on(records, day)
    contributions = contributions_of(begun, day, pack)
    totals = [0] * len(Dimension)
    for one in contributions:
        totals[Dimension[one.record.rule.dimension.upper()]] += one.points
    dimensions = tuple(
        min(max(total, pack.dimensions[dimension.label].lowest), pack.dimensions[dimension.label].highest)
        for dimension, total in zip(Dimension, totals, strict=True)
    )
    ceiling = ceiling_of(begun, day, pack)
    unlimited = pack.base_points + sum(dimensions)
    in_range = min(max(unlimited, 0), SCORE_MAX)
    score = min(in_range, ceiling)
    limits = [
        (f"dimension {dimension.label}", limited - total)
        for dimension, limited, total in zip(Dimension, dimensions, totals, strict=True)
    ]
    limits += [("range of scores", in_range - unlimited), ("ceiling", score - in_range)]
    registered = has_score(begun)
    return State(
        score=score if registered else None,
        tier=pack.tier_index(score) if registered else None,
        dimensions=dimensions,
        entitlements=_entitlements(score, day, pack, kind) if registered else frozenset(),
        disputed=any(disputed_on(record, day) for record in records),
        ceiling=ceiling,
        until=NEVER,
        contributions=contributions,
        limits=tuple((name, points) for name, points in limits if points),
    )


def begun_on(records: Sequence[Record], day: int) -> list[Record]:
    """Return the records that are heeded on a day: begun, not disputed, and consented to where that is needed."""
    undisputed = [record for record in records if not disputed_on(record, day)]
    return [record for record in _without_what_needs_consent(undisputed, day) if record.start <= day]


def held_on(records: Sequence[Record], day: int, pack: Pack) -> list[Record]:
    """Return the records that wait for a person to look at them: each would by itself lower its subject too far.

    Each is held against what the subject would have without all that nobody has looked at, never against another of
    these: so it does not matter which came first.
    """
    if pack.review is None or not (waiting := [one for one in records if _waits(one, day, pack)]):
        return []
    others = _without(records, waiting)
    before = _tier(others, day, pack)
    if before is None:
        return []
    return [
        one
        for one in waiting
        if before - (_tier(_without(records, [other for other in waiting if other is not one]), day, pack) or 0)
        >= pack.review.tiers
    ]


def _waits(record: Record, day: int, pack: Pack) -> bool:
    """Whether a record counts on a day, or might, that nobody has looked at and somebody has to."""
    begun = record.start <= day < end_of(record)
    return begun and day < record.confirmed and is_weighty(record.rule, record.grade.label, pack)


def _without(records: Sequence[Record], left_out: Sequence[Record]) -> list[Record]:
    ids = {one.record for one in left_out}
    return [one for one in records if one.record not in ids]


def _tier(records: Sequence[Record], day: int, pack: Pack) -> int | None:
    return state_of(records, day, pack, "").tier


def has_score(begun: Sequence[Record]) -> bool:
    """Whether there is a score: for who is registered, alive, and has not taken back the consent to be scored."""
    types = {record.type for record in begun}
    allowed = _consent(begun, Grade.SCORING)
    return catalogue.REGISTERED.code in types and catalogue.DECEASED.code not in types and allowed is not False


def _consent(begun: Sequence[Record], purpose: Grade) -> bool | None:
    """Return the last word on a purpose, or None if there was none."""
    words = {catalogue.CONSENTED.code: True, catalogue.WITHDRAWN.code: False}
    said = [words[record.type] for record in begun if record.type in words and record.grade is purpose]
    return said[-1] if said else None


def _without_what_needs_consent(records: Sequence[Record], day: int) -> list[Record]:
    """Leave out what counts only while somebody consents to it, unless they do on the day."""
    consents = _consent([record for record in records if record.start <= day], Grade.HEALTH)
    return [record for record in records if consents or not record.rule.opt_in]


def resolve(facts: Facts, pack: Pack, known: dict[tuple[Fact, ...], Record] | None = None) -> list[Record]:
    """Return the records, in the order of occurrence, each with what its controls say; revoked ones are left out.

    Args:
        facts: (n,) of dtype FACT, in any order.
        pack: the rules.
        known: what was resolved under the same pack, by all facts that are about it; what is new is added. It saves
            time where many sets of facts have most of them in common.

    """
    known = {} if known is None else known
    rules = {rule.event_type.code: rule for rule in pack.rules}
    ordered = sorted(_unique(plain(facts)), key=lambda fact: (fact.occurred, fact.record))
    controls: dict[int, list[Fact]] = {}
    for fact in ordered:
        if TYPES_BY_CODE[fact.type].control:
            controls.setdefault(fact.link, []).append(fact)
    records = []
    for fact in ordered:
        rule = rules.get(fact.type)
        if rule is None:
            continue
        about = controls.get(fact.record, [])
        if not _is_revoked(about):
            facts_of_it = (fact, *about)
            if facts_of_it not in known:
                known[facts_of_it] = _resolved(fact, about, rule, pack)
            records.append(known[facts_of_it])
    return records


def _unique(facts: Iterable[Fact]) -> Iterable[Fact]:
    """Of events with the same id the first in the log is the event; a repetition adds nothing."""
    first: dict[int, Fact] = {}
    for fact in sorted(facts, key=lambda one: one.offset):
        first.setdefault(fact.record, fact)
    return first.values()


def _is_revoked(about: Sequence[Fact]) -> bool:
    return any(
        control.type == catalogue.REVOKED.code
        or (control.type == catalogue.RESOLVED.code and control.grade == Grade.UPHELD)
        for control in about
    )


def _resolved(fact: Fact, about: Sequence[Fact], rule: Rule, pack: Pack) -> Record:
    fulfilled = _first_day(about, catalogue.FULFILLED.code)
    removed = _first_day(about, catalogue.REMOVED.code)
    repaired = NEVER
    if rule.repair is RepairPath.BY_AUTHORITY or rule.repair is RepairPath.ON_FULFILMENT:
        repaired = _first_day(about, catalogue.REPAIRED.code)
    if rule.repair is RepairPath.ON_FULFILMENT:
        repaired = min(repaired, fulfilled)
    stopped = min(fact.terminated or NEVER, fulfilled, removed)
    grade, quantity = _corrected(fact, about)
    months = pack.months(rule, grade.label)
    start, end = _validity(fact, rule, months, stopped)
    return Record(
        record=fact.record,
        type=fact.type,
        grade=grade,
        quantity=quantity,
        incident=fact.link,
        occurred=fact.occurred,
        offset=fact.offset,
        start=start,
        end=end,
        repaired=repaired,
        stopped=stopped,
        months=months,
        disputes=tuple(
            (_day(control), control.type == catalogue.DISPUTED.code)
            for control in about
            if control.type in {catalogue.DISPUTED.code, catalogue.RESOLVED.code}
        ),
        confirmed=_first_day(about, catalogue.CONFIRMED.code),
        rule=rule,
    )


def _corrected(fact: Fact, about: Sequence[Fact]) -> tuple[Grade, int]:
    """Return grade and quantity after the corrections, in the order they were made.

    A correction that is meant for another type changes nothing.
    """
    grade, quantity = fact.grade, fact.quantity
    for control in about:
        if control.type == catalogue.CORRECTED.code and control.determined == fact.type:
            grade = control.grade or grade
            quantity = control.quantity or quantity
    return Grade(grade), quantity


def _validity(fact: Fact, rule: Rule, months: int | None, stopped: int) -> tuple[int, int]:
    """Say when it counts: from the act or its determination, for so many months after the rule's anchor."""
    start = anchored = _day(fact)
    if rule.anchor is Anchor.DETERMINED and fact.determined:
        start = anchored = fact.determined
    elif rule.anchor is Anchor.TERMINATED:
        anchored = stopped
    if rule.every is not None:
        return start, _end_of_accruals(start, stopped, rule.every, months or 0)
    if months is None or anchored == NEVER:
        return start, NEVER
    return start, add_months(anchored, months)


def _accruals(start: int, stopped: int, every: int, day: int) -> list[int]:
    """Return the days until `day` on which an act that went on was deducted: its first, and every so many months."""
    days: list[int] = []
    while (at := add_months(start, every * len(days))) <= day and at < stopped:
        days.append(at)
    return days


def _end_of_accruals(start: int, stopped: int, every: int, months: int) -> int:
    """Return when the last deduction ends; an act that was over before it began to count has none."""
    if stopped == NEVER:
        return NEVER
    days = _accruals(start, stopped, every, stopped)
    return add_months(days[-1], months) if days else start


def _day(fact: Fact) -> int:
    return day_of(fact.occurred)


def _first_day(about: Sequence[Fact], code: int) -> int:
    if not about:
        return NEVER
    return min((_day(control) for control in about if control.type == code), default=NEVER)


def disputed_on(record: Record, day: int) -> bool:
    """Whether the last word on the record until a day is a dispute that is still open."""
    said = [opens for at, opens in record.disputes if at <= day]
    return bool(said) and said[-1]


def _is_substituted(record: Record, day: int) -> bool:
    """Whether a repair has put the rule's substitute in the record's place by a day."""
    return _has_substitute(record) and original_end_of(record) <= day


def _has_substitute(record: Record) -> bool:
    """Whether a repair ends it early; one that comes after its end brings nothing back."""
    return record.rule.substitute is not None and record.repaired != NEVER and record.repaired <= record.end


def original_end_of(record: Record) -> int:
    """Return the first day on which the record itself does not count."""
    return min(record.end, record.repaired)


def end_of(record: Record) -> int:
    """Return the first day on which neither the record nor its substitute counts."""
    end = original_end_of(record)
    if record.rule.substitute is not None and _has_substitute(record):
        return add_months(max(end, record.start), record.rule.substitute.months)
    return end


def contributions_of(begun: Sequence[Record], day: int, pack: Pack) -> tuple[Contribution, ...]:
    """Return what each record adds on a day; those that add nothing are left out."""
    only_recorded_since = _only_recorded_since(begun, day)
    counting = [
        record
        for record in begun
        if day < end_of(record) and not (_is_award(record) and record.start >= only_recorded_since)
    ]
    points = {record.record: _points(record, begun, day) for record in counting}
    _add_up_steps(counting, points)
    stated = dict(points)
    for record in counting:
        if record.rule.counts == "latest" and _has_later(record, counting):
            points[record.record] = 0
    _keep_largest_of_each_incident(counting, points)
    _cap(counting, points, pack)
    return tuple(
        Contribution(record=one, points=points[one.record], stated=stated[one.record], until=_change_after(one, day))
        for one in counting
        if points[one.record]
    )


def _only_recorded_since(begun: Sequence[Record], day: int) -> int:
    """Return the day from which awards are recorded and count nothing, while such a ceiling lasts; or NEVER."""
    return min(
        (
            record.start
            for record in begun
            if record.rule.record_only
            and record.rule.grades[record.grade.label].ceiling
            and day < original_end_of(record)
        ),
        default=NEVER,
    )


def _is_award(record: Record) -> bool:
    return bool(record.rule.steps) or record.rule.grades[record.grade.label].points > 0


def _add_up_steps(counting: Sequence[Record], points: dict[int, int]) -> None:
    """Give each record by which the sum of its type reaches a higher step what that step adds."""
    sums: dict[int, int] = {}
    for record in counting:
        if record.rule.steps:
            before = sums.get(record.type, 0)
            sums[record.type] = before + record.quantity
            points[record.record] = _step(record.rule, before + record.quantity) - _step(record.rule, before)


def _step(rule: Rule, quantity: int) -> int:
    return max((step.points for step in rule.steps if step.lowest <= quantity), default=0)


def _points(record: Record, begun: Sequence[Record], day: int) -> int:
    rule = record.rule
    if rule.substitute is not None and _is_substituted(record, day):
        return rule.substitute.points
    points = rule.grades[record.grade.label].points
    if rule.event_type.quantity:
        points *= record.quantity // rule.per
    if rule.every is not None:
        days = _accruals(record.start, record.stopped, rule.every, day)
        points *= sum(day < add_months(at, record.months or 0) for at in days)
    if rule.doubles and points < 0 and _is_repeat(record, begun):
        points *= 2
    return points


def _is_repeat(record: Record, begun: Sequence[Record]) -> bool:
    earlier = begun[: next(i for i, one in enumerate(begun) if one is record)]
    return any(makes_repeat(one, record) for one in earlier)


def makes_repeat(earlier: Record, later: Record) -> bool:
    """Whether an earlier act makes a later one a repeat: of its kind, not over when it began, and not the same act."""
    same_act = later.incident != 0 and earlier.incident == later.incident
    return earlier.type == later.type and original_end_of(earlier) > later.start and not same_act


def _has_later(record: Record, counting: Sequence[Record]) -> bool:
    index = next(i for i, one in enumerate(counting) if one is record)
    return any(one.type == record.type for one in counting[index + 1 :])


def _keep_largest_of_each_incident(counting: Sequence[Record], points: dict[int, int]) -> None:
    """Of one act that matches several rules only the largest deduction counts, and only the largest award."""
    best: dict[tuple[int, bool], Record] = {}
    for record in counting:
        value = points[record.record]
        if record.incident == 0 or value == 0:
            continue
        other = best.get((record.incident, value < 0))
        if other is None or abs(value) > abs(points[other.record]):
            best[record.incident, value < 0] = record
            if other is not None:
                points[other.record] = 0
        else:
            points[record.record] = 0


def _cap(counting: Sequence[Record], points: dict[int, int], pack: Pack) -> None:
    """Cut positive points, in the order of occurrence, at the caps of the year and of the rule or its group."""
    caps = {group.id: group.cap for group in pack.groups}
    of_year: dict[tuple[str, int], int] = {}
    of_group: dict[str, int] = {}
    for record in counting:
        rule, value = record.rule, points[record.record]
        if value <= 0:
            continue
        if rule.cap_year is not None:
            key = rule.type, year_of(day_of(record.occurred))
            value = min(value, rule.cap_year - of_year.get(key, 0))
            of_year[key] = of_year.get(key, 0) + value
        cap = caps[rule.group] if rule.group else rule.cap
        if cap is not None:
            name = rule.group or rule.type
            value = min(value, cap - of_group.get(name, 0))
            of_group[name] = of_group.get(name, 0) + value
        points[record.record] = value


def ceiling_of(begun: Sequence[Record], day: int, pack: Pack) -> int:
    """Return the highest score that records leave possible on a day."""
    tiers = [_ceiling_tier(record, day) for record in begun]
    return min((pack.ceiling_points(tier) for tier in tiers if tier is not None), default=SCORE_MAX)


def _ceiling_tier(record: Record, day: int) -> str | None:
    if day < original_end_of(record):
        return record.rule.grades[record.grade.label].ceiling
    substitute = record.rule.substitute
    return substitute.ceiling if substitute is not None and _has_substitute(record) and day < end_of(record) else None


def _entitlements(score: int, day: int, pack: Pack, kind: str) -> frozenset[str]:
    return frozenset(
        perk.id
        for perk in pack.perks
        if kind in perk.kinds and (asked := pack.threshold(perk, day)) is not None and score >= asked
    )


def _boundaries(record: Record) -> tuple[int, ...]:
    """Return the days on which what one record adds may change."""
    return (record.start, original_end_of(record), end_of(record))


def _change_after(record: Record, day: int) -> int:
    changes = [change for change in _boundaries(record) if change > day]
    if record.rule.every is not None and record.start <= day < original_end_of(record):
        days = _accruals(record.start, record.stopped, record.rule.every, day)
        following = add_months(record.start, record.rule.every * len(days))
        changes += [following] if following < record.stopped else []
        changes += [end for at in days if (end := add_months(at, record.months or 0)) > day]
    return min(changes, default=NEVER)


def _until(records: Sequence[Record], day: int, pack: Pack) -> int:
    """Return the first later day on which the score or what it earns may change.

    A record that is held is heeded like any other: on the day it begins, ends or is confirmed another score may hold.
    """
    undisputed = [record for record in records if not disputed_on(record, day)]
    changes = [_change_after(record, day) for record in _without_what_needs_consent(undisputed, day)]
    changes += [at for record in records for at, _ in record.disputes if at > day]
    changes += [
        one.confirmed
        for one in records
        if day < one.confirmed < end_of(one) and is_weighty(one.rule, one.grade.label, pack)
    ]
    return min([*changes, pack.next_dated_change(day)])
