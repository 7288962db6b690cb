"""The loader of rule packs: the shipped pack loads, and every defect is told with file, line, rule and remedy."""

import re
import shutil
from pathlib import Path

import pytest

from schemas.catalogue import TYPES_BY_NAME
from scoring.pack import DEFAULT_PACK, VALIDITY_MONTHS_MAX, PackError, Perk, load_pack
from tests.support.packs import pack_with
from tests.support.records import shipped

MAIN = "pack.yaml"
PUBLIC = "rules/public.yaml"
OVERDUE = """- type: library.loan.overdue  # after a reminder
  dimension: public
  severity: minor
  doubles: true
  repair: on_fulfilment
  grades:
    standard: {points: -3, months: 6}
  appeal: library; then city credit centre
  basis:
    zh: 示例；《公共图书馆法》第四十四条
    en: illustrative; Public Library Act art. 44
"""
RETURNED_GRADE = "    standard: {points: 1, months: 12}\n  appeal: library; then city credit centre"


def test_the_shipped_pack_loads() -> None:
    assert shipped().id == DEFAULT_PACK.name


def test_every_record_type_of_the_catalogue_has_a_rule_with_a_basis() -> None:
    rules = {rule.type: rule for rule in shipped().rules}

    assert set(rules) == {name for name, one in TYPES_BY_NAME.items() if not one.control}
    assert all(rule.basis.zh and rule.basis.en and rule.appeal for rule in rules.values())


def test_every_basis_of_the_shipped_pack_is_said_in_chinese_and_in_english() -> None:
    bases = [*(rule.basis for rule in shipped().rules), *(perk.basis for perk in shipped().perks)]

    assert [one for one in bases if one.en.isascii() is False or one.zh.isascii()] == []
    assert [one for one in bases if one.en.startswith("illustrative") != one.zh.startswith("示例")] == []


def test_a_basis_may_be_one_text_for_both_languages(tmp_path: Path) -> None:
    rule = load_pack(edited(tmp_path, *of_overdue(OVERDUE_BASIS, "  basis: our own table\n"))).rule(
        "library.loan.overdue"
    )

    assert rule is not None
    assert (rule.basis.zh, rule.basis.en) == ("our own table", "our own table")
    assert rule.model_dump()["basis"] == "our own table"


def test_nothing_that_lowers_a_score_lasts_longer_than_five_years() -> None:
    for rule in shipped().rules:
        for label, grade in rule.grades.items():
            if grade.points < 0 or grade.ceiling:
                months = shipped().months(rule, label)
                assert months is not None
                assert months <= VALIDITY_MONTHS_MAX


def test_the_hash_is_that_of_the_content_alone(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / MAIN).write_text("# a comment\n" + (folder / MAIN).read_text("utf-8"), "utf-8")

    assert load_pack(folder).hash == shipped().hash
    assert pack_with(version="2").hash != shipped().hash
    assert pack_with(base_points=501).hash != shipped().hash


def test_tiers_leave_neither_gap_nor_overlap() -> None:
    pack = shipped()
    tops = [pack.ceiling_points(tier.id) for tier in pack.tiers]

    assert [tier.lowest for tier in pack.tiers] == [0, *(top + 1 for top in tops[:-1])]
    assert tops[-1] == 1000
    assert [pack.tier_index(top) for top in tops] == list(range(len(tops)))


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT_PACK, tmp_path / "pack"))


def edited(tmp_path: Path, name: str, old: str, new: str) -> Path:
    folder = copied(tmp_path)
    text = (folder / name).read_text("utf-8")
    assert text.count(old) == 1
    (folder / name).write_text(text.replace(old, new), "utf-8")
    return folder


def of_overdue(old: str, new: str) -> tuple[str, str, str]:
    """Return a change within the rule for overdue books."""
    assert OVERDUE.count(old) == 1
    return PUBLIC, OVERDUE, OVERDUE.replace(old, new)


OVERDUE_BASIS = OVERDUE[OVERDUE.index("  basis:") :]
OVERDUE_RULE = "rule library.loan.overdue: "
OVERDUE_LINE = "- type: library.loan.overdue"
GRADE = "standard: {points: -3, months: 6}"
PERK = "\n    basis:\n      zh: 福州媒体2019-02-02报道\n      en: Fuzhou press 2019-02-02\n\n  - id: deposit"
# What is wrong: the change, a text on the line that is named, and parts of what is said.
RISE = "tiers: must begin at 0 and rise"
TIERS = "tiers:  # lowest first"
REVIEW = "review: {tiers: 2}"
DEFECTS: dict[str, tuple[tuple[str, str, str], str, list[str]]] = {
    "no basis": (
        of_overdue(OVERDUE_BASIS, ""),
        OVERDUE_LINE,
        [OVERDUE_RULE, "basis: Field required"],
    ),
    "an empty basis": (
        of_overdue(OVERDUE_BASIS, "  basis: ' '\n"),
        "basis: ' '",
        [OVERDUE_RULE, "basis: ", "at least 1 character"],
    ),
    "a basis in Chinese alone": (
        of_overdue(OVERDUE_BASIS, "  basis: {zh: 示例}\n"),
        "basis: {zh: 示例}",
        [OVERDUE_RULE, "basis.en: Field required"],
    ),
    "a basis that is empty in English": (
        of_overdue("en: illustrative; Public Library Act art. 44", "en: ''"),
        "en: ''",
        [OVERDUE_RULE, "basis.en: ", "at least 1 character"],
    ),
    "a basis that is no text": (
        of_overdue(OVERDUE_BASIS, "  basis: 44\n"),
        "basis: 44",
        [OVERDUE_RULE, "basis: must be a text, or {zh: ..., en: ...}; was 44"],
    ),
    "no way to appeal": (
        of_overdue("  appeal: library; then city credit centre\n", ""),
        OVERDUE_LINE,
        [OVERDUE_RULE, "appeal: Field required"],
    ),
    "a validity over five years": (
        of_overdue(GRADE, "standard: {points: -3, months: 61}"),
        "months: 61",
        [OVERDUE_RULE, "grades.standard.months: ", "months from 0 to 60, by_size or by_issuer; was 61"],
    ),
    "a substitute over five years": (
        of_overdue("doubles: true", "substitute: {points: -1, months: 61}"),
        "months: 61",
        [OVERDUE_RULE, "substitute.months: ", "less than or equal to 60"],
    ),
    "a deduction without an end": (
        of_overdue(GRADE, "standard: {points: -3}"),
        OVERDUE_LINE,
        [OVERDUE_RULE, "standard lowers the score without an end", "give months, at most 60"],
    ),
    "a ceiling without an end": (
        of_overdue(GRADE, "standard: {points: 0, ceiling: fair}"),
        OVERDUE_LINE,
        [OVERDUE_RULE, "standard lowers the score without an end", "give months"],
    ),
    "a deduction that is not severe": (
        of_overdue("severity: minor", "severity: none"),
        OVERDUE_LINE,
        [OVERDUE_RULE, "say how severe it is"],
    ),
    "an unknown severity": (
        of_overdue("severity: minor", "severity: terrible"),
        "severity: terrible",
        [OVERDUE_RULE, "severity: ", "'minor'"],
    ),
    "a deduction that cannot be repaired": (
        of_overdue("repair: on_fulfilment", "repair: none"),
        OVERDUE_LINE,
        [OVERDUE_RULE, "say how it is repaired"],
    ),
    "a substitute without a repair": (
        of_overdue("repair: on_fulfilment", "repair: expiry\n  substitute: {points: -1, months: 6}"),
        OVERDUE_LINE,
        [OVERDUE_RULE, "a substitute counts after a repair"],
    ),
    "a substitute that rewards": (
        of_overdue("doubles: true", "substitute: {points: 1, months: 6}"),
        "substitute: {points: 1",
        [OVERDUE_RULE, "substitute.points: ", "less than or equal to 0"],
    ),
    "a validity of no months": (
        of_overdue(GRADE, "standard: {points: -3, months: 0}"),
        OVERDUE_LINE,
        [OVERDUE_RULE, "give months, or anchor: terminated"],
    ),
    "a part of a quantity that the type does not have": (
        of_overdue("doubles: true", "per: 12"),
        OVERDUE_LINE,
        [OVERDUE_RULE, "the type has no quantity; remove per"],
    ),
    "a part of more than any quantity is": (
        of_overdue("doubles: true", "per: 65536"),
        "per: 65536",
        [OVERDUE_RULE, "per: ", "less than or equal to 65535"],
    ),
    "a group and a cap of its own": (
        of_overdue("doubles: true", "group: volunteer\n  cap: 5"),
        OVERDUE_LINE,
        [OVERDUE_RULE, "give either a group or a cap of its own"],
    ),
    "an unknown group": (
        of_overdue("doubles: true", "group: readers"),
        "group: readers",
        [OVERDUE_RULE, "group: no group is called 'readers'; add it to pack.yaml"],
    ),
    "a group over two dimensions": (
        ("rules/financial.yaml", "  cap: 12\n", "  group: volunteer\n"),
        "",
        ["volunteer' already has a rule of another dimension"],
    ),
    "an unknown dimension": (
        of_overdue("dimension: public", "dimension: moral"),
        "dimension: moral",
        [OVERDUE_RULE, "dimension: ", "'public'"],
    ),
    "an unknown anchor": (
        of_overdue("doubles: true", "anchor: discovered"),
        "anchor: discovered",
        [OVERDUE_RULE, "anchor: ", "'determined'"],
    ),
    "no points for a grade": (
        (PUBLIC, "    outstanding: {points: 30, months: 36}\n", ""),
        "- type: bravery.recognised",
        ["rule bravery.recognised: ", "no points for grade outstanding; a grade may have 0 points"],
    ),
    "points for a grade that the type does not have": (
        of_overdue(GRADE, f"{GRADE}\n    severe: {{points: -9, months: 6}}"),
        OVERDUE_LINE,
        [OVERDUE_RULE, "the type has no grade severe; it has standard"],
    ),
    "points out of range": (
        of_overdue(GRADE, "standard: {points: -1001, months: 6}"),
        "points: -1001",
        [OVERDUE_RULE, "grades.standard.points: ", "greater than or equal to -1000"],
    ),
    "points that are no number": (
        of_overdue(GRADE, "standard: {points: many, months: 6}"),
        "points: many",
        [OVERDUE_RULE, "grades.standard.points: ", "valid integer"],
    ),
    "a misspelt word": (
        of_overdue("doubles: true", "double: true"),
        "  double: true",
        [OVERDUE_RULE, "double: Extra inputs are not permitted"],
    ),
    "an unknown tier as ceiling": (
        of_overdue(GRADE, "standard: {points: -3, months: 6, ceiling: lowest}"),
        "ceiling: lowest",
        [OVERDUE_RULE, "grades.standard.ceiling: no tier is called 'lowest'"],
    ),
    "an unknown type": (
        of_overdue("- type: library.loan.overdue", "- type: library.loan.forgotten"),
        "- type: library.loan.forgotten",
        ["rule library.loan.forgotten: ", "no record type of the catalogue is called"],
    ),
    "a control as a record": (
        of_overdue("- type: library.loan.overdue", "- type: record.disputed"),
        "- type: record.disputed",
        ["rule record.disputed: ", "no record type of the catalogue is called"],
    ),
    "a petition": (
        of_overdue("- type: library.loan.overdue", "- type: petition.filed"),
        "- type: petition.filed",
        ["rule petition.filed: ", "'petition' may not be scored; remove the rule"],
    ),
    "given blood": (
        of_overdue("- type: library.loan.overdue", "- type: blood.donated"),
        "- type: blood.donated",
        ["'blood' is health information; add opt_in: true, or remove the rule"],
    ),
    "steps of a type without a quantity": (
        of_overdue("  doubles: true\n", "  steps: [{from: 1, points: 1}]\n"),
        "- type: library.loan.overdue",
        [OVERDUE_RULE, "the type has no quantity; remove per and steps"],
    ),
    "steps that fall": (
        of_overdue("  doubles: true\n", "  steps: [{from: 2, points: 1}, {from: 1, points: 2}]\n"),
        "- type: library.loan.overdue",
        [OVERDUE_RULE, "steps must rise, in from and in points"],
    ),
    "only recorded without a ceiling": (
        of_overdue("doubles: true", "record_only: true"),
        "- type: library.loan.overdue",
        [OVERDUE_RULE, "give a grade a ceiling, or remove it"],
    ),
    "arrears counted from their end": (
        of_overdue("doubles: true", "every: 6\n  anchor: terminated"),
        "- type: library.loan.overdue",
        [OVERDUE_RULE, "remove every, or the anchor"],
    ),
    "an award as long as its deduction is large": (
        of_overdue(GRADE, "standard: {points: 3, months: by_size}"),
        "- type: library.loan.overdue",
        [OVERDUE_RULE, "grade standard is no deduction whose size could say how long it lasts"],
    ),
    "a substitute's ceiling that there is not": (
        of_overdue("doubles: true", "substitute: {points: -1, months: 6, ceiling: top}"),
        "ceiling: top",
        [OVERDUE_RULE, "no tier is called 'top'"],
    ),
    "a rule without a type": (
        of_overdue("- type: library.loan.overdue  # after a reminder\n  dimension: public", "- dimension: public"),
        "- dimension: public",
        ["type: Field required"],
    ),
    "a rule that is none": (of_overdue(OVERDUE, "- library.loan.overdue\n"), "- library.loan.overdue", ["rule "]),
    "two rules for a type": ((PUBLIC, OVERDUE, OVERDUE * 2), "", [OVERDUE_RULE, "has a rule already; keep one"]),
    "no rule for a type": ((PUBLIC, OVERDUE, ""), "", ["no rule for library.loan.overdue; a rule may give 0 points"]),
    "a key twice": (
        of_overdue("  doubles: true", "  doubles: true\n  doubles: false"),
        "doubles: false",
        ["doubles: stands there twice; keep one"],
    ),
    "a key twice on one line": (
        of_overdue(GRADE, "standard: {points: -3, points: -30, months: 6}"),
        "points: -30",
        ["grades.standard.points: stands there twice; keep one"],
    ),
    "a score that not every tier covers": (
        (MAIN, "from: 0}", "from: 1}"),
        TIERS,
        [RISE],
    ),
    "tiers that overlap": ((MAIN, "from: 550}", "from: 650}"), TIERS, [RISE]),
    "two tiers of one name": ((MAIN, "id: fair,", "id: poor,"), TIERS, ["tiers: two have the same id"]),
    "a tier beyond the range": ((MAIN, "from: 850}", "from: 1001}"), "from: 1001}", ["tiers.5.from: ", "1000"]),
    "a base beyond the range": (
        (MAIN, "base_points: 500", "base_points: 1001"),
        "base_points: 1001",
        ["base_points: "],
    ),
    "no base": ((MAIN, "base_points: 500", "#"), "", ["base_points: Field required"]),
    "a dimension too few": (
        (MAIN, "  occupation: {name: {zh: 职业, en: Occupation}, lowest: -60, highest: 100}\n", ""),
        "dimensions:",
        ["dimensions: must be exactly ", "occupation"],
    ),
    "a dimension that only lowers": ((MAIN, "highest: 100}", "highest: -1}"), "highest: -1}", ["occupation.highest: "]),
    "two groups of one name": (
        (MAIN, "  - {id: volunteer, cap: 50}\n", "  - {id: volunteer, cap: 50}\n  - {id: volunteer, cap: 9}\n"),
        "groups:",
        ["groups: two have the same id"],
    ),
    "an essential service as a perk": (
        (MAIN, "- id: scenic_discount", "- id: schooling"),
        "- id: schooling",
        ["perks.4: 'schooling' is an essential service; offer a perk beside it, never the service"],
    ),
    "a perk that may be the service itself": (
        (MAIN, "- id: scenic_discount", "- id: scenic"),
        "- id: scenic",
        ["perks.4: the id does not say what is granted beside a service; name it by discount, fast, free"],
    ),
    "thresholds out of order": (
        (MAIN, "effective_from: 2018-06-01, points: 686", "effective_from: 2028-06-01, points: 686"),
        "- id: transit_discount",
        ["perks.0: thresholds must stand in the order of their dates"],
    ),
    "two thresholds of one day": (
        (MAIN, "effective_from: 2027-01-01", "effective_from: 2018-06-01"),
        "- id: transit_discount",
        ["perks.0: thresholds must stand in the order of their dates, one a date"],
    ),
    "a perk without a threshold": (
        (MAIN, "thresholds: [{effective_from: 2019-02-02, points: 750}]" + PERK, "thresholds: []" + PERK),
        "thresholds: []",
        ["perks.4.thresholds: ", "at least 1"],
    ),
    "a perk for an unknown kind": (
        (MAIN, "kinds: [legal_person, organisation]", "kinds: [company]"),
        "kinds: [company]",
        ["perks.10.kinds.0: ", "'legal_person'"],
    ),
    "a perk for nobody": (
        (MAIN, "kinds: [legal_person, organisation]", "kinds: []"),
        "kinds: []",
        ["perks.10.kinds: ", "at least 1 item"],
    ),
    "a perk for one kind twice": (
        (MAIN, "kinds: [legal_person, organisation]", "kinds: [organisation, organisation]"),
        "- id: fast_track_approval",
        ["perks.10: kinds names one twice, was organisation, organisation; name each once"],
    ),
    "a service in the Chinese name of a perk": (
        (MAIN, "zh: 审批绿色通道", "zh: 优先入学"),
        "- id: fast_track_approval",
        ["perks.10: '入学' is an essential service; offer a perk beside it, never the service"],
    ),
    "a service in the English name of a perk": (
        (MAIN, "en: Approvals handled first", "en: School places first"),
        "- id: fast_track_approval",
        ["perks.10: 'school' is an essential service"],
    ),
    "a perk that is the price of a service": (
        (MAIN, "en: Hospital stay without a deposit", "en: Hospital stay for half the price"),
        "- id: hospital_deposit_waived",
        ["perks.7: 'hospital' is an essential service"],
    ),
    "a pack without an id": (
        (MAIN, "id: fuzhou-2026\n", 'id: " "\n'),
        'id: " "',
        ["id: ", "at least 1 character"],
    ),
    "points that are a truth value": (
        of_overdue(GRADE, "standard: {points: true, months: 6}"),
        "points: true",
        [OVERDUE_RULE, "grades.standard.points: ", "valid integer: was True"],
    ),
    "an unknown part": ((MAIN, "groups:\n", "colour: blue\ngroups:\n"), "colour: blue", ["colour: Extra inputs"]),
    "a day that is none": (
        (MAIN, "effective_from: 2026-04-01  #", "effective_from: 2026-04-31  #"),
        "effective_from: 2026-04-31  #",
        ["holds something unreadable: '2026-04-31': day is out of range for month; correct it, or put it in quotes"],
    ),
    "a review of every drop": (
        (MAIN, REVIEW, "review: {tiers: 1}"),
        "review: {tiers: 1}",
        ["review.tiers: was 1; 6 tiers allow a drop of 2 to 5: say one of these, or remove review"],
    ),
    "a review of a drop that cannot be": (
        (MAIN, REVIEW, "review: {tiers: 6}"),
        "review: {tiers: 6}",
        ["review.tiers: was 6", "2 to 5"],
    ),
    "a review of a part of a tier": (
        (MAIN, REVIEW, "review: {tiers: 2.5}"),
        "review: {tiers: 2.5}",
        ["review: must say a whole number of tiers, was 2.5"],
    ),
    "a review that does not say how far": (
        (MAIN, REVIEW, "review: true"),
        "review: true",
        ["review: ", "was True; write {tiers: 2}, or remove it"],
    ),
    "rules in the wrong file": ((MAIN, "groups:\n", "rules: []\ngroups:\n"), "", ["must be a mapping without rules"]),
    "something that is no YAML": (of_overdue("dimension: public", "dimension: [public"), "", ["is not YAML: "]),
    "a key that is a list": (of_overdue("doubles: true", "? [a, b]\n  : true"), "", ["is not YAML: "]),
}


@pytest.mark.parametrize("case", DEFECTS)
def test_a_defect_is_told_with_file_line_and_remedy(case: str, tmp_path: Path) -> None:
    (name, old, new), at, parts = DEFECTS[case]
    folder = edited(tmp_path, name, old, new)

    with pytest.raises(PackError) as raised:
        load_pack(folder)

    told = str(raised.value).splitlines()
    place = f"{folder / name}:{_line_of(folder / name, at)}:" if at else str(folder)
    assert [line for line in told if line.startswith(place) and all(part in line for part in parts)], told


def _line_of(path: Path, text: str) -> int:
    lines = [number for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1) if text in line]
    assert len(lines) == 1
    return lines[0]


def test_all_defects_are_told_at_once(tmp_path: Path) -> None:
    folder = edited(tmp_path, PUBLIC, OVERDUE, OVERDUE.replace("  severity: minor\n", "").replace("-3", "-3000"))

    with pytest.raises(PackError, match=r"severity: Field required(.|\n)*grades\.standard\.points") as raised:
        load_pack(folder)
    assert len(str(raised.value).splitlines()) == 2


def test_several_defects_of_one_rule_are_told_at_once(tmp_path: Path) -> None:
    folder = edited(
        tmp_path, *of_overdue("severity: minor\n  doubles: true\n  repair: on_fulfilment", "severity: none")
    )

    with pytest.raises(PackError, match=re.escape("say how severe it is: minor, general or serious; also ")):
        load_pack(folder)


@pytest.mark.parametrize("name", ["subject.registered", "consent.withdrawn", "subject.deceased"])
def test_whether_somebody_is_scored_cannot_itself_need_a_consent(name: str) -> None:
    with pytest.raises(ValueError, match="cannot itself need a consent; remove opt_in"):
        pack_with({"type": name, "opt_in": True})


@pytest.mark.parametrize(
    ("id_", "chinese", "english"),
    [
        ("treatment_pay_later", "先诊后付", "Pay after treatment"),
        ("hospital_parking_discount", "医院停车八折", "20 % off parking at hospitals"),
        ("housing_fund_quota", "住房公积金额度上浮", "Higher quota of the housing fund"),
        ("museum_discount", "博物馆门票八折", "20 % off admission to museums"),
        ("works_free", "艺术作品导览免费", "Works of art explained, for free"),
        ("education_discount", "成人教育课程九折", "10 % off courses of adult education"),
    ],
)
def test_what_stands_beside_an_essential_service_may_be_a_perk(id_: str, chinese: str, english: str) -> None:
    stated = shipped().perks[0].model_dump()

    assert Perk.model_validate({**stated, "id": id_, "name": {"zh": chinese, "en": english}}).id == id_


def test_a_folder_without_a_pack_says_what_a_pack_is(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"pack\.yaml: cannot be read .*; a pack is a folder with pack\.yaml and rules"):
        load_pack(tmp_path)


@pytest.mark.parametrize("text", ["", "- a list", "just a text"])
def test_a_head_that_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / MAIN).write_text(text)

    with pytest.raises(PackError, match=r"pack\.yaml:1: must be a mapping without rules"):
        load_pack(folder)


@pytest.mark.parametrize("text", ["", "type: library.loan.overdue", "just a text"])
def test_a_file_of_rules_that_is_no_list_is_refused(text: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / PUBLIC).write_text(text)

    with pytest.raises(PackError, match=r"public\.yaml:1: is not a list of rules; begin each rule with '- type: "):
        load_pack(folder)


def test_bytes_that_are_no_utf_8_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / PUBLIC).write_bytes(b"\xff")

    with pytest.raises(PackError, match=r"public\.yaml: holds something unreadable"):
        load_pack(folder)


def test_more_perks_than_a_card_has_bits_for_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    head, perks = (folder / MAIN).read_text("utf-8").split("perks:\n")
    one = perks[perks.index("  - id: parking_pay_later") : perks.index("  - id: housing_fund_quota")]
    many = "".join(one.replace("parking_pay_later", f"discount_{number}") for number in range(33))
    (folder / MAIN).write_text(f"{head}perks:\n{many}", "utf-8")

    with pytest.raises(PackError, match=r"perks: .* at most 32 items"):
        load_pack(folder)
