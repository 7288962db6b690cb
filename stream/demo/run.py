"""The demo put together: embedded parts, a worker in its own process, the feed, the screen, the proof."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from rich.console import Console
from rich.live import Live

from city.city import City
from city.story import citizen
from gateway.access import AccessLog
from gateway.evaluate import PackEvaluator, names_of
from gateway.lookup import Lookup
from schemas.access import Purpose
from schemas.subjects import parse_subject
from scoring.pack import Pack, load_pack
from stream.demo.citizen_page import page_of_citizen
from stream.demo.city_feed import Feed
from stream.demo.measured import Measured, read, ready
from stream.demo.proof import Proof, accounted, ledgers, scores_agree
from stream.demo.screen import SCREEN_LINES, Screen, View, picture
from stream.embedded import PARTITIONS, Embedded
from stream.settings import Settings

# Nobody's secret: the city's people do not exist.
_KEY = "jasmine demo, a city that does not exist"
_START_S_MAX = 300.0
_DRAIN_S_MAX = 60.0
_REFRESH_S = 0.25
_PLAIN_LINE_S = 5.0
_CHECKED_SUBJECTS = 400
_TIER_SAMPLE = 1_000
_WINDOW_S = 5.0
_CHANGES_SHOWN = 8
_CLOSE_S_MAX = 2.0
# Who asks about the citizen after each step of her story, in turn.
_READERS: tuple[tuple[str, Purpose], ...] = (
    ("metro-operator", "transit"),
    ("city-library", "culture"),
    ("umbrella-rental", "tourism"),
)


class DemoError(Exception):
    """The demo could not run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        residents: how many people the city has.
        organisations: how many legal persons and other organisations.
        rate: events a second of its day.
        live_s: how long its day is shown, in seconds.
        seed: what the city is drawn from.
        picture: where to keep the last screen as SVG, or None.
        page: whether the citizen's page is served.

    """

    residents: int
    organisations: int
    rate: float
    live_s: float
    seed: int
    picture: Path | None = None
    page: bool = True


@dataclass(slots=True)
class Result:
    """What was measured and proved."""

    proofs: list[Proof]
    published: int
    seconds: float
    freshness_ms: dict[str, float | None] = field(default_factory=dict)


def run(plan: Plan, console: Console, tell: Callable[[Result], None] = lambda _: None) -> Result:
    """Run the demo.

    Args:
        plan: what to run.
        console: where it is shown.
        tell: given the result, before a page that somebody looks at is taken away.

    Raises:
        DemoError: the worker did not start, or ended.

    """
    settings = Settings(redis_url="redis://", pseudonym_key=None)
    topics = (
        settings.topic_events,
        settings.topic_changes,
        settings.topic_dead,
        settings.topic_access,
        settings.topic_packs,
    )
    with ExitStack() as stack:
        console.print("starting the embedded broker (librdkafka's mock cluster) and store (Valkey)")
        embedded = stack.enter_context(Embedded(topics))
        port = stack.enter_context(_worker(embedded, console))
        demo = _Demo(plan, embedded, port, settings)
        stack.callback(demo.close)
        page = stack.enter_context(page_of_citizen(embedded, settings, _KEY.encode(), demo.feed)) if plan.page else None
        if page is not None:
            console.print(f"the citizen's page: {page.address}; one click on {page.name} signs you in")
            demo.has_page(page.address)
        result = demo.show(console)
        tell(result)
        if page is not None and page.is_visited and console.is_terminal:
            _wait(console, page.address)
        return result


def _wait(console: Console, address: str) -> None:
    """Leave the page to whoever has signed in."""
    console.print(f"the citizen's page stays at {address} until Ctrl-C")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


@contextmanager
def _worker(embedded: Embedded, console: Console) -> Iterator[int]:
    """Run a worker, as a deployment would, and yield its metrics port once it is ready."""
    port = _free_port()
    log = Path(os.environ.get("TMPDIR", "/tmp")) / f"jasmine-demo-worker-{os.getpid()}.log"  # noqa: S108
    environment = {
        **os.environ,
        "JASMINE_KAFKA_BOOTSTRAP_SERVERS": embedded.bootstrap_servers,
        "JASMINE_REDIS_URL": embedded.redis_url,
        "JASMINE_PSEUDONYM_KEY": _KEY,
        "JASMINE_METRICS_PORT": str(port),
        "JASMINE_PARTITIONS": str(PARTITIONS),
    }
    command = [sys.executable, "-c", "from stream.cli import main; main()", "worker"]
    with log.open("wb") as written:
        process = subprocess.Popen(command, env=environment, stdout=written, stderr=written)  # noqa: S603
        try:
            console.print("starting a worker; the first start compiles the kernels, which takes half a minute")
            began_s = time.monotonic()
            while not ready(port):
                if process.poll() is not None or time.monotonic() - began_s > _START_S_MAX:
                    raise DemoError(f"the worker did not start; its last words:\n{_tail(log)}")
                time.sleep(0.1)
            console.print(f"the worker is ready after {time.monotonic() - began_s:.1f} s")
            yield port
            if process.poll() is not None:
                raise DemoError(f"the worker ended; its last words:\n{_tail(log)}")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
    log.unlink(missing_ok=True)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class _Changes(threading.Thread):
    """Reads the topic of changes, as a subscriber would, who leaves receipts for those of the citizen."""

    def __init__(self, bootstrap_servers: str, topic: str, received: Callable[[str, str], None]) -> None:
        super().__init__(name="changes", daemon=True)
        self._received = received
        self._consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "demo", "log_level": 2})
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        self._ending = threading.Event()
        self.last: deque[tuple[str, str | None, str | None]] = deque(maxlen=_CHANGES_SHOWN)

    def run(self) -> None:
        while not self._ending.is_set():
            message = self._consumer.poll(0.2)
            if message is None or message.error():
                continue
            change = json.loads(message.value() or b"{}")
            if change["data"]["tier"] != change["data"]["tier_before"]:
                self.last.appendleft((change["subject"], change["data"]["tier_before"], change["data"]["tier"]))
            self._received(change["subject"], change["id"])
        self._consumer.close()

    def end(self) -> None:
        self._ending.set()


class _Demo:
    def __init__(self, plan: Plan, embedded: Embedded, port: int, settings: Settings) -> None:
        self._plan = plan
        self._port = port
        self._pack: Pack = load_pack()
        self._lookup = Lookup.from_url(
            embedded.redis_url, names_of(self._pack), evaluator=PackEvaluator(self._pack), timeout_s=2.0
        )
        key = _KEY.encode()
        city = City(plan.seed, key=key, residents=plan.residents, organisations=plan.organisations)
        self._reads = AccessLog(
            {"bootstrap.servers": embedded.bootstrap_servers, "log_level": 2}, settings.topic_access
        )
        self._subjects = city.subjects()
        chooser = random.Random(plan.seed)
        self._checked = chooser.sample(self._subjects, min(_CHECKED_SUBJECTS, len(self._subjects)))
        self._sample = chooser.sample(self._subjects, min(_TIER_SAMPLE, len(self._subjects)))
        self._citizen = citizen(key)
        self._key = key
        properties = {
            "bootstrap.servers": embedded.bootstrap_servers,
            "partitioner": "murmur2_random",
            "linger.ms": 1,
            "log_level": 2,
        }
        checked = {subject.encode() for subject in self._checked}
        self.feed = Feed(
            Producer(properties), settings.topic_events, city, key, plan.rate, plan.live_s, checked, self._applied
        )
        self._changes = _Changes(embedded.bootstrap_servers, settings.topic_changes, self._told)
        self._measured = Measured()
        self._readings: deque[tuple[float, Measured]] = deque([(time.monotonic(), self._measured)])
        self._live_from: Measured | None = None
        self._view = View(citizen=self._citizen)
        self._scores: list[int] = []
        self._seen: dict[int, tuple[int | None, float]] = {}
        self._tiers: Counter[str] = Counter()
        self._tiers_at_s = 0.0

    def has_page(self, address: str) -> None:
        self._view.page = address

    def close(self) -> None:
        self.feed.end()
        self._changes.end()
        self.feed.join(10.0)
        self._changes.join(5.0)
        self._lookup.close()
        self._reads.close(_CLOSE_S_MAX)

    def show(self, console: Console) -> Result:
        began_s = time.monotonic()
        screen = Screen(self._pack)
        watching = threading.Thread(target=self._watch_citizen, name="citizen", daemon=True)
        for thread in (self.feed, self._changes, watching):
            thread.start()
        if console.is_terminal:
            with Live(screen.draw(self._view), console=console, refresh_per_second=8, screen=True) as live:
                while self._goes_on():
                    live.update(screen.draw(self._refresh()))
                    time.sleep(_REFRESH_S)
        else:
            self._show_plainly(console)
        self.feed.check()
        last = screen.draw(self._refresh())
        if console.is_terminal:
            console.print(last, height=min(console.height, SCREEN_LINES))
        if self._plan.picture is not None:
            self._plan.picture.write_text(picture(last), "utf-8")
        return self._prove(time.monotonic() - began_s)

    def _show_plainly(self, console: Console) -> None:
        told_s = 0.0
        shown = 0
        while self._goes_on():
            view = self._refresh()
            while shown < len(view.steps) and view.steps[shown][3] is not None:
                _, title, _, after, took_ms = view.steps[shown]
                console.print(f"  {title}: {after} points, {took_ms or 0.0:.1f} ms after it was published")
                shown += 1
            if time.monotonic() - told_s > _PLAIN_LINE_S:
                told_s = time.monotonic()
                console.print(
                    f"{view.phase}: {view.per_second:,.0f} events/s, {view.applied:,} of {view.published:,} applied, "
                    f"freshness p50 {view.p50_ms or 0:.1f} p99 {view.p99_ms or 0:.1f} ms"
                )
            time.sleep(_REFRESH_S)

    def _goes_on(self) -> bool:
        return self.feed.is_alive()

    def _applied(self) -> int:
        return self._measured.applied

    def _refresh(self) -> View:
        now_s = time.monotonic()
        measured = read(self._port)
        if measured is not None:
            self._measured = measured
            self._readings.append((now_s, measured))
            while self._readings[0][0] < now_s - _WINDOW_S and len(self._readings) > 2:
                self._readings.popleft()
        if self.feed.phase != "history" and self._live_from is None:
            self._live_from = self._measured
        since_s, since = self._readings[0]
        last_s, last = self._readings[-1]
        view = self._view
        view.phase = self.feed.phase
        view.published = self.feed.published
        view.applied = last.applied
        view.per_second = (last.applied - since.applied) / max(last_s - since_s, 1e-3)
        view.p50_ms = _in_ms(last.freshness_s(0.5, since))
        view.p99_ms = _in_ms(last.freshness_s(0.99, since))
        view.dead = last.dead
        view.tiers = self._tier_counts(now_s)
        view.changes = tuple(self._changes.last)
        view.steps = [
            (at, step.title, step.chinese, *self._seen.get(number, (None, None)))
            for number, (at, step) in enumerate(list(self.feed.steps))
        ]
        view.scores = tuple(self._scores)
        return view

    def _tier_counts(self, now_s: float) -> Counter[str]:
        if now_s - self._tiers_at_s > 2.0:
            self._tiers_at_s = now_s
            answers = [self._lookup.lookup(subject) for subject in self._sample[:300]]
            self._tiers = Counter(answer.tier for answer in answers if answer.tier)
        return self._tiers

    def _watch_citizen(self) -> None:
        """Watch her card, which is no reading for a purpose, and note when each step shows."""
        shown = 0
        as_of: int | None = None
        while self._goes_on():
            answer = self._lookup.lookup(self._citizen)
            if answer.status != "unknown":
                self._view.score, self._view.tier, self._view.perks = answer.score, answer.tier, answer.entitlements
                if answer.as_of != as_of and shown < len(self.feed.steps):
                    as_of = answer.as_of
                    at, _ = self.feed.steps[shown]
                    self._seen[shown] = (answer.score, max(time.time() - at, 0.0) * 1000)
                    self._ask_as_gateway(shown)
                    shown += 1
                if answer.score is not None and (not self._scores or self._scores[-1] != answer.score):
                    self._scores.append(answer.score)
            time.sleep(0.002)

    def _ask_as_gateway(self, number: int) -> None:
        """Ask as gateways must, by which she sees on her page who has read her score."""
        reader, purpose = _READERS[number % len(_READERS)]
        answer = self._lookup.lookup(self._citizen)
        self._reads.read(self._citizen, reader, purpose, "tier", as_of=answer.as_of)

    def _told(self, subject: str, change: str) -> None:
        """Leave a receipt for a change of the citizen's, whose page then shows that a gateway knows of it."""
        if subject == self._citizen:
            self._reads.received(subject, _READERS[0][0], change)

    def _prove(self, seconds: float) -> Result:
        """Wait until all is applied, then compare."""
        self._view.phase = "checking"
        self.feed.count_up()
        ends_s = time.monotonic() + _DRAIN_S_MAX
        while self._applied() < self.feed.published and time.monotonic() < ends_s:
            self._measured = read(self._port) or self._measured
            time.sleep(0.1)
        facts = ledgers(self.feed.kept, self._key, PARTITIONS)
        subjects = [parse_subject(subject) for subject in [*self._checked, self._citizen]]
        live_from = self._live_from or Measured()
        result = Result(
            proofs=[
                *accounted(self.feed.expected, self.feed.followed, self._measured),
                scores_agree([one for one in subjects if one in facts], facts, self._lookup, self._pack),
            ],
            published=self.feed.published - self.feed.followed,
            seconds=seconds,
            freshness_ms={
                name: _in_ms(self._measured.freshness_s(share, live_from))
                for name, share in (("p50", 0.5), ("p99", 0.99))
            },
        )
        self.feed.counted()
        return result


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def report(result: Result) -> dict[str, Any]:
    """Return the result for machines."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "published": result.published,
        "seconds": round(result.seconds, 1),
        "freshness_ms": result.freshness_ms,
        "proofs": [{"claim": one.claim, "held": one.held, "detail": one.detail} for one in result.proofs],
    }
