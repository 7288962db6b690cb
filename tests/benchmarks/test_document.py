"""docs/benchmarks.md says what the result files say, and nothing is measured that it leaves out."""

import re
from pathlib import Path

import pytest

from benchmarks import document, results
from benchmarks.__main__ import Case

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "benchmarks.md"
FOUND = results.read(ROOT / "benchmarks" / "results")

pytestmark = pytest.mark.skipif(not FOUND, reason="no results yet: `make bench` writes them")


def test_the_document_is_the_one_that_the_results_give() -> None:
    assert DOCUMENT.read_text("utf-8") == document.text(FOUND, "images")


def test_every_case_has_a_result() -> None:
    assert {case.value for case in Case if case is not Case.ALL} == set(FOUND) == set(document.CASES)


def test_every_picture_is_there() -> None:
    names = re.findall(r"\]\((images/[^)]+)\)", DOCUMENT.read_text("utf-8"))

    assert len(names) == len(FOUND)
    assert all((ROOT / "docs" / name).stat().st_size for name in names)


def test_no_quick_run_is_quoted() -> None:
    assert not [case for case, content in FOUND.items() if content["quick"]]


def test_ratios_and_targets_follow_from_the_raw_runs() -> None:
    throughput = FOUND["throughput"]
    ratios = [one["ours"]["events_per_s"] / one["bare"]["events_per_s"] for one in throughput["runs"]]

    assert throughput["figures"]["ours / bare loop"]["median"] == results.spread(ratios).median
    for content in FOUND.values():
        assert len(content["runs"]) == content["repetitions"]
        for target in content["targets"]:
            above = target["value"] >= target["limit"]
            below = target["value"] <= target["limit"]
            assert target["reached"] is (above if target["sense"] == "at least" else below)
