"""A worker process for the rebalance test: applies polls to an SQLite file, which stands in for Redis with its fence.

    python transport_worker.py BOOTSTRAP TOPIC GROUP SQLITE_PATH NAME

SIGTERM stops it gracefully.
"""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from typing import cast

import faust

from stream.polls import Poll, Polls
from stream.transport import KafkaWiring

SCHEMA = """
PRAGMA journal_mode = wal;
CREATE TABLE IF NOT EXISTS next (partition PRIMARY KEY, position);
CREATE TABLE IF NOT EXISTS applied (partition, position, value, worker);
CREATE TABLE IF NOT EXISTS busy (partition PRIMARY KEY, worker);
CREATE TABLE IF NOT EXISTS fault (worker, what);
"""


def open_store(path: str) -> sqlite3.Connection:
    store = sqlite3.connect(path, timeout=30, isolation_level=None)
    store.executescript(SCHEMA)
    return store


def stored_positions(store: sqlite3.Connection) -> dict[int, int]:
    return dict(store.execute("SELECT partition, position FROM next"))


async def apply(store: sqlite3.Connection, poll: Poll, name: str) -> dict[int, int]:
    """Apply a poll as the sink does: all of a partition and its next offset, or a seek if the fence does not fit."""
    for partition in poll.starts:
        try:
            store.execute("INSERT INTO busy VALUES (?, ?)", (partition, name))
        except sqlite3.IntegrityError:
            store.execute("INSERT INTO fault VALUES (?, ?)", (name, f"partition {partition} is in another's hands"))
    await asyncio.sleep(0.005)  # the work: long enough for another worker to be caught inside
    seeks = {}
    store.execute("BEGIN IMMEDIATE")
    positions = stored_positions(store)
    for partition, start in poll.starts.items():
        if positions.get(partition, start) != start:
            seeks[partition] = positions[partition]
            store.execute("INSERT INTO fault VALUES (?, ?)", (name, f"started {start}, fence {positions[partition]}"))
            continue
        records = [record for record in poll.records if record.partition() == partition]
        rows = [(partition, cast("int", record.offset()), record.value(), name) for record in records]
        store.executemany("INSERT INTO applied VALUES (?, ?, ?, ?)", rows)
        store.execute("INSERT OR REPLACE INTO next VALUES (?, ?)", (partition, rows[-1][1] + 1))
    store.executemany("DELETE FROM busy WHERE partition = ? AND worker = ?", [(p, name) for p in poll.starts])
    store.execute("COMMIT")
    return seeks


class App(faust.App):
    kafka_wiring: KafkaWiring

    def _create_directories(self) -> None:
        """Faust makes a folder for its tables where it is started; there are no tables."""


async def main(bootstrap: str, topic: str, group: str, path: str, name: str) -> None:
    store = open_store(path)

    async def positions(partitions: Sequence[int]) -> Mapping[int, int]:
        return {p: position for p, position in stored_positions(store).items() if p in partitions}

    app = App(name, broker="jasmine://", store="memory://", web_enabled=False, topic_disable_leader=True)
    app.kafka_wiring = KafkaWiring({"bootstrap.servers": bootstrap, "group.id": group}, positions, 200)

    @app.agent(app.topic(topic, value_serializer="raw", key_serializer="raw", value_type=bytes))
    async def each(stream: faust.StreamT[Polls]) -> None:
        async for polls in stream:
            async for poll in polls:
                poll.done(await apply(store, poll, name))

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    starting = asyncio.create_task(app.start())
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(app.wait_until_stopped())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    await app.stop()
    await starting
    waits[1].cancel()
    if app.crash_reason:
        raise app.crash_reason


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
