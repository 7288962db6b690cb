"""What people wait for: why and what then, the first paint of the citizen's page, and whom a change of rules moves."""

import shutil
import statistics
from typing import Any

from benchmarks.child import Child, Said, run
from benchmarks.deployment import TOPIC_LIVE, Deployment
from benchmarks.progress import tell
from benchmarks.results import Result, Spread, Target, at_most, spread
from benchmarks.scale import Scale

_WITHIN_S = 300.0
_READY_S_MAX = 120.0
_QUESTIONS = ("explain", "suggest")
_PAINTS = ("cold", "warm")
# As many residents as the city has that published its scores.
_CITY_SUBJECTS = 7_000_000
_NO_BROWSER = "no browser: the first paint was not measured, because chromium is not installed (apt install chromium)"


def measure(deployment: Deployment, scale: Scale, repetitions: int) -> Result:
    """Measure each part in fresh processes, several times."""
    chromium = shutil.which("chromium")
    if chromium is None:
        tell(f"people: {_NO_BROWSER}")
    runs: list[dict[str, Said]] = []
    for number in range(repetitions):
        one = {
            "answers": _one(deployment, "answers", scale.people_subjects),
            "impact": _one(deployment, "impact", scale.impact_subjects),
        }
        if chromium is not None:
            one["paint"] = _paint(deployment, chromium, scale.paints)
        tell(f"people {number + 1}/{repetitions}: {_told(one)}")
        runs.append(one)
    deployment.empty_store()
    return _result(scale, runs)


def _one(deployment: Deployment, name: str, subjects: int) -> Said:
    return run(
        name,
        *("--subjects", subjects),
        environment=deployment.environment(TOPIC_LIVE),
        log=deployment.log(name),
        within_s=_WITHIN_S,
    )


def _paint(deployment: Deployment, chromium: str, times: int) -> Said:
    environment = deployment.environment(TOPIC_LIVE)
    with Child("citizen", environment=environment, log=deployment.log("citizen")) as page:
        at = page.expect("ready", _READY_S_MAX)
        said = run(
            "first_paint",
            *("--chromium", chromium, "--address", at["address"], "--name", at["name"], "--times", times),
            environment=environment,
            log=deployment.log("first_paint"),
            within_s=_WITHIN_S,
        )
        page.stop()
        page.ended()
    return {**said, "records": at["records"]}


def _told(one: dict[str, Said]) -> str:
    parts = [f"{name} p99 {one['answers']['milliseconds'][name]['p99']:.1f} ms" for name in _QUESTIONS]
    parts += [f"{name} paint {_median_ms(one, name):.0f} ms" for name in _PAINTS if "paint" in one]
    impact = one["impact"]
    parts.append(f"impact scored in {impact['scoring_s']:.2f} s, drawn in {impact['drawing_s']:.1f} s")
    parts.append(f"for 7 million {_for_the_city_s(impact, 'scoring_s'):.0f} s of scoring")
    return ", ".join(parts)


def _median_ms(one: dict[str, Said], name: str) -> float:
    return float(statistics.median(one["paint"][f"{name}_ms"]))


def _for_the_city_s(impact: Said, name: str) -> float:
    """Extrapolate by the number of subjects: each is drawn and scored by itself."""
    return float(impact[name] * _CITY_SUBJECTS / impact["subjects"])


def _result(scale: Scale, runs: list[dict[str, Said]]) -> Result:
    painted = "paint" in runs[0]
    figures: dict[str, Spread] = {
        f"{question}, {name}, ms": spread([one["answers"]["milliseconds"][question][name] for one in runs])
        for question in _QUESTIONS
        for name in ("p50", "p95", "p99")
    }
    if painted:
        for name in _PAINTS:
            figures[f"first paint, {name}, ms"] = spread([_median_ms(one, name) for one in runs])
    for name in ("scoring", "drawing"):
        seconds = [one["impact"] for one in runs]
        figures[f"impact, {name}, s"] = spread([one[f"{name}_s"] for one in seconds])
        figures[f"impact, {name} 7 million, extrapolated, s"] = spread(
            [_for_the_city_s(one, f"{name}_s") for one in seconds]
        )
    return Result(load=_load(scale, runs[0]), runs=list(runs), figures=figures, targets=_targets(figures))


def _load(scale: Scale, one: dict[str, Said]) -> dict[str, Any]:
    return {
        "subjects": scale.people_subjects,
        "records_a_subject": round(one["answers"]["records_a_subject"]),
        "impact_subjects": scale.impact_subjects,
        "impact_facts": one["impact"]["facts"],
        "packs": one["impact"]["packs"],
        "paints": scale.paints,
        "browser": f"Chromium {one['paint']['version']}" if "paint" in one else _NO_BROWSER,
    }


def _targets(figures: dict[str, Spread]) -> list[Target]:
    limits = {
        **{f"{question}, p99, ms": 20.0 for question in _QUESTIONS},
        **{f"first paint, {name}, ms": 1_000.0 for name in _PAINTS},
        "impact, scoring, s": 10.0,
    }
    return [at_most(name, figures[name], limit) for name, limit in limits.items() if name in figures]
