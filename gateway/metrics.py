"""What the lookup service counts. Labels are bounded, and a subject is never one."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

# A lookup is one round trip: from a tenth of a millisecond beside Redis to the deadline.
_BUCKETS_S = (0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._lookups = Counter(
            "credit_lookups",
            "Lookups by outcome: scored, no_score, unknown, refused, unavailable, stale, unreadable, unlogged, failed.",
            ["status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "credit_lookup_seconds", "Time of a lookup, failed ones too.", buckets=_BUCKETS_S, registry=self._registry
        )

    def watch_access_log(self, waiting: Callable[[], int]) -> None:
        """Show how many records of the access log wait for Kafka."""
        gauge = Gauge(
            "credit_access_waiting", "Records of the access log that wait for Kafka.", registry=self._registry
        )
        gauge.set_function(waiting)

    def count(self, status: str, seconds: float) -> None:
        """Count one lookup."""
        self._lookups.labels(status).inc()
        self._seconds.observe(seconds)

    def exposition(self) -> bytes:
        """Return all of them in Prometheus' text format."""
        return generate_latest(self._registry)
