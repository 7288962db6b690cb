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
