"""The publishing half of the demo: the city's past, its day, and one citizen's story, at a steady rate."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from confluent_kafka import Producer

from city.city import City
from city.render import Published
from city.story import Step, citizen, story
from gateway.errors import PublishingError

# The embedded broker keeps some 20,000 events a partition; more in flight would fall off its end unread.
_IN_FLIGHT_MAX = 30_000
_SLICE_S = 0.02


class Feed(threading.Thread):
    """Publishes from a thread of its own, and remembers what must become of it.

    Attributes:
        published: how many events so far, with those that follow from them in the log.
        followed: how many of them do so: the worker publishes those.
        expected: how many of them must end how: `scored`, `duplicate`, or a reason of refusal.
        kept: all records of the subjects that will be checked, and all that reach others, in the order of publishing.
        steps: the story's steps that have happened, with the time of each.
        phase: what is being published.

    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        city: City,
        key: bytes,
        rate: float,
        live_s: float,
        checked: set[bytes],
        applied: Callable[[], int],
    ) -> None:
        """Take the parts; `applied` says how many events the worker has applied."""
        super().__init__(name="feed", daemon=True)
        self._producer = producer
        self._topic = topic
        self._city = city
        self._key = key
        self._rate = rate
        self._live_s = live_s
        self._checked = checked | {citizen(key).encode()}
        self._applied = applied
        self._ending = threading.Event()
        self._failure: Exception | None = None
        # Acts on the citizen's page come from another thread.
        self._counting = threading.Lock()
        self._is_counted_up = False
        self.published = 0
        self.followed = 0
        self.expected: Counter[str] = Counter()
        self.kept: list[Published] = []
        self.steps: list[tuple[float, Step]] = []
        self.phase = "history"

    def end(self) -> None:
        """Publish nothing more."""
        self._ending.set()

    def run(self) -> None:
        """Publish everything, once."""
        try:
            self._history()
            self._live()
        except Exception as error:  # noqa: BLE001 - a thread has no caller; `check` tells it
            self._failure = error
        finally:
            self._producer.flush(30.0)
            self.phase = "done"

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def expect(self, published: Published) -> None:
        """Note what somebody else publishes, so that it is accounted for too.

        Raises:
            PublishingError: what there is, is being counted.

        """
        with self._counting:
            if self._is_counted_up:
                raise PublishingError("the demo is being checked; try again when it is")
            self._count(published)

    def count_up(self) -> None:
        """Let nothing more be published, so that it can be checked."""
        with self._counting:
            self._is_counted_up = True

    def counted(self) -> None:
        """It was checked: what is published from here on counts no more."""
        with self._counting:
            self._is_counted_up = False

    def _history(self) -> None:
        for published in self._city.history(datetime.now(UTC)):
            if self._ending.is_set():
                return
            self._publish(published)
            if self.published % 1_000 == 0:
                while self.published - self._applied() > _IN_FLIGHT_MAX and not self._ending.is_set():
                    time.sleep(_SLICE_S)

    def _live(self) -> None:
        self.phase = "live"
        now = datetime.now(UTC)
        day = self._city.live(now, self._rate)
        steps = iter(story(now, self._key))
        began_s = time.monotonic()
        step_s, step = self._after(steps, began_s)
        done = 0
        while not self._ending.wait(_SLICE_S):
            now_s = time.monotonic()
            if now_s - began_s > self._live_s and step is None:
                return
            for _ in range(int((now_s - began_s) * self._rate) - done):
                self._publish(next(day))
                done += 1
            if step is not None and now_s >= step_s:
                self._publish(step.published)
                self.steps.append((time.time(), step))
                step_s, step = self._after(steps, step_s)

    @staticmethod
    def _after(steps: Iterator[Step], at_s: float) -> tuple[float, Step | None]:
        step = next(steps, None)
        return (at_s + step.delay_s, step) if step else (at_s, None)

    def _publish(self, published: Published) -> None:
        while True:
            try:
                self._producer.produce(self._topic, published.value, published.key, headers=[*published.headers])
                break
            except BufferError:
                self._producer.poll(_SLICE_S)
        self._producer.poll(0)
        with self._counting:
            self._count(published)

    def _count(self, published: Published) -> None:
        self.published += 1 + published.reaches
        self.followed += published.reaches
        self.expected[published.expect] += 1
        self.expected["scored"] += published.reaches
        if published.key in self._checked or published.reaches:
            self.kept.append(published)
