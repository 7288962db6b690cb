"""What is different between two packs, and how one is described."""

import pytest

from scoring.pack import GradeRule, PackError, Rule
from scoring.packtools.describe import rule_fields, rule_of, rule_row
from scoring.packtools.diff import Change, diff
from tests.support.packs import pack_with
from tests.support.records import shipped


def test_a_pack_is_the_same_as_itself_whatever_the_order_of_its_rules() -> None:
    turned = shipped().model_copy(update={"rules": shipped().rules[::-1]})

    assert diff(shipped(), turned) == []


def test_a_changed_field_is_told_with_old_and_new() -> None:
    book = {"type": "library.loan.overdue", "grades": {"standard": {"points": -4, "months": 6}}}

    assert diff(shipped(), pack_with(book, base_points=510)) == [
        Change(part="head", name="base_points", kind="changed", old=500, new=510),
        Change(
            part="rules", name="library.loan.overdue", kind="changed", field="grades.standard.points", old=-3, new=-4
        ),
    ]


def test_a_perk_less_and_a_group_more_are_told() -> None:
    perks = shipped().model_dump()["perks"][1:]
    groups = [*shipped().model_dump()["groups"], {"id": "readers", "cap": 5}]

    changes = diff(shipped(), pack_with(perks=perks, groups=groups))

    assert {(one.part, one.name, one.kind) for one in changes} == {
        ("perks", "transit_discount", "removed"),
        ("groups", "readers", "added"),
    }


def test_a_threshold_is_known_by_its_date() -> None:
    perks = shipped().model_dump()["perks"]
    perks[0]["thresholds"][1]["points"] = 700

    (change,) = diff(shipped(), pack_with(perks=perks))

    assert (change.name, change.field) == ("transit_discount", "thresholds.2027-01-01.points")
    assert (change.old, change.new) == (697, 700)


@pytest.mark.parametrize("name", sorted(Rule.model_fields))
def test_every_field_of_a_rule_is_shown(name: str) -> None:
    assert name in rule_fields(shipped(), shipped().rules[0])


def test_every_field_of_a_grade_is_shown() -> None:
    grade = rule_fields(shipped(), rule_of(shipped(), "court.dishonest.listed"))["grades"]["standard"]

    assert set(GradeRule.model_fields) <= set(grade)


def test_a_field_without_a_column_stands_beside_the_others() -> None:
    assert "doubles" in rule_row(shipped(), rule_of(shipped(), "library.loan.overdue"))["also"]


def test_an_unknown_type_is_answered_with_its_neighbours() -> None:
    with pytest.raises(PackError, match=r"no rule is about 'library.loan.forgotten'; there are library\.item\.lost"):
        rule_of(shipped(), "library.loan.forgotten")
