"""Lookups while events are applied: the SDK beside a bare GETRANGE of the same client; and how many HTTP answers."""

import socket
import time
from typing import Any

from benchmarks.cases.freshness import prepared
from benchmarks.child import Child, Said, run
from benchmarks.deployment import TOPIC_LIVE, Deployment
from benchmarks.errors import BenchmarkError
from benchmarks.load import open_load, sent
from benchmarks.progress import tell
from benchmarks.results import Result, at_most, spread
from benchmarks.scale import Scale
from benchmarks.worked import undisturbed

_READY_S_MAX = 120.0
_CLIENTS = ("blocking", "asyncio")


def measure(deployment: Deployment, scale: Scale, repetitions: int) -> Result:
    """Look up beside a worker under load, several times; then ask over HTTP without a load."""
    if not deployment.topic_ends(TOPIC_LIVE):
        deployment.make_topic(TOPIC_LIVE)
    runs = []
    for number in range(repetitions):
        one = _under_load(deployment, scale)
        one["http"] = _over_http(deployment, scale)
        runs.append(one)
        told = ", ".join(f"{name} p50 {one[name]['sdk']['p50']:.3f} ms" for name in _CLIENTS)
        tell(f"lookup {number + 1}/{repetitions}: {told}, HTTP {one['http']['lookups_per_s']:,.0f} a second")
    deployment.empty_store()
    return _result(scale, runs)


def _under_load(deployment: Deployment, scale: Scale) -> Said:
    prepared(deployment, scale.live_subjects)
    environment, rate = deployment.environment(TOPIC_LIVE), scale.lookup_rate
    arguments = ("--seconds", scale.lookup_s, "--per-second", scale.lookups_per_s, "--subjects", scale.live_subjects)
    with (
        Child("worker", environment=environment, log=deployment.log("lookup-worker")) as worker,
        Child("lookups", *arguments, environment=environment, log=deployment.log("lookups")) as asker,
        open_load(deployment, rate, scale.live_subjects) as load,
    ):
        worker.expect("ready", _READY_S_MAX)
        asker.expect("ready", _READY_S_MAX)
        load.go()
        time.sleep(rate.warm_s)
        asker.go()
        said = asker.expect("done", _READY_S_MAX)
        asker.ended()
        said["load"] = sent(load, rate)
        worker.stop()
        said["worker"] = undisturbed(worker.expect("done", _READY_S_MAX))
        worker.ended()
    late_s = (said["ended_ns"] - said["load"]["ended_ns"]) / 1e9
    if late_s > 0:
        message = (
            f"the lookups went on for {late_s:.1f} s after the load beside them: nothing comparable was measured; "
            "close what else runs on this machine"
        )
        raise BenchmarkError(message)
    return said


def _over_http(deployment: Deployment, scale: Scale) -> Said:
    environment, port = deployment.environment(TOPIC_LIVE), _free_port()
    with Child("gateway", "--port", port, environment=environment, log=deployment.log("gateway")) as gateway:
        said = run(
            "http_client",
            *("--port", port, "--subjects", scale.live_subjects, "--seconds", scale.http_s),
            environment=environment,
            log=deployment.log("http_client"),
            within_s=_READY_S_MAX,
        )
        gateway.stop()
        gateway.ended()
    return said


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _result(scale: Scale, runs: list[dict[str, Any]]) -> Result:
    figures = {}
    for client in _CLIENTS:
        for name in ("p50", "p99"):
            sdk, bare = ([one[client][side][name] for one in runs] for side in ("sdk", "bare"))
            figures[f"{client} SDK, {name}, ms"] = spread(sdk)
            figures[f"{client} bare GETRANGE, {name}, ms"] = spread(bare)
            figures[f"{client} SDK / bare, {name}"] = spread([a / b for a, b in zip(sdk, bare, strict=True)])
        figures[f"{client} SDK, lookups past their deadline"] = spread([one[client]["past_deadline"] for one in runs])
    figures["HTTP lookups/s"] = spread([one["http"]["lookups_per_s"] for one in runs])
    figures["HTTP p50, ms"] = spread([one["http"]["milliseconds"]["p50"] for one in runs])
    figures["HTTP p99, ms"] = spread([one["http"]["milliseconds"]["p99"] for one in runs])
    limits = {"p50": 1.5, "p99": 2.0}
    return Result(
        load={
            "events_per_s": scale.lookup_rate.events_per_s,
            "subjects": scale.live_subjects,
            "lookups_per_s": scale.lookups_per_s,
            "http_connections": runs[0]["http"]["connections"],
        },
        runs=runs,
        figures=figures,
        targets=[
            at_most(f"{client} SDK / bare, {name}", figures[f"{client} SDK / bare, {name}"], limit)
            for client in _CLIENTS
            for name, limit in limits.items()
        ],
    )
