"""Standings as they are in the store: the card of 64 bytes to watch, and the whole of it to explain."""

import asyncio
from typing import Any

import redis
from redis import asyncio as redis_asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE

from gateway.accesses import SHOWN_MAX, Accesses, accesses_of
from gateway.address import META, META_PARTITIONS, PACKS, access_key, standing_key
from gateway.card import CARD_BYTES
from gateway.deadline import RETRIES
from gateway.errors import StandingUnavailableError, StoreEmptyError

_RAW: dict[str, Any] = {NEVER_DECODE: []}


class Standings:
    """Reads standings, from any number of tasks of one event loop."""

    def __init__(self, client: redis_asyncio.Redis, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._partitions = 0

    @classmethod
    def from_url(cls, url: str, timeout_s: float, connections_max: int) -> "Standings":
        """Make one for a ``redis://``, ``rediss://`` or ``unix://`` address; nothing connects yet."""
        pool = redis_asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=connections_max,
            timeout=timeout_s,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), RETRIES),
        )
        return cls(redis_asyncio.Redis.from_pool(pool), timeout_s)

    async def card(self, subject: str) -> bytes:
        """Return the card's bytes, or none for somebody of whom nothing was ever published.

        Raises:
            StandingUnavailableError: Redis did not answer in time, or no worker has filled it.

        """
        return await self._read(subject, CARD_BYTES - 1)

    async def whole(self, subject: str) -> bytes:
        """Return card and ledger; otherwise as `card`."""
        return await self._read(subject, -1)

    async def accesses(self, subject: str) -> Accesses:
        """Return who has read what about a subject; raises what `card` does."""
        return await self._accesses(subject, SHOWN_MAX)

    async def last_access(self, subject: str) -> bytes:
        """Return what changes when somebody has read something or was told; raises what `card` does."""
        return (await self._accesses(subject, 1)).last

    async def partitions(self) -> int:
        """Return how many partitions the store was filled from; raises what `card` does."""
        raw = await self._ask("HGET", META, META_PARTITIONS)
        self._partitions = int(raw or 0)
        if not self._partitions:
            raise StoreEmptyError
        return self._partitions

    async def pack(self, name: str) -> bytes | None:
        """Return what workers keep of a pack by its hash, or of `PACKS_TIMELINE`; raises what `card` does."""
        raw: bytes | None = await self._ask("HGET", PACKS, name)
        return raw

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _read(self, subject: str, last: int) -> bytes:
        partitions = self._partitions or await self.partitions()
        raw = await self._ask("GETRANGE", standing_key(subject, partitions), 0, last)
        if not raw and await self.partitions() != partitions:
            # The store was emptied and filled from another log meanwhile.
            return await self._read(subject, last)
        return raw or b""

    async def _accesses(self, subject: str, count: int) -> Accesses:
        key = access_key(subject, self._partitions or await self.partitions())
        return accesses_of(subject, await self._ask("LRANGE", key, 0, count - 1) or ())

    async def _ask(self, *command: str | int) -> Any:
        execute: Any = self._client.execute_command
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await execute(*command, **_RAW)
        except TimeoutError as error:
            message = f"no answer within {self._timeout_s} s"
            raise StandingUnavailableError(message) from error
        except redis.RedisError as error:
            raise StandingUnavailableError(str(error)) from error
        return answer
