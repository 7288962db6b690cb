"""The load: events at an even rate, by an absolute schedule that waits for nobody.

An event that could not be sent in time is sent at once and carries both times, so nothing late is hidden.
"""

import argparse
import gc
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
from confluent_kafka import Producer

from benchmarks.backlog import a_city
from benchmarks.child import cpu_s, say, wait_to_go
from benchmarks.observe import event_id, now_ns
from benchmarks.results import percentiles
from stream.settings import load_settings

_FLUSH_S_MAX = 30.0
_BEGINS_IN_NS = 200_000_000
# The city lives at the load's pace; it begins before now, because no event may be in the future.
_BEFORE = timedelta(hours=1)

Template = tuple[bytes, bytes, bytes]


def templates(subjects: int, count: int, rate: int) -> list[Template]:
    """Return events of a city's life as key, and value before and after its id."""
    start = datetime.now(UTC) - _BEFORE
    return [
        (published.key, before + b'"id":"', after[after.index(b'"') :])
        for published in islice(a_city(subjects).live(start, rate), count)
        for before, _, after in [published.value.partition(b'"id":"')]
    ]


def main() -> None:
    """Send, then tell how many there were and how far the load was behind its own schedule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, required=True, help="events a second")
    parser.add_argument("--warm", type=float, required=True, help="seconds that are not counted")
    parser.add_argument("--measured", type=float, required=True, help="seconds that are")
    parser.add_argument("--subjects", type=int, required=True, help="of the city")
    options = parser.parse_args()
    settings = load_settings()
    failures: list[str] = []
    producer = Producer(
        {
            **settings.kafka,
            "linger.ms": 0,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "delivery.report.only.error": True,
            "log_level": 2,
        }
    )
    warm, measured = int(options.warm * options.rate), int(options.measured * options.rate)
    events = templates(options.subjects, warm + measured, options.rate)
    producer.list_topics(settings.topic_events, timeout=10)
    gc.collect()
    gc.freeze()
    wait_to_go()
    used_s = cpu_s()
    behind_ns = _send(producer, settings.topic_events, events, options.rate, warm, failures)
    ended_ns = now_ns()
    waiting = producer.flush(_FLUSH_S_MAX)
    say(
        "done",
        warm=warm,
        measured=measured,
        failed=len(failures) + waiting,
        failure=failures[:1],
        behind_schedule_ms=percentiles(np.array(behind_ns[warm:]) / 1e6),
        cpu_s=cpu_s() - used_s,
        ended_ns=ended_ns,
    )


def _send(
    producer: Producer, topic: str, events: list[Template], rate: int, warm: int, failures: list[str]
) -> list[int]:
    def on_failure(error: object, _: object) -> None:
        failures.append(str(error))

    begins_ns = now_ns() + _BEGINS_IN_NS
    behind_ns = []
    for number, (key, before, after) in enumerate(events):
        due_ns = begins_ns + number * 1_000_000_000 // rate
        while (early_ns := due_ns - now_ns()) > 0:
            time.sleep(early_ns / 1e9)
        called_ns = now_ns()
        value = b"%b%b%b" % (before, event_id(0 if number < warm else rate, due_ns, called_ns), after)
        producer.produce(topic, value, key, on_delivery=on_failure)
        producer.poll(0)
        behind_ns.append(called_ns - due_ns)
    return behind_ns


if __name__ == "__main__":
    main()
