"""The pictures of an impact: who went from which tier to which, and what it does to cohorts and rules."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from city.impact import NO_SCORE, Impact

_UP_COLOUR = "#0072B2"
_DOWN_COLOUR = "#E69F00"
_CULPRITS_MAX = 12


def draw_tiers(impact: Impact, path: Path) -> None:
    """Draw the transition matrix: rows are the old tiers, columns the new ones."""
    counts = impact.tally.tiers
    figure = Figure(figsize=(9, 6), dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=9)
    for pack, ticks, labels in (
        (impact.old, axes.set_yticks, axes.set_yticklabels),
        (impact.new, axes.set_xticks, axes.set_xticklabels),
    ):
        names = [*(tier.name.en for tier in pack.tiers), NO_SCORE]
        ticks(range(len(names)))
        labels(names, fontsize=8)
    axes.set_ylabel(f"tier under {impact.old.id} version {impact.old.version}")
    axes.set_xlabel(f"tier under {impact.new.id} version {impact.new.version}")
    axes.set_title(f"{impact.tally.subjects:,} synthetic subjects (nobody in this picture exists)")
    figure.tight_layout()
    figure.savefig(path)


def draw_groups(impact: Impact, path: Path) -> None:
    """Draw the share of each cohort whose score rises or falls, and the rules that move most."""
    figure = Figure(figsize=(11, 5), dpi=120)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _cohorts(impact, left)
    _culprits(impact, right)
    figure.tight_layout()
    figure.savefig(path)


def _cohorts(impact: Impact, axes: Axes) -> None:
    rows = [(f"{of}: {name}", row) for (of, name), row in impact.tally.cohorts.items() if row[0]][::-1]
    sizes = np.array([row[0] for _, row in rows])
    places = np.arange(len(rows))
    axes.barh(places, np.array([row[2] for _, row in rows]) / sizes * 100, color=_UP_COLOUR, label="higher score")
    axes.barh(places, -np.array([row[3] for _, row in rows]) / sizes * 100, color=_DOWN_COLOUR, label="lower score")
    axes.set_yticks(places, [name for name, _ in rows])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("% of the cohort")
    axes.set_xlim(-100, 100)
    axes.legend(fontsize=8, loc="lower right")


def _culprits(impact: Impact, axes: Axes) -> None:
    moves = zip(impact.suspects, impact.tally.culprits.tolist(), strict=True)
    rows = sorted(((count, one.name) for one, count in moves if one.rules is not None), reverse=True)
    rows = rows[:_CULPRITS_MAX][::-1]
    axes.barh([name for _, name in rows], [count for count, _ in rows], color=_UP_COLOUR)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set_xlabel("subjects whose tier or perks it changes by itself")
