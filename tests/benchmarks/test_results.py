import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.results import Result, at_least, at_most, percentiles, read, spread, write


def test_a_spread_is_the_median_with_the_least_and_the_most() -> None:
    figure = spread([3.0, 1.0, 2.0])

    assert (figure.median, figure.min, figure.max) == (2.0, 1.0, 3.0)


def test_a_figure_has_no_more_digits_than_are_known() -> None:
    assert spread([123_456.0]).median == 123_500


@pytest.mark.parametrize(("value", "reached"), [(0.9, False), (1.0, True), (1.1, True)])
def test_a_lower_limit_is_reached_from_itself_upwards(value: float, *, reached: bool) -> None:
    assert at_least("events/s", spread([value]), 1.0).reached is reached


@pytest.mark.parametrize(("value", "reached"), [(0.9, True), (1.0, True), (1.1, False)])
def test_an_upper_limit_is_reached_from_itself_downwards(value: float, *, reached: bool) -> None:
    assert at_most("ms", spread([value]), 1.0).reached is reached


def test_percentiles_of_a_thousand_values() -> None:
    told = percentiles(np.arange(1_001, dtype=np.float64))

    assert [told[name] for name in ("count", "p50", "p90", "p99", "p99.9", "max")] == [1_001, 500, 900, 990, 999, 1_000]


def test_the_curve_rises_to_the_largest_value() -> None:
    curve = percentiles(np.random.default_rng(1).exponential(size=500))["curve"]

    assert curve == sorted(curve)
    assert curve[-1][0] == 100


def test_a_written_result_is_read_again(tmp_path: Path) -> None:
    figure = spread([2.0])
    result = Result(load={"events": 3}, runs=[{"ours": 1}], figures={"x": figure}, targets=[at_most("x", figure, 1)])

    write(tmp_path, "memory", result, {"quick": True})

    content = read(tmp_path)["memory"]
    assert content["quick"] is True
    assert content["targets"][0]["reached"] is False
    assert content == json.loads((tmp_path / "memory.json").read_text("utf-8"))
