"""Standings of a city in the store, by the worker's own commit path but without Kafka."""

import time
from collections.abc import Iterable
from datetime import datetime
from datetime import time as time_of_day
from itertools import islice
from typing import Any

import numpy as np

from benchmarks.backlog import a_city
from benchmarks.deployment import PARTITIONS
from benchmarks.errors import BenchmarkError
from city.calibrate import DEMO_KEY
from city.city import DEFAULT_AS_OF
from city.records import records_of
from city.render import Published
from schemas.days import CITY_TIMEZONE, day_of
from schemas.decoder import Decoded, Decoder
from schemas.facts import FACT, Facts
from schemas.partitioner import partition_of
from schemas.records import RecordKey
from schemas.subjects import format_subject
from scoring.announced import Announced
from scoring.ledger import merge
from sinks.store import Ints, Store, Subjects
from stream.process import Processor

AS_OF = datetime.combine(DEFAULT_AS_OF, time_of_day(), CITY_TIMEZONE)
_BATCH_RECORDS = 4_000
_OUTBOX_ENTRIES = 64


def fill(store: Store, announced: Announced, subjects: int) -> int:
    """Apply the histories of a city of so many subjects to an empty store; return how many facts that made."""
    return fill_with(store, announced, a_city(subjects).history(AS_OF))


def fill_with(store: Store, announced: Announced, stream: Iterable[Published]) -> int:
    """Apply some events to an empty store; return how many facts that made.

    Raises:
        BenchmarkError: none did, so that there is nothing to measure.

    """
    key = RecordKey.derived(DEMO_KEY)
    nexts = opened(store, key)
    processor = Processor(Decoder(key, PARTITIONS), store, announced, time.time)
    records = records_of(stream, AS_OF, PARTITIONS)
    facts = 0
    while batch := list(islice(records, _BATCH_RECORDS)):
        starts = {partition: nexts[partition] for partition in {record.partition() for record in batch}}
        outcome = processor.process("", batch, starts)
        nexts.update(outcome.nexts)
        facts += outcome.scored
        drain_outboxes(store)
    if not facts:
        message = "no event was applied: does another worker write to the same database?"
        raise BenchmarkError(message)
    return facts


def opened(store: Store, key: RecordKey) -> dict[int, int]:
    """Open an empty store as a worker does; return the next offsets."""
    store.open(key, PARTITIONS)
    return store.positions(dict.fromkeys(range(PARTITIONS), 0), day_of(int(time.time())))


def drain_outboxes(store: Store) -> None:
    """Take out what the relay would publish."""
    for partition in range(PARTITIONS):
        while entries := store.outbox(partition, _OUTBOX_ENTRIES):
            store.published(partition, [entry_id for entry_id, _ in entries])


def ledgers_of(subjects: int) -> tuple[Facts, Ints, Subjects]:
    """Return the ledgers of a city of so many subjects: facts one behind the other, starts, and numbers."""
    decoder = Decoder(RecordKey.derived(DEMO_KEY), PARTITIONS)
    records = records_of(a_city(subjects).history(AS_OF), AS_OF, PARTITIONS)
    parts = []
    while batch := list(islice(records, _BATCH_RECORDS)):
        parts.append(decoder.decode(batch))
    facts = np.concatenate([part.facts for part in parts])
    of = np.concatenate([part.subjects for part in parts])
    order = np.argsort(of, kind="stable")
    unique, first = np.unique(of[order], return_index=True)
    starts = np.append(first, len(order)).astype(np.int64)
    merged = merge(np.zeros(0, FACT), np.zeros(len(starts), np.int64), facts, order, starts)
    return merged.facts, merged.starts, unique


def even(facts: Facts, starts: Ints, records: int) -> tuple[Facts, Ints]:
    """Return ledgers of the same length: longer ones lose their end, shorter ones get what others have lost."""
    sizes = np.diff(starts)
    place = np.arange(len(facts)) - np.repeat(starts[:-1], sizes)
    lost = facts[place >= records]
    if not len(lost):
        message = f"no ledger has more than {records} records, so the short ones cannot be filled"
        raise ValueError(message)
    missing = np.maximum(records - sizes, 0)
    given = lost[np.arange(missing.sum()) % len(lost)].copy()
    # Another id: the same record twice in one ledger does not exist.
    given["record"] = given["record"] * np.uint64(0x9E3779B97F4A7C15) + np.arange(len(given), dtype=np.uint64)
    owners = np.concatenate(
        [np.repeat(np.arange(len(sizes)), np.minimum(sizes, records)), np.repeat(np.arange(len(sizes)), missing)]
    )
    every = np.concatenate([facts[place < records], given])
    order = np.lexsort((every["record"], every["occurred"], owners))
    return every[order], np.arange(len(sizes) + 1, dtype=np.int64) * records


class _ReadyFacts(Decoder):
    """Gives out facts that are there already, in the place of decoding: a batch is a range of them."""

    def __init__(self, key: RecordKey, facts: Facts, subjects: Subjects, partitions: Ints) -> None:
        super().__init__(key, PARTITIONS)
        self._facts = facts
        self._subjects = subjects
        self._partitions_of = partitions
        self._ends = [0] * PARTITIONS

    def decode(self, records: Any) -> Decoded:
        """Return a range of the facts, as if each had come from the next place in its partition."""
        part = slice(records.start, records.stop)
        partitions = self._partitions_of[part]
        for partition in partitions.tolist():
            self._ends[partition] += 1
        return Decoded(
            facts=self._facts[part],
            subjects=self._subjects[part],
            partitions=partitions,
            recorded_ms=np.zeros(len(partitions), np.int64),
            accepted=np.ones(len(partitions), np.bool_),
            refused=[],
            ends={partition: self._ends[partition] for partition in np.unique(partitions).tolist()},
        )


def fill_even(store: Store, announced: Announced, subjects: int, records: int) -> int:
    """Apply a city's ledgers, made to have the same number of records each; return how many facts that made."""
    key = RecordKey.derived(DEMO_KEY)
    nexts = opened(store, key)
    facts, starts, numbers = ledgers_of(subjects)
    facts, _ = even(facts, starts, records)
    of = np.array([partition_of(format_subject(number), PARTITIONS) for number in numbers.tolist()], np.int64)
    of_facts = np.repeat(of, records)
    decoder = _ReadyFacts(key, facts, np.repeat(numbers, records), of_facts)
    processor = Processor(decoder, store, announced, time.time)
    added = 0
    for begin in range(0, len(facts), _BATCH_RECORDS):
        batch: Any = range(begin, min(begin + _BATCH_RECORDS, len(facts)))
        partitions = np.unique(of_facts[begin : batch.stop]).tolist()
        outcome = processor.process("", batch, {partition: nexts[partition] for partition in partitions})
        nexts.update(outcome.nexts)
        added += outcome.scored
        drain_outboxes(store)
    return added
