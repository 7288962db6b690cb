"""What the worker says of itself: its own /metrics, read as anybody can read them."""

from collections import Counter
from dataclasses import dataclass, field
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

_ANSWER_S_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One reading.

    Attributes:
        scored: events that are facts in a standing.
        skipped: repetitions.
        dead: refused events by reason.
        freshness: cumulated counts by upper bound, in seconds.

    """

    scored: int = 0
    skipped: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    freshness: dict[float, float] = field(default_factory=dict)

    @property
    def applied(self) -> int:
        """All events that have an outcome."""
        return self.scored + self.skipped + self.dead.total()

    def freshness_s(self, share: float, since: "Measured") -> float | None:
        """Return the age below which a share of the events since another reading became readable, in seconds."""
        counts = [(bound, count - since.freshness.get(bound, 0.0)) for bound, count in sorted(self.freshness.items())]
        total = counts[-1][1] if counts else 0.0
        lower, below = 0.0, 0.0
        for bound, count in counts:
            if total and count >= share * total:
                inside = (share * total - below) / (count - below) if count > below else 1.0
                return lower if bound == float("inf") else lower + (bound - lower) * inside
            lower, below = bound, count
        return None


def read(port: int) -> Measured | None:
    """Read a worker's metrics; None while it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_ANSWER_S_MAX) as answer:
            text = answer.read().decode()
    except (URLError, OSError):
        return None
    outcomes: Counter[str] = Counter()
    dead: Counter[str] = Counter()
    freshness: dict[float, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "credit_events_total":
                outcomes[sample.labels["outcome"]] = int(sample.value)
            elif sample.name == "credit_dead_letters_total" and sample.value:
                dead[sample.labels["reason"]] = int(sample.value)
            elif sample.name == "credit_freshness_seconds_bucket":
                freshness[float(sample.labels["le"])] = sample.value
    return Measured(outcomes["scored"], outcomes["skipped"], dead, freshness)


def ready(port: int) -> bool:
    """Whether a worker says that it applies events."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=_ANSWER_S_MAX):
            return True
    except (URLError, OSError):
        return False
