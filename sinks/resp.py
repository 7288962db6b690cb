"""The compiled writer of Redis commands for many keys, so that no Python runs per key.

redis-py's own packer is the specification: a test holds the bytes equal.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.compiled import Int, Row, compiled
from schemas.days import NEVER
from scoring.card import Cards

Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Subjects = NDArray[np.uint64]

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_CR, _LF, _DOLLAR, _STAR, _OPEN, _CLOSE, _COLON = np.frombuffer(b"\r\n$*{}:", np.uint8)
_DUE = np.frombuffer(b"due:", np.uint8)
_SUBJECT_BYTES = 16
# What a key and the two length lines around it and its value can take at most.
_OVERHEAD_BYTES = 96


@compiled
def copy_bytes(source: Bytes | bytes, begin: Int, size: Int, out: Bytes, at: Int) -> Int:
    """Copy so many bytes from one place to another; return where they end."""
    for k in range(size):
        # A signed index may count from the end; asking that for each byte would copy one at a time.
        out[np.uint64(at + k)] = source[np.uint64(begin + k)]
    return at + size


@compiled
def _digits_of(value: Int) -> Int:
    count = 1
    while value >= 10:
        value //= 10
        count += 1
    return count


@compiled
def _put_number(out: Bytes, at: Int, value: Int) -> Int:
    end = at + _digits_of(value)
    for place in range(end - 1, at - 1, -1):
        out[place] = 48 + value % 10
        value //= 10
    return end


@compiled
def _put_line(out: Bytes, at: Int, mark: Int, value: Int) -> Int:
    """Put a length line, such as ``$16``."""
    out[at] = mark
    at = _put_number(out, at + 1, value)
    out[at] = _CR
    out[at + 1] = _LF
    return at + 2


@compiled
def _put_end(out: Bytes, at: Int) -> Int:
    out[at] = _CR
    out[at + 1] = _LF
    return at + 2


@compiled
def _put_tag(out: Bytes, at: Int, partition: Int) -> Int:
    """Put ``{partition}:``."""
    out[at] = _OPEN
    at = _put_number(out, at + 1, partition)
    out[at] = _CLOSE
    out[at + 1] = _COLON
    return at + 2


@compiled
def _put_subject(out: Bytes, at: Int, subject: np.uint64) -> Int:
    for k in range(_SUBJECT_BYTES):
        out[at + k] = _HEX[(subject >> np.uint64(60 - 4 * k)) & np.uint64(15)]
    return at + _SUBJECT_BYTES


@compiled
def _put_standing_key(out: Bytes, at: Int, partition: Int, subject: np.uint64) -> Int:
    at = _put_line(out, at, _DOLLAR, _digits_of(partition) + 3 + _SUBJECT_BYTES)
    at = _put_tag(out, at, partition)
    at = _put_subject(out, at, subject)
    return _put_end(out, at)


@compiled
def _put_keys(out: Bytes, partitions: Ints, subjects: Subjects) -> Int:
    at = np.int64(0)
    for n in range(subjects.shape[0]):
        at = _put_standing_key(out, at, partitions[n], subjects[n])
    return at


@compiled
def _put_due(
    out: Bytes, command: bytes, partitions: Ints, days: Ints, subjects: Subjects, order: Ints
) -> tuple[Int, Int]:
    """Put one set command for each partition and day, its members being their subjects."""
    at = np.int64(0)
    commands = 0
    n = 0
    while n < order.shape[0]:
        partition = partitions[order[n]]
        day = days[order[n]]
        stop = n
        while stop < order.shape[0] and partitions[order[stop]] == partition and days[order[stop]] == day:
            stop += 1
        at = _put_line(out, at, _STAR, 2 + stop - n)
        at = _put_line(out, at, _DOLLAR, len(command))
        at = copy_bytes(command, 0, len(command), out, at)
        at = _put_end(out, at)
        at = _put_line(out, at, _DOLLAR, _digits_of(partition) + 3 + _DUE.shape[0] + _digits_of(day))
        at = _put_tag(out, at, partition)
        at = copy_bytes(_DUE, 0, _DUE.shape[0], out, at)
        at = _put_number(out, at, day)
        at = _put_end(out, at)
        while n < stop:
            at = _put_line(out, at, _DOLLAR, _SUBJECT_BYTES)
            at = _put_subject(out, at, subjects[order[n]])
            at = _put_end(out, at)
            n += 1
        commands += 1
    return at, commands


@compiled
def _due_day(card: Row) -> Int:
    # That another pack holds from a day on is due for everybody at once: who goes through all sees to it.
    return np.int64(card.valid_until) if card.next_pack == 0 else NEVER


@compiled
def _moves(before: Cards, after: Cards, written: Bools, left: Bools, entered: Bools) -> None:
    for n in range(written.shape[0]):
        was = _due_day(before[n])
        now = _due_day(after[n])
        moved = written[n] and was != now
        left[n] = moved and was != 0 and was != NEVER
        entered[n] = moved and now != NEVER


@compiled
def _put_standings(
    out: Bytes,
    partitions: Ints,
    subjects: Subjects,
    written: Bools,
    before: Cards,
    after: Cards,
    cards: Bytes,
    facts: Bytes,
    fact_bytes: Int,
    starts: Ints,
) -> tuple[Int, Int, Int]:
    at = np.int64(0)
    count = 0
    moved = 0
    card_bytes = after.itemsize
    for n in range(subjects.shape[0]):
        if not written[n]:
            continue
        count += 1
        moved += _due_day(before[n]) != _due_day(after[n])
        at = _put_standing_key(out, at, partitions[n], subjects[n])
        begin = starts[n] * fact_bytes
        size = starts[n + 1] * fact_bytes - begin
        at = _put_line(out, at, _DOLLAR, card_bytes + size)
        at = copy_bytes(cards, n * card_bytes, card_bytes, out, at)
        at = copy_bytes(facts, begin, size, out, at)
        at = _put_end(out, at)
    return at, count, moved


def _raw(rows: NDArray[np.void]) -> Bytes:
    """Return rows as bytes; a view would ask in Python first whether their fields may be seen so."""
    return np.frombuffer(rows, np.uint8)


def keys(partitions: Ints, subjects: Subjects) -> bytes:
    """Return the standings' keys as arguments of a command."""
    out = np.empty(len(subjects) * _OVERHEAD_BYTES, np.uint8)
    return out[: _put_keys(out, partitions, subjects)].tobytes()


class Arguments(NamedTuple):
    """Standings as arguments of MSET.

    Attributes:
        packed: key and value of each.
        standings: how many they are.
        moved: how many of them come to stand in another due set, or in none.

    """

    packed: memoryview
    standings: int
    moved: int


def standings(
    partitions: Ints,
    subjects: Subjects,
    written: Bools,
    before: Cards,
    after: Cards,
    facts: NDArray[np.void],
    starts: Ints,
) -> Arguments:
    """Return those of n standings that are `written`, whose cards were others `before`."""
    out = np.empty(len(subjects) * (_OVERHEAD_BYTES + after.itemsize) + facts.nbytes, np.uint8)
    end, count, moved = _put_standings(
        out, partitions, subjects, written, before, after, _raw(after), _raw(facts), facts.itemsize, starts
    )
    # Not bytes: they would be copied, and are copied again into what is sent.
    return Arguments(out.data[:end], count, moved)


class Moves(NamedTuple):
    """Which of n standings leave a due set, and which enter one."""

    left: Bools
    entered: Bools


def moves(before: Cards, after: Cards, written: Bools) -> Moves:
    """Return the moves between due sets that the standings that are `written` make by their new cards."""
    left, entered = np.empty(len(written), np.bool_), np.empty(len(written), np.bool_)
    _moves(before, after, written, left, entered)
    return Moves(left, entered)


def due(command: str, partitions: Ints, days: Ints, subjects: Subjects) -> tuple[bytes, int]:
    """Return SADD or SREM commands for the due sets of subjects, and how many commands they are."""
    order = np.lexsort((days, partitions))
    out = np.empty(len(subjects) * 2 * _OVERHEAD_BYTES, np.uint8)
    end, commands = _put_due(out, command.encode(), partitions, days, subjects, order)
    return out[:end].tobytes(), commands
