"""What Redis needs for a city's standings, all included: used memory before and after filling it."""

import argparse
import time
from collections.abc import Callable
from typing import Any

import redis

from benchmarks.child import say
from benchmarks.deployment import DATABASE, PARTITIONS
from benchmarks.filling import fill, fill_even
from scoring.announced import Announced
from scoring.pack import load_pack
from sinks.keys import outbox_key
from sinks.store import Store
from stream.clients import redis_client
from stream.settings import load_settings

RECORDS = 30
# How long Redis may take to write its file and give its buffers back.
_QUIET_S_MAX = 20.0
_QUIET_BYTES = 20_000
_PAUSE_S = 0.3


def used_when_quiet(client: redis.Redis) -> int:
    """Return the memory in use once it stands still, or what it is when that takes too long.

    Raises:
        TimeoutError: something else writes to this Redis.

    """
    ends_s = time.monotonic() + _QUIET_S_MAX
    before = -1
    while time.monotonic() < ends_s:
        info: Any = client.info("memory")
        # What clients and the file's buffers hold comes and goes.
        used = int(info["used_memory"]) - int(info["mem_clients_normal"]) - int(info["mem_aof_buffer"])
        if abs(used - before) < _QUIET_BYTES:
            return used
        before = used
        time.sleep(_PAUSE_S)
    message = f"Redis's memory does not stand still within {_QUIET_S_MAX:.0f} s: something else writes to it"
    raise TimeoutError(message)


def _elsewhere(client: redis.Redis) -> dict[str, Any]:
    """Return what the other databases of this Redis hold: its memory is theirs, too."""
    info: Any = client.info("keyspace")
    return {name: stated for name, stated in info.items() if name != f"db{DATABASE}"}


def _filled(client: redis.Redis, filling: Callable[[Store], int]) -> dict[str, float]:
    client.flushdb()
    elsewhere = _elsewhere(client)
    before = used_when_quiet(client)
    store = Store(client)
    facts = filling(store)
    # The stream of an outbox stays when it is empty; so it does in a deployment.
    left = sum(store.outbox_lengths(range(PARTITIONS)).values())
    store.disconnect()
    used = used_when_quiet(client) - before
    if _elsewhere(client) != elsewhere:
        message = "somebody else fills or empties another database of this Redis: its memory cannot be told apart"
        raise RuntimeError(message)
    keys: Any = client.dbsize()
    due: Any = sum(int(client.scard(name) or 0) for name in client.scan_iter("*:due:*", count=1_000))
    streams = sum(int(client.memory_usage(outbox_key(partition)) or 0) for partition in range(PARTITIONS))
    return {
        "facts": facts,
        "used_bytes": used,
        "keys": keys,
        "subjects_in_due_sets": due,
        "outbox_entries": left,
        "outbox_bytes": streams,
    }


def main() -> None:
    """Fill twice: with as many records for each subject, and as the city has them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, required=True)
    subjects = parser.parse_args().subjects
    announced = Announced.of(load_pack())
    client = redis_client(load_settings())
    even = _filled(client, lambda store: fill_even(store, announced, subjects, RECORDS))
    as_it_is = _filled(client, lambda store: fill(store, announced, subjects))
    client.flushdb()
    say("done", subjects=subjects, even=even, city=as_it_is)


if __name__ == "__main__":
    main()
