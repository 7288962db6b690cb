"""Faults by position: every call to Redis and to Kafka fails once, and each time the end is the same."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any, TypeVar

import orjson
import pytest
from confluent_kafka import KafkaException

from schemas.days import date_of
from sinks.errors import PartitionLostError, StoreUnavailableError
from sinks.message import Channel
from stream.relay import DeliveryError, Relay
from stream.sweep import Sweeper
from tests.support.events import COMPANY, KEY, PARTITIONS, RESIDENT
from tests.support.fake_kafka import FakeLog, FakeProducer, Sent
from tests.support.redis_server import Fault, Faults, FaultyConnection, connect
from tests.support.scorers import (
    ANNOUNCED,
    NAMES,
    NOON_S,
    TODAY,
    Scorer,
    due_in,
    expected_of,
    hold_store_to,
    standings_in,
)

T = TypeVar("T")

OTHER = "r-19c3f0a1b2d4e5f7"
TOPICS = {Channel.DEAD: "credit.dead", Channel.CHANGES: "credit.changes", Channel.EVENTS: "credit.events"}
# Days later than TODAY on which the worker sweeps: behind the end of a five-year record.
LATER_DAYS = 6 * 366
# One fault can make the next attempt fail too, by the connection it closes; more means that it does not recover.
ATTEMPTS_MAX = 5


def a_log() -> FakeLog:
    """Return a log with something of everything."""
    log = FakeLog()
    for subject in (RESIDENT, OTHER):
        log.publish("subject.registered", subject=subject, id=f"registration of {subject}")
    log.publish("library.loan.overdue")
    log.publish("library.loan.overdue")  # a repetition
    log.publish("library.loan.overdue", time="2026-11-01T08:30:00+08:00")  # a conflict
    log.publish("library.closed", subject=OTHER)
    log.publish("rental.item.overdue", subject=OTHER, id="a rental")
    log.publish("occupation.honour.awarded", id="an honour", data={"grade": "national"})  # another tier, for 5 years
    log.append(b"{", key=RESIDENT.encode())
    fine = {"grade": "fine_minor", "linked_subjects": [RESIDENT, OTHER]}
    log.publish("org.penalty.imposed", subject=COMPANY, data=fine)
    return log


@dataclass(frozen=True, slots=True)
class End:
    """What a run leaves behind."""

    standings: dict[bytes, bytes]
    due: dict[bytes, set[bytes]]
    # How many different records are the same but for the time in an id: none more, whatever failed.
    published: Counter[tuple[str, bytes, bytes]]
    fences: list[bytes | None]
    waiting: int


class Run:
    """A worker that applies a log, sweeps on a later day and publishes, trying again whatever is retryable."""

    def __init__(self, log: FakeLog, client: Any, producer: FakeProducer, calm: Any, *, emptied: bool) -> None:
        """Take what may fail, and a calm client to look with."""
        self._now_s = NOON_S
        self._calm = calm
        self._emptied = emptied
        self.swept = 0
        self._errors: list[Exception] = []
        self._scorer = self.again(lambda: Scorer(log, client, lambda: self._now_s))
        self._store = self._scorer.store
        self._sweeper = Sweeper(self._store, ANNOUNCED, lambda: self._now_s)
        self._relay = Relay(self._store, lambda: producer, TOPICS, NAMES, self._errors.append)  # type: ignore[arg-type,return-value]  # a fake

    def again(self, act: Callable[[], T]) -> T:
        """Act as the worker does: an answer that is missing is asked for again, a lost partition begun anew."""
        for _ in range(ATTEMPTS_MAX):
            try:
                return act()
            except (StoreUnavailableError, DeliveryError, KafkaException):
                continue
            except PartitionLostError:
                self.again(self._scorer.take_over)
        raise AssertionError(f"{ATTEMPTS_MAX} attempts in a row failed")

    def whole(self) -> None:
        self.again(lambda: self._store.open(KEY, PARTITIONS))
        self.again(lambda: self._scorer.work(3))
        if self._emptied:
            self._calm.flushall()
        while self.again(lambda: self._scorer.work(3)):
            pass
        self._publish()
        self._now_s += LATER_DAYS * 86_400
        for partition in range(PARTITIONS):
            while (day := self._first_due(partition)) <= TODAY + LATER_DAYS:
                # A day without anybody due takes a call; here the store is told that those are done.
                self.again(partial(self._store.set_swept, partition, day - 1))
                self.swept += self.again(partial(self._sweeper.sweep, [partition])).standings
        self._publish()

    def _first_due(self, partition: int) -> int:
        days = [int(key.rpartition(b":")[2]) for key in due_in(self._calm) if key.startswith(b"{%d}" % partition)]
        return min(days, default=TODAY + LATER_DAYS + 1)

    def _publish(self) -> None:
        for partition in range(PARTITIONS):
            while self.again(partial(self._relay.publish, partition)):
                pass

    def close(self) -> None:
        self._store.disconnect()


def end_of(client: Any, producer: FakeProducer) -> End:
    return End(
        standings=standings_in(client),
        due=due_in(client),
        published=Counter((topic, key, _timeless(value)) for topic, key, value in {*producer.values()}),
        fences=[client.get(b"{%d}:next" % partition) for partition in range(PARTITIONS)],
        waiting=sum(client.xlen(b"{%d}:outbox" % partition) for partition in range(PARTITIONS)),
    )


def run_with(
    url: str, client: Any, faults: Faults, producer: FakeProducer | None = None, *, emptied: bool = False
) -> tuple[End, Run]:
    """Run the scenario over connections of which one call fails; look at the end over a client without faults."""
    client.flushall()
    producer = producer or FakeProducer()
    faulty = connect(url, FaultyConnection, faults=faults)
    run = Run(a_log(), faulty, producer, client, emptied=emptied)
    run.whole()
    run.close()
    faulty.close()
    return end_of(client, producer), run


def ends(run: Callable[[Faults], End], fault: Fault) -> Iterator[tuple[int, End]]:
    """Yield the end for a fault at the first call, the second, and so on, until there is no such call."""
    for at in count(1):
        faults = Faults(fault, at)
        end = run(faults)
        if not faults.fired:
            return
        yield at, end


@pytest.fixture
def calm(valkey_server: str, client: Any) -> tuple[End, Run]:
    """The run in which nothing fails."""
    return run_with(valkey_server, client, Faults(Fault.NOT_SENT, 0))


def test_the_run_without_faults_does_something_of_everything(calm: tuple[End, Run], client: Any) -> None:
    end, run = calm

    dead = {key.decode() for topic, key, _ in end.published if topic == "credit.dead"}
    changes = [orjson.loads(value)["data"] for topic, _, value in end.published if topic == "credit.changes"]
    hold_store_to(expected_of(a_log()), client, TODAY + LATER_DAYS, deleted=True)
    assert dead == expected_of(a_log()).letters.keys()
    assert {change["day"] for change in changes} == {"2026-11-24", date_of(TODAY + LATER_DAYS).isoformat()}
    derived = {key.decode() for topic, key, _ in end.published if topic == "credit.events"}
    assert derived == {RESIDENT, OTHER}
    assert run.swept == 3
    assert (end.waiting, end.due) == (0, {})


# A command has one sending and many answers: failing each of those takes seconds.
_OF_ANSWERS = [Fault.ANSWER_LOST, Fault.ANSWER_LATE, Fault.REFUSED]


@pytest.mark.parametrize(
    "fault", [pytest.param(one, marks=pytest.mark.slow if one in _OF_ANSWERS else ()) for one in Fault]
)
def test_whichever_call_to_redis_fails_the_end_is_the_same(
    valkey_server: str, client: Any, calm: tuple[End, Run], fault: Fault
) -> None:
    without = Faults(fault, 0)
    run_with(valkey_server, client, without)

    seen = dict(ends(lambda faults: run_with(valkey_server, client, faults)[0], fault))

    assert {at: end for at, end in seen.items() if end != calm[0]} == {}
    assert [*seen] == [*range(1, without.calls + 1)]
    assert without.calls > 40


@pytest.mark.slow
def test_whichever_call_to_redis_fails_after_it_was_emptied_the_end_is_the_same(
    valkey_server: str, client: Any, calm: tuple[End, Run]
) -> None:
    seen = dict(ends(lambda faults: run_with(valkey_server, client, faults, emptied=True)[0], Fault.SENT_UNANSWERED))

    def without_changes(end: End) -> End:
        """What was published before the loss is published again, perhaps in other portions."""
        return replace(
            end, published=Counter({one: n for one, n in end.published.items() if one[0] != "credit.changes"})
        )

    expected = without_changes(calm[0])
    assert {at: end for at, end in seen.items() if without_changes(end) != expected} == {}
    assert len(seen) > 40


@pytest.mark.parametrize("what", ["refused_at", "undelivered_at", "unheard_at", "full_at"])
def test_whichever_record_kafka_does_not_take_nothing_is_lost_and_repetitions_are_equal(
    valkey_server: str, client: Any, calm: tuple[End, Run], what: str
) -> None:
    seen = {}
    for at in count(1):
        producer = FakeProducer()
        setattr(producer, what, at)
        end, _ = run_with(valkey_server, client, Faults(Fault.NOT_SENT, 0), producer)
        if producer.calls < at:
            break
        seen[at] = end

    assert {at: end for at, end in seen.items() if end != calm[0]} == {}
    assert len(seen) >= calm[0].published.total()


def test_what_is_published_again_has_the_same_id_and_the_same_bytes(valkey_server: str, client: Any) -> None:
    producer = FakeProducer(unheard_at=2)

    end, _ = run_with(valkey_server, client, Faults(Fault.NOT_SENT, 0), producer)

    by_id: dict[bytes, set[bytes]] = {}
    for one in producer.taken:
        by_id.setdefault(name_of(one), set()).add(one.value)
    assert len(producer.taken) > end.published.total()
    assert {len(values) for values in by_id.values()} == {1}


def _timeless(value: bytes) -> bytes:
    """Return a record as it is whenever it is made: an outbox names its entries by Redis' time."""
    return re.sub(rb'(?<=/)[0-9]{13}-[0-9]+(?=","source")', b"entry", value)


def name_of(sent: Sent) -> bytes:
    """Return what a consumer drops repetitions by."""
    return sent.key if sent.topic == "credit.dead" else orjson.loads(sent.value)["id"].encode()
