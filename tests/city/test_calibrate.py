import json
from dataclasses import asdict
from datetime import datetime, time
from pathlib import Path

import numpy as np
import pytest

from city.calibrate import DEMO_KEY, Calibration, calibration_of, score
from city.city import DEFAULT_AS_OF, City
from city.picture import draw
from city.rates import RATES, SHARES, STEADY_RATES
from schemas.days import CITY_TIMEZONE
from scoring.pack import load_pack

DOCS = Path(__file__).parents[2] / "docs"
AT = datetime.combine(DEFAULT_AS_OF, time(), CITY_TIMEZONE)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    pack = load_pack()
    city = City(7, key=DEMO_KEY, residents=8_000, organisations=400)
    return calibration_of(score(city.history(AT), AT, DEMO_KEY, pack), pack)


@pytest.mark.slow
def test_the_published_share_stands_at_686_or_more(calibration: Calibration) -> None:
    assert calibration.share_at_threshold == pytest.approx(calibration.share_published, abs=0.012)


@pytest.mark.slow
def test_the_median_resident_is_good(calibration: Calibration) -> None:
    assert 650 <= calibration.median < 686
    assert max(calibration.tiers, key=calibration.tiers.__getitem__) == "good"


def test_the_numbers_beside_the_picture_are_within_half_a_percent_of_what_is_published() -> None:
    numbers = json.loads((DOCS / "images" / "city-distribution.json").read_text("utf-8"))

    assert set(numbers) >= set(Calibration.__dataclass_fields__)
    assert abs(numbers["share_at_threshold"] - numbers["share_published"]) <= 0.005
    assert 650 <= numbers["median"] < 750


@pytest.mark.slow
def test_tier_shares_add_up_to_everybody(calibration: Calibration) -> None:
    assert sum(asdict(calibration)["tiers"].values()) == pytest.approx(1, abs=0.001)


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    draw(np.array([500, 650, 686, 700]), load_pack(), 0.5, path)

    assert path.read_bytes().startswith(b"\x89PNG")


def table_lines() -> list[str]:
    """Return the rows of the two tables in docs/city.md."""
    shares = [f"| {one.name} | {one.of} | {one.share:.3g} | {one.evidence} | {one.source} |" for one in SHARES]
    rates = [
        f"| `{one.type.name}` | {one.group} | {one.per_year:.2g} | {one.evidence} | {one.source} |"
        for one in (*RATES, *STEADY_RATES)
    ]
    return shares + rates


def test_the_documentation_has_every_share_and_rate() -> None:
    lines = (DOCS / "city.md").read_text("utf-8").splitlines()

    assert not [line for line in table_lines() if line not in lines]


def test_only_what_is_published_names_a_publisher_of_its_number() -> None:
    published = [one for one in (*SHARES, *RATES) if one.evidence == "published"]

    assert all(one.source for one in published)
    assert len(published) >= 8
