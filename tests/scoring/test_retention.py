"""What is deleted, when; and that it changes no score. Every answer is held against the compiled one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts import Facts
from scoring.evaluator import evaluate
from scoring.pack import Pack
from scoring.retention import kept, kept_of_many
from scoring.rules import compile_rules
from tests.support.examples import examples
from tests.support.packs import cases, pack_with
from tests.support.records import EMPTY, a_control, a_record, day, days, facts_of, merged, registered, shipped

ME = registered()
RULES = compile_rules(shipped())
BASIS = {"zh": "依据", "en": "basis"}


def left_on(on: str, *facts: np.void) -> list[int]:
    """Return the places of those facts that are kept on a day, of which the plain rule and the compiled one agree."""
    array = facts_of(facts)
    keeps = kept(array, shipped(), day(on))
    hold(array, shipped(), day(on))
    return np.flatnonzero(keeps).tolist()


def hold(facts: Facts, pack: Pack, on: int) -> None:
    """Fail unless the compiled rule keeps what the plain one does, also beside other people's ledgers."""
    ledger = merged(EMPTY, facts).facts
    rules = compile_rules(pack)
    alone = kept(ledger, pack, on)
    starts = np.array([0, len(ledger), len(ledger), 2 * len(ledger)], np.int64)
    of_two = kept_of_many(np.concatenate([ledger, ledger]), starts, on, rules)
    assert of_two.tolist() == [*alone.tolist(), *alone.tolist()]


def test_a_record_is_kept_for_five_years_from_the_act() -> None:
    loan = a_record("library.loan.overdue", "2020-05-20")

    assert left_on("2025-05-19", ME, loan) == [0, 1]
    assert left_on("2025-05-20", ME, loan) == [0]


def test_of_an_act_that_went_on_the_time_begins_when_it_was_over() -> None:
    listing = a_record("court.dishonest.listed", "2015-03-01", terminated="2021-03-01")
    still = a_record("court.dishonest.listed", "2015-03-01")

    assert left_on("2026-02-28", ME, listing) == [0, 1]
    assert left_on("2026-03-01", ME, listing) == [0]
    assert left_on("2040-01-01", ME, still) == [0, 1]


def test_what_is_said_of_a_record_goes_with_it() -> None:
    listing = a_record("court.dishonest.listed", "2015-03-01")
    removed = a_control("list.removed", listing, "2021-03-01")

    assert left_on("2026-02-28", ME, listing, removed) == [0, 1, 2]
    assert left_on("2026-03-01", ME, listing, removed) == [0]


def test_a_revoked_record_goes_too_with_its_revocation() -> None:
    loan = a_record("library.loan.overdue", "2020-05-20")
    revoked = a_control("record.revoked", loan, "2022-01-01")

    assert left_on("2025-05-19", ME, loan, revoked) == [0, 1, 2]
    assert left_on("2025-05-20", ME, loan, revoked) == [0]


def test_what_is_said_of_a_record_that_never_came_waits_as_long_for_it() -> None:
    revoked = a_control("record.revoked", a_record("library.loan.overdue", "2020-05-20"), "2022-01-01")

    assert left_on("2026-12-31", ME, revoked) == [0, 1]
    assert left_on("2027-01-01", ME, revoked) == [0]


def test_a_disputed_record_is_kept_until_the_dispute_is_decided() -> None:
    loan = a_record("library.loan.overdue", "2020-05-20")
    disputed = a_control("record.disputed", loan, "2020-06-01")
    decided = a_control("record.dispute.resolved", loan, "2026-06-01", grade="rejected")

    assert left_on("2026-05-31", ME, loan, disputed) == [0, 1, 2]
    assert left_on("2026-06-01", ME, loan, disputed, decided) == [0]


def test_an_act_of_which_another_that_counts_is_a_repeat_is_kept_as_long_as_that() -> None:
    pack = pack_with(retention={"months": 1, "basis": BASIS})
    first = a_record("traffic.violation.overdue", "2024-01-01")
    again = a_record("traffic.violation.overdue", "2024-06-01")
    facts = facts_of([ME, first, again])

    keeps = {on: kept(facts, pack, day(on)).tolist() for on in ("2024-07-01", "2024-11-30", "2024-12-01")}
    doubled = evaluate(facts, day("2024-11-30"), pack).contributions[-1]

    assert (doubled.points, doubled.until) == (-10, day("2024-12-01"))
    assert keeps == {
        "2024-07-01": [True, True, True],
        "2024-11-30": [True, True, True],
        "2024-12-01": [True, False, False],
    }


def test_who_somebody_is_and_what_they_allow_is_kept() -> None:
    consent = a_record("consent.granted", "2015-03-01", grade="scoring")

    assert left_on("2040-01-01", ME, consent) == [0, 1]


def test_a_pack_without_a_retention_keeps_everything() -> None:
    pack = pack_with(retention=None)
    facts = facts_of([ME, a_record("library.loan.overdue", "2001-05-20")])

    assert kept(facts, pack, day("2040-01-01")).all()
    hold(facts, pack, day("2040-01-01"))


# On every pack and ledger

Short = tuple[Pack, Facts]


@st.composite
def short_cases(draw: st.DrawFn) -> Short:
    """Random packs with a retention from very short to the longest, and ledgers without repeated ids."""
    variant, facts = draw(cases())
    retention = {"months": draw(st.sampled_from([1, 3, 12, 60])), "basis": BASIS}
    pack = Pack.model_validate({**variant.pack.model_dump(by_alias=True), "retention": retention})
    return pack, merged(EMPTY, facts).facts


@pytest.mark.slow
@examples(3)
@given(short_cases(), days())
def test_kernel_and_evaluator_keep_the_same(case: Short, on: int) -> None:
    pack, facts = case

    hold(facts, pack, on)


@pytest.mark.slow
@examples(3)
@given(short_cases(), days(), days())
def test_deleting_changes_no_state_of_the_day_or_later(case: Short, on: int, later: int) -> None:
    pack, facts = case
    left = facts[kept(facts, pack, on)]

    for at in (on, max(on, later), max(on, later) + 200):
        assert evaluate(left, at, pack) == evaluate(facts, at, pack)


@examples(2)
@given(short_cases(), days(), days())
def test_deleting_twice_is_deleting_once(case: Short, one: int, other: int) -> None:
    pack, facts = case
    first, last = sorted((one, other))

    at_first = facts[kept(facts, pack, first)]
    assert at_first[kept(at_first, pack, last)].tolist() == facts[kept(facts, pack, last)].tolist()


@pytest.mark.parametrize("months", [0, 61])
def test_a_retention_is_of_one_month_to_five_years(months: int) -> None:
    with pytest.raises(ValueError, match=r"retention\.months"):
        pack_with(retention={"months": months, "basis": BASIS})


def test_the_shipped_pack_deletes_after_five_years() -> None:
    assert shipped().retention is not None
    assert RULES.retention == 60
