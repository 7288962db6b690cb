"""Suggestions: each is proved, none is what nobody should be asked for, and the cheapest come first."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import TYPES_BY_NAME
from schemas.days import day_of_date, start_of
from schemas.facts import Facts
from scoring.evaluator import State, evaluate
from scoring.pack import Pack
from scoring.rules import compile_rules
from scoring.suggest import FOUND_MAX, suggest
from scoring.suggestion import HABITS, NEVER_SUGGESTED, Act, Effort, Suggestion, Suggestions
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
BASE = shipped().base_points
TODAY = "2026-06-01"


def registered_cases() -> st.SearchStrategy[Case]:
    """Cases of somebody registered."""
    return cases().map(lambda case: (case[0], facts_of([ME, *case[1]])))


def suggested(target: int, *facts: np.void, pack: Pack | None = None) -> Suggestions:
    rules = SHIPPED if pack is None else None
    return suggest(facts_of([ME, *facts]), day(TODAY), pack or shipped(), target=target, rules=rules)


def shown(answer: Suggestions) -> list[Suggestion]:
    return [*answer.found, *([answer.best] if answer.best else [])]


def kinds(answer: Suggestions) -> list[list[tuple[str, str, int]]]:
    return [[(act.kind, act.type, act.times) for act in one.acts] for one in answer.found]


def done(facts: Facts, today: int, act: Act) -> list[np.void]:
    """Return the facts of an act, put together here anew from what the act says."""
    if act.kind == "wait":
        return []
    if act.kind == "habit":
        habit = HABITS[act.type]
        dates = [today + habit.days * number for number in range(1, act.times + 1)]
        code = TYPES_BY_NAME[act.type].code
        return [_fact(act.type, at, code * 100_000 + at, quantity=habit.quantity) for at in dates]
    control = {"fulfil": "obligation.fulfilled", "apply": "repair.granted"}[act.kind]
    about = [int(one, 16) for one in act.records]
    assert set(about) <= set(facts["record"].tolist())
    return [_fact(control, day_of_date(act.day), one ^ 3, link=one) for one in about]


def _fact(type_name: str, at: int, record: int, *, link: int = 0, quantity: int = 0) -> np.void:
    fact = a_record(type_name, TODAY, quantity=quantity)
    fact["record"], fact["link"], fact["occurred"] = record, link, start_of(at)
    return fact


def redone(facts: Facts, today: int, pack: Pack, one: Suggestion) -> State:
    """Return what the plain evaluator says once the acts are done."""
    added = [fact for act in one.acts for fact in done(facts, today, act)]
    return evaluate(facts_of([*facts, *added]), day_of_date(one.day), pack)


# On every pack and ledger


@examples(0.5)
@given(registered_cases(), days(), st.integers(1, 60))
def test_every_suggestion_scores_what_it_says_once_its_acts_are_done(case: Case, today: int, more: int) -> None:
    pack, facts = case[0].pack, case[1]
    score = evaluate(facts, today, pack).score
    target = min((score or 0) + more, 1000)

    answer = suggest(facts, today, pack, target=target)

    for one in shown(answer):
        state = redone(facts, today, pack, one)
        assert state.score == one.score
        assert state.tier is not None
        assert pack.tiers[state.tier].id == one.tier
        assert set(one.perks) <= state.entitlements
    assert [one.score for one in answer.found if one.score < target] == []


@examples(0.5)
@given(registered_cases(), days(), st.integers(1, 60))
def test_nothing_from_outside_the_table_is_suggested(case: Case, today: int, more: int) -> None:
    pack, facts = case[0].pack, case[1]

    answer = suggest(facts, today, pack, target=min((evaluate(facts, today, pack).score or 0) + more, 1000))

    acts = [act for one in shown(answer) for act in one.acts]
    assert {act.kind for act in acts} <= {"wait", "fulfil", "apply", "habit"}
    assert {act.type for act in acts if act.kind == "habit"} <= set(HABITS)
    assert [one for one in shown(answer) if len(one.acts) > 2] == []


@examples(0.5)
@given(registered_cases(), days(), st.integers(1, 60), st.data())
def test_who_waits_reaches_the_target_on_no_earlier_day(case: Case, today: int, more: int, data: st.DataObject) -> None:
    pack, facts = case[0].pack, case[1]
    target = min((evaluate(facts, today, pack).score or 0) + more, 1000)

    answer = suggest(facts, today, pack, target=target)

    for one in answer.found:
        if [act.kind for act in one.acts] == ["wait"]:
            probe = data.draw(st.integers(today, day_of_date(one.day) - 1) | st.just(day_of_date(one.day) - 1))
            assert (evaluate(facts, probe, pack).score or 0) < target


@examples(0.5)
@given(ledgers(), days())
def test_who_has_no_score_is_told_so_and_asked_for_nothing(facts: Facts, today: int) -> None:
    unregistered = facts[facts["type"] != TYPES_BY_NAME["subject.registered"].code]

    answer = suggest(unregistered, today, shipped(), target=900, rules=SHIPPED)

    assert (answer.score, shown(answer)) == (None, [])
    assert "no score" in answer.words.en


# The table


def test_every_award_is_either_in_the_table_or_left_out_for_a_reason() -> None:
    awards = {
        rule.type for rule in shipped().rules if rule.steps or any(one.points > 0 for one in rule.grades.values())
    }

    assert awards - set(HABITS) - set(NEVER_SUGGESTED) == set()
    assert set(HABITS) & set(NEVER_SUGGESTED) == set()
    assert (set(HABITS) | set(NEVER_SUGGESTED)) - set(TYPES_BY_NAME) == set()


def test_no_habit_is_about_ones_body_money_danger_or_rank() -> None:
    forbidden = (
        "blood",
        "marrow",
        "bravery",
        "charity",
        "education",
        "qualification",
        "honour",
        "civilservant",
        "model",
    )

    assert [name for name in HABITS if any(word in name.split(".") for word in forbidden)] == []


def test_every_row_gives_its_reason() -> None:
    assert [name for name, habit in HABITS.items() if not habit.why or "{times}" not in habit.words.zh] == []
    assert [name for name, why in NEVER_SUGGESTED.items() if not why] == []


# What is suggested


def test_a_deduction_about_to_end_is_waited_for() -> None:
    answer = suggested(BASE, a_record("parking.fee.unpaid", "2025-12-15"))

    first = answer.found[0]
    assert [act.kind for act in first.acts] == ["wait"]
    assert (first.day, first.score) == (date(2026, 6, 15), BASE)
    assert "Parking fee unpaid" in first.words.en


def test_what_is_owed_comes_before_what_is_asked() -> None:
    answer = suggested(
        BASE + 1, a_record("library.loan.overdue", "2026-05-01"), a_record("library.loan.returned", "2026-05-01")
    )

    assert kinds(answer)[0] == [("fulfil", "library.loan.overdue", 1)]
    assert answer.found[0].day == date(2026, 6, 1)
    efforts = [sum(Effort[act.effort.upper()] for act in one.acts) for one in answer.found]
    assert efforts == sorted(efforts)


def test_settling_all_that_is_owed_is_one_way_where_nothing_less_is_enough() -> None:
    debts = [
        a_record("library.loan.overdue", "2026-05-01"),
        a_record("parking.fee.unpaid", "2026-05-02"),
        a_record("transit.fare.evaded", "2026-05-03"),
    ]

    answer = suggested(BASE, *debts)

    assert kinds(answer)[0] == [("fulfil", "library.loan.overdue", 3)]
    assert len(answer.found[0].acts[0].records) == 3
    assert "all that is owed" in answer.found[0].words.en


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "ask the"),
        (["repair.applied"], "grants"),
        (["repair.applied", "repair.refused"], "ask the"),
        (["repair.refused", "repair.applied"], "grants"),
    ],
)
def test_a_repair_that_was_asked_for_already_is_only_waited_for(said: list[str], words: str) -> None:
    penalty = a_record("admin.penalty.imposed", "2026-05-01", grade="fine_major")
    asked = [a_control(name, penalty, f"2026-05-2{number}") for number, name in enumerate(said)]

    answer = suggested(BASE, penalty, *asked)

    assert [act.words.en for one in answer.found for act in one.acts if act.kind == "apply" and words in act.words.en]


def test_a_repair_is_applied_for_when_its_minimum_period_is_over() -> None:
    listing = a_record("org.abnormal.listed", "2026-05-10")
    pack = pack_with(base_points=700)
    answer = suggest(facts_of([ME, listing]), day(TODAY), pack, "organisation", 650)

    (one,) = answer.found
    assert [(act.kind, act.type, act.day) for act in one.acts] == [("apply", "org.abnormal.listed", date(2026, 8, 10))]
    assert (one.score, one.tier) == (700, "good")
    assert "2026-08-10" in one.words.zh


def test_two_acts_are_combined_only_where_no_single_one_is_enough() -> None:
    assert {len(one.acts) for one in suggested(BASE + 5).found} == {1}
    assert {len(one.acts) for one in suggested(BASE + 12).found} == {2}


def test_no_more_of_an_act_is_asked_for_than_is_enough() -> None:
    assert ("habit", "library.loan.returned", 2) in [acts[0] for acts in kinds(suggested(BASE + 2))]
    assert [times for acts in kinds(suggested(BASE + 7)) for _, name, times in acts if name.startswith("library")] != [
        5
    ]


def test_a_cap_that_is_reached_is_not_asked_for_again() -> None:
    books = [a_record("library.loan.returned", f"2026-03-{number:02}") for number in range(1, 6)]

    assert "library.loan.returned" not in {name for acts in kinds(suggested(BASE + 6, *books)) for _, name, _ in acts}


def test_who_has_no_loan_is_not_told_to_repay_one() -> None:
    with_loan = suggested(BASE + 2, a_record("finance.loan.repaid", "2026-05-20"))

    assert "finance.loan.repaid" in {name for acts in kinds(with_loan) for _, name, _ in acts}
    assert "finance.loan.repaid" not in {name for acts in kinds(suggested(BASE + 1)) for _, name, _ in acts}


def test_an_organisation_is_not_told_to_borrow_umbrellas() -> None:
    answer = suggest(facts_of([ME]), day(TODAY), shipped(), "organisation", BASE + 1, rules=SHIPPED)

    assert answer.found == ()


def test_a_disputed_record_is_not_asked_to_be_made_good() -> None:
    book = a_record("library.loan.overdue", "2026-05-01")
    answer = suggested(BASE + 3, book, a_control("record.disputed", book, "2026-05-20"))

    assert "fulfil" not in {act.kind for one in shown(answer) for act in one.acts}


def test_a_perk_that_is_reached_is_named() -> None:
    pack = pack_with(base_points=685)
    answer = suggested(686, pack=pack)

    assert "transit_discount" in answer.found[0].perks
    assert "公交地铁八折" in answer.found[0].words.zh


def test_a_way_that_comes_too_late_for_a_perk_says_so_and_stands_last() -> None:
    pack = pack_with(base_points=688)
    late = [a_record("parking.fee.unpaid", "2026-07-15"), a_record("parking.fee.unpaid", "2026-07-14")]
    answer = suggest(facts_of([ME, *late]), day("2026-11-24"), pack, target=686)

    (wait,) = [one for one in answer.found if one.acts[0].kind == "wait"]
    assert (wait.moved, wait.perks) == (("transit_discount",), ())
    assert "asks for 697" in wait.words.en
    too_late = [bool(one.moved) for one in answer.found]
    assert too_late == sorted(too_late)
    assert answer.found[0].perks == ("transit_discount",)


def test_where_nothing_is_enough_it_is_said_plainly_with_the_best() -> None:
    answer = suggested(900)

    assert answer.found == ()
    assert answer.best is not None
    assert BASE < answer.best.score < 900
    assert f"The best within reach is {answer.best.score}" in answer.words.en


def test_what_is_reached_already_needs_nothing() -> None:
    answer = suggested(BASE)

    assert (answer.reached, answer.found, answer.best) == (True, (), None)


def test_no_more_is_shown_than_can_be_read() -> None:
    late = [a_record("rental.item.overdue", f"2026-05-{number:02}") for number in range(1, 12)]

    score = suggested(0, *late).score or 0

    assert len(suggested(score + 1, *late).found) == FOUND_MAX


def test_a_target_that_is_no_score_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1000, was 1001"):
        suggested(1001)


def test_a_long_wait_does_not_hide_what_two_acts_reach_before() -> None:
    listed = a_record("court.dishonest.listed", "2025-03-01")
    performed = a_control("obligation.fulfilled", listed, "2026-05-20")
    answer = suggested(BASE - 50 + 12, listed, performed)

    waits = [one for one in answer.found if one.acts[0].kind == "wait"]
    assert [(one.day, one.acts[0].words.en) for one in waits] == [
        (date(2028, 5, 20), waits[0].acts[0].words.en),
    ]
    assert "Judgment defaulter listed" in waits[0].words.en
    assert any(len(one.acts) == 2 and one.day < date(2026, 12, 31) for one in answer.found)


def test_a_perk_that_would_be_lost_without_an_act_is_named_as_what_it_keeps() -> None:
    pack = pack_with(base_points=690)
    answer = suggest(facts_of([ME]), day("2026-12-20"), pack, target=697)

    assert answer.found
    assert all("transit_discount" in one.perks for one in answer.found if one.day >= date(2027, 1, 1))
