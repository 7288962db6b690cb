"""Why a score is what it is, record by record, summing exactly; and how it moves in time.

Nothing is computed a second way here: points are the evaluator's, and what a record does to the score is found by
scoring without it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

import numpy as np

from schemas.catalogue import DISPUTED, FULFILLED, REMOVED, REPAIRED, RESOLVED, TYPES_BY_CODE
from schemas.days import NEVER, date_of, day_of
from schemas.facts import Facts, offsets_of
from scoring.benefits import Benefit, next_benefit, words_of
from scoring.evaluator import Record, begun_on, ceiling_of, contributions_of, disputed_on, evaluate_records, resolve
from scoring.explanation import (
    Entry,
    Evidence,
    Explanation,
    Limit,
    PrincipalReason,
    Remark,
    Repair,
    Step,
    Why,
    to_json,
)
from scoring.pack import SCORE_MAX, Pack, Rule
from scoring.reasons import Counted, repair, why
from scoring.rescoring import in_order, scores, walk, walk_plainly
from scoring.rules import Rules, without_review
from scoring.words import Words, appeal_words, grade_name, points_words

__all__ = [
    "Benefit",
    "Entry",
    "Evidence",
    "Explanation",
    "Limit",
    "PrincipalReason",
    "Remark",
    "Repair",
    "Step",
    "Why",
    "Words",
    "explain",
    "history",
    "to_json",
]

PRINCIPAL_MAX = 4
_SETTLING = (DISPUTED.code, RESOLVED.code)
_ENDING = (*_SETTLING, REPAIRED.code, FULFILLED.code, REMOVED.code)
_DIMENSION = Words("{dimension}的分值范围", "range of {dimension}")
_RANGE = Words("分值范围（0–1000）", "range of scores (0–1000)")
_CEILING = Words("等级上限", "ceiling of the tier")
_COSTS = Words("{date}的“{name}”使您的分数减少{points}。", "{name} of {date} costs you {points}.")
_BRINGS = Words("{date}的“{name}”使您的分数增加{points}。", "{name} of {date} brings you {points}.")


def explain(
    facts: Facts,
    day: int,
    pack: Pack,
    kind: str = "resident",
    *,
    rules: Rules | None = None,
    partition: int | None = None,
    target: int | None = None,
) -> Explanation:
    """Explain one subject's score on a day: any day, under any pack.

    Args:
        facts: (n,) of dtype FACT, in any order.
        day: days since 1970-01-01 in the city.
        pack: the rules.
        kind: the subject's kind, as perks name it.
        rules: the same pack compiled, to be quicker.
        partition: where the subject's events stand.
        target: the score to be reached; without one, the next that earns anything.

    """
    ledger = in_order(facts)
    records = resolve(ledger, pack)
    state = evaluate_records(records, day, pack, kind)
    counted = Counted(state, day, {one.record.record: one for one in state.contributions}, records)
    said = _Said(ledger)
    effects = _effects(said, counted, pack, kind, rules)
    writer = _Writer(said, counted, pack, partition)
    entries = [writer.entry(record, effects.get(record.record, 0)) for record in counted.records]
    following = None if state.score is None else next_benefit(state.score, pack, day, kind)
    wanted = target if target is not None else following.points if following else None
    counting = tuple(one for one in entries if one.points or one.ceiling)
    return Explanation(
        day=date_of(day),
        kind=kind,
        pack=pack.id,
        pack_version=pack.version,
        score=state.score,
        tier=None if state.tier is None else pack.tiers[state.tier].id,
        tier_name=None if state.tier is None else words_of(pack.tiers[state.tier].name),
        base=pack.base_points,
        contributions=counting,
        limits=tuple(Limit(name=name, words=_limit_words(name, pack), points=by) for name, by in state.limits),
        others=tuple(one for one in entries if not (one.points or one.ceiling)),
        principal=_principal(counting, below=state.score is not None and wanted is not None and state.score < wanted),
        perks=tuple(perk.id for perk in pack.perks if perk.id in state.entitlements),
        next=following,
        disputed=state.disputed,
        under_review=state.under_review,
        until=None if state.until == NEVER else date_of(state.until),
    )


def history(
    facts: Facts, first: int, last: int, pack: Pack, kind: str = "resident", *, rules: Rules | None = None
) -> tuple[Step, ...]:
    """Return the steps of a score from one day to another, both included, as far as no event comes between.

    Raises:
        ValueError: the first day is after the last.

    """
    if first > last:
        message = f"the first day must not be after the last, was {date_of(first)} and {date_of(last)}: swap them"
        raise ValueError(message)
    ledger = in_order(facts)
    walked = walk(ledger, (first, last), kind, rules) if rules else walk_plainly(ledger, (first, last), pack, kind)
    steps: list[Step] = []
    for day, score in walked:
        if not steps or steps[-1].score != score:
            steps.append(Step(date_of(day), score, None if score is None else pack.tiers[pack.tier_index(score)].id))
    return tuple(steps)


class _Said:
    """A ledger, and of each record where in it the record and what is said of it stand."""

    def __init__(self, ledger: Facts) -> None:
        self.ledger = ledger
        self._places: dict[int, int] = {}
        self._about: dict[int, list[int]] = defaultdict(list)
        columns = (ledger[name].tolist() for name in ("record", "link", "type"))
        for place, (record, link, code) in enumerate(zip(*columns, strict=True)):
            self._places[record] = place
            if TYPES_BY_CODE[code].control:
                self._about[link].append(place)

    def of(self, record: int) -> Facts:
        """Return the controls about a record."""
        about = self._about.get(record)
        return self.ledger[about] if about else self.ledger[:0]

    def alone(self, record: int, left_out: Collection[int]) -> Facts:
        """Return a record and what is said of it, but for some types of controls."""
        about = [place for place in self._about.get(record, ()) if self.ledger[place]["type"] not in left_out]
        return self.ledger[sorted([self._places[record], *about])]

    def without(self, records: Iterable[int]) -> Facts:
        """Return all but some records and what is said of them."""
        kept = np.ones(len(self.ledger), np.bool_)
        for record in records:
            kept[[self._places[record], *self._about.get(record, ())]] = False
        others: Facts = self.ledger[kept]
        return others

    def says(self, record: int, types: Collection[int]) -> bool:
        """Whether anything of these types is said of a record."""
        return any(self.ledger[place]["type"] in types for place in self._about.get(record, ()))


def _effects(said: _Said, counted: Counted, pack: Pack, kind: str, rules: Rules | None) -> Mapping[int, int]:
    """Return by how much the score would rise without each record and what is said of it.

    What waits for a person waits without the record, too, and nothing else does: else a record would be told to bring
    what a listing costs that is held only as long as somebody stands high enough.
    """
    score, held = counted.state.score, counted.state.held
    # Without what is about the subject itself there is no score to compare.
    moving = [one for one in counted.records if not one.rule.event_type.about_the_subject and one.record not in held]
    if score is None or not moving:
        return {}
    variants = [said.without((one.record, *held)) for one in moving]
    unreviewed = pack.model_copy(update={"review": None})
    found = scores(variants, [counted.day] * len(moving), unreviewed, kind, rules and without_review(rules))
    return {one.record: other - score for one, other in zip(moving, found, strict=True) if other is not None}


class _Writer:
    """Writes the entries of one explanation."""

    def __init__(self, said: _Said, counted: Counted, pack: Pack, partition: int | None) -> None:
        self._said = said
        self._counted = counted
        self._pack = pack
        self._partition = partition
        self._about_the_subject = [one for one in counted.records if one.rule.event_type.about_the_subject]

    def entry(self, record: Record, effect: int) -> Entry:
        """Return one record with everything there is to say about it."""
        rule = record.rule
        points = self._counted.points(record)
        stated, ceiling = self._alone(record)
        return Entry(
            record=f"{record.record:016x}",
            type=rule.type,
            name=Words(rule.event_type.chinese, rule.event_type.english),
            grade=record.grade.label,
            grade_name=grade_name(record.grade),
            date=date_of(day_of(record.occurred)),
            start=date_of(record.start),
            until=self._until(record),
            points=points,
            stated=stated,
            why=why(record, stated, ceiling, self._counted),
            effect=effect,
            ceiling=ceiling,
            dimension=rule.dimension,
            basis=words_of(rule.basis),
            repair=repair(record, self._counted.day),
            appeal=appeal_words(rule.appeal),
            evidence=Evidence(partition=self._partition, offset=record.offset),
            remarks=self._remarks(record),
        )

    def _alone(self, record: Record) -> tuple[int, str | None]:
        """Return what the rule says of a record alone, and the highest tier it now leaves possible."""
        day, rule = self._counted.day, record.rule
        one = self._counted.by_record.get(record.record)
        as_it_was = record.start <= day < min(record.end, record.repaired)
        ceiling = None
        left_out = disputed_on(record, day) or record.record in self._counted.state.held
        if _may_set_a_ceiling(rule) and not left_out:
            highest = ceiling_of(self._begun_alone(record, day, _SETTLING), day, self._pack)
            ceiling = None if highest == SCORE_MAX else self._pack.tiers[self._pack.tier_index(highest)].id
        if one is not None and as_it_was and not rule.doubles and not rule.steps:
            # Nothing but a repeat and the sums of others change what is stated: it need not be found again.
            return one.stated, ceiling
        day, without = (day, _SETTLING) if as_it_was else (record.start, _ENDING)
        stated = contributions_of(self._begun_alone(record, day, without), day, self._pack)
        return next((one.stated for one in stated), 0), ceiling

    def _begun_alone(self, record: Record, day: int, without: Collection[int]) -> list[Record]:
        """Return what is heeded on a day of who has no other record, some of what was said of this one left out."""
        own = [record]
        if self._said.says(record.record, without):
            own = resolve(self._said.alone(record.record, without), self._pack)
        others = [one for one in self._about_the_subject if one.record != record.record]
        return begun_on(sorted([*others, *own], key=lambda one: (one.occurred, one.record)), day)

    def _until(self, record: Record) -> date | None:
        """Return the first day on which it no longer counts as it does."""
        ends = min(record.end, record.repaired)
        one = self._counted.by_record.get(record.record)
        if ends <= self._counted.day and one is not None:
            ends = one.until
        return None if ends >= NEVER else date_of(ends)

    def _remarks(self, record: Record) -> tuple[Remark, ...]:
        said = self._said.of(record.record)
        if not len(said):
            return ()
        return tuple(
            Remark(
                type=TYPES_BY_CODE[int(fact["type"])].name,
                name=Words(TYPES_BY_CODE[int(fact["type"])].chinese, TYPES_BY_CODE[int(fact["type"])].english),
                date=date_of(day_of(int(fact["occurred"]))),
                evidence=Evidence(partition=self._partition, offset=int(offset)),
            )
            for fact, offset in zip(said, offsets_of(said), strict=True)
        )


def _may_set_a_ceiling(rule: Rule) -> bool:
    return any(grade.ceiling for grade in rule.grades.values()) or bool(rule.substitute and rule.substitute.ceiling)


def _limit_words(name: str, pack: Pack) -> Words:
    part, _, dimension = name.partition(" ")
    if part != "dimension":
        return _CEILING if name == "ceiling" else _RANGE
    return _DIMENSION.filled(dimension=words_of(pack.dimensions[dimension].name))


def _principal(counting: Sequence[Entry], *, below: bool) -> tuple[PrincipalReason, ...]:
    """Return the weightiest entries; of who has not reached a score first those that keep them from it."""
    weighty = sorted(
        (one for one in counting if one.effect),
        key=lambda one: (below and one.effect < 0, -abs(one.effect), one.date, one.record),
    )
    return tuple(
        PrincipalReason(
            record=one.record,
            effect=one.effect,
            words=(_COSTS if one.effect > 0 else _BRINGS).filled(
                date=one.date, name=one.name, points=points_words(abs(one.effect))
            ),
        )
        for one in weighty[:PRINCIPAL_MAX]
    )
