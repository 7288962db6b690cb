"""The limit of draining: confluent-kafka alone, with the worker's fetch settings, and JSON parsed by orjson."""

import argparse
import uuid
from time import perf_counter

import orjson
from confluent_kafka import Consumer

from benchmarks.child import cpu_s, say
from stream.settings import load_settings
from stream.transport import _SPEED

_RECORDS = 1_000


def main() -> None:
    """Drain a topic from its beginning, once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--until", type=int, required=True, help="end after so many events")
    until = parser.parse_args().until
    settings = load_settings()
    properties = {"group.id": f"bench-{uuid.uuid4()}", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({**_SPEED, **settings.kafka, **properties})
    consumer.subscribe([settings.topic_events])
    events = first = 0
    began_s = used_s = 0.0
    while events < until:
        records = consumer.consume(_RECORDS, 0.1)
        if not records:
            continue
        if not events:
            began_s, used_s, first = perf_counter(), cpu_s(), len(records)
        for record in records:
            orjson.loads(record.value() or b"")
        events += len(records)
    seconds = perf_counter() - began_s
    used_s = cpu_s() - used_s
    consumer.close()
    say("done", events=events, events_of_first_batch=first, seconds=seconds, cpu_s=used_s)


if __name__ == "__main__":
    main()
