"""Whose closed year is rewarded."""

import numpy as np
import pytest

from scoring.clean_year import is_clean
from tests.support.records import a_control, a_record, day, facts_of, registered, shipped

OVERDUE = a_record("library.loan.overdue", "2025-06-01")
ARREARS = a_record("finance.loan.overdue", "2023-06-01")
PENALTY = a_record("admin.penalty.imposed", "2025-06-01", grade="warning")


def clean(*facts: np.void, year: int = 2025, on: str = "2026-02-01") -> bool:
    return is_clean(facts_of([registered(), *facts]), year, day(on), shipped())


def test_a_year_without_a_record_is_clean() -> None:
    assert clean()


def test_good_information_leaves_a_year_clean() -> None:
    assert clean(a_record("library.loan.returned", "2025-06-01"))


@pytest.mark.parametrize("record", [OVERDUE, a_record("court.consumption.restricted", "2025-12-31")])
def test_bad_information_of_the_year_stands_in_its_way(record: np.void) -> None:
    assert not clean(record)


def test_bad_information_of_another_year_does_not() -> None:
    assert [clean(OVERDUE, year=year) for year in (2024, 2025)] == [True, False]


@pytest.mark.parametrize("record", [ARREARS, a_record("court.consumption.restricted", "2023-06-01")])
def test_bad_information_that_goes_on_stands_in_the_way_of_each_year_it_lasts(record: np.void) -> None:
    lifted = a_control("list.removed", record, "2025-01-01")

    assert not clean(record)
    assert clean(record, lifted)
    assert not clean(record, lifted, year=2024)


def test_who_makes_good_what_went_on_has_a_clean_year() -> None:
    assert clean(ARREARS, a_control("obligation.fulfilled", ARREARS, "2026-01-10"))


@pytest.mark.parametrize("said", ["record.revoked", "record.disputed", "repair.granted"])
def test_what_is_revoked_disputed_or_repaired_by_then_does_not(said: str) -> None:
    control = a_control(said, PENALTY, "2026-01-10")

    assert [clean(PENALTY, control, on=on) for on in ("2026-01-09", "2026-02-01")] == [said == "record.revoked", True]


def test_who_was_registered_within_the_year_has_no_clean_one_yet() -> None:
    assert not is_clean(facts_of([registered("2025-01-01")]), 2025, day("2026-02-01"), shipped())


def test_who_has_taken_back_the_consent_to_be_scored_is_not_rewarded() -> None:
    assert not clean(a_record("consent.withdrawn", "2026-01-01", grade="scoring"))
