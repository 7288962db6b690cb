"""Standings in Redis, read and written under a fence, in two round trips a batch.

A partition's next offset is the version of everything in that partition. `load` watches it and reads it with the
standings; `commit` writes standings, due times, outbox and the new next offset in one transaction, which Redis
refuses if anybody moved the fence since.

Of a backlog the next batch can be loaded before this one is committed (`load_ahead`), so that Redis reads while this
one is evaluated. What this one then writes is put over what was read, and behind the commit the fences are watched and
read once more: unless nobody else has written meanwhile, the next batch is loaded anew.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import redis
from numpy.typing import NDArray

from schemas.records import RecordKey
from scoring.card import Cards
from sinks import resp
from sinks.errors import (
    PacksBehindError,
    PartitionLostError,
    StandingFormatError,
    StoreError,
    StoreMismatchError,
    StoreUnavailableError,
)
from sinks.keys import (
    META,
    PACKS,
    access_next_key,
    due_key,
    epoch_key,
    next_key,
    outbox_key,
    passes_key,
    rescored_key,
    swept_key,
)
from sinks.standings import Standings, Values, packed, split
from sinks.wire import Wire

_SUBJECT_DIGITS = 16
# A transaction of nothing.
_TRANSACTION = (("WATCH", next_key(0)), ("MULTI",), ("EXEC",))
# Of what a worker asks and writes, each command once.
_TRIED = (
    ("HSETNX", META, "", ""),
    ("HSET", PACKS, "", ""),
    ("HGETALL", META),
    ("GET", next_key(0)),
    ("SET", next_key(0), ""),
    ("SCAN", "0"),
    ("UNWATCH",),
    ("MGET", next_key(0)),
    ("MSET", next_key(0), ""),
    ("INCR", passes_key(0)),
    ("SADD", due_key(0, 0), ""),
    ("SREM", due_key(0, 0), ""),
    ("SRANDMEMBER", due_key(0, 0)),
    ("XADD", outbox_key(0), "*", "", ""),
    ("XRANGE", outbox_key(0), "-", "+"),
    ("XLEN", outbox_key(0)),
    ("XDEL", outbox_key(0), "0-0"),
    ("LPUSH", access_next_key(0), ""),
    ("LTRIM", access_next_key(0), "0", "0"),
    ("TIME",),
)
# What is read of a partition with each load: its next offset, its epoch, how many passes have written.
_FENCE_KEYS = 3

Ints = NDArray[np.int64]
Subjects = NDArray[np.uint64]


def _nothing() -> None:
    pass


class Wanted(NamedTuple):
    """What `Store.load` is asked for: its arguments."""

    partitions: Sequence[int]
    of: Ints
    subjects: Subjects


class Commit(NamedTuple):
    """What one transaction writes.

    Attributes:
        nexts: the new next offset of each partition.
        partitions: (n,) of the subjects.
        subjects: (n,) their numbers.
        written: (n,) which of them have a new standing.
        before: (n,) their cards until now.
        after: the new standings.
        outbox: fields and values of each partition's entry, where it has one.
        is_pass: whether standings are renewed without an event: `nexts`, which do not move, do not tell of it.
        epochs: how many announcements of packs a partition's standings are written under, where that is news to it.

    """

    nexts: Mapping[int, int]
    partitions: Ints
    subjects: Subjects
    written: NDArray[np.bool_]
    before: Cards
    after: Standings
    outbox: Mapping[int, list[bytes]] = MappingProxyType({})
    is_pass: bool = False
    epochs: Mapping[int, int] = MappingProxyType({})


class _Ahead(NamedTuple):
    """What was read before a commit, and the commit that goes over it."""

    wanted: Wanted
    fences: list[Any]
    values: list[Any]
    commit: Commit


class Store:
    """One worker's connection to Redis; it is opened on first use, and again after a failure.

    Attributes:
        epoch: how many announcements of packs its worker has applied. Where another has applied more, nothing is read
            or written until this one has, too: cards of an old pack would come after those of a new one.
        round_trips: of load and commit.

    """

    def __init__(self, client: redis.Redis) -> None:
        # redis-py types each answer as one of all that any server may give; here they are known by the command.
        self._client: Any = client
        self._wire = Wire(client)
        self._raised: dict[int, int] = {}
        # Sent ahead of a commit and not answered yet; and answered, for the load that may come next.
        self._sent_ahead: Wanted | None = None
        self._ahead: _Ahead | None = None
        self.epoch = 0
        self.round_trips = 0

    def open(self, key: RecordKey, partitions: int, generation: str = "") -> str:
        """Check that this store belongs to this deployment, or make it so; return its generation.

        Args:
            key: that of the deployment.
            partitions: how many its events have.
            generation: what an emptied store is called; by default it gets a new name.

        Raises:
            StoreMismatchError: it was filled with another key or number of partitions.
            StoreUnavailableError: Redis does not answer.

        """
        fingerprint = _fingerprint(key)
        mine = {"generation": generation or uuid.uuid4().hex, "partitions": str(partitions), "key": fingerprint}
        try:
            # Where they are forbidden, each command of a commit would be applied by itself, whatever the fence.
            nothing = self._client.pipeline(transaction=False)
            nothing.execute_command("MULTI")
            nothing.execute_command("EXEC")
            nothing.execute()
            for name, value in mine.items():
                self._client.hsetnx(META, name, value)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error
        meta = self._meta()
        _compare(meta, fingerprint, partitions)
        return meta["generation"]

    def check(self, key: RecordKey, partitions: int | None) -> bool:
        """Return whether this store is filled; raises what `open` does, and writes nothing.

        Without a number of `partitions` only the key is compared.
        """
        if meta := self._meta():
            _compare(meta, _fingerprint(key), partitions or int(meta["partitions"]))
        return bool(meta)

    def try_writing(self) -> None:
        """Return if Redis takes what a worker writes; what it is asked for is given up, and nothing is written.

        Raises:
            StoreUnavailableError: it is away, or refuses: it is full, a replica, or its user may not do something.

        """
        # Whether there are transactions comes first: without one each of these commands would be applied.
        rounds: list[list[tuple[str, ...]]] = [[*_TRANSACTION], [("MULTI",), *_TRIED, ("DISCARD",)]]
        try:
            for commands in rounds:
                self._round_trip([_command(*one) for one in commands], len(commands))
        finally:
            self.disconnect()

    def nexts(self, partitions: Sequence[int]) -> dict[int, int]:
        """Return, by partition that is known, the offset of its first event that is not applied."""
        return {partition: int(offset) for partition, offset in self._each(next_key, partitions).items()}

    def _meta(self) -> dict[str, str]:
        try:
            raw = self._client.hgetall(META)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error
        return {_decoded(name): _decoded(value) for name, value in raw.items()}

    def positions(self, lowest: Mapping[int, int], today: int) -> dict[int, int]:
        """Return the next offset of each partition; one that is unknown begins at the log's lowest offset."""
        try:
            pipeline = self._client.pipeline(transaction=False)
            for partition, offset in lowest.items():
                pipeline.set(next_key(partition), offset, nx=True)
                pipeline.set(swept_key(partition), today, nx=True)
                pipeline.get(next_key(partition))
            answers = pipeline.execute()
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error
        return _offsets([*lowest], answers[2::3])

    def load(self, partitions: Sequence[int], of: Ints, subjects: Subjects) -> tuple[dict[int, int], Standings]:
        """Return what `load_values` does, the standings as columns.

        Raises:
            StoreError: as there.
            StandingFormatError: also if a value is no standing.

        """
        nexts, values = self.load_values(partitions, of, subjects)
        return nexts, split(values, of, subjects)

    def load_values(self, partitions: Sequence[int], of: Ints, subjects: Subjects) -> tuple[dict[int, int], Values]:
        """Watch the fences of partitions; return their next offsets, and the standings of subjects.

        Args:
            partitions: those the batch comes from.
            of: (n,) the partition of each subject.
            subjects: (n,) their numbers.

        Raises:
            StoreUnavailableError: Redis does not answer.
            PacksBehindError: another worker has written under more announcements of packs than this one knows.
            PartitionLostError: Redis no longer knows a partition.
            StandingFormatError: an offset or epoch is no number.

        """
        wanted = Wanted(partitions, of, subjects)
        ahead, self._ahead = self._ahead, None
        # The same subjects are known by being the same array: what is wanted is grouped once.
        if ahead is not None and ahead.wanted.subjects is subjects and ahead.wanted.partitions == partitions:
            fences, values = ahead.fences, _overwritten(ahead)
        else:
            fences, values = _fences_and_values(self._round_trip([*_watching(wanted), *_reading(wanted)], 2)[1], wanted)
        nexts, epochs = fences[::_FENCE_KEYS], fences[1::_FENCE_KEYS]
        if None in nexts:
            self.disconnect()
            raise PartitionLostError([one for one, answer in zip(partitions, nexts, strict=True) if answer is None])
        self._compare_epochs(partitions, epochs)
        return _offsets(partitions, nexts), packed(values)

    def load_ahead(self, wanted: Wanted) -> None:
        """Send the load of the next batch already, between `load` and `commit` of this one.

        The `load` of just that, if it is the next call behind the commit, makes no round trip of its own.

        Raises:
            StoreUnavailableError: Redis does not answer.

        """
        self._send(_reading(wanted))
        self._sent_ahead = wanted

    def commit(self, commit: Commit, meanwhile: Callable[[], None] = _nothing) -> bool:
        """Write a batch; return False, having written nothing, if another worker moved a fence since `load`.

        Args:
            commit: what to write.
            meanwhile: called while Redis writes.

        Raises:
            StoreUnavailableError: Redis does not answer, or refuses. Whether it wrote is then open: load again.
            StoreError: a key has a type that it never gets from here, and the rest was written; or MULTI is forbidden.

        """
        if self._raised:
            commit = commit._replace(epochs=self._raised)
        answers = self._written(commit, meanwhile)
        if answers[-1] is None:
            self._ahead = None
            return False
        if failed := [str(answer) for answer in answers[-1] if isinstance(answer, redis.RedisError)]:
            # A transaction goes on behind a command that fails in it: the rest is written, and would go unmissed.
            message = (
                f"a part of a commit to partitions {list(commit.nexts)} was not written: {failed[0]}; a due set or an "
                f"outbox is no longer one: delete {' and '.join(self._strangers(commit)) or 'that key'}, and empty the "
                "store if what it held is missed"
            )
            raise StoreError(message)
        return True

    def _strangers(self, commit: Commit) -> list[str]:
        """Return the keys of a commit that have a type which they never get from here."""
        types = {outbox_key(partition): "stream" for partition in commit.outbox}
        for cards in (commit.before, commit.after.cards):
            days = cards["valid_until"][commit.written].tolist()
            places = zip(commit.partitions[commit.written].tolist(), days, strict=True)
            types |= {due_key(partition, day): "set" for partition, day in places}
        try:
            return [key for key, kind in types.items() if _decoded(self._client.type(key)) not in {kind, "none"}]
        except redis.RedisError:
            return []

    def _written(self, commit: Commit, meanwhile: Callable[[], None]) -> list[Any]:
        """Send a transaction and take its answers, with those to what was sent ahead of it."""
        commands, count = transaction(commit)
        wanted, self._sent_ahead, self._ahead = self._sent_ahead, None, None
        self._send([*commands, *_watching(wanted), *_reading_fences(wanted)] if wanted else commands)
        try:
            meanwhile()
        except BaseException:
            # Whoever asks next would take these answers for theirs.
            self.disconnect()
            raise
        if wanted is None:
            return self._answers_to_transaction(count)
        before, values = _fences_and_values(self._answers(1)[0], wanted)
        answers = self._answers_to_transaction(count)
        after = self._answers(2)[1]
        if _only_ours(commit, wanted.partitions, before, after):
            self._ahead = _Ahead(wanted, after, values, commit)
        return answers

    def _compare_epochs(self, partitions: Sequence[int], epochs: Sequence[bytes | None]) -> None:
        if epochs == [b"%d" % self.epoch if self.epoch else None] * len(epochs):
            self._raised = {}
            return
        remedy = "delete it: the next commit writes how many announcements of packs its worker knows"
        written = _numbers(epoch_key, partitions, [epoch or b"0" for epoch in epochs], remedy)
        if (highest := max(written, default=0)) > self.epoch:
            self.disconnect()
            raise PacksBehindError(self.epoch, highest)
        behind = (one for one, epoch in zip(partitions, written, strict=True) if epoch < self.epoch)
        self._raised = dict.fromkeys(behind, self.epoch)

    def release(self) -> None:
        """Give up the watch of a load that needs no commit."""
        self._round_trip([_command("UNWATCH")], 1)

    def now_s(self) -> int:
        """Return what Redis' clock says, in seconds since the epoch."""
        try:
            seconds: int = self._client.time()[0]
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error
        return seconds

    def due(self, partition: int, day: int, count: int) -> Subjects:
        """Return up to `count` subjects whose standing changes on a day without an event."""
        try:
            members = self._client.srandmember(due_key(partition, day), count)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error
        return np.array([int(member, 16) for member in members], np.uint64)

    def swept(self, partitions: Sequence[int]) -> dict[int, int]:
        """Return, by partition that is known, the last day whose due subjects are done."""
        return {partition: int(day) for partition, day in self._each(swept_key, partitions).items()}

    def set_swept(self, partition: int, day: int) -> None:
        """Say that a day's due subjects are done."""
        try:
            self._client.set(swept_key(partition), day)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error

    def go_back(self, partition: int, day: int) -> None:
        """Say that a partition is done until an earlier day only, and that all its standings are to be looked at."""
        try:
            self._client.mset({swept_key(partition): day, rescored_key(partition): ""})
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error

    def forget_due(self, partition: int, day: int, subjects: Subjects) -> None:
        """Take subjects from a due set that their standings no longer belong to."""
        try:
            self._client.srem(due_key(partition, day), *(f"{int(subject):016x}" for subject in subjects))
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error

    def rescored(self, partitions: Sequence[int]) -> dict[int, str]:
        """Return, where there was one, the change of packs for which all standings of a partition were looked at."""
        return {partition: _decoded(change) for partition, change in self._each(rescored_key, partitions).items()}

    def set_rescored(self, partition: int, change: str) -> None:
        """Say for which change of packs all of a partition's standings have been looked at."""
        try:
            self._client.set(rescored_key(partition), change)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error

    def scan(self, partition: int, cursor: int, keys: int) -> tuple[int, Subjects]:
        """Go through a partition's subjects: look at so many keys from a cursor on, 0 at first.

        Returns the next cursor, 0 at the end, and the subjects found, which may be none. Who is there all the while
        is found at least once.
        """
        pattern = f"{{{partition}}}:{'[0-9a-f]' * _SUBJECT_DIGITS}"
        try:
            cursor, found = self._client.scan(cursor, match=pattern, count=keys)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error
        digits = [_decoded(key)[-_SUBJECT_DIGITS:] for key in found]
        return cursor, np.array(sorted(int(one, 16) for one in digits), np.uint64)

    def keep_packs(self, documents: Mapping[str, bytes]) -> None:
        """Keep packs for readers, by their hashes, and under `keys.TIMELINE` which of them holds when."""
        try:
            self._client.hset(PACKS, mapping=documents)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error

    def packs(self) -> dict[str, bytes]:
        """Return what was kept for readers."""
        try:
            raw = self._client.hgetall(PACKS)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error
        return {_decoded(name): value for name, value in raw.items()}

    def outbox(self, partition: int, count: int) -> list[tuple[bytes, list[bytes]]]:
        """Return the oldest entries of a partition's outbox: the id of each, and its fields and values."""
        # Not by the client's own method: it makes a mapping of the fields, and of several dead letters keeps one.
        command = _command("XRANGE", outbox_key(partition), "-", "+", "COUNT", str(count))
        return [(entry_id, fields) for entry_id, fields in self._round_trip([command], 1)[0]]

    def outbox_lengths(self, partitions: Sequence[int]) -> dict[int, int]:
        """Return, by partition, how many entries wait to be published."""
        pipeline = self._client.pipeline(transaction=False)
        for partition in partitions:
            pipeline.xlen(outbox_key(partition))
        try:
            return dict(zip(partitions, pipeline.execute(), strict=True))
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error

    def published(self, partition: int, entries: Sequence[bytes]) -> None:
        """Take published entries from a partition's outbox."""
        try:
            self._client.xdel(outbox_key(partition), *entries)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error

    def disconnect(self) -> None:
        """Close the connection of load and commit; a watch ends with it."""
        self._sent_ahead = self._ahead = None
        self._wire.close()

    def _each(self, key: Callable[[int], str], partitions: Sequence[int]) -> dict[int, bytes]:
        """Return the value of each partition's key, where there is one."""
        try:
            values = self._client.mget(map(key, partitions)) if partitions else []
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error
        return {partition: raw for partition, raw in zip(partitions, values, strict=True) if raw is not None}

    def _round_trip(self, commands: Sequence[bytes | memoryview], answers: int) -> list[Any]:
        if self._sent_ahead is not None:
            # What was to be committed was given up, and its connection has answers for nobody.
            self.disconnect()
        self._send(commands)
        return self._answers(answers)

    def _send(self, commands: Sequence[bytes | memoryview]) -> None:
        try:
            self._wire.send(commands)
        except redis.RedisError as error:
            self.disconnect()
            raise StoreUnavailableError(str(error)) from error
        self.round_trips += 1

    def _answers(self, count: int) -> list[Any]:
        try:
            return self._wire.answers(count)
        except redis.RedisError as error:
            self.disconnect()
            raise StoreUnavailableError(str(error)) from error

    def _answers_to_transaction(self, count: int) -> list[Any]:
        """Take all answers; where the first says that MULTI is forbidden, another attempt would pass the fence, too."""
        try:
            begun = self._answers(1)
        except StoreUnavailableError as error:
            if str(error).startswith("NOPERM"):
                message = f"Redis applied a commit without its fence: {error}; allow MULTI again, and start the worker"
                raise StoreError(message) from error
            raise
        return begun + self._answers(count - 1)


def _fingerprint(key: RecordKey) -> str:
    return f"{key.record('/jasmine', 'fingerprint'):016x}"


def _compare(meta: Mapping[str, str], fingerprint: str, partitions: int) -> None:
    if meta["partitions"] != str(partitions):
        raise StoreMismatchError.of_partitions(int(meta["partitions"]), partitions)
    if meta["key"] != fingerprint:
        message = (
            "the store was filled under another pseudonym key: set the one it was filled with, or use an empty store"
        )
        raise StoreMismatchError(message)


def _watching(wanted: Wanted) -> list[bytes]:
    """Return the command that watches the fences of a load: every commit writes a partition's next offset."""
    return [b"*%d\r\n$5\r\nWATCH\r\n" % (1 + len(wanted.partitions)), *map(_next, wanted.partitions)]


def _reading(wanted: Wanted) -> list[bytes]:
    """Return the command that reads the fences of a load, and its standings."""
    count = 1 + _FENCE_KEYS * len(wanted.partitions) + len(wanted.subjects)
    fences = map(_fence, wanted.partitions)
    return [b"*%d\r\n$4\r\nMGET\r\n" % count, *fences, resp.keys(wanted.of, wanted.subjects)]


def _reading_fences(wanted: Wanted) -> list[bytes]:
    nothing = np.zeros(0, np.int64), np.zeros(0, np.uint64)
    return _reading(Wanted(wanted.partitions, *nothing))


def _fences_and_values(found: list[Any], wanted: Wanted) -> tuple[list[Any], list[Any]]:
    count = _FENCE_KEYS * len(wanted.partitions)
    return found[:count], found[count:]


def _only_ours(commit: Commit, partitions: Sequence[int], before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Return whether nobody but a commit that was applied wrote to partitions between two readings of their fences.

    The commit's own fences did not move before it, or it would have been refused. Who applies events moves the next
    offset, and who renews standings counts a pass.
    """
    for place, partition in enumerate(partitions):
        next_at, passes_at = _FENCE_KEYS * place, _FENCE_KEYS * place + 2
        expected = b"%d" % commit.nexts[partition] if partition in commit.nexts else before[next_at]
        if after[next_at] != expected or after[passes_at] != before[passes_at]:
            return False
    return True


def _offsets(partitions: Sequence[int], answers: Sequence[bytes]) -> dict[int, int]:
    """Return the next offset of each partition; raises what `_numbers` does."""
    remedy = (
        "set it to that of the first event that is not applied, or delete it, and the partition is replayed from the "
        "log's beginning"
    )
    return dict(zip(partitions, _numbers(next_key, partitions, answers, remedy), strict=True))


def _numbers(key: Callable[[int], str], partitions: Sequence[int], answers: Sequence[bytes], remedy: str) -> list[int]:
    """Return the values of each partition's key.

    Raises:
        StandingFormatError: one is no number, as nobody but an operator writes it.

    """
    try:
        return list(map(int, answers))
    except ValueError:
        partition, was = next(one for one in zip(partitions, answers, strict=True) if not one[1].isdigit())
        raise StandingFormatError(f"{key(partition)} is no number: was {was!r}; {remedy}") from None


def _overwritten(ahead: _Ahead) -> list[Any]:
    """Return values that were read before a commit as they are behind it."""
    wanted, _, values, commit = ahead
    written = np.flatnonzero(commit.written)
    _, there, here = np.intersect1d(wanted.subjects, commit.subjects[written], assume_unique=True, return_indices=True)
    cards, facts, starts = commit.after
    for place, at in zip(there.tolist(), written[here].tolist(), strict=True):
        values[place] = cards[at].tobytes() + facts[starts[at] : starts[at + 1]].tobytes()
    return values


def _decoded(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def transaction(commit: Commit) -> tuple[list[bytes | memoryview], int]:
    """Return a transaction's commands, and how many answers they have."""
    fences = [_next(partition) + _argument(b"%d" % offset) for partition, offset in commit.nexts.items()]
    fences += [_argument(epoch_key(partition)) + _argument(b"%d" % epoch) for partition, epoch in commit.epochs.items()]
    standings, count, moved = resp.standings(
        commit.partitions, commit.subjects, commit.written, commit.before, *commit.after
    )
    due, due_count = _due(commit) if moved else ([], 0)
    appended = [
        _command("XADD", outbox_key(partition), "*", *pairs) for partition, pairs in commit.outbox.items() if pairs
    ]
    passes = [_command("INCR", passes_key(partition)) for partition in commit.nexts] if commit.is_pass else []
    commands: list[bytes | memoryview] = [
        b"*1\r\n$5\r\nMULTI\r\n*%d\r\n$4\r\nMSET\r\n" % (1 + 2 * len(fences) + 2 * count),
        *fences,
        standings,
        *due,
        *appended,
        *passes,
        b"*1\r\n$4\r\nEXEC\r\n",
    ]
    return commands, 3 + due_count + len(appended) + len(passes)


def _due(commit: Commit) -> tuple[list[bytes], int]:
    """Return the commands that move subjects between due sets, for those whose day changed."""
    commands: list[bytes] = []
    count = 0
    left, entered = resp.moves(commit.before, commit.after.cards, commit.written)
    for command, cards, chosen in (("SREM", commit.before, left), ("SADD", commit.after.cards, entered)):
        if chosen.any():
            days = cards["valid_until"][chosen].astype(np.int64)
            moved, more = resp.due(command, commit.partitions[chosen], days, commit.subjects[chosen])
            commands.append(moved)
            count += more
    return commands, count


@cache
def _next(partition: int) -> bytes:
    return _argument(next_key(partition))


@cache
def _fence(partition: int) -> bytes:
    return _next(partition) + _argument(epoch_key(partition)) + _argument(passes_key(partition))


def _argument(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return b"$%d\r\n%s\r\n" % (len(raw), raw)


def _command(*arguments: str | bytes) -> bytes:
    return b"*%d\r\n" % len(arguments) + b"".join(map(_argument, arguments))
