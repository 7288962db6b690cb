"""A person looks at what lowers somebody by two tiers before it counts. Every state is held against the kernel's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import Facts
from scoring.evaluator import Record, State, evaluate, resolve
from scoring.explain import explain
from scoring.pack import Pack
from scoring.reasons import Reason
from scoring.review import is_weighty
from scoring.rules import compile_rules
from scoring.suggest import suggest
from tests.support.examples import examples
from tests.support.packs import cases, pack_with
from tests.support.records import (
    EMPTY,
    a_control,
    a_record,
    day,
    days,
    facts_of,
    hold_card_to_states,
    merged,
    registered,
    shipped,
    state_on,
)

ME = registered()
# Somebody in the tier Excellent.
WELL = pack_with(base_points=800)
LISTED = "court.dishonest.listed"
ReviewedCase = tuple[Pack, Facts]


def listing(on: str = "2026-05-01") -> np.void:
    return a_record(LISTED, on)


def well_on(on: str, *facts: np.void) -> State:
    return state_on(on, ME, *facts, pack=WELL)


def score_and_review(state: State) -> tuple[int | None, bool]:
    return state.score, state.under_review


def test_a_drop_of_two_tiers_waits_until_it_is_confirmed() -> None:
    confirmed = a_control("record.confirmed", listing(), "2026-05-08")
    states = [well_on(on, listing(), confirmed) for on in ("2026-05-01", "2026-05-07", "2026-05-08")]

    assert [score_and_review(state) for state in states] == [(800, True), (800, True), (549, False)]
    assert [state.ceiling for state in states] == [1000, 1000, 549]


def test_what_waits_says_when_it_will_be_heard_of_again() -> None:
    confirmed = a_control("record.confirmed", listing(), "2026-05-08")

    ended = a_record(LISTED, "2026-05-01", terminated="2026-06-01")

    assert well_on("2026-05-01", listing(), confirmed).until == day("2026-05-08")
    assert well_on("2026-05-01", ended).until == day("2026-06-01")


def test_a_record_that_waits_until_it_is_over_never_counted() -> None:
    ban = a_record(LISTED, "2026-05-01", terminated="2026-06-01")
    states = [well_on(on, ban) for on in ("2026-05-01", "2026-05-31", "2026-06-01")]

    assert [score_and_review(state) for state in states] == [(800, True), (800, True), (800, False)]


def test_a_drop_of_one_tier_does_not_wait() -> None:
    state = state_on("2026-05-01", ME, listing())

    assert score_and_review(state) == (350, False)
    assert state.held == frozenset()


def test_a_pack_without_a_review_lets_everything_count() -> None:
    state = state_on("2026-05-01", ME, listing(), pack=pack_with(base_points=800, review=None))

    assert score_and_review(state) == (549, False)


def test_how_far_a_drop_has_to_be_is_the_packs_to_say() -> None:
    found = [
        state_on("2026-05-01", ME, listing(), pack=pack_with(base_points=800, review={"tiers": tiers})).under_review
        for tiers in (2, 3, 4)
    ]

    assert found == [True, True, False]


def test_a_rejected_record_is_revoked_and_was_never_there() -> None:
    state = well_on("2026-05-01", listing(), a_control("record.revoked", listing(), "2026-05-04"))

    assert score_and_review(state) == (800, False)


def test_two_severe_records_wait_each_for_itself() -> None:
    other = a_record("court.crime.convicted", "2026-05-02", grade="imprisonment")
    state = well_on("2026-05-02", listing(), other)

    assert score_and_review(state) == (800, True)
    assert state.held == {int(listing()["record"]), int(other["record"])}


def test_what_is_confirmed_counts_and_another_that_lowers_by_one_tier_more_need_not_wait() -> None:
    pack = pack_with(base_points=1000)
    drunk = a_record("traffic.drunk.determined", "2026-05-01")
    state = state_on("2026-05-05", ME, drunk, listing(), a_control("record.confirmed", drunk, "2026-05-02"), pack=pack)

    assert score_and_review(state) == (549, False)


def test_who_has_no_score_has_nothing_to_wait_for() -> None:
    state = state_on("2026-05-01", listing(), pack=WELL)

    assert score_and_review(state) == (None, False)


def test_deductions_of_one_tier_each_do_not_wait_although_together_they_are_two() -> None:
    pack = pack_with(base_points=651)
    acts = [a_record("finance.contract.defaulted", "2026-05-01"), a_record("utility.theft.determined", "2026-06-01")]
    states = [state_on("2026-06-01", ME, *acts[:count], pack=pack) for count in (1, 2)]

    assert [state.under_review for state in states] == [False, False]
    assert [state.tier for state in states] == [2, 1]


def test_a_listing_that_is_repaired_leaves_what_stands_in_its_place_without_a_review() -> None:
    state = well_on("2026-06-15", listing(), a_control("repair.granted", listing(), "2026-06-01"))

    assert score_and_review(state) == (750, False)


# On every pack and ledger


@st.composite
def reviewed_cases(draw: st.DrawFn) -> ReviewedCase:
    """Packs with a review of two tiers, and ledgers of who stands high enough to fall so far."""
    variant, facts = draw(cases())
    head = {"review": {"tiers": 2}, "base_points": draw(st.sampled_from([649, 660, 750, 850, 1000]))}
    return Pack.model_validate({**variant.pack.model_dump(by_alias=True), **head}), facts_of([ME, *facts])


@examples(0.6)
@given(reviewed_cases(), days())
def test_kernel_and_evaluator_hold_the_same_back(case: ReviewedCase, on: int) -> None:
    pack, facts = case

    hold_card_to_states(facts, on, pack, compile_rules(pack))


@examples(0.4)
@given(reviewed_cases(), days(), st.data())
def test_what_is_held_does_not_depend_on_the_order_of_arrival(case: ReviewedCase, on: int, data: st.DataObject) -> None:
    pack, facts = case[0], merged(EMPTY, case[1]).facts
    order = data.draw(st.permutations(range(len(facts))))

    assert evaluate(facts[order], on, pack) == evaluate(facts, on, pack)


@examples(0.4)
@given(reviewed_cases(), days())
def test_what_is_held_is_as_if_it_were_not_there(case: ReviewedCase, on: int) -> None:
    pack, facts = case
    state = evaluate(facts, on, pack)

    without = facts[~np.isin(facts["record"], [*state.held])]
    bare = evaluate(without, on, pack.model_copy(update={"review": None}))
    assert (state.score, state.dimensions, state.ceiling) == (bare.score, bare.dimensions, bare.ceiling)


@examples(0.6)
@given(reviewed_cases(), days())
def test_no_deduction_lowers_anybody_by_two_tiers_before_a_person_has_confirmed_it(case: ReviewedCase, on: int) -> None:
    pack, facts = case
    unreviewed = pack.model_copy(update={"review": None})
    records = resolve(facts, pack)
    waiting = [one for one in records if on < one.confirmed and is_weighty(one.rule, one.grade.label, pack)]

    for one in records:
        if _takes(one) and not is_weighty(one.rule, one.grade.label, pack):
            others = facts[~np.isin(facts["record"], [other.record for other in waiting])]
            with_it = evaluate(others, on, unreviewed)
            without_it = evaluate(others[others["record"] != np.uint64(one.record)], on, unreviewed)
            if with_it.tier is not None and without_it.tier is not None:
                assert without_it.tier - with_it.tier < 2


@examples(0.6)
@given(reviewed_cases(), days())
def test_an_explanation_shows_what_is_held_with_no_points_and_sums_exactly(case: ReviewedCase, on: int) -> None:
    pack, facts = case
    state = evaluate(facts, on, pack)

    answer = explain(facts, on, pack)

    assert answer.score in {answer.total, None}
    held = [one for one in answer.others if int(one.record, 16) in state.held]
    assert len(held) == len(state.held)
    assert {why.reason for one in held for why in one.why} <= {Reason.UNDER_REVIEW}
    assert {(one.points, one.ceiling, one.effect) for one in held} <= {(0, None, 0)}


def _takes(record: Record) -> bool:
    return record.rule.grades[record.grade.label].points < 0 and not record.rule.event_type.about_the_subject


# What people are told


def test_the_reason_is_told_in_both_languages() -> None:
    answer = explain(facts_of([ME, listing()]), day("2026-05-01"), WELL)
    (entry,) = (one for one in answer.others if one.type == LISTED)

    assert answer.under_review
    assert [why.words.en for why in entry.why] == ["It waits for review by a person; it does not count until then."]
    assert [why.words.zh for why in entry.why] == ["等待人工复核，在此之前不计分。"]
    assert (entry.points, entry.stated, entry.ceiling) == (0, -150, None)


@pytest.mark.parametrize("compiled", [False, True])
def test_no_record_is_told_to_bring_what_only_a_review_keeps_away(*, compiled: bool) -> None:
    # Without the degree this would be Fair, from where a listing lowers by one tier only and waits for nobody.
    pack = pack_with(base_points=640)
    degree = a_record("capability.education.certified", "2026-01-01", grade="bachelor")
    rules = compile_rules(pack) if compiled else None

    answer = explain(facts_of([ME, degree, listing()]), day("2026-05-01"), pack, rules=rules)

    assert answer.under_review
    assert [one.words.en for one in answer.principal] == ["Education certified of 2026-01-01 brings you 20 points."]


@pytest.mark.parametrize("rules", [None, compile_rules(WELL)])
def test_nothing_is_suggested_about_what_waits(rules: object) -> None:
    facts = facts_of([ME, listing(), a_record("library.loan.overdue", "2026-05-01")])
    answer = suggest(facts, day("2026-06-01"), WELL, target=800, rules=rules)  # type: ignore[arg-type]

    acts = [act for one in answer.found for act in one.acts]
    assert answer.score == 797
    assert f"{int(listing()['record']):016x}" not in {record for act in acts for record in act.records}
    assert "waits for review by a person" in answer.words.en


def test_the_shipped_pack_reviews_a_drop_of_two_tiers() -> None:
    assert shipped().review is not None
    assert shipped().review.tiers == 2  # type: ignore[union-attr]


def test_an_award_is_never_looked_at() -> None:
    weighty = {rule.type for rule in shipped().rules for label in rule.grades if is_weighty(rule, label, shipped())}
    awards = {rule.type for rule in shipped().rules if rule.severity == "none"}

    assert weighty & awards == set()
