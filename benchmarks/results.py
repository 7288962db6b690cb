"""Results: what every repetition found, what is made of it, and the files they stand in."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
# For a curve: finer where it gets interesting.
_CURVE = (*range(0, 90, 5), *range(90, 99), 99, 99.5, 99.8, 99.9, 99.95, 99.99, 100)

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure of several repetitions."""

    median: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure was meant to be.

    Attributes:
        name: what is measured, with its unit.
        value: the median of the repetitions.
        limit: what it was to be.
        sense: whether it was to be at least or at most that.
        reached: whether it is.

    """

    name: str
    value: float
    limit: float
    sense: Literal["at least", "at most"]
    reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one case found.

    Attributes:
        load: what was done, in numbers and words.
        runs: the raw numbers of each repetition, by who was measured.
        figures: medians with their range, by name.
        targets: what was to be reached.

    """

    load: Values
    runs: list[Values]
    figures: dict[str, Spread]
    targets: list[Target] = field(default_factory=list)


def spread(values: Sequence[float]) -> Spread:
    """Return the median of the repetitions, and the least and most of them."""
    return Spread(_rounded(statistics.median(values)), _rounded(min(values)), _rounded(max(values)))


def at_least(name: str, figure: Spread, limit: float) -> Target:
    """Return a target that is a lower limit."""
    return Target(name, figure.median, limit, "at least", figure.median >= limit)


def at_most(name: str, figure: Spread, limit: float) -> Target:
    """Return a target that is an upper limit."""
    return Target(name, figure.median, limit, "at most", figure.median <= limit)


def percentiles(values: NDArray[np.float64]) -> Values:
    """Return the percentiles that are told, the curve that is drawn, and how many values there are."""
    told = {
        f"p{percent:g}": value for percent, value in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)
    }
    curve = zip(_CURVE, np.percentile(values, _CURVE), strict=True)
    return {
        "count": len(values),
        **{name: _rounded(float(value)) for name, value in told.items()},
        "max": _rounded(float(values.max())),
        "curve": [[percent, _rounded(float(value))] for percent, value in curve],
    }


def write(folder: Path, case: str, result: Result, about: Values) -> Path:
    """Write a case's file; `about` is the machine and the circumstances."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case}.json"
    path.write_text(json.dumps({"case": case, **about, **asdict(result)}, indent=1) + "\n", "utf-8")
    return path


def read(folder: Path) -> dict[str, Values]:
    """Return the contents of all result files, by case."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def _rounded(value: float) -> float:
    """Four significant digits: more would say more than is known."""
    return float(f"{value:.4g}")
