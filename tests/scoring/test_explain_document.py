"""docs/explain.md tells the truth: its example is computed here again, sentence by sentence, in both languages."""

from pathlib import Path

from schemas.facts import Facts
from scoring.explain import explain
from scoring.reasons import Reason
from scoring.suggest import suggest
from scoring.suggestion import HABITS, Effort
from tests.support.records import a_record, day, facts_of, registered, shipped

TEXT = (Path(__file__).parents[2] / "docs" / "explain.md").read_text("utf-8")
TODAY = day("2026-11-24")


def example() -> Facts:
    return facts_of(
        [
            registered(),
            a_record("capability.education.certified", "2015-07-01", grade="bachelor"),
            a_record("capability.qualification.granted", "2018-07-01", grade="senior"),
            a_record("capability.tenure.accrued", "2026-01-15", quantity=180),
            a_record("capability.contribution.continuous", "2026-01-15", quantity=72),
            *(a_record("finance.loan.repaid", f"2026-{month:02}-20") for month in range(1, 11)),
            *(a_record("year.closed", f"{year}-12-31") for year in range(2022, 2026)),
            a_record("volunteer.hours.accrued", "2026-03-01", quantity=60),
            a_record("library.loan.overdue", "2026-01-10"),
            a_record("library.loan.overdue", "2026-08-10"),
            a_record("parking.fee.unpaid", "2026-09-03"),
        ]
    )


def test_the_documents_explanation_is_the_real_one() -> None:
    answer = explain(example(), TODAY, shipped())

    assert answer.score == 685
    said = [one.words for one in answer.principal] + [one.words for entry in answer.contributions for one in entry.why]
    said += [one.words for entry in answer.others if entry.type == "library.loan.overdue" for one in entry.why]
    assert [one for one in said if one.zh not in TEXT or one.en not in TEXT] == []


def test_the_documents_suggestions_are_the_real_ones() -> None:
    for target in (686, 697):
        answer = suggest(example(), TODAY, shipped(), target=target)

        said = [answer.words, *(one.words for one in answer.found)]
        assert len(said) > 1
        assert [one for one in said if one.zh not in TEXT or one.en not in TEXT] == []


def test_the_document_names_every_reason_every_habit_and_the_order_of_effort() -> None:
    names = [*Reason, *HABITS, *(one.name.lower() for one in Effort)]

    assert [one for one in names if f"`{one}`" not in TEXT] == []
