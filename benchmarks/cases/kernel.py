"""The kernel: how many records a second one core evaluates, and how long one subject takes."""

from benchmarks.child import Said, run
from benchmarks.deployment import TOPIC_LIVE, Deployment
from benchmarks.progress import tell
from benchmarks.results import Result, at_least, at_most, spread
from benchmarks.scale import Scale

_WITHIN_S = 300.0
_MILLION = 1e6
# 30 million records a second were asked for on a machine on which vectorised evaluators gave 4 to 6 million.
_VECTORISED = 7.5
_RATES = (
    "city",
    "random",
    "random with controls",
    "reading by field",
    "reading in one sweep",
    "vectorised evaluator",
    "plain evaluator",
)


def measure(deployment: Deployment, scale: Scale, repetitions: int) -> Result:
    """Measure in a fresh process each time."""
    runs: list[Said] = []
    for number in range(repetitions):
        said = run(
            "kernel",
            *("--subjects", scale.kernel_subjects, "--plain", scale.plain_subjects),
            environment=deployment.environment(TOPIC_LIVE),
            log=deployment.log("kernel"),
            within_s=_WITHIN_S,
        )
        tell(f"kernel {number + 1}/{repetitions}: {said['city, records/s'] / _MILLION:.1f} M records/s")
        runs.append(said)
    figures = {
        f"{name}, M records/s": spread([one[f"{name}, records/s"] / _MILLION for one in runs]) for name in _RATES
    }
    for name in _RATES[:3]:
        figures[f"{name}, us for one subject"] = spread([one[f"{name}, us for one subject"] for one in runs])
    figures["city / reading by field"] = spread(
        [one["city, records/s"] / one["reading by field, records/s"] for one in runs]
    )
    figures["city / vectorised evaluator"] = spread(
        [one["city, records/s"] / one["vectorised evaluator, records/s"] for one in runs]
    )
    figures["city / plain evaluator"] = spread(
        [one["city, records/s"] / one["plain evaluator, records/s"] for one in runs]
    )
    return Result(
        load={
            "subjects": scale.kernel_subjects,
            "records_a_subject": 30,
            "plain_subjects": scale.plain_subjects,
        },
        runs=runs,
        figures=figures,
        targets=[
            at_least("M records/s on the city's records", figures["city, M records/s"], 30),
            at_least("times a vectorised evaluator", figures["city / vectorised evaluator"], _VECTORISED),
            at_most("us for one subject of 30 records", figures["city, us for one subject"], 20),
        ],
    )
