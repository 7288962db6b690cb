"""The command: ``python -m benchmarks --help``."""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import results
from benchmarks.deployment import found
from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine, processor_times, stolen_since
from benchmarks.progress import tell
from benchmarks.scale import FULL, QUICK
from ops.parts import RUN_FOLDER

_ROOT = Path(__file__).resolve().parents[1]
_RESULTS = _ROOT / "benchmarks" / "results"
_QUICK = RUN_FOLDER / "benchmarks" / "quick"


class Case(StrEnum):
    """What can be measured."""

    ALL = "all"
    THROUGHPUT = "throughput"
    FRESHNESS = "freshness"
    KERNEL = "kernel"
    MEMORY = "memory"
    LOOKUP = "lookup"
    PEOPLE = "people"


def benchmarks(
    cases: Annotated[list[Case] | None, typer.Argument(help="Which; all if none is named.")] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Little of everything, to see that it works.")] = False,
    repeat: Annotated[int, typer.Option(min=1, help="Repetitions of each case; the median counts.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Folder of all files; without it, those of the repository.")] = None,
) -> None:
    """Measure Jasmine on a real Kafka and a real Redis, beside peers and limits in the same run.

    Both are those of `python -m ops.real start`, or where JASMINE_KAFKA_BOOTSTRAP_SERVERS and JASMINE_REDIS_URL say.
    Database 9 of that Redis is emptied. Writes a JSON file and a picture a case, and docs/benchmarks.md of them.

    Example: python -m benchmarks throughput freshness --repeat 5
    """
    deployment = found()
    # A quick run's figures are worth nothing, so they never stand in the documents.
    folder = out or (_QUICK if quick else _RESULTS)
    official = folder == _RESULTS
    names = [case.value for case in cases or [Case.ALL]]
    if Case.ALL in names:
        names = [case.value for case in Case if case is not Case.ALL]
    about = {"quick": quick, "repetitions": repeat, "machine": machine(deployment)}
    for name in names:
        when = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
        before = processor_times()
        result = import_module(f"benchmarks.cases.{name}").measure(deployment, QUICK if quick else FULL, repeat)
        stolen = {"stolen_percent": round(100 * stolen_since(before), 2)}
        tell(f"{name}: written to {results.write(folder, name, result, {**when, **about, **stolen})}")
    document = import_module("benchmarks.document")
    for path in document.write(
        folder, _ROOT / "docs" if official else folder, _ROOT / "docs" / "images" if official else folder
    ):
        tell(f"written: {path}")


def main() -> None:
    """Run the command; what is known to go wrong is said in one message."""
    try:
        typer.run(benchmarks)
    except BenchmarkError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
