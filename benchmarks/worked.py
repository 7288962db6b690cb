"""What a worker process reports, judged and summed up."""

from benchmarks.child import Said
from benchmarks.errors import BenchmarkError


def undisturbed(said: Said) -> Said:
    """Return a worker's report.

    Raises:
        BenchmarkError: somebody else wrote to its store.

    """
    if said["seeks"] or said["commits_refused"]:
        message = (
            f"the worker had to read again {said['seeks']:.0f} times; {said['commits_refused']} commits were refused: "
            "somebody else writes to this Redis, or empties it; measure on one of its own"
        )
        raise BenchmarkError(message)
    return said


def round_trips_a_batch(said: Said) -> float:
    """Return round trips to Redis a batch."""
    return float(said["round_trips"] / said["polls"])
