"""What the worker tells of itself: in Prometheus's form, with labels that are bounded, on a port of its own."""

import http.client
from collections.abc import Iterator

import numpy as np
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import Reason
from stream.metrics import Distribution, Metrics, MetricsServer
from tests.support.events import RESIDENT

LABELS = {"outcome", "reason", "part", "partition", "pack", "hash", "state", "since", "difference", "le"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the samples as Prometheus's own parser reads them."""
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[name, frozenset(labels.items())]


def test_what_is_counted_can_be_read(metrics: Metrics) -> None:
    metrics.count_outcome(5, 2, {Reason.CONFLICT: 3, Reason.NOT_JSON: 1})

    assert value(metrics, "credit_events_total", outcome="scored") == 5
    assert value(metrics, "credit_events_total", outcome="skipped") == 2
    assert value(metrics, "credit_events_total", outcome="dead") == 4
    assert value(metrics, "credit_dead_letters_total", reason="conflict") == 3


def test_before_the_first_event_every_outcome_and_reason_is_zero(metrics: Metrics) -> None:
    assert [value(metrics, "credit_events_total", outcome=one) for one in ("scored", "skipped", "dead")] == [0] * 3
    assert [value(metrics, "credit_dead_letters_total", reason=one) for one in Reason] == [0] * len(Reason)
    assert [value(metrics, "credit_retries_total", part=one) for one in ("kafka", "redis")] == [0, 0]


def test_every_metric_is_in_one_namespace_and_has_a_meaning_and_bounded_labels(metrics: Metrics) -> None:
    metrics.count_outcome(1, 1, {Reason.CONFLICT: 1})
    families = [*text_string_to_metric_families(generate_latest(metrics.registry).decode())]

    labels = {label for family in families for sample in family.samples for label in sample.labels}
    assert [family.name for family in families if not family.name.startswith("credit_")] == []
    assert [family.name for family in families if not family.documentation] == []
    assert labels <= LABELS
    assert RESIDENT not in generate_latest(metrics.registry).decode()


def test_freshness_is_a_histogram_whose_buckets_grow_to_its_count(metrics: Metrics) -> None:
    metrics.freshness.observe_ages(1.0005, np.array([1000, 997, 997, -699_000, 4000]))
    metrics.freshness.observe_ages(1.0005, np.zeros(0, np.int64))

    buckets = {
        float(dict(labels)["le"]): count
        for (name, labels), count in samples(metrics).items()
        if name == "credit_freshness_seconds_bucket"
    }
    assert [buckets[bound] for bound in sorted(buckets)] == sorted(buckets.values())
    assert (buckets[0.001], buckets[0.005], buckets[600.0], buckets[float("inf")]) == (2, 4, 4, 5)
    assert value(metrics, "credit_freshness_seconds_count") == 5
    assert value(metrics, "credit_freshness_seconds_sum") == pytest.approx(700.0080)


def test_ages_count_one_by_one_as_they_do_together() -> None:
    # Halves and quarters are exact.
    times_ms = [3000, 2000, 1500, 1499, 1000, 0]
    together = Distribution("together", "", [0.5, 0.75, 1.0])
    one_by_one = Distribution("one_by_one", "", [0.5, 0.75, 1.0])
    together.observe_ages(2.0, np.array(times_ms))
    for one in times_ms:
        one_by_one.observe_one(2.0 - one / 1000)

    said = [[(one.labels, one.value) for one in next(each.collect()).samples] for each in (together, one_by_one)]
    assert said[0] == said[1]
    assert [count for _, count in said[0][:4]] == [3, 4, 5, 6]


class Served:
    """A metrics server, and what the worker says is missing."""

    def __init__(self, metrics: Metrics) -> None:
        self.missing = ""
        self.server = MetricsServer(metrics, "127.0.0.1", 0, lambda: self.missing)
        self.server.start()

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def served(metrics: Metrics) -> Iterator[Served]:
    served = Served(metrics)
    yield served
    served.server.stop()


def test_metrics_are_served(served: Served) -> None:
    status, text = served.get("/metrics")

    assert status == 200
    assert "credit_events_total" in {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }


def test_ready_names_the_part_that_is_missing(served: Served) -> None:
    served.missing = "redis"

    assert served.get("/ready") == (503, "redis\n")


def test_ready_and_health_say_so(served: Served) -> None:
    assert (served.get("/ready"), served.get("/health")) == ((200, "ready\n"), (200, "alive\n"))


def test_health_does_not_depend_on_parts(served: Served) -> None:
    served.missing = "kafka"

    assert served.get("/health") == (200, "alive\n")


def test_another_path_says_which_there_are(served: Served) -> None:
    assert served.get("/favicon.ico") == (404, "here are /metrics, /health and /ready\n")


def test_a_port_that_is_taken_is_an_error(served: Served, metrics: Metrics) -> None:
    with pytest.raises(OSError, match="in use"):
        MetricsServer(metrics, "127.0.0.1", served.server.port, str)
