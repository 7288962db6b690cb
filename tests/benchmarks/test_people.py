"""The case of what people wait for: what its figures are made of, with a browser and without one."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import document, plots
from benchmarks.cases import people
from benchmarks.processes.answers import subjects_of, told
from benchmarks.processes.impact import proposed
from benchmarks.results import Values, read, write
from benchmarks.scale import QUICK
from scoring.packtools.diff import diff
from tests.support.records import shipped

MACHINE = {
    **dict.fromkeys(("cpu", "cores", "memory_gib", "os", "kafka", "redis", "librdkafka", "python"), 1),
    "packages": {},
    "commit": "",
    "sources_sha256": "",
    "load_average_before": 0.0,
    "kafka_threads": {"network": 3, "io": 8},
}
ABOUT = {"quick": False, "measured_at": "2026-11-24", "repetitions": 2, "machine": MACHINE}


def a_run(scale: float, *, painted: bool) -> dict[str, Any]:
    times = told([scale * one for one in range(1, 101)])
    run: dict[str, Any] = {
        "answers": {"records_a_subject": 31.6, "milliseconds": {"explain": times, "suggest": times}},
        "impact": {"subjects": 70_000, "facts": 9, "packs": 5, "scoring_s": scale, "drawing_s": 10 * scale},
    }
    if painted:
        run["paint"] = {"version": "1", "cold_ms": [300, 100, 200], "warm_ms": [30, 10, 20]}
    return run


def written(folder: Path, *, painted: bool) -> dict[str, Values]:
    runs = [a_run(one, painted=painted) for one in (0.1, 0.2)]
    write(folder, "people", people._result(QUICK, runs), ABOUT)
    return read(folder)


def test_the_figures_are_percentiles_medians_and_what_they_come_to_for_the_whole_city(tmp_path: Path) -> None:
    found = written(tmp_path, painted=True)["people"]

    medians = {name: one["median"] for name, one in found["figures"].items()}
    assert medians["explain, p95, ms"] == pytest.approx(14.26, abs=0.01)
    assert (medians["first paint, cold, ms"], medians["first paint, warm, ms"]) == (200, 20)
    assert (medians["impact, scoring, s"], medians["impact, drawing, s"]) == (0.15, 1.5)
    assert medians["impact, scoring 7 million, extrapolated, s"] == 15
    assert [(one["name"], one["limit"]) for one in found["targets"]] == [
        ("explain, p99, ms", 20),
        ("suggest, p99, ms", 20),
        ("first paint, cold, ms", 1000),
        ("first paint, warm, ms", 1000),
        ("impact, scoring, s", 10),
    ]


def test_without_a_browser_the_rest_is_told_and_why_the_paint_is_not(tmp_path: Path) -> None:
    found = written(tmp_path, painted=False)
    text = document.text(found, "images")

    assert "chromium is not installed (apt install chromium)" in text
    assert "| explain, p99, ms |" in text
    assert "| first paint, cold" not in text
    assert plots.draw("people", found["people"], tmp_path).stat().st_size


def test_the_subjects_have_the_ledgers_of_the_city_and_are_of_several_kinds() -> None:
    subjects = list(subjects_of(63))

    assert len(subjects) == 63
    assert len({len(facts) for facts, _ in subjects}) > 10
    assert {kind for _, kind in subjects} > {"resident"}


def test_the_proposal_is_the_one_that_the_document_of_packs_goes_through() -> None:
    changes = {(one.name, one.old, one.new) for one in diff(shipped(), proposed(shipped())) if one.part != "head"}

    assert changes == {("year.closed", 10, 8), ("library.loan.overdue", -3, -5), ("umbrella_free", 650, 640)}
