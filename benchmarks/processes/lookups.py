"""Lookups by the SDK and bare ones by the same client, taking turns, at an even pace.

Each call is timed alone: the pace only keeps them from filling a core that the worker and the stores need too.
"""

import argparse
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns

import numpy as np
import uvloop
from redis import asyncio as redis_asyncio

from benchmarks.backlog import a_city
from benchmarks.child import say, wait_to_go
from benchmarks.deployment import PARTITIONS
from benchmarks.observe import now_ns
from benchmarks.results import Values, percentiles
from gateway import deadline
from gateway.address import standing_key
from gateway.card import CARD_BYTES
from gateway.errors import StandingUnavailableError
from gateway.evaluate import PackEvaluator, names_of
from gateway.lookup import CONNECTIONS_MAX, TIMEOUT_S, AsyncLookup, Lookup
from scoring.pack import load_pack
from stream.settings import load_settings

_WARM_CALLS = 200


def _pause_s(begins_ns: int, number: int, per_s: int) -> float:
    return max((begins_ns + number * 1_000_000_000 // per_s - now_ns()) / 1e9, 0.0)


class _Times:
    """The times of calls in turns, the SDK's first; a lookup that its deadline has ended is counted with its time."""

    def __init__(self) -> None:
        self.nanoseconds: list[int] = []
        self.past_deadline = 0

    def values(self) -> Values:
        """Return the percentiles of both, in milliseconds."""
        counted = np.array(self.nanoseconds[_WARM_CALLS:]) / 1e6
        return {
            "sdk": percentiles(counted[::2]),
            "bare": percentiles(counted[1::2]),
            "past_deadline": self.past_deadline,
        }

    @contextmanager
    def one(self) -> Iterator[None]:
        """Time one call."""
        began_ns = perf_counter_ns()
        try:
            yield
        except StandingUnavailableError:
            self.past_deadline += 1
        self.nanoseconds.append(perf_counter_ns() - began_ns)


def blocking(sdk: Callable[[str], object], bare: Callable[[str], object], subjects: list[str], per_s: int) -> Values:
    """Time calls in turns, one after the other."""
    times = _Times()
    begins_ns = now_ns()
    for number, subject in enumerate(subjects):
        time.sleep(_pause_s(begins_ns, number, per_s))
        with times.one():
            (bare if number % 2 else sdk)(subject)
    return times.values()


async def awaited(
    sdk: Callable[[str], Awaitable[object]], bare: Callable[[str], Awaitable[object]], subjects: list[str], per_s: int
) -> Values:
    """Time calls in turns, one after the other, on an event loop."""
    times = _Times()
    begins_ns = now_ns()
    for number, subject in enumerate(subjects):
        await asyncio.sleep(_pause_s(begins_ns, number, per_s))
        with times.one():
            await (bare if number % 2 else sdk)(subject)
    return times.values()


class _Asked:
    """Everything that can be prepared before the load begins."""

    def __init__(self, subjects: int, count: int) -> None:
        self.url = load_settings().redis_url
        known = a_city(subjects).subjects()
        self.subjects = [known[number] for number in np.random.default_rng(1).integers(0, len(known), count).tolist()]
        self.keys = {subject: standing_key(subject, PARTITIONS) for subject in known}
        pack = load_pack()
        self.names = names_of(pack)
        self.evaluator = PackEvaluator(pack)


def _blocking(asked: _Asked, per_s: int) -> Values:
    client = deadline.connect(asked.url, CONNECTIONS_MAX, TIMEOUT_S)
    bare_client = deadline.connect(asked.url, CONNECTIONS_MAX, TIMEOUT_S)

    def bare(subject: str) -> object:
        return bare_client.getrange(asked.keys[subject], 0, CARD_BYTES - 1)

    with Lookup(client, asked.names, evaluator=asked.evaluator) as lookup, bare_client:
        gc.collect()
        return blocking(lookup.lookup, bare, asked.subjects, per_s)


async def _awaited(asked: _Asked, per_s: int) -> Values:
    async with AsyncLookup.from_url(asked.url, asked.names, evaluator=asked.evaluator) as lookup:
        pool = redis_asyncio.BlockingConnectionPool.from_url(
            asked.url, max_connections=CONNECTIONS_MAX, timeout=TIMEOUT_S
        )
        async with redis_asyncio.Redis.from_pool(pool) as bare_client:

            async def bare(subject: str) -> object:
                answer: object = await bare_client.getrange(asked.keys[subject], 0, CARD_BYTES - 1)
                return answer

            gc.collect()
            return await awaited(lookup.lookup, bare, asked.subjects, per_s)


def main() -> None:
    """Measure both clients, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, required=True, help="of the city")
    parser.add_argument("--seconds", type=float, required=True, help="for each client")
    parser.add_argument("--per-second", type=int, required=True, help="lookups, half of them bare")
    options = parser.parse_args()
    asked = _Asked(options.subjects, int(options.seconds * options.per_second))
    wait_to_go()
    said = {
        "blocking": _blocking(asked, options.per_second),
        "asyncio": uvloop.run(_awaited(asked, options.per_second)),
    }
    say("done", ended_ns=now_ns(), **said)


if __name__ == "__main__":
    main()
