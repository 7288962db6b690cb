"""What the worker tells of itself: in Prometheus's form, with labels that are bounded, on a port of its own."""

import http.client
from collections.abc import Iterator
from threading import Thread
from typing import Any

import numpy as np
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import Reason
from stream.metrics import AppliedPoll, Distribution, Metrics, MetricsServer
from stream.process import Outcome
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


def a_poll(took_s: float = 0.001, **outcome: Any) -> AppliedPoll:
    return AppliedPoll(records=10, took_s=took_s, round_trips=2, outcome=Outcome(**outcome))


def test_what_is_counted_can_be_read(metrics: Metrics) -> None:
    metrics.count_poll(a_poll(scored=5, skipped=2, dead={Reason.CONFLICT: 3, Reason.NOT_JSON: 1}))

    assert value(metrics, "credit_events_total", outcome="scored") == 5
    assert value(metrics, "credit_events_total", outcome="skipped") == 2
    assert value(metrics, "credit_events_total", outcome="dead") == 4
    assert value(metrics, "credit_dead_letters_total", reason="conflict") == 3
    assert value(metrics, "credit_polls_total") == 1
    assert value(metrics, "credit_store_round_trips_total") == 2
    assert value(metrics, "credit_batch_events_sum") == 10


@pytest.mark.parametrize("polls", [1, 63, 64, 65, 130])
def test_each_poll_is_counted_once_also_if_only_one_metric_is_read(metrics: Metrics, polls: int) -> None:
    for number in range(polls):
        metrics.count_poll(a_poll(took_s=number, scored=1, committed_s=1.0, recorded_ms=np.array([number])))

    (alone,) = metrics.registry.restricted_registry(["credit_polls_total"]).collect()
    assert [one.value for one in alone.samples] == [polls]
    for name in ("credit_process_seconds_count", "credit_freshness_seconds_count"):
        assert value(metrics, name) == polls
    assert value(metrics, "credit_process_seconds_sum") == sum(range(polls))
    assert value(metrics, "credit_events_total", outcome="scored") == polls


def test_polls_that_are_counted_while_metrics_are_read_are_counted_once(metrics: Metrics) -> None:
    polls = 5_000

    def apply() -> None:
        for _ in range(polls):
            metrics.count_poll(a_poll(scored=1))

    applying = Thread(target=apply)
    applying.start()
    while applying.is_alive():
        assert value(metrics, "credit_polls_total") <= polls
    applying.join()

    assert value(metrics, "credit_polls_total") == value(metrics, "credit_batch_events_count") == polls


def test_what_waits_to_be_counted_is_bounded(metrics: Metrics) -> None:
    for _ in range(1_000):
        metrics.count_poll(a_poll())

    assert len(metrics._uncounted) < 64


def test_before_the_first_event_every_outcome_and_reason_is_zero(metrics: Metrics) -> None:
    assert [value(metrics, "credit_events_total", outcome=one) for one in ("scored", "skipped", "dead")] == [0] * 3
    assert [value(metrics, "credit_dead_letters_total", reason=one) for one in Reason] == [0] * len(Reason)
    assert [value(metrics, "credit_retries_total", part=one) for one in ("kafka", "redis")] == [0, 0]


def test_every_metric_is_in_one_namespace_and_has_a_meaning_and_bounded_labels(metrics: Metrics) -> None:
    metrics.count_poll(a_poll(scored=1, skipped=1, dead={Reason.CONFLICT: 1}))
    families = [*text_string_to_metric_families(generate_latest(metrics.registry).decode())]

    labels = {label for family in families for sample in family.samples for label in sample.labels}
    assert [family.name for family in families if not family.name.startswith("credit_")] == []
    assert [family.name for family in families if not family.documentation] == []
    assert labels <= LABELS
    assert RESIDENT not in generate_latest(metrics.registry).decode()


def test_freshness_is_a_histogram_whose_buckets_grow_to_its_count(metrics: Metrics) -> None:
    metrics.count_poll(a_poll(committed_s=1.0005, recorded_ms=np.array([1000, 997])))
    metrics.count_poll(a_poll(committed_s=2.0005, recorded_ms=np.array([1997, -698_000, 5000])))
    metrics.count_poll(a_poll())

    buckets = {
        float(dict(labels)["le"]): count
        for (name, labels), count in samples(metrics).items()
        if name == "credit_freshness_seconds_bucket"
    }
    assert [buckets[bound] for bound in sorted(buckets)] == sorted(buckets.values())
    assert (buckets[0.001], buckets[0.005], buckets[600.0], buckets[float("inf")]) == (2, 4, 4, 5)
    assert value(metrics, "credit_freshness_seconds_count") == 5
    assert value(metrics, "credit_freshness_seconds_sum") == pytest.approx(700.0080)


def test_values_count_together_as_they_do_one_by_one() -> None:
    # Halves and quarters are exact.
    values = [-1.0, 0.0, 0.5, 0.501, 1.0, 2.0]
    together, one_by_one = (Distribution(name, "", [0.5, 0.75, 1.0]) for name in ("together", "one_by_one"))
    together.observe(np.array(values))
    for one in values:
        one_by_one.observe(np.array([one]))

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
