"""Why a record counts less or more than its rule states, or not at all; and how it can be repaired."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from schemas.days import NEVER, add_months, date_of, day_of, day_of_date, year_of
from scoring.benefits import words_of
from scoring.evaluator import Contribution, Record, State, disputed_on
from scoring.explanation import Repair, Why
from scoring.pack import SCORE_MAX, RepairPath
from scoring.words import Words, publisher_name


class Reason(StrEnum):
    """Stable names of the reasons."""

    GOES_ON = "goes_on"
    REPEAT = "repeat"
    SAME_INCIDENT = "same_incident"
    CAP_OF_YEAR = "cap_of_year"
    CAP_OF_TYPE = "cap_of_type"
    CAP_OF_GROUP = "cap_of_group"
    SUBSTITUTED = "substituted"
    LATER_COUNTS = "later_counts"
    ADDED_UP = "added_up"
    RECORD_ONLY = "record_only"
    DISPUTED = "disputed"
    UNDER_REVIEW = "under_review"
    NOT_BEGUN = "not_begun"
    REPAIRED = "repaired"
    ENDED = "ended"
    NO_CONSENT = "no_consent"
    WORTH_NOTHING = "worth_nothing"
    OTHER = "other"


_WORDS = {
    Reason.GOES_ON: Words(
        "欠缴持续期间按期重复扣分，结清后停止。", "It goes on: deducted again for each period until it is settled."
    ),
    Reason.REPEAT: Words(
        "前一条同类记录仍在有效期内再次发生，加重扣分。",
        "A repeat while an earlier one of the kind was still valid: deducted twice.",
    ),
    Reason.SAME_INCIDENT: Words(
        "同一事件的另一条记录已经计分，不重复计算。", "Another record of the same incident counts; one act counts once."
    ),
    Reason.CAP_OF_YEAR: Words("该类记录当年加分已达上限。", "The cap of this kind for the year is reached."),
    Reason.CAP_OF_TYPE: Words("该类记录加分已达上限。", "The cap of this kind is reached."),
    Reason.CAP_OF_GROUP: Words("该组记录合计加分已达上限。", "The cap that this kind shares with others is reached."),
    Reason.SUBSTITUTED: Words(
        "已经修复，由修复后的分值代替。", "It was repaired; what counts after a repair stands in its place."
    ),
    Reason.LATER_COUNTS: Words(
        "同类记录只计最近一条，已有更近的记录。", "Of this kind only the latest counts, and there is a later one."
    ),
    Reason.ADDED_UP: Words(
        "同类记录的数量累计后按档计分。", "The quantities of this kind are added up, and the sum earns points in steps."
    ),
    Reason.RECORD_ONLY: Words(
        "在等级上限期间，加分只记录、不计算。", "While a ceiling lasts, awards are recorded and count nothing."
    ),
    Reason.DISPUTED: Words("异议处理期间不计分。", "It is disputed, and left out until that is decided."),
    Reason.UNDER_REVIEW: Words(
        "等待人工复核，在此之前不计分。", "It waits for review by a person; it does not count until then."
    ),
    Reason.NOT_BEGUN: Words("尚未开始计分。", "It does not count yet."),
    Reason.REPAIRED: Words("已经修复，不再计分。", "It was repaired and counts no more."),
    Reason.ENDED: Words("有效期已满，不再计分。", "Its validity is over; it counts no more."),
    Reason.NO_CONSENT: Words("未获本人同意，不计分。", "It counts only with your consent."),
    Reason.WORTH_NOTHING: Words("该类记录不计分。", "A record of this kind is worth no points."),
    Reason.OTHER: Words("规则包的其他规则影响计分。", "Another rule of the pack changes what it counts."),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """What one day's state says of its records.

    Attributes:
        state: the state.
        day: its day.
        by_record: its contributions by record.
        records: all records, in the order of occurrence.

    """

    state: State
    day: int
    by_record: Mapping[int, Contribution]
    records: Sequence[Record]

    def points(self, record: Record) -> int:
        """Return what a record adds."""
        one = self.by_record.get(record.record)
        return one.points if one else 0


def why(record: Record, stated: int, ceiling: str | None, counted: Counted) -> tuple[Why, ...]:
    """Return why a record's points are not those stated, or why it counts nothing."""
    points = counted.points(record)
    went_on = record.rule.every is not None and stated != record.rule.grades[record.grade.label].points
    if (reason := _left_out(record, counted)) and points == 0 and ceiling is None:
        found = [reason]
    elif points == stated:
        nothing = Reason.NO_CONSENT if record.rule.opt_in else Reason.WORTH_NOTHING
        found = [] if points or ceiling else [nothing]
    else:
        found = list(_reasons(record, points, stated, counted)) or [Reason.OTHER]
    if went_on and points:
        found.insert(0, Reason.GOES_ON)
    return tuple(Why(reason=str(reason), words=_WORDS[reason]) for reason in found)


def _left_out(record: Record, counted: Counted) -> Reason | None:
    """Return why a record is not looked at on a day, if it is not."""
    day = counted.day
    said = {
        Reason.UNDER_REVIEW: record.record in counted.state.held,
        Reason.DISPUTED: disputed_on(record, day),
        Reason.NOT_BEGUN: record.start > day,
        Reason.REPAIRED: record.repaired <= day and record.repaired < record.end,
        Reason.ENDED: record.end <= day,
    }
    return next((reason for reason, holds in said.items() if holds), None)


def _reasons(record: Record, points: int, stated: int, counted: Counted) -> Iterator[Reason]:
    rule = record.rule
    one = counted.by_record.get(record.record)
    substituted = rule.substitute is not None and record.repaired <= min(counted.day, record.end)
    if substituted:
        yield Reason.SUBSTITUTED
    if rule.doubles and not substituted and one is not None and one.stated == 2 * stated:
        yield Reason.REPEAT
    if points == 0 and _is_replaced_by_a_later_one(record, counted):
        yield Reason.LATER_COUNTS
    elif points == 0 and record.incident and _has_counting_sibling(record, stated, counted):
        yield Reason.SAME_INCIDENT
    elif rule.steps:
        yield Reason.ADDED_UP
    elif points < stated and stated > 0:
        yield _cap(record, points, counted)


def _is_replaced_by_a_later_one(record: Record, counted: Counted) -> bool:
    if record.rule.counts != "latest":
        return False
    behind = counted.records[[one.record for one in counted.records].index(record.record) + 1 :]
    return any(one.type == record.type and _left_out(one, counted) is None for one in behind)


def _has_counting_sibling(record: Record, stated: int, counted: Counted) -> bool:
    return any(
        one.record.incident == record.incident and one.record.record != record.record and one.points * stated > 0
        for one in counted.state.contributions
    )


def _cap(record: Record, points: int, counted: Counted) -> Reason:
    rule = record.rule
    if rule.cap_year is not None and _points_of_year(record, counted) >= rule.cap_year:
        return Reason.CAP_OF_YEAR
    if counted.state.ceiling < SCORE_MAX and points == 0 and _is_recorded_only(record, counted):
        return Reason.RECORD_ONLY
    if rule.group is not None:
        return Reason.CAP_OF_GROUP
    if rule.cap is not None:
        return Reason.CAP_OF_TYPE
    return Reason.CAP_OF_YEAR if rule.cap_year is not None else Reason.OTHER


def _points_of_year(record: Record, counted: Counted) -> int:
    year = year_of(day_of(record.occurred))
    return sum(
        one.points
        for one in counted.state.contributions
        if one.record.type == record.type and year_of(day_of(one.record.occurred)) == year
    )


def _is_recorded_only(record: Record, counted: Counted) -> bool:
    return any(
        one.rule.record_only and one.start <= record.start and _left_out(one, counted) is None
        for one in counted.records
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairLaw:
    """After how many months a repair can be asked for, by severity, and by which law."""

    effective_from: date
    months: Mapping[str, int]
    basis: Words


# A law that takes the place of this one is added, not put in its place: explanations of earlier days keep theirs.
REPAIR_LAWS = (
    RepairLaw(
        effective_from=date(2026, 4, 1),
        months={"none": 0, "minor": 0, "general": 3, "serious": 12},
        basis=Words(
            "《信用修复管理办法》（国家发展改革委令第36号，2025年，2026-04-01起施行）：按失信程度的最短期限",
            "NDRC Order 36 (2025), Measures on Credit Repair, in force 2026-04-01: minimum periods by severity",
        ),
    ),
)


def repair_law(day: int) -> RepairLaw:
    """Return the law in force on a day; before the first one, the first."""
    return next((law for law in reversed(REPAIR_LAWS) if day_of_date(law.effective_from) <= day), REPAIR_LAWS[0])


def earliest_repair(record: Record, day: int) -> int:
    """Return the first day on which an authority can be asked to repair a record, by the law of a day."""
    return add_months(record.start, repair_law(day).months[_severity(record)])


def _severity(record: Record) -> str:
    return record.rule.severity_of(record.grade.label)


def repair(record: Record, day: int) -> Repair | None:
    """Return how a record can be repaired, or None if there is nothing to repair."""
    path = record.rule.repair
    if path is RepairPath.NONE:
        return None
    law = repair_law(day)
    months = law.months[_severity(record)] if path is RepairPath.BY_AUTHORITY else None
    earliest = earliest_repair(record, day) if path is RepairPath.BY_AUTHORITY else record.start
    by = None if path is RepairPath.EXPIRY else publisher_name(record.rule.event_type.publisher)
    done = None if record.repaired == NEVER else date_of(record.repaired)
    return Repair(
        path=str(path),
        by=by,
        months=months,
        earliest=None if path is RepairPath.EXPIRY or earliest >= NEVER else date_of(earliest),
        done=done,
        words=_repair_words(path, by, months),
        basis=law.basis if path is RepairPath.BY_AUTHORITY else words_of(record.rule.basis),
    )


_EXPIRY = Words("到期自动终止，无需申请。", "It ends by itself; there is nothing to ask for.")
_FULFIL = Words(
    "履行义务后由{by}报送，随即不再按原分值计分。",
    "Do what is owed; once the {by} reports it, the record no longer counts as it does.",
)
_ASK = Words(
    "记录满{months}个月、已纠正并履行义务、作出信用承诺后，向{by}申请修复。",
    "{months} months after it began, once all is corrected and done and a promise is made, ask the {by}.",
)
_ASK_AT_ONCE = Words(
    "纠正并履行义务、作出信用承诺后即可向{by}申请修复。",
    "As soon as all is corrected and done and a promise is made, ask the {by}.",
)


def _repair_words(path: RepairPath, by: Words | None, months: int | None) -> Words:
    if path is RepairPath.EXPIRY or by is None:
        return _EXPIRY
    if path is RepairPath.ON_FULFILMENT:
        return _FULFIL.filled(by=by)
    return _ASK.filled(by=by, months=months) if months else _ASK_AT_ONCE.filled(by=by)
