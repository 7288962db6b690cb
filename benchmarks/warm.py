"""Kafka is slow for minutes after its start: it compiles what is used often, on the cores that are measured on."""

from collections.abc import Callable, Sequence

from benchmarks.progress import tell

# Warm is when so many in a row are no better than the best before them.
_STEADY = 2
_TIMES_MAX = 12


def warm_up(what: str, measure: Callable[[], float], gain: float) -> int:
    """Measure something that is better when it is less, until it has got no less; return how often that was.

    Args:
        what: for the line that tells how far it is.
        measure: does it once.
        gain: how much less counts, as a share of what was least before.

    """
    values: list[float] = []
    while len(values) < _TIMES_MAX and not steady(values, gain):
        values.append(measure())
        tell(f"{what}: warming Kafka up, {len(values)}: {values[-1]:.3g}")
    return len(values)


def steady(values: Sequence[float], gain: float) -> bool:
    """Return whether the last values are not less than the least before them, by so much of it."""
    before, last = values[:-_STEADY], values[-_STEADY:]
    return bool(before) and min(last) >= (1 - gain) * min(before)
