"""An open load beside whatever is measured, from a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.child import Child, Said
from benchmarks.deployment import TOPIC_LIVE, Deployment
from benchmarks.errors import BenchmarkError
from benchmarks.scale import Rate

# Drawing the events; and sending what is late when the load's time is over.
_READY_S_MAX = 60.0
_LATE_S_MAX = 60.0


@contextmanager
def open_load(deployment: Deployment, rate: Rate, subjects: int) -> Iterator[Child]:
    """Prepare a load for a `with` block: `go` begins it, and `sent` says at its end what became of it."""
    arguments = ("--rate", rate.events_per_s, "--warm", rate.warm_s, "--measured", rate.measured_s)
    environment = deployment.environment(TOPIC_LIVE)
    with Child(
        "open_loop", *arguments, "--subjects", subjects, environment=environment, log=deployment.log("open_loop")
    ) as load:
        load.expect("ready", _READY_S_MAX)
        yield load


def sent(load: Child, rate: Rate) -> Said:
    """Wait for the end of a load; return what it says.

    Raises:
        BenchmarkError: Kafka did not take every event.

    """
    said = load.expect("done", rate.warm_s + rate.measured_s + _LATE_S_MAX)
    load.ended()
    if said["failed"]:
        message = f"Kafka did not take {said['failed']} events of the load: {said['failure']}"
        raise BenchmarkError(message)
    return said
