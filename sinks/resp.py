"""The compiled writer of Redis commands for many keys, and reader of their values, so that no Python runs per key.

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
def _copy(source: Bytes | bytes, begin: Int, size: Int, out: Bytes, at: Int) -> Int:
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
def _put_standings(
    out: Bytes,
    partitions: Ints,
    subjects: Subjects,
    written: NDArray[np.bool_],
    cards: Bytes,
    card_bytes: Int,
    facts: Bytes,
    fact_bytes: Int,
    starts: Ints,
) -> tuple[Int, Int]:
    at = np.int64(0)
    count = 0
    for n in range(subjects.shape[0]):
        if not written[n]:
            continue
        count += 1
        at = _put_standing_key(out, at, partitions[n], subjects[n])
        begin = starts[n] * fact_bytes
        size = starts[n + 1] * fact_bytes - begin
        at = _put_line(out, at, _DOLLAR, card_bytes + size)
        at = _copy(cards, n * card_bytes, card_bytes, out, at)
        at = _copy(facts, begin, size, out, at)
        at = _put_end(out, at)
    return at, count


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
        at = _copy(command, 0, len(command), out, at)
        at = _put_end(out, at)
        at = _put_line(out, at, _DOLLAR, _digits_of(partition) + 3 + _DUE.shape[0] + _digits_of(day))
        at = _put_tag(out, at, partition)
        at = _copy(_DUE, 0, _DUE.shape[0], out, at)
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
def _count_moves(before: Cards, after: Cards, written: Bools) -> Int:
    count = 0
    for n in range(written.shape[0]):
        count += written[n] and _due_day(before[n]) != _due_day(after[n])
    return count


@compiled
def _moves(before: Cards, after: Cards, written: Bools, left: Bools, entered: Bools) -> tuple[Int, Int]:
    left_count = 0
    entered_count = 0
    for n in range(written.shape[0]):
        was = _due_day(before[n])
        now = _due_day(after[n])
        moved = written[n] and was != now
        left[n] = moved and was != 0 and was != NEVER
        entered[n] = moved and now != NEVER
        left_count += left[n]
        entered_count += entered[n]
    return left_count, entered_count


@compiled
def _split(
    data: bytes, sizes: Ints, version: Int, cards: Bytes, card_bytes: Int, facts: Bytes, fact_bytes: Int, starts: Ints
) -> Int:
    at = np.int64(0)
    fact_at = np.int64(0)
    for n in range(sizes.shape[0]):
        size = sizes[n] - card_bytes
        # An unknown subject stands here as an empty card, of version 0 and without facts.
        if size < 0 or size % fact_bytes or (data[at] != version and (data[at] != 0 or size > 0)):
            return n
        starts[n] = fact_at // fact_bytes
        _copy(data, at, card_bytes, cards, n * card_bytes)
        fact_at = _copy(data, at + card_bytes, size, facts, fact_at)
        at += sizes[n]
    starts[sizes.shape[0]] = fact_at // fact_bytes
    return -1


def _raw(rows: NDArray[np.void]) -> Bytes:
    """Return rows as bytes; a view would ask in Python first whether their fields may be seen so."""
    return np.frombuffer(rows, np.uint8)


def split(
    data: bytes, sizes: Ints, version: int, cards: NDArray[np.void], facts: NDArray[np.void], starts: Ints
) -> int:
    """Copy n standings, one behind the other in `data`, into the columns of cards and facts.

    Returns -1, or the place of the first that is no standing of this version.
    """
    return int(_split(data, sizes, version, _raw(cards), cards.itemsize, _raw(facts), facts.itemsize, starts))


def keys(partitions: Ints, subjects: Subjects) -> bytes:
    """Return the standings' keys as arguments of a command."""
    out = np.empty(len(subjects) * _OVERHEAD_BYTES, np.uint8)
    return out[: _put_keys(out, partitions, subjects)].tobytes()


def standings(
    partitions: Ints,
    subjects: Subjects,
    written: NDArray[np.bool_],
    cards: NDArray[np.void],
    facts: NDArray[np.void],
    starts: Ints,
) -> tuple[memoryview, int]:
    """Return keys and values of the standings that are `written` as arguments of MSET, and how many they are of."""
    out = np.empty(len(subjects) * (_OVERHEAD_BYTES + cards.itemsize) + facts.nbytes, np.uint8)
    end, count = _put_standings(
        out, partitions, subjects, written, _raw(cards), cards.itemsize, _raw(facts), facts.itemsize, starts
    )
    # Not bytes: they would be copied, and are copied again into what is sent.
    return out.data[:end], count


class Moves(NamedTuple):
    """Which of n standings leave a due set, and which enter one; None where there are none."""

    left: Bools | None
    entered: Bools | None


def moves(before: Cards, after: Cards, written: Bools) -> Moves:
    """Return the moves between due sets that the standings that are `written` make by their new cards."""
    if not _count_moves(before, after, written):
        return Moves(None, None)
    left, entered = np.empty(len(written), np.bool_), np.empty(len(written), np.bool_)
    left_count, entered_count = _moves(before, after, written, left, entered)
    return Moves(left if left_count else None, entered if entered_count else None)


def due(command: str, partitions: Ints, days: Ints, subjects: Subjects) -> tuple[bytes, int]:
    """Return SADD or SREM commands for the due sets of subjects, and how many commands they are."""
    order = np.lexsort((days, partitions))
    out = np.empty(len(subjects) * 2 * _OVERHEAD_BYTES, np.uint8)
    end, commands = _put_due(out, command.encode(), partitions, days, subjects, order)
    return out[:end].tobytes(), commands
