"""Every metric of the worker, in one namespace, and the port it is served on. Labels are bounded; none is a subject."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar
from wsgiref.simple_server import WSGIRequestHandler, make_server

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from schemas.days import NEVER, date_of
from schemas.errors import Reason
from scoring.shadow import DIFFERENCES, Compared
from scoring.timeline import Timeline
from stream.process import Outcome

Floats = NDArray[np.float64]

C = TypeVar("C", bound=Collector)

_FRESHNESS_BUCKETS_S = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0,
)  # fmt: skip
_BATCH_BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000, 4_000, 10_000)
_PROCESS_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
# How many polls wait to be counted at most; of a backlog's they keep a megabyte.
_COUNTED_AT_ONCE = 64


class AppliedPoll(NamedTuple):
    """What is counted of a poll that had records.

    Attributes:
        records: how many.
        took_s: how long it took to apply them, in seconds.
        round_trips: how many of the store's that took.
        outcome: what became of them.

    """

    records: int
    took_s: float
    round_trips: int
    outcome: Outcome


def _nothing() -> None:
    pass


class Distribution(Collector):
    """A histogram that takes many values at once: prometheus_client's takes a lock for each, and looks for its bucket.

    Whoever adds to it keeps others from adding at the same time.
    """

    def __init__(
        self, name: str, documentation: str, bounds: Sequence[float], before: Callable[[], None] = _nothing
    ) -> None:
        """Take what is called before each reading, so that nothing is missed in it."""
        self._name = name
        self._documentation = documentation
        self._bounds = np.array(bounds, np.float64)
        self._before = before
        self._counts = np.zeros(len(bounds) + 1, np.int64)
        self._sum = 0.0

    def observe(self, values: Floats) -> None:
        """Add values; one below 0, such as an age by a clock behind Kafka's, counts as 0."""
        values = np.maximum(values, 0.0)
        self._counts += np.bincount(np.searchsorted(self._bounds, values), minlength=len(self._counts))
        self._sum += float(values.sum())

    def collect(self) -> Iterator[Metric]:
        """Yield the histogram in Prometheus's form."""
        self._before()
        cumulated = np.cumsum(self._counts)
        bounds = [*map(str, self._bounds.tolist()), "+Inf"]
        buckets = [(bound, float(count)) for bound, count in zip(bounds, cumulated, strict=True)]
        yield HistogramMetricFamily(self._name, self._documentation, buckets, self._sum)


class Tally(Collector):
    """A counter, by one label or none, of what is counted many at once."""

    def __init__(
        self,
        name: str,
        documentation: str,
        before: Callable[[], None] = _nothing,
        *,
        label: str = "",
        values: Sequence[str] = ("",),
    ) -> None:
        """Take what is called before each reading, so that nothing is missed in it."""
        self._name = name
        self._documentation = documentation
        self._before = before
        self._label = label
        self._counts = dict.fromkeys(values, 0)

    def inc(self, amount: int = 1, of: str = "") -> None:
        """Add to the count of one of the label's values."""
        self._counts[of] += amount

    def collect(self) -> Iterator[Metric]:
        """Yield the counter in Prometheus's form."""
        self._before()
        family = CounterMetricFamily(self._name, self._documentation, labels=[self._label] if self._label else ())
        for value, count in self._counts.items():
            family.add_metric([value] if self._label else (), count)
        yield family


class Metrics:
    """The worker's metrics; all zero at first, so that a rate is known from the first event.

    Polls are counted many at once, at the latest before each reading.
    """

    def __init__(self) -> None:
        # By their names each can be asked for alone, ours too.
        self.registry = CollectorRegistry(auto_describe=True)
        self._uncounted: deque[AppliedPoll] = deque()
        self._counting = threading.Lock()
        self.events = self._registered(
            Tally(
                "credit_events",
                "Events by outcome: scored, skipped or dead.",
                self._count,
                label="outcome",
                values=("scored", "skipped", "dead"),
            )
        )
        self.dead = self._counter("credit_dead_letters", "Refused events by reason.", "reason")
        self.polls = self._registered(Tally("credit_polls", "Batches applied.", self._count))
        self.seeks = self._counter("credit_seeks", "Batches read again because log and store stood apart.")
        self.retries = self._counter("credit_retries", "Attempts that found a part away.", "part")
        self.swept = self._counter("credit_swept", "Standings brought up to date without an event.")
        self.published = self._counter("credit_outbox_published", "Records published from the outbox.")
        self.copied = self._counter("credit_access_copied", "Accesses copied to where their subjects see them.")
        self.round_trips = self._registered(
            Tally("credit_store_round_trips", "Round trips to Redis of load and commit.", self._count)
        )
        self.batch = self._registered(
            Distribution("credit_batch_events", "Events in a batch.", _BATCH_BUCKETS, self._count)
        )
        self.process = self._registered(
            Distribution("credit_process_seconds", "Time to apply a batch.", _PROCESS_BUCKETS_S, self._count)
        )
        self.freshness = self._registered(
            Distribution(
                "credit_freshness_seconds",
                "Age of an event when its standing can be read.",
                _FRESHNESS_BUCKETS_S,
                self._count,
            )
        )
        self.next_offset = self._gauge("credit_next_offset", "First offset that is not applied yet.", "partition")
        self.lag = self._gauge("credit_lag_events", "Events in the log that are not applied yet.", "partition")
        self.outbox = self._gauge("credit_outbox_entries", "Entries that wait to be published.", "partition")
        self.ready = self._gauge("credit_ready", "1 while events are applied, 0 while a part is away.")
        self.clock_ahead = self._gauge(
            "credit_clock_ahead_seconds", "How far this worker's clock is ahead of Redis'; below 0 it is behind."
        )
        self.rescored = self._counter("credit_rescored", "Standings written by a pass over all of them.")
        self.deleted = self._counter("credit_records_deleted", "Records deleted because their time was over.")
        self.pack = self._gauge(
            "credit_pack_info", "The rule pack in force, and the next with its day.", "pack", "hash", "state", "since"
        )
        self.announcements = self._counter(
            "credit_pack_announcements", "Announcements of packs, by whether they were applied.", "outcome"
        )
        self.shadow = self._counter(
            "credit_shadow_standings", "Standings by how the shadow pack would change them.", "difference"
        )
        self.shadow_moves = self._counter(
            "credit_shadow_tier_moves", "Standings whose tier the shadow pack would change.", "tier", "shadow_tier"
        )
        for reason in Reason:
            self.dead.labels(reason)
        for part in ("kafka", "redis", "group"):
            self.retries.labels(part)
        for announcement in ("applied", "refused"):
            self.announcements.labels(announcement)
        for difference in DIFFERENCES:
            self.shadow.labels(difference)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(name, documentation, labels, registry=self.registry)

    def _registered(self, collector: C) -> C:
        self.registry.register(collector)
        return collector

    def count_poll(self, one: AppliedPoll) -> None:
        """Count a poll."""
        self._uncounted.append(one)
        if len(self._uncounted) >= _COUNTED_AT_ONCE:
            self._count()

    def _count(self) -> None:
        # Polls are counted where they are applied, and by whoever reads.
        with self._counting:
            polls = [self._uncounted.popleft() for _ in range(len(self._uncounted))]
            if not polls:
                return
            self.polls.inc(len(polls))
            self.round_trips.inc(sum(one.round_trips for one in polls))
            self.batch.observe(np.array([one.records for one in polls], np.float64))
            self.process.observe(np.array([one.took_s for one in polls]))
            self._count_outcomes([one.outcome for one in polls])

    def _count_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self.events.inc(sum(one.scored for one in outcomes), "scored")
        self.events.inc(sum(one.skipped for one in outcomes), "skipped")
        recorded_s = np.concatenate([one.recorded_ms for one in outcomes]) / 1000
        committed_s = [one.committed_s for one in outcomes]
        self.freshness.observe(np.repeat(committed_s, [len(one.recorded_ms) for one in outcomes]) - recorded_s)
        for one in outcomes:
            for reason, count in one.dead.items():
                self.events.inc(count, "dead")
                self.dead.labels(reason).inc(count)
            if one.compared is not None:
                self._count_shadow(one.compared)

    def _count_shadow(self, compared: Compared) -> None:
        for difference, count in compared.differences.items():
            self.shadow.labels(difference).inc(count)
        for (tier, shadow_tier), count in compared.moves.items():
            self.shadow_moves.labels(tier, shadow_tier).inc(count)

    def show_packs(self, timeline: Timeline, today: int) -> None:
        """Show which pack holds, and which is the next."""
        self.pack.clear()
        change = timeline.next_change(today)
        for state, day in (("live", today), ("next", change)):
            if day < NEVER:
                one = timeline.at(day)
                since = date_of(one.first).isoformat() if one.first else one.pack.effective_from.isoformat()
                self.pack.labels(one.pack.id, f"{int(one.rules.pack):016x}", state, since).set(1)


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in the standard library
        pass


class MetricsServer:
    """Serves /metrics, /health and /ready from a thread of its own, also while the event loop is busy."""

    def __init__(self, metrics: Metrics, host: str, port: int, ready: Callable[[], str]) -> None:
        """Bind the port; `ready` says what is missing, or nothing.

        Raises:
            OSError: the port is taken.

        """
        self._metrics_app: Callable[..., Iterable[bytes]] = make_wsgi_app(metrics.registry)
        self._ready = ready
        self._server = make_server(host, port, self._serve, ThreadingWSGIServer, handler_class=_SilentHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self.port: int = self._server.server_port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            return self._metrics_app(environ, start_response)
        if path == "/health":
            return _answer(start_response, "200 OK", "alive")
        if path == "/ready":
            missing = self._ready()
            return _answer(start_response, "503 Service Unavailable" if missing else "200 OK", missing or "ready")
        return _answer(start_response, "404 Not Found", "here are /metrics, /health and /ready")


def _answer(start_response: Callable[..., Any], status: str, text: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]
