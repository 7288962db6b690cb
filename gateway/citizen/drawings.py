"""Drawings as numbers: the flower of the dimensions, and the line of the score. The templates write them as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, pi, sin

from schemas.days import date_of
from scoring.words import Words

_CENTRE = 200.0
_RADIUS = 128.0
# The shortest petal is still a petal.
_SHORTEST = 0.12
_LABEL = 1.2
_LABEL_LINE = 20.0
_BULGE = 0.36

PLOT_WIDTH, PLOT_HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 20, 20, 34
_GRID_POINTS = (10, 25, 50, 100, 200, 250)
_LINES_MAX = 5


@dataclass(frozen=True, slots=True)
class Petal:
    """One dimension: its name, its points, and the range they move in."""

    name: Words
    points: int
    lowest: int
    highest: int

    @property
    def share(self) -> float:
        """How far the points are from the lowest towards the highest, 0 to 1."""
        return (self.points - self.lowest) / (self.highest - self.lowest)


@dataclass(frozen=True, slots=True, kw_only=True)
class PetalDrawn:
    """A petal: its outline, and where its name and points stand."""

    petal: Petal
    outline: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flower:
    """The radar of the dimensions, a petal each: from the middle, the lowest, to the rim, the highest.

    Attributes:
        petals: each dimension.
        polygon: the radar's own line, through the tips.
        neutral: the same for somebody with no points in any dimension.
        axes: the ends of the axes.
        rings: the radii of the grid.
        centre: of the square drawing.

    """

    petals: Sequence[PetalDrawn]
    polygon: str
    neutral: str
    axes: Sequence[tuple[float, float]]
    rings: Sequence[float]
    centre: float


def flower(petals: Sequence[Petal]) -> Flower:
    """Return the drawing of dimensions."""
    angles = [2 * pi * number / len(petals) - pi / 2 for number in range(len(petals))]
    turned = list(zip(petals, angles, strict=True))
    return Flower(
        petals=[_petal(petal, angle) for petal, angle in turned],
        polygon=_polygon([(_length(petal.share), angle) for petal, angle in turned]),
        neutral=_polygon([(_length(-petal.lowest / (petal.highest - petal.lowest)), angle) for petal, angle in turned]),
        axes=[_at(1.0, angle) for angle in angles],
        rings=[_RADIUS * share for share in (0.25, 0.5, 0.75, 1.0)],
        centre=_CENTRE,
    )


def _length(share: float) -> float:
    return _SHORTEST + (1 - _SHORTEST) * share


def _at(length: float, angle: float) -> tuple[float, float]:
    return round(_CENTRE + _RADIUS * length * cos(angle), 1), round(_CENTRE + _RADIUS * length * sin(angle), 1)


def _polygon(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join("{},{}".format(*_at(length, angle)) for length, angle in corners)


def _petal(petal: Petal, angle: float) -> PetalDrawn:
    length = _length(petal.share)
    tip = _at(length, angle)
    left, right = _at(length * 0.72, angle - _BULGE), _at(length * 0.72, angle + _BULGE)
    inner_left, inner_right = _at(length * 0.3, angle - _BULGE), _at(length * 0.3, angle + _BULGE)
    outline = (
        f"M{_CENTRE},{_CENTRE} C{inner_left[0]},{inner_left[1]} {left[0]},{left[1]} {tip[0]},{tip[1]} "
        f"C{right[0]},{right[1]} {inner_right[0]},{inner_right[1]} {_CENTRE},{_CENTRE}Z"
    )
    x, y = _at(_LABEL, angle)
    side = cos(angle)
    anchor = "middle" if abs(side) < 0.1 else "start" if side > 0 else "end"
    # Two lines of text: those above the flower end at it, those below begin at it.
    lift = _LABEL_LINE * (0.35 if abs(sin(angle)) < 0.9 else 0.8 if sin(angle) < 0 else -0.4)
    return PetalDrawn(petal=petal, outline=outline, x=x, y=round(y - lift, 1), anchor=anchor)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something on an axis: a text, and where it stands."""

    text: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The line of a score.

    Attributes:
        line: a path of steps, with a gap wherever there was no score.
        area: the same, closed below.
        scores: lines of the grid.
        days: marks of time.
        changes: the days on which it changed, with the score from then on, the newest first; None is no score.
        x, y: where it stands, or stood last.

    """

    line: str
    area: str
    scores: Sequence[Mark]
    days: Sequence[Mark]
    changes: Sequence[tuple[date, int | None, int | None]]
    x: float
    y: float


def history_plot(steps: Sequence[tuple[int, int | None]], today: int) -> History:
    """Return the drawing of a score that from each day on was so much, or none, until today; it begins with one."""
    first = steps[0][0]
    low, high, gap = _scale([score for _, score in steps if score is not None])
    floor = PLOT_HEIGHT - _BOTTOM

    def x(day: int) -> float:
        return round(_LEFT + (PLOT_WIDTH - _LEFT - _RIGHT) * (day - first) / max(today - first, 1), 1)

    def y(score: int) -> float:
        return round(floor - (floor - _TOP) * (score - low) / (high - low), 1)

    line = area = ""
    for run, until in _runs(steps, today):
        begin, score = run[0]
        drawn = f"M{x(begin)},{y(score)}" + "".join(f"H{x(day)}V{y(score)}" for day, score in run[1:])
        end_x = x(until) if today > first else float(PLOT_WIDTH - _RIGHT)
        line += f"{drawn}H{end_x}"
        area += f"{drawn}H{end_x}V{floor}H{x(begin)}Z"
    last = next(score for _, score in reversed(steps) if score is not None)
    return History(
        line=line,
        area=area,
        scores=[Mark(str(score), y(score)) for score in range(low, high + 1, gap)],
        days=[Mark(date_of(day).isoformat()[:7], x(day)) for day in _marked_days(first, today)],
        changes=_changes(steps),
        x=end_x,
        y=y(last),
    )


def _runs(steps: Sequence[tuple[int, int | None]], today: int) -> Iterator[tuple[list[tuple[int, int]], int]]:
    """Yield the steps between which there always was a score, and the day on which each run of them ends."""
    run: list[tuple[int, int]] = []
    for day, score in steps:
        if score is not None:
            run.append((day, score))
        elif run:
            yield run, day
            run = []
    if run:
        yield run, today


def _scale(scores: Sequence[int]) -> tuple[int, int, int]:
    """Return a lowest and highest score around those there are, and the gap between the lines of the grid."""
    for gap in _GRID_POINTS:
        low, high = min(scores) // gap * gap, -(-max(scores) // gap) * gap
        high += gap if high == low else 0
        if (high - low) // gap <= _LINES_MAX:
            break
    return low, high, gap


def _marked_days(first: int, today: int) -> list[int]:
    """Return the days to name: the first, the last, and some between if there is room."""
    count = min(max((today - first) // 60, 1), 4)
    return [first + (today - first) * number // count for number in range(count + 1)] if today > first else [first]


def _changes(steps: Sequence[tuple[int, int | None]]) -> list[tuple[date, int | None, int | None]]:
    befores = [None, *(score for _, score in steps)]
    moved = [
        (date_of(day), score, None if score is None or before is None else score - before)
        for before, (day, score) in zip(befores, steps, strict=False)
    ]
    return moved[::-1]
