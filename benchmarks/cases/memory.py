"""Memory: what a record costs in Redis, with everything that stands around it."""

from benchmarks.child import Said, run
from benchmarks.deployment import TOPIC_LIVE, Deployment
from benchmarks.progress import tell
from benchmarks.results import Result, at_most, spread
from benchmarks.scale import Scale

_WITHIN_S = 240.0
# 30 records for each of 7 million subjects, and some.
_ALL_RECORDS = 212_000_000


def measure(deployment: Deployment, scale: Scale, repetitions: int) -> Result:
    """Fill an empty store, and look at Redis's own count of its memory."""
    runs: list[Said] = []
    for number in range(repetitions):
        said = run(
            "memory",
            *("--subjects", scale.memory_subjects),
            environment=deployment.environment(TOPIC_LIVE),
            log=deployment.log("memory"),
            within_s=_WITHIN_S,
        )
        tell(f"memory {number + 1}/{repetitions}: {_per_record(said['even']):.1f} bytes a record")
        runs.append(said)
    per_record = spread([_per_record(one["even"]) for one in runs])
    all_gib = [_per_record(one["even"]) * _ALL_RECORDS / 2**30 for one in runs]
    return Result(
        load={"subjects": scale.memory_subjects, "records_a_subject": 30, "partitions": 4},
        runs=runs,
        figures={
            "bytes a record, 30 for each subject": per_record,
            "bytes a record, as many as the city has": spread([_per_record(one["city"]) for one in runs]),
            "records a subject of the city": spread([one["city"]["facts"] / one["subjects"] for one in runs]),
            "GiB for 212 M records, extrapolated": spread(all_gib),
        },
        targets=[at_most("bytes a record, 30 for each subject", per_record, 50)],
    )


def _per_record(filled: Said) -> float:
    return float(filled["used_bytes"] / filled["facts"])
