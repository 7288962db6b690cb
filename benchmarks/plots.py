"""A picture a case, drawn from its result file; colours that colour-blind people can tell apart."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.results import Values

# Okabe and Ito's palette.
OURS, PEER, LIMIT, MARK = "#0072B2", "#E69F00", "#999999", "#D55E00"
_SIZE = (8.0, 4.0)
_DPI = 120
# So that a target's line does not cross a number.
_ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}


def draw(case: str, content: Values, folder: Path) -> Path:
    """Draw one case."""
    path = folder / f"bench-{case}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=_SIZE, dpi=_DPI, layout="constrained")
    _DRAWN[case](axes, content)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)
    return path


def _bars(axes: Axes, content: Values, rows: Iterable[tuple[str, str, str]], number: Callable[[float], str]) -> None:
    """Draw one bar a row of (figure, label, colour): the median, with a line from the least to the most."""
    for place, (name, label, colour) in enumerate(rows):
        figure = content["figures"][name]
        median, ends = figure["median"], [[figure["median"] - figure["min"]], [figure["max"] - figure["median"]]]
        axes.barh(place, median, 0.6, color=colour, xerr=ends, ecolor="black", capsize=3)
        axes.annotate(
            number(median),
            (figure["max"], place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            bbox=_ON_WHITE,
        )
        axes.text(-0.01, place, label, ha="right", va="center", transform=axes.get_yaxis_transform(), fontsize=9)
    axes.set_yticks([])
    axes.invert_yaxis()
    axes.margins(x=0.18)


def _target(axes: Axes, limit: float, label: str) -> None:
    axes.axvline(limit, color=MARK, linestyle="--", linewidth=1.2)
    axes.annotate(label, (limit, 1), xycoords=("data", "axes fraction"), xytext=(4, -2), textcoords="offset points",
                  color=MARK, fontsize=8, va="top")  # fmt: skip


def _throughput(axes: Axes, content: Values) -> None:
    rows = [
        ("bare loop, events/s", "limit: confluent-kafka\nand orjson alone", LIMIT),
        ("ours, events/s", "Jasmine, one worker", OURS),
        ("stock Faust, events/s", "stock Faust,\nthe same work", PEER),
    ]
    axes.set_xscale("log")
    _bars(axes, content, rows, lambda value: f"{value:,.0f}")
    axes.set_xlim(1_000, 5_000_000)
    _target(axes, content["targets"][0]["limit"], "target")
    axes.set_xlabel("events a second (logarithmic)")
    axes.set_title(f"Draining a backlog of {content['load']['events']:,} events", fontsize=11)


def _freshness(axes: Axes, content: Values) -> None:
    rate = str(content["load"]["rates"][-1]["events_per_s"])
    for side, label, colour, style in (
        ("ours", "Jasmine: produce call to standing", OURS, "-"),
        ("bare", "bare loop: produce call to one write", LIMIT, "--"),
        ("bare_reading", "reading loop: produce call to a write of what was read", PEER, ":"),
    ):
        for number, one in enumerate(content["runs"]):
            curve: list[Any] = one[side]["rates"][rate]["from_call_ms"]["curve"]
            # A percentile is drawn by how rare what is beyond it is; the largest value has no such place.
            beyond = [1 / (1 - percent / 100) for percent, _ in curve[:-1]]
            axes.plot(beyond, [ms for _, ms in curve[:-1]], style, color=colour, label=None if number else label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    places = (50, 90, 99, 99.9, 99.99)
    axes.set_xticks([1 / (1 - percent / 100) for percent in places], [f"p{percent:g}" for percent in places])
    axes.minorticks_off()
    axes.set_xlabel("percentile")
    axes.set_ylabel("milliseconds (logarithmic)")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False, fontsize=9)
    axes.set_title(f"Freshness at {int(rate):,} events a second; a line a repetition", fontsize=11)


def _kernel(axes: Axes, content: Values) -> None:
    rows = [
        ("reading in one sweep, M records/s", "limit: NumPy reads\nthe memory once", LIMIT),
        ("reading by field, M records/s", "limit: NumPy reads\neach field once", LIMIT),
        ("city, M records/s", "kernel, a city's records", OURS),
        ("random, M records/s", "kernel, random records", OURS),
        ("random with controls, M records/s", "kernel, random records\nand controls", OURS),
        ("vectorised evaluator, M records/s", "vectorised evaluator\nin NumPy", PEER),
        ("plain evaluator, M records/s", "plain evaluator", PEER),
    ]
    axes.set_xscale("log")
    _bars(axes, content, rows, lambda value: f"{value:.3g}")
    axes.set_xlim(0.01, 2_000)
    _target(axes, content["targets"][0]["limit"], "target")
    axes.set_xlabel("million records a second on one core (logarithmic)")
    axes.set_title(f"Evaluating {content['load']['subjects']:,} subjects of 30 records", fontsize=11)


def _memory(axes: Axes, content: Values) -> None:
    rows = [
        ("bytes a record, 30 for each subject", "30 records\nfor each subject", OURS),
        ("bytes a record, as many as the city has", "as many as\nthe city has", OURS),
    ]
    _bars(axes, content, rows, lambda value: f"{value:.1f}")
    _target(axes, content["targets"][0]["limit"], "target: at most")
    axes.set_xlim(0, 70)
    axes.set_xlabel("bytes of Redis a record, keys, cards and due sets included")
    axes.set_title(f"Memory of {content['load']['subjects']:,} subjects", fontsize=11)


def _lookup(axes: Axes, content: Values) -> None:
    rows = [
        (f"{client} {side}, {name}, ms", f"{client} {side}, {name}", colour)
        for client in ("blocking", "asyncio")
        for name in ("p50", "p99")
        for side, colour in (("SDK", OURS), ("bare GETRANGE", LIMIT))
    ]
    axes.set_xscale("log")
    _bars(axes, content, rows, lambda value: f"{value:.3g}")
    axes.set_xlim(left=0.01)
    axes.set_xlabel("milliseconds a lookup (logarithmic)")
    axes.set_title(f"Lookups beside {content['load']['events_per_s']:,} events a second", fontsize=11)


def _people(axes: Axes, content: Values) -> None:
    rows = [
        (f"{question}, {name}, ms", f"{question}, {name}", OURS)
        for question in ("explain", "suggest")
        for name in ("p50", "p95", "p99")
    ]
    rows += [(f"first paint, {name}, ms", f"first paint, {name} cache", OURS) for name in ("cold", "warm")]
    axes.set_xscale("log")
    # Where there is no browser there is no paint.
    _bars(axes, content, [row for row in rows if row[0] in content["figures"]], lambda value: f"{value:.3g}")
    axes.set_xlim(1, 5_000)
    _target(axes, content["targets"][0]["limit"], "target of p99")
    axes.set_xlabel("milliseconds (logarithmic)")
    axes.set_title(f"What people wait for; {content['load']['subjects']:,} subjects", fontsize=11)


_DRAWN: dict[str, Callable[[Axes, Values], None]] = {
    "throughput": _throughput,
    "freshness": _freshness,
    "kernel": _kernel,
    "memory": _memory,
    "lookup": _lookup,
    "people": _people,
}
