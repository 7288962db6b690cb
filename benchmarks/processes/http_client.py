"""Asks the HTTP lookup service over some connections that are kept open, each with one request at a time."""

import argparse
import asyncio
import time

import numpy as np
import uvloop

from benchmarks.backlog import a_city
from benchmarks.child import say
from benchmarks.results import percentiles

_CONNECTIONS = 8
_READY_S_MAX = 30.0


async def _connected(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as soon as the service listens."""
    async with asyncio.timeout(_READY_S_MAX):
        while True:
            try:
                return await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.05)


async def _ask(host: str, port: int, subjects: list[str], ends_s: float) -> list[float]:
    """Ask until the end; return how long each answer took, in milliseconds."""
    reader, writer = await _connected(host, port)
    times_ms = []
    number = 0
    while time.monotonic() < ends_s:
        subject = subjects[number % len(subjects)]
        number += 1
        began_s = time.perf_counter()
        writer.write(
            b"GET /v1/subjects/%b/standing?scenario=transit HTTP/1.1\r\nhost: %b\r\n"
            b"jasmine-reader: benchmark\r\njasmine-purpose: transit\r\n\r\n" % (subject.encode(), host.encode())
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            message = f"the answer was {head.decode(errors='replace').splitlines()[0]}"
            raise RuntimeError(message)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        times_ms.append(1e3 * (time.perf_counter() - began_s))
    writer.close()
    return times_ms


async def measure(host: str, port: int, subjects: list[str], seconds: float) -> None:
    """Ask over all connections at once."""
    await _ask(host, port, subjects, time.monotonic() + 0.5)
    ends_s = time.monotonic() + seconds
    asking = [_ask(host, port, subjects[number::_CONNECTIONS], ends_s) for number in range(_CONNECTIONS)]
    times_ms = np.concatenate(await asyncio.gather(*asking))
    say("done", connections=_CONNECTIONS, lookups_per_s=len(times_ms) / seconds, milliseconds=percentiles(times_ms))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--subjects", type=int, required=True, help="of the city")
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    subjects = a_city(options.subjects).subjects()
    uvloop.run(measure(options.host, options.port, subjects, options.seconds))


if __name__ == "__main__":
    main()
