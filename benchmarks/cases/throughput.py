"""Throughput: how fast a backlog is drained, beside a loop that only reads and parses, and beside stock Faust."""

from functools import partial

from benchmarks import backlog
from benchmarks.check import check_store
from benchmarks.child import Child, Said
from benchmarks.deployment import Deployment
from benchmarks.errors import BenchmarkError
from benchmarks.progress import tell
from benchmarks.results import Result, at_least, at_most, spread
from benchmarks.scale import Scale
from benchmarks.warm import warm_up
from benchmarks.worked import round_trips_a_batch, undisturbed

_WITHIN_S = 240.0
# What a drain varies by on a Kafka that is warm.
_WARM_GAIN = 0.05
_NAMES = ("ours", "bare", "faust")


def measure(deployment: Deployment, scale: Scale, repetitions: int) -> Result:
    """Drain the backlog several times, each time by all."""
    tell("throughput: preparing the backlogs")
    events = scale.backlog_events
    topic = backlog.ensure(deployment, events, scale.backlog_subjects)
    faust_topic = backlog.ensure(deployment, scale.faust_events, scale.faust_subjects)
    drains = warm_up("throughput, s a drain", partial(_warm, deployment, topic, events), _WARM_GAIN)
    runs = []
    for number in range(repetitions):
        one: dict[str, Said] = {}
        for name in _NAMES[:: 1 if number % 2 == 0 else -1]:
            deployment.empty_store()
            if name == "ours":
                one[name] = _ours(deployment, topic, scale)
            elif name == "bare":
                one[name] = _drained(deployment, "bare_consume", topic, events)
            else:
                one[name] = _drained(deployment, "stock_faust", faust_topic, scale.faust_events)
            one[name]["events_per_s"] = _rate(one[name])
            tell(f"throughput {number + 1}/{repetitions}: {name} {one[name]['events_per_s']:,.0f} events/s")
        runs.append(one)
    deployment.empty_store()
    return _result(scale, runs, drains)


def _warm(deployment: Deployment, topic: str, events: int) -> float:
    """Drain the backlog by the bare loop; return how many seconds that took."""
    return float(_drained(deployment, "bare_consume", topic, events)["seconds"])


def _ours(deployment: Deployment, topic: str, scale: Scale) -> Said:
    events = scale.backlog_events
    said = undisturbed(_drained(deployment, "worker", topic, events))
    outcomes = said["outcomes"]
    if sum(outcomes.values()) != events or outcomes["dead"]:
        message = f"of {events} events were {outcomes}: each should be scored, or skipped as a repetition"
        raise BenchmarkError(message)
    said["checked_subjects"] = check_store(deployment, events, scale.backlog_subjects)
    return said


def _drained(deployment: Deployment, process: str, topic: str, events: int) -> Said:
    log = deployment.log(f"throughput-{process}")
    with Child(process, "--until", events, environment=deployment.environment(topic), log=log) as child:
        if process == "worker":
            child.expect("ready", _WITHIN_S)
        said = child.expect("done", _WITHIN_S)
        child.ended()
    return said


def _rate(said: Said) -> float:
    """Return events a second from when the first batch was there; that batch is not counted."""
    return float((said["events"] - said["events_of_first_batch"]) / said["seconds"])


def _result(scale: Scale, runs: list[dict[str, Said]], drains: int) -> Result:
    rates = {name: [one[name]["events_per_s"] for one in runs] for name in _NAMES}
    stages = {name: [one["ours"]["stages_us"][name] for one in runs] for name in runs[0]["ours"]["stages_us"]}
    figures = {
        "ours, events/s": spread(rates["ours"]),
        "bare loop, events/s": spread(rates["bare"]),
        "stock Faust, events/s": spread(rates["faust"]),
        "ours / bare loop": spread([ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True)]),
        "ours / stock Faust": spread([ours / peer for ours, peer in zip(rates["ours"], rates["faust"], strict=True)]),
        "round trips to Redis a batch": spread([round_trips_a_batch(one["ours"]) for one in runs]),
        "events a batch": spread([one["ours"]["events"] / one["ours"]["polls"] for one in runs]),
        "processor time, us an event": spread([1e6 * one["ours"]["cpu_s"] / one["ours"]["events"] for one in runs]),
        **{f"stage {name}, us an event": spread(values) for name, values in stages.items()},
    }
    return Result(
        load={
            "events": scale.backlog_events,
            "subjects": scale.backlog_subjects,
            "partitions": 4,
            "faust_events": scale.faust_events,
            "faust_subjects": scale.faust_subjects,
            "drains_to_warm_kafka_up": drains,
        },
        runs=list(runs),
        figures=figures,
        targets=[
            at_least("events/s", figures["ours, events/s"], 150_000),
            at_least("times the bare loop", figures["ours / bare loop"], 0.17),
            at_least("times stock Faust", figures["ours / stock Faust"], 10),
            at_most("round trips to Redis a batch", figures["round trips to Redis a batch"], 2),
        ],
    )
