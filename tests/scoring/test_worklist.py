"""The list of what waits for a person: it is what the evaluator holds back, and says what confirming would do."""

from hypothesis import given

from scoring.evaluator import evaluate
from scoring.worklist import waiting
from tests.scoring.test_review import LISTED, ME, WELL, ReviewedCase, listing, reviewed_cases
from tests.support.examples import examples
from tests.support.records import a_control, a_record, day, days, facts_of


def test_what_waits_is_listed_with_the_tier_that_it_would_lead_to() -> None:
    ban = a_record("court.consumption.restricted", "2026-05-03")
    found = waiting(facts_of([ME, ban, listing()]), day("2026-05-10"), WELL)

    assert [(one.record.rule.type, one.tier, one.confirmed_tier) for one in found] == [
        (LISTED, "excellent", "poor"),
        ("court.consumption.restricted", "excellent", "fair"),
    ]


def test_what_was_confirmed_or_revoked_waits_no_more() -> None:
    for type_name in ("record.confirmed", "record.revoked"):
        facts = facts_of([ME, listing(), a_control(type_name, listing(), "2026-05-04")])

        assert waiting(facts, day("2026-05-10"), WELL) == []


@examples(0.6)
@given(reviewed_cases(), days())
def test_the_list_is_what_the_evaluator_holds_back(case: ReviewedCase, on: int) -> None:
    pack, facts = case
    state = evaluate(facts, on, pack)

    found = waiting(facts, on, pack)

    assert {one.record.record for one in found} == state.held
    assert all(pack.tiers[state.tier or 0].id == one.tier for one in found)
