"""The rules, one by one, on the shipped pack or on a small change of it. Every state is held against the kernel's."""

import pytest

from schemas.subjects import Kind
from scoring.evaluator import State
from tests.support.packs import pack_with
from tests.support.records import a_control, a_record, later, registered, shipped, state_on

ME = registered()
BASE = shipped().base_points


def score_on(on: str, *facts: object) -> int | None:
    return state_on(on, ME, *facts).score  # type: ignore[arg-type]


def points_of(state: State) -> list[int]:
    return [one.points for one in state.contributions]


# Having a score


def test_somebody_unregistered_has_no_score() -> None:
    state = state_on("2026-06-01", a_record("library.loan.overdue", "2026-05-01"))

    assert (state.score, state.tier, state.entitlements) == (None, None, frozenset())


def test_somebody_registered_and_otherwise_unknown_stands_at_the_base() -> None:
    assert score_on("2026-06-01") == BASE


def test_a_score_begins_on_the_day_of_registration() -> None:
    late = registered("2026-06-01")

    assert [state_on(on, late).score for on in ("2026-05-31", "2026-06-01")] == [None, BASE]


def test_a_revoked_registration_is_none() -> None:
    assert state_on("2026-06-01", ME, a_control("record.revoked", ME, "2026-05-01")).score is None


def test_an_ordinary_resident_lands_in_good() -> None:
    records = [
        a_record("capability.tenure.accrued", "2026-01-15", quantity=120),
        a_record("capability.contribution.continuous", "2026-01-15", quantity=60),
        a_record("capability.education.certified", "2015-07-01", grade="bachelor"),
        a_record("capability.qualification.granted", "2018-07-01", grade="junior"),
        *(a_record("finance.loan.repaid", f"2025-{month:02}-20") for month in range(7, 13)),
        *(a_record("finance.loan.repaid", f"2026-{month:02}-20") for month in range(1, 7)),
        *(a_record("year.closed", f"{year}-12-31") for year in range(2021, 2026)),
    ]

    state = state_on("2026-06-30", ME, *records)

    assert state.score == 667
    assert shipped().tiers[state.tier or 0].id == "good"
    assert "umbrella_free" in state.entitlements
    assert "transit_discount" not in state.entitlements


# Validity


@pytest.mark.parametrize(
    ("on", "points"), [("2026-04-30", 0), ("2026-05-01", -3), ("2026-10-31", -3), ("2026-11-01", 0)]
)
def test_a_record_counts_from_its_day_until_its_validity_is_over(on: str, points: int) -> None:
    assert score_on(on, a_record("library.loan.overdue", "2026-05-01")) == BASE + points


def test_a_validity_ends_on_the_months_last_day_where_the_month_is_shorter() -> None:
    book = a_record("library.loan.overdue", "2026-08-31")

    assert [score_on(on, book) for on in ("2027-02-27", "2027-02-28")] == [BASE - 3, BASE]


@pytest.mark.parametrize(
    ("on", "points"), [("2026-05-31", 0), ("2026-06-01", -5), ("2027-05-31", -5), ("2027-06-01", 0)]
)
def test_a_determined_record_counts_from_its_determination(on: str, points: int) -> None:
    penalty = a_record("admin.penalty.imposed", "2026-05-01", grade="warning", determined="2026-06-01")

    assert score_on(on, penalty) == BASE + points


def test_without_a_determination_the_act_itself_begins_the_validity() -> None:
    assert score_on("2026-05-01", a_record("admin.penalty.imposed", "2026-05-01", grade="warning")) == BASE - 5


@pytest.mark.parametrize(("on", "points"), [("2035-01-01", -150), ("2036-05-01", 0)])
def test_a_listing_counts_as_long_as_it_stands(on: str, points: int) -> None:
    listing = a_record("court.dishonest.listed", "2026-05-01")
    removal = a_control("list.removed", listing, "2036-05-01")

    assert sum(points_of(state_on(on, ME, listing, removal))) == points


def test_a_listing_may_say_itself_when_it_ended() -> None:
    listing = a_record("court.consumption.restricted", "2026-05-01", terminated="2026-06-01")

    assert [bool(state_on(on, ME, listing).ceiling < 1000) for on in ("2026-05-31", "2026-06-01")] == [True, False]


def test_a_listing_that_ended_before_it_began_never_counts() -> None:
    listing = a_record("court.dishonest.listed", "2026-05-01", terminated="2026-04-01")
    states = [state_on(on, ME, listing) for on in ("2026-03-31", "2026-04-15", "2026-05-01")]

    assert [state.score for state in states] == [BASE, BASE, BASE]


def test_a_listing_may_end_on_the_first_day_of_the_calendar() -> None:
    listing = a_record("court.consumption.restricted", "1970-01-01")

    assert state_on("2026-05-01", ME, listing, a_control("list.removed", listing, "1970-01-01")).ceiling == 1000


def test_of_a_type_whose_latest_record_counts_only_that_one_does() -> None:
    degrees = [
        a_record("capability.education.certified", "2015-07-01", grade="bachelor"),
        a_record("capability.education.certified", "2018-07-01", grade="postgraduate"),
    ]

    assert points_of(state_on("2026-05-01", ME, *degrees)) == [30]


def test_what_lies_ahead_does_not_count_yet() -> None:
    assert score_on("2026-05-01", a_record("library.loan.returned", "2026-05-02")) == BASE


def test_points_for_a_quantity_are_given_once_for_each_whole_part_of_it() -> None:
    assert points_of(state_on("2026-05-01", ME, a_record("capability.tenure.accrued", "2026-01-01", quantity=35))) == [
        4
    ]


# Repeats and incidents


def test_a_second_overdue_book_within_validity_is_deducted_twice() -> None:
    books = [a_record("library.loan.overdue", on) for on in ("2026-05-01", "2026-06-01")]

    assert points_of(state_on("2026-06-01", ME, *books)) == [-3, -6]


def test_a_second_overdue_book_after_the_validity_of_the_first_is_deducted_once() -> None:
    books = [a_record("library.loan.overdue", on) for on in ("2026-05-01", "2026-11-01")]

    assert points_of(state_on("2026-11-01", ME, *books)) == [-3]


def test_a_repeat_stays_doubled_after_the_first_has_ended() -> None:
    books = [a_record("library.loan.overdue", on) for on in ("2026-05-01", "2026-06-01")]

    assert points_of(state_on("2026-11-15", ME, *books)) == [-6]


def test_a_repeat_of_a_revoked_act_is_none() -> None:
    first, second = (a_record("library.loan.overdue", on) for on in ("2026-05-01", "2026-06-01"))

    assert points_of(state_on("2026-06-02", ME, first, second, a_control("record.revoked", first, "2026-06-02"))) == [
        -3
    ]


def test_of_one_incident_only_the_largest_deduction_counts() -> None:
    acts = [
        a_record("traffic.violation.overdue", "2026-05-01", incident="crash"),
        a_record("traffic.penalty.imposed", "2026-05-02", grade="licence_suspended", incident="crash"),
        a_record("admin.penalty.imposed", "2026-05-03", grade="fine_major", incident="crash"),
    ]

    assert points_of(state_on("2026-06-01", ME, *acts)) == [-60]


def test_of_two_incidents_each_has_its_largest_deduction() -> None:
    acts = [
        a_record("traffic.violation.overdue", "2026-05-01", incident="one"),
        a_record("transit.fare.evaded", "2026-05-02", incident="two"),
    ]

    assert points_of(state_on("2026-06-01", ME, *acts)) == [-5, -10]


def test_an_award_and_a_deduction_of_one_incident_both_count() -> None:
    acts = [
        a_record("bravery.recognised", "2026-05-01", grade="standard", incident="fire"),
        a_record("traffic.violation.overdue", "2026-05-02", incident="fire"),
    ]

    assert points_of(state_on("2026-06-01", ME, *acts)) == [5, -5]


# What others say about a record


def test_a_dispute_leaves_the_record_out_until_it_is_rejected() -> None:
    record = a_record("library.loan.overdue", "2026-05-01")
    said = [
        a_control("record.disputed", record, "2026-06-01"),
        a_control("record.dispute.resolved", record, "2026-07-01", grade="rejected"),
    ]
    states = [state_on(on, ME, record, *said) for on in ("2026-05-31", "2026-06-01", "2026-06-30", "2026-07-01")]

    assert [state.score for state in states] == [BASE - 3, BASE, BASE, BASE - 3]
    assert [state.disputed for state in states] == [False, True, True, False]


def test_an_upheld_dispute_removes_the_record() -> None:
    record = a_record("library.loan.overdue", "2026-05-01")
    said = [
        a_control("record.disputed", record, "2026-06-01"),
        a_control("record.dispute.resolved", record, "2026-07-01", grade="upheld"),
    ]

    state = state_on("2026-07-01", ME, record, *said)

    assert (state.score, state.disputed, state.contributions) == (BASE, False, ())


def test_a_dispute_does_not_stop_the_validity() -> None:
    record = a_record("library.loan.overdue", "2026-05-01")
    said = [
        a_control("record.disputed", record, "2026-06-01"),
        a_control("record.dispute.resolved", record, "2026-12-01", grade="rejected"),
    ]

    assert score_on("2026-12-01", record, *said) == BASE


def test_a_revoked_record_was_never_there() -> None:
    record = a_record("library.loan.overdue", "2026-05-01")

    assert score_on("2026-05-02", record, a_control("record.revoked", record, "2026-06-01")) == BASE


def test_a_control_about_an_unknown_record_changes_nothing() -> None:
    elsewhere = a_record("library.loan.overdue", "2026-05-01", name="never sent")

    assert score_on("2026-06-01", a_control("record.revoked", elsewhere, "2026-05-02")) == BASE


def test_a_control_may_come_before_the_record_it_is_about() -> None:
    record = a_record("library.loan.overdue", "2026-05-01")

    assert score_on("2026-06-01", a_control("record.revoked", record, "2026-04-01"), record) == BASE


def test_a_correction_replaces_the_grade() -> None:
    record = a_record("admin.penalty.imposed", "2026-05-01", grade="fine_huge")
    correction = a_control("record.corrected", record, "2026-06-01", grade="warning")

    assert points_of(state_on("2026-06-01", ME, record, correction)) == [-5]


def test_a_correction_replaces_the_quantity() -> None:
    record = a_record("capability.tenure.accrued", "2026-05-01", quantity=120)
    correction = a_control("record.corrected", record, "2026-06-01", quantity=12)

    assert points_of(state_on("2026-06-01", ME, record, correction)) == [2]


def test_of_two_corrections_the_later_one_holds() -> None:
    record = a_record("admin.penalty.imposed", "2026-05-01", grade="fine_huge")
    corrections = [
        a_control("record.corrected", record, "2026-06-02", grade="fine_minor"),
        a_control("record.corrected", record, "2026-06-01", grade="warning"),
    ]

    assert points_of(state_on("2026-06-02", ME, record, *corrections)) == [-10]


def test_a_correction_meant_for_another_type_changes_nothing() -> None:
    record = a_record("admin.penalty.imposed", "2026-05-01", grade="fine_huge")
    correction = a_control("record.corrected", record, "2026-06-01", grade="warning")
    correction["determined"] = a_record("traffic.penalty.imposed", "2026-05-01")["type"]

    assert points_of(state_on("2026-06-01", ME, record, correction)) == [-40]


# Repair


def test_a_returned_book_is_forgotten() -> None:
    record = a_record("library.loan.overdue", "2026-05-01")

    assert score_on("2026-06-01", record, a_control("obligation.fulfilled", record, "2026-06-01")) == BASE


def test_a_repair_by_the_authority_ends_a_penalty() -> None:
    record = a_record("admin.penalty.imposed", "2026-05-01", grade="warning")

    assert score_on("2026-06-01", record, a_control("repair.granted", record, "2026-06-01")) == BASE


def test_fulfilment_alone_does_not_repair_what_an_authority_must() -> None:
    record = a_record("admin.penalty.imposed", "2026-05-01", grade="warning")

    assert score_on("2026-06-01", record, a_control("obligation.fulfilled", record, "2026-06-01")) == BASE - 5


def test_what_can_only_expire_is_not_repaired() -> None:
    record = a_record("occupation.civilservant.sanctioned", "2026-05-01", grade="warning")

    assert score_on("2026-06-01", record, a_control("repair.granted", record, "2026-05-02")) == BASE - 50


def test_a_repair_substitutes() -> None:
    record = a_record("court.dishonest.listed", "2026-05-01")
    repair = a_control("repair.granted", record, "2026-06-01")
    states = [state_on(on, ME, record, repair) for on in ("2026-05-31", "2026-06-01", "2028-05-31", "2028-06-01")]

    assert [points_of(state) for state in states] == [[-150], [-50], [-50], []]
    assert [state.ceiling for state in states] == [549, 1000, 1000, 1000]


def test_a_repair_after_the_record_has_ended_brings_nothing_back() -> None:
    record = a_record("court.dishonest.listed", "2026-05-01")
    removal = a_control("list.removed", record, "2026-06-01")
    repair = a_control("repair.granted", record, "2026-06-02")

    assert points_of(state_on("2026-06-02", ME, record, removal, repair)) == []


def test_a_fulfilment_that_ends_and_repairs_at_once_leaves_the_substitute() -> None:
    pack = pack_with({"type": "court.dishonest.listed", "repair": "on_fulfilment"})
    record = a_record("court.dishonest.listed", "2026-05-01")
    fulfilment = a_control("obligation.fulfilled", record, "2026-06-01")

    assert points_of(state_on("2026-06-01", ME, record, fulfilment, pack=pack)) == [-50]


# Caps, ranges and ceilings


def test_awards_of_one_year_are_cut_at_the_cap_of_the_year() -> None:
    returns = [a_record("library.loan.returned", f"2026-0{month}-01") for month in range(1, 8)]
    returns += [a_record("library.loan.returned", "2025-12-31"), a_record("library.loan.returned", "2025-12-30")]

    assert points_of(state_on("2026-07-01", ME, *returns)) == [1, 1, 1, 1, 1, 1, 1]


def test_the_year_of_an_act_is_the_citys() -> None:
    pack = pack_with({"type": "library.loan.returned", "cap_year": 1})
    returns = [a_record("library.loan.returned", on) for on in ("2025-12-31", "2026-01-01")]
    returns[0]["occurred"] += 11 * 3_600 + 3_599  # the last second of the year in the city
    returns[1]["occurred"] -= 12 * 3_600  # the first of the next

    assert points_of(state_on("2026-07-01", ME, *returns, pack=pack)) == [1, 1]


def test_awards_of_one_type_are_cut_at_its_cap() -> None:
    years = [a_record("year.closed", f"{year}-12-31") for year in range(2020, 2026)]

    assert sum(points_of(state_on("2025-12-31", ME, *years, pack=pack_with({"type": "year.closed", "cap": 25})))) == 25


def test_awards_of_a_group_share_its_cap() -> None:
    pack = pack_with(groups=[{"id": "volunteer", "cap": 9}])
    awards = [
        a_record("volunteer.model.named", "2026-05-01", grade="national"),
        a_record("volunteer.star.rated", "2026-05-02", grade="five_star"),
    ]

    assert points_of(state_on("2026-06-01", ME, *awards, pack=pack)) == [8, 1]


def test_caps_do_not_cut_deductions() -> None:
    pack = pack_with({"type": "library.loan.overdue", "cap": 1, "cap_year": 1, "doubles": False})
    books = [a_record("library.loan.overdue", on) for on in ("2026-05-01", "2026-06-01")]

    assert points_of(state_on("2026-06-01", ME, *books, pack=pack)) == [-3, -3]


def test_a_dimension_moves_the_score_no_further_than_its_range() -> None:
    fares = [a_record("transit.fare.evaded", f"2026-0{month}-01") for month in range(1, 6)]

    state = state_on("2026-05-01", ME, *fares)

    assert sum(points_of(state)) == -90
    assert state.score == BASE - 60
    assert dict(state.limits) == {"dimension public": 30}


@pytest.mark.parametrize(("base", "score"), [(0, 0), (20, 0), (1000, 970), (990, 960)])
def test_a_score_stays_within_its_range(base: int, score: int) -> None:
    fares = [a_record("transit.fare.evaded", f"2026-0{month}-01") for month in (1, 2)]

    assert state_on("2026-05-01", ME, *fares, pack=pack_with(base_points=base)).score == score


def test_a_ceiling_holds_the_score_down_while_its_record_counts() -> None:
    pack = pack_with(base_points=800)
    listing = a_record("court.consumption.restricted", "2026-05-01")
    removal = a_control("list.removed", listing, "2026-06-01")
    seen = a_control("record.confirmed", listing, "2026-05-01")
    states = [state_on(on, ME, listing, removal, seen, pack=pack) for on in ("2026-04-30", "2026-05-01", "2026-06-01")]

    assert [state.score for state in states] == [800, 649, 800]
    assert dict(states[1].limits) == {"ceiling": -151}


def test_of_several_ceilings_the_lowest_holds() -> None:
    pack = pack_with(base_points=1000)
    records = [a_record("traffic.drunk.determined", "2026-05-01"), a_record("court.dishonest.listed", "2026-05-02")]

    seen = [a_control("record.confirmed", one, "2026-05-03") for one in records]

    assert state_on("2026-06-01", ME, *records, *seen, pack=pack).score == 549


def test_a_ceiling_does_not_raise_a_low_score() -> None:
    assert score_on("2026-06-01", a_record("traffic.drunk.determined", "2026-05-01")) == BASE


def test_a_disputed_record_sets_no_ceiling() -> None:
    record = a_record("traffic.drunk.determined", "2026-05-01")

    assert state_on("2026-06-01", ME, record, a_control("record.disputed", record, "2026-06-01")).ceiling == 1000


def test_what_lasts_only_by_consent_keeps_no_award_from_counting_without_it() -> None:
    accident = {"type": "occupation.practice.accident", "opt_in": True, "record_only": True}
    grades = {"standard": {"points": -50, "months": 12, "ceiling": "fair"}}
    records = [a_record("occupation.practice.accident", "2026-05-01"), a_record("library.loan.returned", "2026-05-02")]
    consent = a_record("consent.granted", "2026-05-03", grade="health")
    states = [
        state_on(on, ME, *records, consent, pack=pack_with({**accident, "grades": grades}))
        for on in ("2026-05-02", "2026-05-03")
    ]

    assert [points_of(state) for state in states] == [[1], [-50]]


# Perks


def test_a_perks_threshold_moves_on_its_date() -> None:
    pack = pack_with(base_points=690)
    states = [state_on(on, ME, pack=pack) for on in ("2018-05-31", "2026-12-31", "2027-01-01")]

    assert state_on("2026-12-31", ME, pack=pack).until == state_on("2026-05-01", ME, pack=pack).until
    assert ["transit_discount" in state.entitlements for state in states] == [False, True, False]


@pytest.mark.parametrize(("base", "reached"), [(685, False), (686, True)])
def test_a_threshold_is_reached_by_as_many_points_as_it_asks_for(base: int, reached: bool) -> None:  # noqa: FBT001
    state = state_on("2026-06-01", ME, pack=pack_with(base_points=base))

    assert ("transit_discount" in state.entitlements) is reached


@pytest.mark.parametrize(
    ("kind", "perk"), [(Kind.RESIDENT, "umbrella_free"), (Kind.LEGAL_PERSON, "fast_track_approval")]
)
def test_a_perk_is_for_the_kinds_of_subject_it_names(kind: Kind, perk: str) -> None:
    entitlements = state_on("2026-06-01", ME, pack=pack_with(base_points=900), kind=kind).entitlements

    assert perk in entitlements
    assert len(entitlements & {"umbrella_free", "fast_track_approval"}) == 1


def test_a_threshold_past_the_calendar_never_comes() -> None:
    perk = {**shipped().perks[0].model_dump(), "thresholds": [{"effective_from": "2200-01-01", "points": 1}]}

    assert state_on("2026-06-01", ME, pack=pack_with(perks=[perk])).until == 65_535


@pytest.mark.parametrize(
    ("base", "tier"),
    [(0, "very_poor"), (349, "very_poor"), (350, "poor"), (549, "poor"), (550, "fair"), (850, "outstanding")],
)
def test_a_tier_begins_at_its_lowest_score(base: int, tier: str) -> None:
    state = state_on("2026-06-01", ME, pack=pack_with(base_points=base))

    assert shipped().tiers[state.tier or 0].id == tier


# Validity by size and by issuer


@pytest.mark.parametrize(("points", "ends"), [(-40, "2027-05-01"), (-41, "2028-05-01")])
def test_a_larger_deduction_may_last_longer(points: int, ends: str) -> None:
    pack = pack_with(
        {
            "type": "transit.fare.evaded",
            "grades": {"standard": {"points": points, "months": "by_size"}},
            "doubles": False,
        }
    )
    fare = a_record("transit.fare.evaded", "2026-05-01")

    assert [state_on(on, ME, fare, pack=pack).score for on in (later(ends, -1), ends)] == [BASE + points, BASE]


@pytest.mark.parametrize(
    ("issuer", "ends"),
    [("national", "2031-05-01"), ("province", "2029-05-01"), ("city", "2028-05-01"), ("county", "2027-05-01")],
)
def test_an_honour_lasts_as_long_as_its_issuer_is_high(issuer: str, ends: str) -> None:
    honour = a_record("occupation.honour.awarded", "2026-05-01", grade=issuer)

    assert [bool(points_of(state_on(on, ME, honour))) for on in (later(ends, -1), ends)] == [True, False]


# Steps of a sum


@pytest.mark.parametrize(("hours", "points"), [([9], []), ([10], [2]), ([10, 9], [2]), ([10, 10, 30], [2, 3, 5])])
def test_hours_of_volunteering_are_added_up_and_their_sum_reaches_steps(hours: list[int], points: list[int]) -> None:
    records = [
        a_record("volunteer.hours.accrued", f"2026-0{month}-01", quantity=one) for month, one in enumerate(hours, 1)
    ]

    assert points_of(state_on("2026-05-01", ME, *records)) == points


def test_hours_that_are_no_longer_valid_leave_the_sum() -> None:
    records = [a_record("volunteer.hours.accrued", on, quantity=10) for on in ("2026-01-01", "2026-06-01")]

    assert [sum(points_of(state_on(on, ME, *records))) for on in ("2026-06-01", "2027-01-01")] == [5, 2]


# Arrears that go on


def test_arrears_are_deducted_again_every_so_many_months_while_they_last() -> None:
    loan = a_record("finance.loan.overdue", "2026-01-31")
    days = ("2026-02-27", "2026-02-28", "2026-03-31", "2026-12-31")

    assert [points_of(state_on(on, ME, loan)) for on in days] == [[-10], [-20], [-30], [-120]]


def test_each_deduction_of_arrears_has_a_validity_of_its_own() -> None:
    bill = a_record("utility.bill.overdue", "2026-01-01", terminated="2026-08-01")
    days = ("2026-07-01", "2026-12-31", "2027-01-01", "2027-06-30", "2027-07-01")

    assert [points_of(state_on(on, ME, bill)) for on in days] == [[-40], [-40], [-20], [-20], []]


def test_nothing_remains_of_arrears_that_are_paid() -> None:
    loan = a_record("finance.loan.overdue", "2026-01-31")

    assert score_on("2026-05-01", loan, a_control("obligation.fulfilled", loan, "2026-05-01")) == BASE


def test_arrears_that_were_over_before_they_began_are_none() -> None:
    assert score_on("2026-05-01", a_record("utility.bill.overdue", "2026-05-01", terminated="2026-04-01")) == BASE


# What is only recorded while a listing stands


def test_awards_that_begin_while_a_defaulter_is_listed_count_only_afterwards() -> None:
    before = a_record("bravery.recognised", "2026-03-01", grade="outstanding")
    listing = a_record("court.dishonest.listed", "2026-04-01")
    meanwhile = a_record("property.found.returned", "2026-05-01", grade="large")
    removal = a_control("list.removed", listing, "2026-06-01")
    days = ("2026-05-31", "2026-06-01")

    assert [points_of(state_on(on, ME, before, listing, meanwhile, removal)) for on in days] == [[30, -150], [30, 5]]


def test_a_new_record_of_working_years_takes_nothing_away_while_it_is_only_recorded() -> None:
    years = [
        a_record("capability.tenure.accrued", "2026-03-01", quantity=120),
        a_record("capability.tenure.accrued", "2026-05-01", quantity=122),
    ]
    listing = a_record("court.dishonest.listed", "2026-04-01")

    assert points_of(state_on("2026-05-31", ME, *years, listing)) == [20, -150]


# A ceiling that another takes the place of


def test_a_repair_may_put_a_milder_ceiling_in_a_graver_ones_place() -> None:
    substitute = {"points": -50, "months": 24, "ceiling": "fair"}
    pack = pack_with({"type": "court.dishonest.listed", "substitute": substitute})
    listing = a_record("court.dishonest.listed", "2026-04-01")
    repair = a_control("repair.granted", listing, "2026-06-01")
    days = ("2026-05-31", "2026-06-01", "2028-05-31", "2028-06-01")

    assert [state_on(on, ME, listing, repair, pack=pack).ceiling for on in days] == [549, 649, 649, 1000]


# Consent


def test_who_takes_back_the_consent_to_be_scored_has_no_score_until_it_is_given_again() -> None:
    withdrawn = a_record("consent.withdrawn", "2026-05-01", grade="scoring")
    granted = a_record("consent.granted", "2026-06-01", grade="scoring")
    days = ("2026-04-30", "2026-05-01", "2026-05-31", "2026-06-01")

    assert [score_on(on, withdrawn, granted) for on in days] == [BASE, None, None, BASE]


def test_given_blood_counts_only_while_its_giver_wishes_it() -> None:
    blood = a_record("blood.donation.made", "2026-04-01")
    consent = [
        a_record("consent.granted", "2026-05-01", grade="health"),
        a_record("consent.withdrawn", "2026-06-01", grade="health"),
    ]
    days = ("2026-04-30", "2026-05-01", "2026-06-01")

    assert [score_on(on, blood, *consent) for on in days] == [BASE, BASE + 10, BASE]


def test_consent_to_the_use_of_health_information_changes_nothing_else() -> None:
    withdrawn = a_record("consent.withdrawn", "2026-05-01", grade="health")

    assert score_on("2026-06-01", withdrawn) == BASE


def test_a_score_ends_with_its_subject() -> None:
    assert score_on("2026-06-01", a_record("subject.deceased", "2026-05-01")) is None


@pytest.mark.parametrize("control", ["repair.applied", "repair.refused"])
def test_a_repair_that_is_only_applied_for_or_refused_changes_nothing(control: str) -> None:
    fare = a_record("transit.fare.evaded", "2026-04-01")

    assert score_on("2026-06-01", fare, a_control(control, fare, "2026-05-01")) == BASE - 10
