"""The limits of freshness: a loop over confluent-kafka that does next to nothing with what it polls.

It polls with the worker's settings and in the worker's way. Then it makes one Redis write: the last record of the poll.
With `--reading` it reads a value for each record and writes it back: two round trips, as a score needs them, without a
score.
"""

import argparse
import signal
from pathlib import Path
from typing import Any, cast

import redis
from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.child import say
from benchmarks.observe import Observer, now_ns
from schemas.facts import FACT
from scoring.card import CARD
from stream.clients import redis_client
from stream.settings import load_settings
from stream.topics import admin_client, log_ends
from stream.transport import _SPEED

_POLL_S = 0.1
_KEY = b"bench:bare"
# As large as the standing of somebody with 30 records.
_UNKNOWN = bytes(CARD.itemsize + 30 * FACT.itemsize)


def _write(client: redis.Redis, records: list[Message]) -> None:
    client.set(_KEY, records[-1].value() or b"")


def _read_and_write(client: redis.Redis, records: list[Message]) -> None:
    keys = cast("list[bytes]", [record.key() for record in records])
    found: Any = client.mget(keys)
    client.mset({key: value or _UNKNOWN for key, value in zip(keys, found, strict=True)})


def main() -> None:
    """Poll from the log's end until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observe", type=Path, required=True, help="where to write each event's times")
    parser.add_argument("--reading", action="store_true", help="read values first, and write those")
    options = parser.parse_args()
    apply = _read_and_write if options.reading else _write
    settings = load_settings()
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    topic = settings.topic_events
    ends = log_ends(admin_client(settings.kafka), topic, range(settings.partitions))
    consumer = Consumer({**_SPEED, **settings.kafka, "group.id": settings.group, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, end) for partition, end in ends.items()])
    client = redis_client(settings)
    client.ping()
    observer = Observer()
    say("ready")
    while not stopping:
        first = consumer.poll(_POLL_S)
        if first is None:
            continue
        records = [first, *consumer.consume(settings.poll_records_max - 1, 0)]
        apply(client, records)
        answered_ns = now_ns()
        observer.batch([record.value() for record in records], answered_ns)
    consumer.close()
    observer.write(options.observe)
    say("done", polls=observer.batches)


if __name__ == "__main__":
    main()
