"""The impact of a change of rules on a synthetic city."""

from datetime import datetime, time
from pathlib import Path

import numpy as np
import pytest

from city.calibrate import DEMO_KEY, score
from city.city import DEFAULT_AS_OF, City
from city.columns import Ledgers, ledgers
from city.impact import NO_SCORE, Impact, report
from city.impact_picture import draw_groups, draw_tiers
from schemas.days import CITY_TIMEZONE, day_of_date
from scoring.card import CARD, HAS_SCORE
from scoring.kernel import evaluate
from scoring.pack import Pack
from scoring.rules import compile_rules
from tests.support.packs import pack_with
from tests.support.records import shipped

AT = datetime.combine(DEFAULT_AS_OF, time(), CITY_TIMEZONE)
DAY = day_of_date(DEFAULT_AS_OF)
RESIDENTS, BODIES = 300, 20


@pytest.fixture(scope="module")
def parts() -> list[Ledgers]:
    return list(ledgers(7, RESIDENTS, BODIES, int(AT.timestamp())))


def impact_of(new: Pack, parts: list[Ledgers]) -> Impact:
    impact = Impact(shipped(), new, DAY)
    for part in parts:
        impact.add(part)
    return impact


def test_a_citys_columns_give_the_scores_that_its_published_events_give(parts: list[Ledgers]) -> None:
    city = City(7, key=DEMO_KEY, residents=RESIDENTS, organisations=1)
    read = score(city.history(AT), AT, DEMO_KEY, shipped())

    residents = parts[0]
    cards = np.zeros(RESIDENTS, CARD)
    evaluate(residents.facts, residents.starts, residents.subjects, DAY, compile_rules(shipped()), cards)
    scored = (cards["flags"] & HAS_SCORE) > 0
    mine = dict(zip(residents.subjects[scored].tolist(), cards["score"][scored].tolist(), strict=True))
    theirs = zip(read.subjects.tolist(), read.cards, strict=True)
    assert mine == {
        number: int(card["score"]) for number, card in theirs if number >> 62 == 0 and card["flags"] & HAS_SCORE
    }


def test_the_same_rules_move_nobody(parts: list[Ledgers]) -> None:
    answer = report(impact_of(pack_with(version="2"), parts))

    assert (answer["subjects"], answer["changed"], answer["rules"]) == (RESIDENTS + BODIES, 0, [])


def test_a_rule_that_changes_moves_whom_it_moves_by_itself(parts: list[Ledgers]) -> None:
    closed = {"type": "year.closed", "grades": {"standard": {"points": 1, "months": 60}}}

    answer = report(impact_of(pack_with(closed), parts))

    assert answer["changed"] > 50
    assert answer["rules"] == [{"part": "rules", "name": "year.closed", "moves": answer["changed"]}]
    assert [name for name, one in answer["dimensions"].items() if one["lowered"] or one["raised"]] == ["administrative"]
    ages = [one["subjects"] for one in answer["cohorts"] if one["of"] == "age"]
    assert (len(ages), sum(ages)) == (4, RESIDENTS)


def test_the_rows_of_tiers_add_up_to_all_subjects(parts: list[Ledgers]) -> None:
    tiers = report(impact_of(pack_with(base_points=400), parts))["tiers"]

    assert sum(sum(row.values()) for row in tiers.values()) == RESIDENTS + BODIES
    assert tiers["fair"]["poor"] > 0
    assert set(tiers[NO_SCORE].values()) - {0} in ({tiers[NO_SCORE][NO_SCORE]}, set())


def test_a_new_tier_changes_only_those_who_are_in_it(parts: list[Ledgers]) -> None:
    first, *others = shipped().model_dump(by_alias=True)["tiers"]
    tiers = [first, {"id": "lower", "name": {"zh": "低", "en": "Lower"}, "from": 349}, *others]

    answer = report(impact_of(pack_with(tiers=tiers), parts))

    assert answer["changed"] == sum(row["lower"] for row in answer["tiers"].values())
    assert answer["rules"] == [{"part": "tiers", "name": "tiers", "moves": answer["changed"]}]


def test_pictures_are_drawn(parts: list[Ledgers], tmp_path: Path) -> None:
    impact = impact_of(pack_with(base_points=480), parts)

    draw_tiers(impact, tmp_path / "tiers.png")
    draw_groups(impact, tmp_path / "groups.png")

    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("tiers.png", "groups.png"))
