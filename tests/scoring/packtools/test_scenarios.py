"""Scenarios: the shipped ones hold, and what is wrong with one is told."""

from pathlib import Path

import pytest

from scoring.lines import FileError
from scoring.pack import DEFAULT_PACK, Rule
from scoring.packtools.scenario import CONTROLS, load_scenarios
from scoring.packtools.trial import Miss, try_pack
from tests.support.records import shipped

SHIPPED = load_scenarios(DEFAULT_PACK / "scenarios")


@pytest.mark.parametrize("number", range(len(SHIPPED)), ids=[one.scenario.scenario for one in SHIPPED])
def test_a_shipped_scenario_holds_by_both_evaluators(number: int) -> None:
    assert try_pack(shipped(), [SHIPPED[number]]).misses == ()


def test_the_shipped_scenarios_use_every_field_of_a_rule() -> None:
    types = try_pack(shipped(), SHIPPED).types
    rules = [rule for rule in shipped().rules if rule.type in types]
    unused = [
        name
        for name, field in Rule.model_fields.items()
        if not field.is_required() and all(getattr(rule, name) == field.default for rule in rules)
    ]

    assert unused == []


def test_the_shipped_scenarios_say_everything_that_can_be_said_of_a_record() -> None:
    said = {word for one in SHIPPED for given in one.scenario.records for word, _ in given.said()}

    assert said == set(CONTROLS)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "wishes.yaml"
    path.write_text(text, "utf-8")
    return path


def tried(tmp_path: Path, text: str) -> list[Miss]:
    return list(try_pack(shipped(), load_scenarios(written(tmp_path, text))).misses)


BOOK = """\
- scenario: A book
  records:
    - {record: book, type: library.loan.overdue, date: 2026-05-01}
  expect:
"""
ANY = "    - {on: 2026-05-02, score: 1}"


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ("score: 490", "score: expected 490, got 497"),
        ("tier: fair", "tier: expected fair, got poor"),
        ("perks: [umbrella_free]", "perks: expected umbrella_free, got nothing"),
        ("has: [umbrella_free]", "perks: expected umbrella_free, got not these"),
        ("reasons: {}", "reasons: expected nothing, got book -3"),
        ("reasons: {book: -4}", "reasons: expected book -4, got book -3"),
        ("ceiling: poor", "ceiling: expected poor, got none"),
        ("disputed: true", "disputed: expected True, got False"),
    ],
)
def test_a_wrong_expectation_is_told_with_line_and_day(expected: str, told: str, tmp_path: Path) -> None:
    (miss,) = tried(tmp_path, f"{BOOK}    - {{on: 2026-05-02, {expected}}}\n")

    assert str(miss) == f"{tmp_path / 'wishes.yaml'}:5: A book: on 2026-05-02: {told}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("just words", r"wishes\.yaml:1: is not a list; begin each scenario with"),
        (BOOK + "    - {on: 2026-05-02}", r"wishes\.yaml:5: expect\.0: expects nothing; say score"),
        (BOOK + "    - {on: 2026-05-02, scroe: 1}", r"wishes\.yaml:5: expect\.0\.scroe: Extra inputs"),
        (
            BOOK + "    - {on: 2026-05-02, reasons: {boat: 1}}",
            r"wishes\.yaml:1: reasons name 'boat', .* there are book",
        ),
        (
            BOOK + "    - {on: 2026-05-02, tier: superb}",
            r"wishes\.yaml:5: the pack has no tier 'superb'; it has",
        ),
        (BOOK + "    - {on: 2026-05-02, has: [car]}", r"wishes\.yaml:5: the pack has no perk 'car'"),
        (BOOK.replace("loan.overdue", "loan.late") + "    - {on: 2026-05-02, score: 1}", r"no record type is called"),
        (
            BOOK.replace("date: 2026", "quantity: 3, date: 2026") + "    - {on: 2026-05-02, score: 1}",
            "remove its quantity",
        ),
        (
            BOOK.replace("2026-05-01", "some day") + "    - {on: 2026-05-02, score: 1}",
            r"wishes\.yaml:3: records\.0\.date: ",
        ),
        ("- [", "is not YAML"),
        (
            BOOK.replace("2026-05-01", "2400-01-01") + "    - {on: 2026-05-02, score: 1}",
            r"wishes\.yaml:3: records\.0\.date: .* 2106-02-06: was 2400-01-01",
        ),
        (BOOK + "    - {on: 1969-12-31, score: 1}", r"wishes\.yaml:5: expect\.0\.on.* 1970-01-01"),
        (
            BOOK.replace("date: 2026", "yearly: 90, date: 2026") + "    - {on: 2026-05-02, score: 1}",
            r"wishes\.yaml:3: records\.0: the series ends after 2106-02-06: say fewer",
        ),
    ],
)
def test_a_scenario_that_cannot_be_read_is_told_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=told):
        tried(tmp_path, text + "\n")


def test_an_expectation_that_is_wrong_is_not_told_to_be_missing_as_well(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        tried(tmp_path, BOOK + "    - {on: 2026-05-02, scroe: 1}\n")

    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_without_scenarios_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"has no \*\.yaml; a scenario begins with"):
        load_scenarios(tmp_path)
