"""A backlog of events in a topic, made once: everyone's registration, then the city's life."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain, islice

from confluent_kafka import Producer

from benchmarks.deployment import Deployment
from benchmarks.errors import BenchmarkError
from city.calibrate import DEMO_KEY
from city.city import City
from city.disturb import Disturbances
from city.render import HEADERS, Published, source_of
from schemas.catalogue import REGISTERED
from schemas.codec import encode
from schemas.events import CreditEvent, Data

SEED = 2026
# From here on at the city's own pace; a million events of 100,000 subjects take it a year and a half.
BEGINS = datetime(2025, 1, 1, tzinfo=UTC)
# The bare loop refuses nothing, so nothing is refused here; repetitions and late events stay.
DISTURBANCES = Disturbances(broken=0)
_FLUSH_S_MAX = 120.0
_FINGERPRINTED_EVENTS = 5_000


def a_city(subjects: int) -> City:
    """Return a city of so many subjects, one in twenty of them no person."""
    organisations = subjects // 20
    return City(
        SEED,
        key=DEMO_KEY,
        residents=subjects - organisations,
        organisations=organisations,
        disturbances=DISTURBANCES,
        # What follows from an event would be one more event in the log, which the bare loops do not write.
        represented=False,
    )


def backlog(events: int, subjects: int) -> Iterator[Published]:
    """Yield the backlog's events, the same each time."""
    city = a_city(subjects)
    return islice(chain(map(_registration, city.subjects()), city.live(BEGINS)), events)


def _registration(subject: str) -> Published:
    event = CreditEvent(
        id=f"r-{subject}", source=source_of(REGISTERED), type=REGISTERED, subject=subject, time=BEGINS, data=Data()
    )
    encoded = encode(event)
    return Published(encoded.key, encoded.value, HEADERS, "scored")


def topic_of(events: int, subjects: int) -> str:
    """Return a backlog's topic; another content gives another name."""
    digest = hashlib.sha256()
    for published in islice(a_city(subjects).live(BEGINS), _FINGERPRINTED_EVENTS):
        digest.update(published.value)
    return f"bench.backlog.{events}.{subjects}.{digest.hexdigest()[:8]}"


def ensure(deployment: Deployment, events: int, subjects: int) -> str:
    """Make sure that a backlog's topic is there and whole; return its name."""
    topic = topic_of(events, subjects)
    ends = deployment.topic_ends(topic)
    if sum(ends.values()) == events:
        return topic
    if ends:
        # A run that was broken off has left it.
        deployment.drop_topic(topic)
    deployment.make_topic(topic)
    publish(deployment, topic, backlog(events, subjects))
    return topic


def publish(deployment: Deployment, topic: str, stream: Iterable[Published]) -> None:
    """Publish a stream as fast as Kafka takes it.

    Raises:
        BenchmarkError: Kafka did not take all.

    """
    failures: list[str] = []
    properties = {
        "linger.ms": 5,
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": 200_000,
        "delivery.report.only.error": True,
        "log_level": 2,
    }
    producer = Producer({**deployment.kafka, **properties})

    def on_failure(error: object, _: object) -> None:
        failures.append(str(error))

    for published in stream:
        while True:
            try:
                producer.produce(
                    topic, published.value, published.key, headers=[*published.headers], on_delivery=on_failure
                )
            except BufferError:
                producer.poll(0.05)
            else:
                break
    waiting = producer.flush(_FLUSH_S_MAX)
    if failures or waiting:
        reason = failures[0] if failures else "no answer"
        message = f"Kafka did not take {len(failures) + waiting} events for {topic}: {reason}"
        raise BenchmarkError(message)
