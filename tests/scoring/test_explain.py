"""Explanations: they sum exactly on every pack and ledger, and say why."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import EVENT_TYPES, Grade
from schemas.days import NEVER, date_of, day_of_date
from schemas.facts import Facts
from scoring.evaluator import evaluate, resolve
from scoring.explain import PRINCIPAL_MAX, Entry, Explanation, explain, history, to_json
from scoring.pack import Pack
from scoring.reasons import REPAIR_LAWS, Reason
from scoring.rescoring import without_records
from scoring.rules import compile_rules
from scoring.words import appeal_words, grade_name, points_words, publisher_name
from tests.support.examples import examples
from tests.support.packs import Case, cases, pack_with
from tests.support.records import (
    a_control,
    a_record,
    day,
    days,
    facts_of,
    ledgers,
    registered,
    shipped,
)

ME = registered()
SHIPPED = compile_rules(shipped())


def explained(on: str, *facts: object, pack: Pack | None = None) -> Explanation:
    return explain(facts_of([ME, *facts]), day(on), pack or shipped())  # type: ignore[list-item]


def reasons(entry: Entry) -> list[str]:
    return [one.reason for one in entry.why]


def entry_of(answer: Explanation, type_name: str) -> Entry:
    return next(one for one in (*answer.contributions, *answer.others) if one.type == type_name)


# On every pack and ledger


@examples(0.4)
@given(cases(), days())
def test_an_explanation_sums_exactly_to_the_evaluators_score(case: Case, on: int) -> None:
    pack, facts = case[0].pack, case[1]

    answer = explain(facts, on, pack)

    state = evaluate(facts, on, pack)
    assert answer.score == state.score
    assert answer.score in {answer.total, None}
    assert answer.until == (None if state.until == NEVER else date_of(state.until))


@examples(0.4)
@given(cases(), days())
def test_compiled_rules_change_nothing_but_the_time_it_takes(case: Case, on: int) -> None:
    pack, facts = case[0].pack, case[1]

    assert explain(facts, on, pack, rules=compile_rules(pack)) == explain(facts, on, pack)


@examples(0.4)
@given(cases(), days())
def test_every_record_that_is_not_revoked_is_shown_once(case: Case, on: int) -> None:
    pack, facts = case[0].pack, case[1]

    answer = explain(facts, on, pack)

    shown = [one.record for one in (*answer.contributions, *answer.others)]
    assert sorted(shown) == sorted(f"{one.record:016x}" for one in resolve(facts, pack))


@examples(0.4)
@given(cases(), days())
def test_whatever_does_not_count_as_stated_says_why(case: Case, on: int) -> None:
    answer = explain(case[1], on, case[0].pack)

    silent = [one for one in answer.contributions if one.points != one.stated and not one.why]
    assert silent == []
    assert [one for one in answer.others if not one.why] == []
    assert {one.points for one in answer.others} <= {0}


@examples(0.4)
@given(ledgers(), days())
def test_an_effect_is_what_the_score_would_be_without_the_record(facts: Facts, on: int) -> None:
    answer = explain(facts, on, shipped(), rules=SHIPPED)

    # What waits for a person waits without the record, too.
    counting = without_records(facts, evaluate(facts, on, shipped()).held)
    for one in answer.contributions:
        without = without_records(counting, [int(one.record, 16)])
        score = evaluate(without, on, pack_with(review=None)).score
        if answer.score is not None and score is not None and one.type != "subject.registered":
            assert score - answer.score == one.effect


@examples(0.4)
@given(ledgers(), days())
def test_the_principal_reasons_are_the_weightiest_and_never_more_than_four(facts: Facts, on: int) -> None:
    answer = explain(facts, on, shipped(), rules=SHIPPED, target=0)

    effects = [abs(one.effect) for one in answer.principal]
    assert len(effects) == min(PRINCIPAL_MAX, sum(one.effect != 0 for one in answer.contributions))
    assert effects == sorted((abs(one.effect) for one in answer.contributions), reverse=True)[: len(effects)]


@examples(0.4)
@given(ledgers(), days())
def test_an_explanation_as_json_survives_being_written_and_read(facts: Facts, on: int) -> None:
    said = to_json(explain(facts, on, shipped(), rules=SHIPPED))

    assert json.loads(json.dumps(said, ensure_ascii=False)) == said


@examples(0.4)
@given(cases(), days(), st.integers(0, 900))
def test_a_history_has_the_score_of_each_day(case: Case, first: int, length: int) -> None:
    pack, facts = case[0].pack, case[1]

    steps = history(facts, first, first + length, pack)

    assert history(facts, first, first + length, pack, rules=compile_rules(pack)) == steps
    for on in {first, first + length // 2, first + length}:
        step = [one for one in steps if day_of_date(one.day) <= on][-1]
        assert step.score == evaluate(facts, on, pack).score


# Reasons


def test_deductions_come_first_for_who_is_below_the_target() -> None:
    late = a_record("library.loan.overdue", "2026-05-01")
    work = a_record("capability.tenure.accrued", "2026-01-01", quantity=120)

    below = explain(facts_of([ME, late, work]), day("2026-06-01"), shipped(), target=900)
    above = explain(facts_of([ME, late, work]), day("2026-06-01"), shipped(), target=0)

    assert [one.effect for one in below.principal] == [3, -20]
    assert [one.effect for one in above.principal] == [-20, 3]


def test_a_repeat_says_that_it_is_doubled() -> None:
    answer = explained(
        "2026-06-10", a_record("library.loan.overdue", "2026-05-01"), a_record("library.loan.overdue", "2026-06-01")
    )

    assert [(one.points, one.stated, reasons(one)) for one in answer.contributions] == [
        (-3, -3, []),
        (-6, -3, [Reason.REPEAT]),
    ]


def test_what_belongs_to_one_incident_says_that_another_record_counts() -> None:
    bill = a_record("utility.bill.overdue", "2026-05-01", incident="a")
    ruling = a_record("utility.arrears.adjudged", "2026-06-01", incident="a")

    answer = explained("2026-06-10", bill, ruling)

    assert reasons(entry_of(answer, "utility.bill.overdue"))[-1] == Reason.SAME_INCIDENT
    assert reasons(entry_of(answer, "utility.arrears.adjudged")) == []


def test_a_cap_of_the_year_a_type_and_a_group_are_told_apart() -> None:
    books = [a_record("library.loan.returned", f"2026-03-{number:02}") for number in range(1, 7)]
    contribution = a_record("capability.contribution.continuous", "2026-01-01", quantity=90)
    ungrouped = [{"type": one.type, "group": None} for one in shipped().rules if one.group]
    pack = pack_with({"type": "bravery.recognised", "group": "small"}, *ungrouped, groups=({"id": "small", "cap": 2},))

    answer = explained("2026-06-01", *books, contribution, a_record("bravery.recognised", "2026-05-01"), pack=pack)

    assert reasons(answer.others[-1]) == [Reason.CAP_OF_YEAR]
    assert reasons(entry_of(answer, "capability.contribution.continuous")) == [Reason.CAP_OF_TYPE]
    assert reasons(entry_of(answer, "bravery.recognised")) == [Reason.CAP_OF_GROUP]


def test_what_counts_after_a_repair_says_so() -> None:
    listing = a_record("court.dishonest.listed", "2026-05-01")
    answer = explained("2026-08-01", listing, a_control("repair.granted", listing, "2026-07-01"))

    (one,) = answer.contributions
    assert (one.points, one.stated, reasons(one)) == (-50, -150, [Reason.SUBSTITUTED])
    assert one.repair is not None
    assert one.repair.done == date(2026, 7, 1)
    assert [remark.type for remark in one.remarks] == ["repair.granted"]


def test_of_a_type_whose_latest_counts_the_earlier_says_so() -> None:
    degrees = [
        a_record("capability.education.certified", "2015-07-01", grade="bachelor"),
        a_record("capability.education.certified", "2018-07-01", grade="postgraduate"),
    ]

    answer = explained("2026-05-01", *degrees)

    assert reasons(entry_of(answer, "capability.education.certified")) == []
    assert [one.grade for one in answer.others if reasons(one) == [Reason.LATER_COUNTS]] == ["bachelor"]


@pytest.mark.parametrize(
    ("on", "reason"),
    [("2026-04-30", Reason.NOT_BEGUN), ("2026-05-20", Reason.DISPUTED), ("2026-11-01", Reason.ENDED)],
)
def test_what_counts_nothing_now_is_listed_with_the_reason(on: str, reason: Reason) -> None:
    book = a_record("library.loan.overdue", "2026-05-01")
    told = a_control("record.disputed", book, "2026-05-10")
    over = a_control("record.dispute.resolved", book, "2026-06-01", grade="rejected")

    answer = explained(on, book, told, over)

    assert answer.contributions == ()
    assert reasons(entry_of(answer, "library.loan.overdue")) == [reason]


def test_a_made_good_record_says_that_it_is_repaired() -> None:
    book = a_record("library.loan.overdue", "2026-05-01")
    answer = explained("2026-06-01", book, a_control("obligation.fulfilled", book, "2026-05-10"))

    assert reasons(entry_of(answer, "library.loan.overdue")) == [Reason.REPAIRED]


def test_arrears_that_go_on_say_that_they_are_deducted_again() -> None:
    (one,) = explained("2026-06-10", a_record("finance.loan.overdue", "2026-03-01")).contributions

    assert one.points < -10
    assert reasons(one) == [Reason.GOES_ON]


def test_blood_counts_only_with_consent_and_says_so() -> None:
    answer = explained("2026-06-01", a_record("blood.donation.made", "2026-05-01"))

    assert reasons(entry_of(answer, "blood.donation.made")) == [Reason.NO_CONSENT]


def test_a_record_that_sets_a_ceiling_is_a_contribution_and_a_principal_reason() -> None:
    work = a_record("capability.contribution.continuous", "2026-01-01", quantity=60)
    drunk = a_record("traffic.drunk.determined", "2026-05-01")
    pack = pack_with(base_points=650)

    answer = explained("2026-06-01", work, drunk, pack=pack)

    one = entry_of(answer, "traffic.drunk.determined")
    assert (one.points, one.ceiling, one.effect) == (0, "fair", 61)
    assert answer.principal[0].record == one.record
    assert [limit.name for limit in answer.limits] == ["ceiling"]


def test_somebody_unregistered_has_no_score_and_no_reasons() -> None:
    answer = explain(facts_of([a_record("library.loan.overdue", "2026-05-01")]), day("2026-06-01"), shipped())

    assert (answer.score, answer.tier, answer.principal, answer.next) == (None, None, (), None)


# Repair, evidence, words


@pytest.mark.parametrize(
    ("type_name", "months", "earliest"),
    [
        ("org.abnormal.listed", 3, date(2026, 8, 31)),
        ("utility.theft.determined", 12, date(2027, 5, 31)),
        ("library.loan.overdue", None, date(2026, 5, 31)),
        ("court.crime.convicted", None, None),
    ],
)
def test_a_repair_can_be_asked_for_after_the_minimum_period(
    type_name: str, months: int | None, earliest: date | None
) -> None:
    repair = entry_of(explained("2026-06-01", a_record(type_name, "2026-05-31")), type_name).repair

    assert repair is not None
    assert (repair.months, repair.earliest) == (months, earliest)


@pytest.mark.parametrize(
    ("grade", "months", "earliest"),
    [
        (Grade.WARNING, 0, date(2026, 5, 31)),
        (Grade.FINE_MINOR, 3, date(2026, 8, 31)),
        (Grade.FINE_HUGE, 12, date(2027, 5, 31)),
    ],
)
def test_the_period_is_that_of_the_grades_own_severity(grade: Grade, months: int, earliest: date) -> None:
    fine = a_record("admin.penalty.imposed", "2026-05-31", grade=grade.label)
    repair = entry_of(explained("2026-06-01", fine), "admin.penalty.imposed").repair

    assert repair is not None
    assert (repair.months, repair.earliest) == (months, earliest)


def test_where_there_is_no_minimum_period_none_is_named() -> None:
    grades = [Grade.WARNING.label, Grade.FINE_MINOR.label]
    fines = [a_record("admin.penalty.imposed", "2026-05-31", grade=one, name=one) for one in grades]
    entries = explained("2026-06-01", *fines).contributions
    said = {entry.grade: entry.repair.words for entry in entries if entry.repair}

    assert said["fine_minor"].en.startswith("3 months after it began")
    assert said["warning"].en.startswith("As soon as all is corrected")
    assert said["warning"].zh == "纠正并履行义务、作出信用承诺后即可向执法机关申请修复。"


def test_one_point_is_one_point() -> None:
    assert [points_words(count).en for count in (1, 2)] == ["1 point", "2 points"]


def test_an_appeal_by_retrial_only_says_so_of_the_court() -> None:
    assert appeal_words("court, by retrial only; then city credit centre").zh == "法院（仅可通过再审），再向市信用中心"


def test_the_minimum_periods_are_those_of_order_36() -> None:
    law = REPAIR_LAWS[-1]

    assert (law.effective_from, law.months) == (
        date(2026, 4, 1),
        {"none": 0, "minor": 0, "general": 3, "serious": 12},
    )
    assert "Order 36" in law.basis.en
    assert "第36号" in law.basis.zh


def test_the_evidence_is_where_the_event_stands() -> None:
    book = a_record("library.loan.overdue", "2026-05-01", offset=41)
    answer = explain(facts_of([ME, book]), day("2026-06-01"), shipped(), partition=3)

    evidence = entry_of(answer, "library.loan.overdue").evidence
    assert (evidence.partition, evidence.offset) == (3, 41)


def test_a_history_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="swap them"):
        history(facts_of([ME]), day("2026-06-02"), day("2026-06-01"), shipped())


def test_every_grade_publisher_and_appeal_has_words_in_both_languages() -> None:
    words = [grade_name(grade) for grade in Grade]
    words += [publisher_name(one.publisher) for one in EVENT_TYPES if not one.control]
    words += [appeal_words(rule.appeal) for rule in shipped().rules]

    untranslated = [one.en for one in words if any("a" <= letter <= "z" for letter in one.zh)]
    assert untranslated == []
