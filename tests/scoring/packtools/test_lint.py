"""The check of a rule pack."""

import shutil
from pathlib import Path

import pytest

from scoring.pack import DEFAULT_PACK, KIND_NAMES
from scoring.packtools.findings import Finding, Level
from scoring.packtools.lint import lint
from scoring.packtools.reach import reach
from tests.support.packs import pack_with
from tests.support.records import shipped

MAIN, PUBLIC, JUDICIAL = "pack.yaml", "rules/public.yaml", "rules/judicial.yaml"
ADMINISTRATIVE, ORGANISATION = "rules/administrative.yaml", "rules/organisation.yaml"

CAPABILITY = "rules/capability.yaml"
WITHDRAWN = """- type: consent.withdrawn  # lost by it are the perks, and the reward of a year that closes meanwhile
  dimension: capability
  severity: none
  grades:
    scoring: {points: 0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped pack."""
    return Path(shutil.copytree(DEFAULT_PACK, tmp_path / "pack"))


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text("utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), "utf-8")


def found(folder: Path, code: str) -> Finding:
    """Return the only finding of a kind."""
    (one,) = [one for one in lint(folder).findings if one.code == code]
    return one


def test_the_shipped_pack_is_clean_and_each_exception_has_its_reason() -> None:
    report = lint(DEFAULT_PACK)

    assert report.findings == ()
    assert all(because for _, because in report.accepted)


# What is edited, the kind of finding, what it is about, its level.
ODDITIES = {
    "a repair that makes it worse": (
        JUDICIAL,
        "substitute: {points: -50",
        "substitute: {points: -160",
        "substitute-worse",
        "court.dishonest.listed",
        Level.ERROR,
    ),
    "a graver grade that deducts less": (
        ADMINISTRATIVE,
        "fine_huge: {points: -40",
        "fine_huge: {points: -4",
        "points-order",
        "traffic.penalty.imposed",
        Level.ERROR,
    ),
    "a graver grade with a higher ceiling": (
        ORGANISATION,
        "months: 60, ceiling: poor",
        "months: 60, ceiling: good",
        "ceiling-order",
        "org.food.incident",
        Level.ERROR,
    ),
    "a cap below one act": (
        PUBLIC,
        "cap_year: 40",
        "cap_year: 4",
        "cap-below-act",
        "charity.donation.made",
        Level.ERROR,
    ),
    "a group without a rule": (
        MAIN,
        "groups:\n",
        "groups:\n  - {id: readers, cap: 5}\n",
        "group-unused",
        "readers",
        Level.WARNING,
    ),
    "a perk that nobody reaches": (
        MAIN,
        "2019-02-02, points: 750",
        "2019-02-02, points: 990",
        "perk-unreachable",
        "scenic_discount",
        Level.ERROR,
    ),
    "a perk that everybody has": (
        MAIN,
        "2019-02-02, points: 750",
        "2019-02-02, points: 0",
        "perk-without-threshold",
        "scenic_discount",
        Level.WARNING,
    ),
    "a tier that nobody reaches": (MAIN, "from: 850}", "from: 950}", "tier-unreachable", "outstanding", Level.ERROR),
    "a threshold that never applies": (
        MAIN,
        "effective_from: 2027-01-01, points: 697",
        "effective_from: 2020-01-01, points: 697",
        "threshold-overridden",
        "transit_discount",
        Level.WARNING,
    ),
    "a basis that says nothing": (
        PUBLIC,
        "basis: {zh: 示例, en: illustrative}",
        "basis: {zh: 待定, en: illustrative}",
        "no-basis",
        "library.loan.returned",
        Level.ERROR,
    ),
    "doubling of what is no deduction": (
        PUBLIC,
        "  cap_year: 5\n",
        "  cap_year: 5\n  doubles: true\n",
        "unused",
        "library.loan.returned",
        Level.WARNING,
    ),
    "points for a consent": (
        CAPABILITY,
        "    scoring: {points: 0}\n",
        "    scoring: {points: 5}\n",
        "subject-scored",
        "consent.granted",
        Level.ERROR,
    ),
    "a ceiling for who takes a consent back": (
        CAPABILITY,
        WITHDRAWN,
        WITHDRAWN.replace("scoring: {points: 0}", "scoring: {points: 0, ceiling: fair, months: 6}").replace(
            "severity: none", "severity: minor\n  repair: expiry"
        ),
        "subject-scored",
        "consent.withdrawn",
        Level.ERROR,
    ),
    "months of what holds until something else is said": (
        CAPABILITY,
        "  grades:\n    standard: {points: 0}\n",
        "  grades:\n    standard: {points: 0, months: 6}\n",
        "unused",
        "subject.registered",
        Level.WARNING,
    ),
    "a deduction for who consents": (
        PUBLIC,
        "severity: minor\n  repair: on_fulfilment\n",
        "severity: minor\n  opt_in: true\n  repair: on_fulfilment\n",
        "opt-in-lowers",
        "library.item.lost",
        Level.ERROR,
    ),
    "a size that lasts no months": (
        MAIN,
        "    - {months: 24}\n",
        "    - {up_to: 99, months: 24}\n    - {months: 0}\n",
        "never-counts",
        "by_size",
        Level.ERROR,
    ),
    "a substitute of no months": (
        JUDICIAL,
        "substitute: {points: -50, months: 24}",
        "substitute: {points: -50, months: 0}",
        "unused",
        "court.dishonest.listed",
        Level.WARNING,
    ),
    "a substitute as bad as what it replaces": (
        JUDICIAL,
        "substitute: {points: -50, months: 24}",
        "substitute: {points: -150, months: 24, ceiling: poor}",
        "substitute-unchanged",
        "court.dishonest.listed",
        Level.WARNING,
    ),
    "a year's cap above the cap": (
        PUBLIC,
        "  cap: 6\n",
        "  cap: 6\n  cap_year: 7\n",
        "unused",
        "qr.payment.settled",
        Level.WARNING,
    ),
    "a resident's record in the organisations' dimension": (
        "rules/occupation.yaml",
        "- type: occupation.labour.filed  # for others to look up; not worth a point\n  dimension: occupation",
        "- type: occupation.labour.filed  # for others to look up; not worth a point\n  dimension: organisation",
        "resident-in-organisation",
        "occupation.labour.filed",
        Level.WARNING,
    ),
    "two tiers of one name": (MAIN, "name: {zh: 良好,", "name: {zh: 一般,", "name-twice", "good", Level.WARNING),
    "two dimensions of one name": (
        MAIN,
        "en: Occupation",
        "en: Personal ability",
        "name-twice",
        "occupation",
        Level.WARNING,
    ),
    "two perks of one name": (
        MAIN,
        "en: Scooter free",
        "en: Power bank free",
        "name-twice",
        "scooter_free",
        Level.WARNING,
    ),
    "a perk's basis that says nothing": (
        MAIN,
        "basis: {zh: 示例, en: illustrative}",
        "basis: {zh: 示例, en: tbd}",
        "no-basis",
        "parking_pay_later",
        Level.ERROR,
    ),
    "a basis of what is deleted that says nothing": (
        MAIN,
        "    zh: 《征信业管理条例》第十六条（五年）；《个人信息保护法》第十九条",
        "    zh: 待定",
        "no-basis",
        "retention",
        Level.ERROR,
    ),
    "a graver grade of a milder severity": (
        ADMINISTRATIVE,
        "fine_huge: {points: -40, months: 12, severity: serious}",
        "fine_huge: {points: -40, months: 12, severity: minor}",
        "severity-order",
        "traffic.penalty.imposed",
        Level.ERROR,
    ),
    "a repair that can be asked for only when all is over": (
        PUBLIC,
        "standard: {points: -60, months: by_size}",
        "standard: {points: -60, months: 9}",
        "repair-too-late",
        "utility.theft.determined",
        Level.WARNING,
    ),
    "a severity of what lowers nothing": (
        PUBLIC,
        "  cap_year: 5\n",
        "  cap_year: 5\n  repair: on_fulfilment\n",
        "unused",
        "library.loan.returned",
        Level.WARNING,
    ),
    "a reason for a warning that is gone": (
        "lint.yaml",
        "about: judicial",
        "about: public",
        "accepted-unused",
        "public",
        Level.WARNING,
    ),
    "what does not load": (
        PUBLIC,
        "points: -3, months: 6",
        "points: -3",
        "refused",
        "library.loan.overdue",
        Level.ERROR,
    ),
}


@pytest.mark.parametrize("case", ODDITIES)
def test_an_oddity_is_found_in_its_place(case: str, folder: Path) -> None:
    name, old, new, code, about, level = ODDITIES[case]
    edit(folder, name, old, new)

    one = found(folder, code)

    assert (one.about, one.level, one.path) == (about, level, folder / name)
    text = (folder / name).read_text("utf-8")
    edited = text[: text.index(new.strip("\n"))].count("\n") + 1
    assert abs(one.line - edited) <= 12
    assert one.what
    assert one.remedy


def test_an_error_cannot_be_justified(folder: Path) -> None:
    edit(folder, JUDICIAL, "substitute: {points: -50", "substitute: {points: -160")
    (folder / "lint.yaml").write_text(
        "- {code: substitute-worse, about: court.dishonest.listed, because: we like it so}\n", "utf-8"
    )

    assert found(folder, "substitute-worse").level is Level.ERROR


def test_a_justification_without_a_reason_is_refused(folder: Path) -> None:
    (folder / "lint.yaml").write_text("- {code: range-unused, about: judicial}\n", "utf-8")

    one = found(folder, "refused")
    assert (one.path, one.line) == (folder / "lint.yaml", 1)
    assert "because" in one.what


def test_reach_respects_caps_and_ranges() -> None:
    flat = {name: {**one, "highest": 0} for name, one in shipped().model_dump()["dimensions"].items()}

    assert reach(pack_with(dimensions=flat), "resident").highest == shipped().base_points
    assert reach(shipped(), "resident").dimensions["judicial"] == (-150, 0)
    assert reach(shipped(), "legal_person").dimensions["capability"] == (0, 0)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_no_score_is_reached_outside_the_range(kind: str) -> None:
    scores = reach(shipped(), kind).scores

    assert (scores[0], scores[-1] <= 1000) == (0, True)
