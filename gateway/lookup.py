"""The lookup SDK: what a subject's standing says today, in one round trip.

    with Lookup.from_url("redis://127.0.0.1:6379/0", names) as lookup:
        match lookup.lookup("r-09c3f0a1b2d4e5f6"):
            case Answer(status="scored", tier=tier): ...

It needs redis-py and the standard library. `AsyncLookup` is the same for asyncio; both drive the same steps.

Whoever reads about people for a purpose of their own, such as a gateway, gives `access`: `AccessLog.reading` writes
each read where its subject can see it, and a read that cannot be written is not given. Without it nothing is written,
which is for the city's own machinery, such as measurements, and for the HTTP service, which writes for whom it answers.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Self, TypeVar

import redis
from redis import asyncio as redis_asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE

from gateway import deadline
from gateway.address import META, META_PARTITIONS, PACKS, PACKS_TIMELINE, parse_subject, standing_key
from gateway.answer import UNKNOWN, Answer, Recorder, answer_of
from gateway.card import CARD_BYTES, State, day_of, decode
from gateway.errors import StaleCardError, StandingUnavailableError, StoreEmptyError
from gateway.names import PackNames, pack_on

Evaluator = Callable[[int, bytes, int], State]
"""What a subject's number and ledger are worth on a day; `gateway.evaluate.PackEvaluator` is one."""

Loader = Callable[[bytes], Evaluator]
"""An evaluator of a pack that a worker keeps in the store; `gateway.evaluate.evaluator_of` makes one."""

TIMEOUT_S = 0.25
CONNECTIONS_MAX = 64

T = TypeVar("T")
# What is asked of Redis: a client sends each command that comes out, and sends what is answered in.
_Steps = Generator[tuple[str | int, ...], bytes | None, T]
# Cards are bytes, also for a client that was made to decode texts.
_RAW: dict[str, Any] = {NEVER_DECODE: []}
# Asked for to see whether Redis gives standings.
_NOBODY = "r-0000000000000000"


class _Reader:
    """The steps of a lookup, without the waiting."""

    def __init__(
        self, names: PackNames, evaluator: Evaluator | None, load: Loader | None, clock: Callable[[], float]
    ) -> None:
        self._names = names
        self._known = {names.pack: names}
        self._evaluator = evaluator
        self._evaluators = {} if evaluator is None else {names.pack: evaluator}
        self._load = load
        self._clock = clock
        self._partitions = 0

    def steps(self, subject: str) -> _Steps[Answer]:
        number = parse_subject(subject)
        partitions = self._partitions or (yield from self.partitions())
        key = standing_key(subject, partitions)
        raw = yield ("GETRANGE", key, 0, CARD_BYTES - 1)
        if not raw:
            # A subject that was never heard of, or a store that was emptied: only the second is a failure.
            refilled = yield from self.partitions()
            return UNKNOWN if refilled == partitions else (yield from self.steps(subject))
        card = decode(raw)
        state = card.at(day_of(self._clock()))
        if state is not None:
            names = self._known.get(state.pack) or (yield from self._named(state.pack))
            if names is not None:
                return answer_of(card, state, names)
        return (yield from self._evaluated(number, key, card.pack))

    def readable(self) -> _Steps[None]:
        """Ask as for an answer: who may ask for the partitions may not ask for standings."""
        partitions = yield from self.partitions()
        yield ("GETRANGE", standing_key(_NOBODY, partitions), 0, CARD_BYTES - 1)

    def partitions(self) -> _Steps[int]:
        """Ask how many partitions the store was filled from."""
        raw = yield ("HGET", META, META_PARTITIONS)
        self._partitions = int(raw or 0)
        if not self._partitions:
            raise StoreEmptyError
        return self._partitions

    def _named(self, pack: int) -> _Steps[PackNames | None]:
        """Learn the names of a pack that was announced since, as the workers keep them; None if they do not."""
        raw = yield ("HGET", PACKS, f"{pack:016x}")
        if raw is None:
            return None
        self._known[pack] = PackNames.from_json(raw)
        return self._known[pack]

    def _evaluated(self, number: int, key: str, pack: int) -> _Steps[Answer]:
        """Read the whole standing, whose card may be new by now, and evaluate its ledger if it is not.

        So a reader with an evaluator is exact also while workers and readers change to another pack.
        """
        if self._evaluator is None:
            if pack not in self._known:
                self._names.check(pack)
            message = (
                "the card's time has passed and its ledger has to be evaluated: give this reader an evaluator of the "
                "worker's pack, or see why the worker's sweep is behind"
            )
            raise StaleCardError(message)
        raw = yield ("GET", key)
        if not raw:
            return UNKNOWN
        card = decode(raw)
        day = day_of(self._clock())
        state = card.at(day)
        if state is not None and state.pack in self._known:
            return answer_of(card, state, self._known[state.pack])
        names, evaluate = yield from self._holding(day)
        return answer_of(card, evaluate(number, raw[CARD_BYTES:], day), names)

    def _holding(self, day: int) -> _Steps[tuple[PackNames, Evaluator]]:
        """Return the names and an evaluator of the pack that holds on a day, this reader's own if none is told."""
        assert self._evaluator is not None  # noqa: S101 - who calls has looked
        timeline = yield ("HGET", PACKS, PACKS_TIMELINE)
        pack = self._names.pack if timeline is None else pack_on(timeline, day)
        if pack not in self._evaluators and self._load is not None:
            raw = yield ("HGET", PACKS, f"{pack:016x}")
            if raw is not None:
                self._known[pack], self._evaluators[pack] = PackNames.from_json(raw), self._load(raw)
        if pack in self._evaluators:
            return self._known[pack], self._evaluators[pack]
        return self._names, self._evaluator


class Lookup:
    """Looks up standings, from any number of threads."""

    def __init__(
        self,
        client: redis.Redis,
        names: PackNames,
        *,
        evaluator: Evaluator | None = None,
        load: Loader | None = None,
        access: Recorder | None = None,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take a client as it is; `from_url` makes one that keeps to the deadline.

        Args:
            client: connects on first use.
            names: of the worker's pack; those of packs that are announced later are read from the store.
            evaluator: of the worker's pack; without it a card whose time has passed twice is a StaleCardError.
            load: makes evaluators of packs that are announced later; without it the first one is used on.
            access: writes each read to the access log.
            timeout_s: how long one lookup may take in all, in seconds.
            clock: gives the time, in seconds since the epoch.

        """
        # redis-py leaves this method's types open; what a command answers is known here.
        self._execute: Callable[..., Any] = client.execute_command
        self._client = client
        self._timeout_s = timeout_s
        self._access = access
        self._reader = _Reader(names, evaluator, load, clock)

    @classmethod
    def from_url(
        cls,
        url: str,
        names: PackNames,
        *,
        evaluator: Evaluator | None = None,
        load: Loader | None = None,
        access: Recorder | None = None,
        timeout_s: float = TIMEOUT_S,
        connections_max: int = CONNECTIONS_MAX,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Make one for a ``redis://``, ``rediss://`` or ``unix://`` address; nothing connects yet."""
        client = deadline.connect(url, connections_max, timeout_s)
        return cls(client, names, evaluator=evaluator, load=load, access=access, timeout_s=timeout_s, clock=clock)

    def lookup(self, subject: str) -> Answer:
        """Return what a subject's standing says today.

        Raises:
            SubjectFormatError: that is no subject id.
            StandingUnavailableError: Redis did not answer within the deadline.
            StaleCardError: the card says nothing of today, and there is no evaluator.
            CardFormatError: what stands there is no card.
            AccessLogError: the read could not be written.

        """
        answer = self._run(self._reader.steps(subject))
        if self._access is not None:
            self._access(subject, answer)
        return answer

    def ready(self) -> None:
        """Return if Redis answers, gives standings, and a worker has opened it.

        Raises:
            StandingUnavailableError: it is not so.

        """
        self._run(self._reader.readable())

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._client.connection_pool.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, steps: _Steps[T]) -> T:
        try:
            with deadline.within(self._timeout_s):
                return self._drive(steps)
        except (redis.RedisError, TimeoutError) as error:
            raise StandingUnavailableError(str(error)) from error

    def _drive(self, steps: _Steps[T]) -> T:
        try:
            command = next(steps)
            while True:
                command = steps.send(self._execute(*command, **_RAW))
        except StopIteration as done:
            result: T = done.value
            return result


class AsyncLookup:
    """Looks up standings, from any number of tasks of one event loop."""

    def __init__(
        self,
        client: redis_asyncio.Redis,
        names: PackNames,
        *,
        evaluator: Evaluator | None = None,
        load: Loader | None = None,
        access: Recorder | None = None,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take a client as it is; the arguments are those of `Lookup`."""
        self._execute: Callable[..., Awaitable[Any]] = client.execute_command
        self._client = client
        self._timeout_s = timeout_s
        self._access = access
        self._reader = _Reader(names, evaluator, load, clock)

    @classmethod
    def from_url(
        cls,
        url: str,
        names: PackNames,
        *,
        evaluator: Evaluator | None = None,
        load: Loader | None = None,
        access: Recorder | None = None,
        timeout_s: float = TIMEOUT_S,
        connections_max: int = CONNECTIONS_MAX,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Make one for a ``redis://``, ``rediss://`` or ``unix://`` address; nothing connects yet."""
        pool = redis_asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=connections_max,
            timeout=timeout_s,
            # The lookup's own deadline ends every wait.
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), deadline.RETRIES),
        )
        client = redis_asyncio.Redis.from_pool(pool)
        return cls(client, names, evaluator=evaluator, load=load, access=access, timeout_s=timeout_s, clock=clock)

    async def lookup(self, subject: str) -> Answer:
        """Return what a subject's standing says today; raises what `Lookup.lookup` does."""
        answer = await self._run(self._reader.steps(subject))
        if self._access is not None:
            self._access(subject, answer)
        return answer

    async def ready(self) -> None:
        """Return if Redis answers, gives standings, and a worker has opened it.

        Raises:
            StandingUnavailableError: it is not so.

        """
        await self._run(self._reader.readable())

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, steps: _Steps[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._drive(steps)
        except TimeoutError as error:
            message = f"no answer within {self._timeout_s} s"
            raise StandingUnavailableError(message) from error
        except redis.RedisError as error:
            raise StandingUnavailableError(str(error)) from error

    async def _drive(self, steps: _Steps[T]) -> T:
        try:
            command = next(steps)
            while True:
                command = steps.send(await self._execute(*command, **_RAW))
        except StopIteration as done:
            result: T = done.value
            return result
