"""The peer: Faust as it comes, its aiokafka driver, `take_events`, and the same work on each batch.

The work is the same by construction: the same `Processor` decodes, merges and evaluates with the same kernel. Only the
store's commands go out through redis-py's own pipelines, and no fence is watched, which saves the peer a round trip.
"""

import argparse
import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, cast

import faust
import redis
import uvloop

from benchmarks.child import cpu_s, say
from schemas.days import NEVER, day_of
from schemas.decoder import Decoder
from schemas.records import RecordKey
from scoring.announced import Announced
from scoring.pack import load_pack
from sinks.keys import due_key, next_key, outbox_key, standing_key
from sinks.standings import Values, packed
from sinks.store import Commit, Ints, Store, Subjects, Wanted
from stream.process import Processor
from stream.settings import load_settings
from stream.warm import warm

# From 500 to 4,000 it makes no difference to this peer.
_TAKEN = 2_000
_WITHIN_S = 0.1


class PlainStore(Store):
    """The same reads and writes as one would write them with redis-py."""

    def load_values(self, partitions: Sequence[int], of: Ints, subjects: Subjects) -> tuple[dict[int, int], Values]:
        """Read fences and standings in one MGET."""
        keys = [next_key(partition) for partition in partitions]
        keys += [
            standing_key(partition, subject) for partition, subject in zip(of.tolist(), subjects.tolist(), strict=True)
        ]
        answers = self._client.mget(keys)
        nexts = {partition: int(answer) for partition, answer in zip(partitions, answers, strict=False)}
        return nexts, packed(answers[len(partitions) :])

    def commit(self, commit: Commit, following: Callable[[], Wanted | None] = lambda: None) -> bool:  # noqa: ARG002
        """Write everything in one pipeline with MULTI and EXEC."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.mset(self._values(commit))
        was, now = commit.before["valid_until"].tolist(), commit.after.cards["valid_until"].tolist()
        rows = zip(commit.partitions.tolist(), commit.subjects.tolist(), commit.written.tolist(), was, now, strict=True)
        for partition, subject, written, before, after in rows:
            if written and before != after:
                if before not in (0, NEVER):
                    pipeline.srem(due_key(partition, before), f"{subject:016x}")
                if after != NEVER:
                    pipeline.sadd(due_key(partition, after), f"{subject:016x}")
        for partition, pairs in commit.outbox.items():
            if pairs:
                pipeline.xadd(outbox_key(partition), dict(zip(pairs[::2], pairs[1::2], strict=True)))
        pipeline.execute()
        return True

    @staticmethod
    def _values(commit: Commit) -> dict[str, bytes | int]:
        values: dict[str, bytes | int] = {next_key(partition): offset for partition, offset in commit.nexts.items()}
        cards, facts = commit.after.cards.tobytes(), commit.after.facts.tobytes()
        card, fact = commit.after.cards.itemsize, commit.after.facts.itemsize
        starts = commit.after.starts.tolist()
        rows = zip(commit.partitions.tolist(), commit.subjects.tolist(), commit.written.tolist(), strict=True)
        for n, (partition, subject, written) in enumerate(rows):
            if written:
                ledger = facts[starts[n] * fact : starts[n + 1] * fact]
                values[standing_key(partition, subject)] = cards[n * card : (n + 1) * card] + ledger
        return values


class Record:
    """Faust's message as the processor reads a record."""

    __slots__ = ("_message",)

    def __init__(self, message: Any) -> None:
        self._message = message

    def key(self) -> Any:
        """Return the key."""
        return self._message.key

    def value(self) -> Any:
        """Return the value."""
        return self._message.value

    def headers(self) -> Any:
        """Return the headers."""
        return self._message.headers

    def partition(self) -> int:
        """Return the partition."""
        return int(self._message.partition)

    def offset(self) -> int:
        """Return the offset."""
        return int(self._message.offset)

    def timestamp(self) -> tuple[int, int]:
        """Return Kafka's kind of time and the time."""
        return 1, int(self._message.timestamp * 1000)


class App(faust.App):
    """Faust's app; without tables it needs no folder."""

    def _create_directories(self) -> None: ...


async def drain(until: int) -> None:
    """Run Faust until so many events are committed."""
    settings = load_settings()
    announced = Announced.of(load_pack())
    warm(announced)
    store = PlainStore(redis.Redis.from_url(settings.redis_url))
    key = RecordKey.derived(settings.key)
    store.open(key, settings.partitions)
    nexts = store.positions(dict.fromkeys(range(settings.partitions), 0), day_of(int(time.time())))
    processor = Processor(Decoder(key, settings.partitions), store, announced, time.time)
    app = App(
        f"bench-{uuid.uuid4()}",
        broker=f"kafka://{settings.kafka['bootstrap.servers']}",
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=4 * _TAKEN,
    )
    drained = asyncio.Event()
    counts = {"events": 0, "first": 0, "batches": 0}
    times = {"began_s": 0.0, "ended_s": 0.0, "used_s": 0.0}

    async def score(events: faust.StreamT[bytes]) -> None:
        async for taken in cast("Any", events).take_events(_TAKEN, within=_WITHIN_S):
            if not counts["events"]:
                times["began_s"], times["used_s"], counts["first"] = perf_counter(), cpu_s(), len(taken)
            records = [Record(event.message) for event in taken]
            starts = {partition: nexts[partition] for partition in {record.partition() for record in records}}
            outcome = processor.process("", records, starts)
            nexts.update(outcome.nexts)
            counts["events"] += len(records)
            counts["batches"] += 1
            if counts["events"] >= until and not drained.is_set():
                times["ended_s"], times["used_s"] = perf_counter(), cpu_s() - times["used_s"]
                drained.set()

    app.agent(app.topic(settings.topic_events, key_serializer="raw", value_serializer="raw", value_type=bytes))(score)
    starting = asyncio.create_task(app.start())
    await drained.wait()
    say(
        "done",
        events=counts["events"],
        events_of_first_batch=counts["first"],
        batches=counts["batches"],
        seconds=times["ended_s"] - times["began_s"],
        cpu_s=times["used_s"],
    )
    await app.stop()
    with contextlib.suppress(asyncio.CancelledError):
        await starting


def main() -> None:
    """Drain a topic from its beginning, once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--until", type=int, required=True, help="end after so many events")
    uvloop.run(drain(parser.parse_args().until))


if __name__ == "__main__":
    main()
