"""Freshness: from the call of produce to a standing that can be read, under an open load, beside a bare loop."""

import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.child import Child, Said, run
from benchmarks.deployment import TOPIC_LIVE, Deployment
from benchmarks.errors import BenchmarkError
from benchmarks.load import open_load, sent
from benchmarks.observe import Observations, read
from benchmarks.progress import tell
from benchmarks.results import Result, at_most, percentiles, spread
from benchmarks.scale import Rate, Scale
from benchmarks.warm import warm_up
from benchmarks.worked import round_trips_a_batch, undisturbed

_READY_S_MAX = 120.0
_FILL_S_MAX = 120.0
# After a load's last event: many times what an event takes.
_SETTLE_S = 1.5
# A p99 varies by that much on a Kafka that is warm.
_WARM_GAIN = 0.2
_SIDES = {"ours": ("worker",), "bare": ("bare_poll",), "bare_reading": ("bare_poll", "--reading")}
_LABELS = {"bare": "bare loop", "bare_reading": "reading loop"}


def measure(deployment: Deployment, scale: Scale, repetitions: int) -> Result:
    """Put all loads on all sides, one after the other, several times."""
    if not deployment.topic_ends(TOPIC_LIVE):
        deployment.make_topic(TOPIC_LIVE)
    warm_loads = warm_up("freshness, p99 in ms", partial(_warm, deployment, scale), _WARM_GAIN)
    runs = []
    for number in range(repetitions):
        sides = list(_SIDES)[:: 1 if number % 2 == 0 else -1]
        one: dict[str, Any] = {}
        for side in sides:
            one[side] = _side(deployment, scale, side)
            last = _at_highest_rate(one[side], scale)
            tell(f"freshness {number + 1}/{repetitions}: {side} p50 {last['p50']:.2f} ms, p99 {last['p99']:.2f} ms")
        runs.append(one)
    deployment.empty_store()
    return _result(scale, runs, warm_loads)


def _warm(deployment: Deployment, scale: Scale) -> float:
    """Put the highest load on our side, which asks of Kafka all that the others do, and more; return its p99."""
    return _at_highest_rate(_side(deployment, replace(scale, rates=scale.rates[-1:]), "ours"), scale)["p99"]


def _at_highest_rate(side: Said, scale: Scale) -> dict[str, float]:
    return _at(side, scale.rates[-1])


def _at(side: Said, rate: Rate) -> dict[str, float]:
    percentiles_ms: dict[str, float] = side["rates"][str(rate.events_per_s)]["from_call_ms"]
    return percentiles_ms


def prepared(deployment: Deployment, subjects: int) -> None:
    """Empty the store and give it a city, whose worker goes on at the end of the live topic."""
    deployment.empty_store()
    ends = deployment.topic_ends(TOPIC_LIVE)
    arguments = ("--subjects", subjects, "--ends", json.dumps(ends))
    run(
        "fill",
        *arguments,
        environment=deployment.environment(TOPIC_LIVE),
        log=deployment.log("fill"),
        within_s=_FILL_S_MAX,
    )


def _side(deployment: Deployment, scale: Scale, side: str) -> Said:
    prepared(deployment, scale.live_subjects)
    path = deployment.folder / f"freshness-{side}.npy"
    name, *arguments = _SIDES[side]
    environment, log = deployment.environment(TOPIC_LIVE), deployment.log(f"freshness-{side}")
    with Child(name, *arguments, "--observe", path, environment=environment, log=log) as child:
        child.expect("ready", _READY_S_MAX)
        rewrites = deployment.file_rewrites()
        loads = {rate: _loaded(deployment, rate, scale.live_subjects) for rate in scale.rates}
        rewrites = deployment.file_rewrites() - rewrites
        child.stop()
        said = child.expect("done", _READY_S_MAX)
        child.ended()
    if side == "ours":
        undisturbed(said)
    return {**said, "file_rewrites": rewrites, "rates": _measured(path, loads)}


def _loaded(deployment: Deployment, rate: Rate, subjects: int) -> Said:
    with open_load(deployment, rate, subjects) as load:
        load.go()
        said = sent(load, rate)
    time.sleep(_SETTLE_S)
    return said


def _measured(path: Path, loads: dict[Rate, Said]) -> Said:
    seen = read(path)
    path.unlink()
    return {
        str(rate.events_per_s): _of_rate(seen.of_rate(rate.events_per_s), rate, said) for rate, said in loads.items()
    }


def _of_rate(seen: Observations, rate: Rate, said: Said) -> Said:
    if len(seen.rate) != said["measured"]:
        message = f"{said['measured']} events were sent at {rate.events_per_s} a second, {len(seen.rate)} were seen"
        raise BenchmarkError(message)
    return {
        "from_call_ms": percentiles((seen.answered_ns - seen.called_ns) / 1e6),
        "from_schedule_ms": percentiles((seen.answered_ns - seen.due_ns) / 1e6),
        "load": said,
    }


def _result(scale: Scale, runs: list[dict[str, Any]], warm_loads: int) -> Result:
    figures = {}
    for rate in scale.rates:
        place = f"at {rate.events_per_s:,} events/s"
        for name in ("p50", "p90", "p99", "p99.9", "max"):
            ours = [_at(one["ours"], rate)[name] for one in runs]
            figures[f"ours, {name} {place}, ms"] = spread(ours)
            for side, label in _LABELS.items():
                theirs = [_at(one[side], rate)[name] for one in runs]
                figures[f"{label}, {name} {place}, ms"] = spread(theirs)
                ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
                figures[f"ours / {label}, {name} {place}"] = spread(ratios)
    figures["round trips to Redis a batch"] = spread([round_trips_a_batch(one["ours"]) for one in runs])
    figures["rewrites of Redis's file during our loads"] = spread([one["ours"]["file_rewrites"] for one in runs])
    figures["events a batch"] = spread([one["ours"]["events"] / one["ours"]["polls"] for one in runs])
    place = f"at {scale.rates[-1].events_per_s:,} events/s"
    return Result(
        load={
            "subjects": scale.live_subjects,
            "rates": [
                {"events_per_s": rate.events_per_s, "warm_s": rate.warm_s, "measured_s": rate.measured_s}
                for rate in scale.rates
            ],
            "producer": "linger.ms 0, acks all, idempotence",
            "loads_to_warm_kafka_up": warm_loads,
        },
        runs=runs,
        figures=figures,
        targets=[
            at_most(f"p50 / bare loop {place}", figures[f"ours / bare loop, p50 {place}"], 2),
            at_most(f"p99 / bare loop {place}", figures[f"ours / bare loop, p99 {place}"], 2.5),
            at_most("round trips to Redis a batch", figures["round trips to Redis a batch"], 2),
        ],
    )
