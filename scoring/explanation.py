"""What an explanation is made of. It is data: every field is shown to somebody, and `to_json` shows all of them."""

import datetime as dt
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from scoring.benefits import Benefit
from scoring.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where in the log the whole event stands.

    Attributes:
        partition: of the topic of events, or None if it was not given.
        offset: within the partition.

    """

    partition: int | None
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One reason.

    Attributes:
        reason: its stable name, of `scoring.reasons.Reason`.
        words: the same as a sentence.

    """

    reason: str
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """How a record can be repaired.

    Attributes:
        path: on_fulfilment, by_authority or expiry.
        by: who grants or reports it; None where nobody needs to.
        months: the minimum period after the record began, where there is one.
        earliest: the first day it can be asked for, or done.
        done: the day on which it was repaired.
        words: all of this as sentences.
        basis: the law behind the minimum period.

    """

    path: str
    by: Words | None
    months: int | None
    earliest: dt.date | None
    done: dt.date | None
    words: Words
    basis: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What another event says about a record: a correction, a dispute, a repair.

    Attributes:
        type: the event type.
        name: its name.
        date: the day it was said.
        evidence: where it stands.

    """

    type: str
    name: Words
    date: dt.date
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record, and what it does to the score.

    Attributes:
        record: its id, 16 hexadecimal digits.
        type: the event type.
        name: its name.
        grade: the grade, corrected.
        grade_name: its name.
        date: the day of the act.
        start: the first day it counts.
        until: the first day it does not, or None while it stands.
        points: what it adds to the score now.
        stated: what the rule says of it alone.
        why: why the two differ, or why it does not count; empty where they are the same.
        effect: the score without it minus the score, re-scored: positive for what costs points.
        ceiling: the id of the highest tier possible while it counts, or None.
        dimension: the part of the score it moves.
        basis: the law or table behind the rule.
        repair: how it can be repaired, or None for what lowers nothing.
        appeal: who hears an appeal.
        evidence: where in the log its event stands.
        remarks: what other events say about it.

    """

    record: str
    type: str
    name: Words
    grade: str
    grade_name: Words
    date: dt.date
    start: dt.date
    until: dt.date | None
    points: int
    stated: int
    why: tuple[Why, ...]
    effect: int
    ceiling: str | None
    dimension: str
    basis: Words
    repair: Repair | None
    appeal: Words
    evidence: Evidence
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a dimension's range, the range of scores or a ceiling takes away or gives back."""

    name: str
    words: Words
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalReason:
    """One of at most four reasons that matter most for the score.

    Attributes:
        record: the entry it is about.
        effect: the score without it minus the score.
        words: the reason as a sentence.

    """

    record: str
    effect: int
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a score is what it is: ``base + contributions + limits = score``.

    Attributes:
        day: as of when.
        kind: of subject: resident, legal_person or organisation.
        pack: the pack's id.
        pack_version: its version.
        score: 0 to 1000, or None: no score is not a low score.
        tier: the tier's id, or None.
        tier_name: its name, or None.
        base: the points of somebody about whom nothing else is known.
        contributions: the records that count, in the order of occurrence.
        limits: what is taken away or given back.
        others: records that count nothing now, each with the reason.
        principal: at most four reasons, the weightiest first.
        perks: ids of the perks reached.
        next: the next higher score that earns something, or None.
        disputed: whether a record is left out because it is disputed.
        under_review: whether a record is left out because a person has yet to look at it.
        until: the first day on which any of this may change without an event, or None.

    """

    day: dt.date
    kind: str
    pack: str
    pack_version: str
    score: int | None
    tier: str | None
    tier_name: Words | None
    base: int
    contributions: tuple[Entry, ...]
    limits: tuple[Limit, ...]
    others: tuple[Entry, ...]
    principal: tuple[PrincipalReason, ...]
    perks: tuple[str, ...]
    next: Benefit | None
    disputed: bool
    under_review: bool
    until: dt.date | None

    @property
    def total(self) -> int:
        """The sum: the score, where there is one."""
        contributed = sum(one.points for one in self.contributions)
        return self.base + contributed + sum(one.points for one in self.limits)


@dataclass(frozen=True, slots=True)
class Step:
    """From a day on, the score is so much.

    Attributes:
        day: the first day.
        score: from then on, or None for none.
        tier: the tier's id, or None.

    """

    day: dt.date
    score: int | None
    tier: str | None


def to_json(value: Any) -> Any:
    """Return an explanation, or any part of it, as what JSON has: dates as text, words in both languages."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [to_json(one) for one in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value
