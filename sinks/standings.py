"""Standings as Redis has them, card and ledger in one value, and as columns."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.compiled import Int, compiled
from schemas.facts import FACT, Facts
from scoring.card import CARD, CARD_VERSION, Cards
from sinks.errors import StandingFormatError
from sinks.keys import standing_key
from sinks.resp import copy_bytes

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Subjects = NDArray[np.uint64]

_UNKNOWN = bytes(CARD.itemsize)
_CARD_BYTES, _FACT_BYTES = CARD.itemsize, FACT.itemsize


class Values(NamedTuple):
    """Standings as they are in Redis: one behind the other, an empty card for who is unknown, and the size of each."""

    data: bytes
    sizes: Ints


class Standings(NamedTuple):
    """The standings of n subjects, as columns.

    Attributes:
        cards: (n,) of dtype CARD, zeros for a subject that is unknown.
        facts: their ledgers, one behind the other.
        starts: (n + 1,) where each begins.

    """

    cards: Cards
    facts: Facts
    starts: Ints


@compiled
def split_each(data: bytes, sizes: Ints, cards: Bytes, facts: Bytes, starts: Ints) -> Int:
    """Copy n values into the bytes of columns; return -1, or the place of the first that is no standing."""
    at = np.int64(0)
    fact_at = np.int64(0)
    for n in range(sizes.shape[0]):
        size = sizes[n] - _CARD_BYTES
        # An unknown subject stands here as an empty card, of version 0 and without facts.
        if size < 0 or size % _FACT_BYTES or (data[at] != CARD_VERSION and (data[at] != 0 or size > 0)):
            return n
        starts[n] = fact_at // _FACT_BYTES
        copy_bytes(data, at, _CARD_BYTES, cards, n * _CARD_BYTES)
        fact_at = copy_bytes(data, at + _CARD_BYTES, size, facts, fact_at)
        at += sizes[n]
    starts[sizes.shape[0]] = fact_at // _FACT_BYTES
    return -1


def packed(values: Sequence[bytes | None]) -> Values:
    """Return the values of standings as they come, None for a subject that is unknown."""
    parts = [value or _UNKNOWN for value in values]
    return Values(b"".join(parts), np.fromiter(map(len, parts), np.int64, len(parts)))


def facts_max(values: Values) -> int:
    """Return for how many facts there are bytes; that something is no standing is noticed when it is split."""
    return max(len(values.data) - len(values.sizes) * _CARD_BYTES, 0) // _FACT_BYTES


def split(values: Values, of: Ints, subjects: Subjects) -> Standings:
    """Return the columns of standings.

    Raises:
        StandingFormatError: a value is no standing.

    """
    n = len(values.sizes)
    cards, facts, starts = np.empty(n, CARD), np.empty(facts_max(values), FACT), np.empty(n + 1, np.int64)
    # Not views: one would ask in Python first whether the fields may be seen so.
    wrong = split_each(*values, np.frombuffer(cards, np.uint8), np.frombuffer(facts, np.uint8), starts)
    if wrong >= 0:
        raise unreadable(values, wrong, of, subjects)
    return Standings(cards, facts, starts)


def unreadable(values: Values, place: int, of: Ints, subjects: Subjects) -> StandingFormatError:
    """Return the error of a value that is no standing."""
    key = standing_key(int(of[place]), int(subjects[place]))
    size, at = int(values.sizes[place]), int(values.sizes[:place].sum())
    fits = size >= _CARD_BYTES and (size - _CARD_BYTES) % _FACT_BYTES == 0
    was = f"version {values.data[at]}" if fits else f"{size} bytes"
    message = f"{key} is no standing of version {CARD_VERSION}: was {was}; upgrade the worker, or delete and replay"
    return StandingFormatError(message)
