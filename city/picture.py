"""The picture of a city's scores."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from city.rates import THRESHOLD_POINTS
from scoring.pack import Pack

_LOWEST_SHOWN = 325
_HIGHEST_SHOWN = 800
_BIN_POINTS = 5
# Lines end below the names of the tiers.
_LINE_TOP = 0.84
# From Okabe and Ito's palette, which the colour-blind can tell apart; the bands differ in lightness, too.
_BAR_COLOUR = "#0072B2"
_ABOVE_COLOUR = "#E69F00"
_BANDS = ("#f2f2f2", "#e0e0e0")


def draw(scores: NDArray[np.int64], pack: Pack, share: float, path: Path) -> None:
    """Draw the histogram of scores with the tiers behind it and the threshold on it."""
    figure = Figure(figsize=(10, 5), dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shown = np.clip(scores, _LOWEST_SHOWN, _HIGHEST_SHOWN)
    # The threshold is no multiple of the bins' width: let a bin begin there.
    first = _LOWEST_SHOWN + (THRESHOLD_POINTS - _LOWEST_SHOWN) % _BIN_POINTS - _BIN_POINTS
    bins = np.arange(first, _HIGHEST_SHOWN + _BIN_POINTS, _BIN_POINTS)
    counts, edges = np.histogram(shown, bins)
    colours = [_ABOVE_COLOUR if edge >= THRESHOLD_POINTS else _BAR_COLOUR for edge in edges[:-1]]
    heights = counts * (100 / len(shown))
    axes.bar(edges[:-1], heights, _BIN_POINTS, align="edge", color=colours, edgecolor="white", linewidth=0.4)
    _label(axes, scores, pack, share)
    figure.tight_layout()
    figure.savefig(path)


def _label(axes: Axes, scores: NDArray[np.int64], pack: Pack, share: float) -> None:
    top = axes.get_ylim()[1] * 1.18
    axes.set_ylim(0, top)
    axes.set_xlim(_LOWEST_SHOWN, _HIGHEST_SHOWN)
    ends = [tier.lowest for tier in pack.tiers[1:]] + [1000]
    for number, (tier, end) in enumerate(zip(pack.tiers, ends, strict=True)):
        left, right = max(tier.lowest, _LOWEST_SHOWN), min(end, _HIGHEST_SHOWN)
        if left < right:
            axes.axvspan(left, right, color=_BANDS[number % 2], zorder=0)
        if right - left >= 50:
            share_here = ((scores >= tier.lowest) & (scores < end)).mean()
            text = f"{tier.name.en}\n{share_here:.1%}"
            axes.text((left + right) / 2, top * 0.97, text, ha="center", va="top", fontsize=10)
    median = float(np.median(scores))
    axes.axvline(median, ymax=_LINE_TOP, color="black", linestyle=":", linewidth=1.2)
    axes.text(median - 4, top * 0.72, f"median\n{median:.0f}", ha="right", fontsize=9)
    axes.axvline(THRESHOLD_POINTS, ymax=_LINE_TOP, color="black", linewidth=1.2)
    text = f"{share:.1%} at {THRESHOLD_POINTS} or more\n(Fuzhou: about 7.1 %)"
    axes.text(THRESHOLD_POINTS + 4, top * 0.72, text, ha="left", fontsize=9)
    axes.set_xlabel("score, points")
    axes.set_ylabel(f"residents, % in each {_BIN_POINTS} points")
    axes.set_title(f"Scores of {len(scores):,} synthetic residents (nobody in this picture exists)")
