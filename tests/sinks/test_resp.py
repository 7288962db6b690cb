"""The compiled writer of Redis commands, held to redis-py's own packer."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from redis.connection import Connection

from schemas.days import NEVER
from schemas.facts import FACT
from scoring.card import CARD
from sinks import resp
from sinks.keys import due_key, standing_key
from sinks.resp import Ints, Subjects

SUBJECTS = st.integers(0, (1 << 64) - 1)
PARTITIONS = st.integers(0, 12) | st.integers(0, 65_534)
KEYS = st.lists(st.tuples(PARTITIONS, SUBJECTS), max_size=12)
# A connection packs without being connected; its address is never used.
PACKER: Any = Connection(host="unused", port=0)  # type: ignore[no-untyped-call]  # redis-py has none here


def packed(*commands: tuple[str | bytes, ...]) -> bytes:
    return b"".join(PACKER.pack_commands(commands))


def columns(pairs: list[tuple[int, int]]) -> tuple[Ints, Subjects]:
    return np.array([one for one, _ in pairs], np.int64), np.array([one for _, one in pairs], np.uint64)


def arguments(command: str, count: int, written: bytes | memoryview) -> bytes:
    return b"*%d\r\n$%d\r\n%s\r\n%s" % (count + 1, len(command), command.encode(), written)


@given(KEYS)
def test_keys_are_what_redis_py_writes(pairs: list[tuple[int, int]]) -> None:
    keys = [standing_key(partition, subject) for partition, subject in pairs]

    assert arguments("MGET", len(keys), resp.keys(*columns(pairs))) == packed(("MGET", *keys))


def _random(count: int, dtype: np.dtype[np.void], seed: int) -> NDArray[np.void]:
    return np.frombuffer(np.random.default_rng(seed).bytes(count * dtype.itemsize), dtype)


@given(st.lists(st.tuples(PARTITIONS, SUBJECTS, st.integers(0, 40), st.booleans()), max_size=8), st.integers(0, 99))
def test_standings_are_what_redis_py_writes(rows: list[tuple[int, int, int, bool]], seed: int) -> None:
    partitions, subjects = columns([(partition, subject) for partition, subject, _, _ in rows])
    starts = np.cumsum([0, *(count for _, _, count, _ in rows)]).astype(np.int64)
    cards, facts = _random(len(rows), CARD, seed), _random(int(starts[-1]), FACT, seed + 1)
    written = np.array([chosen for _, _, _, chosen in rows], np.bool_)

    ours, count, _ = resp.standings(partitions, subjects, written, cards, cards, facts, starts)

    pairs: list[str | bytes] = []
    for n in np.flatnonzero(written).tolist():
        pairs.append(standing_key(int(partitions[n]), int(subjects[n])))
        pairs.append(cards[n].tobytes() + facts[starts[n] : starts[n + 1]].tobytes())
    assert count == len(pairs) // 2
    # redis-py sends long values apart; joined, the bytes are the same.
    assert arguments("MSET", len(pairs), ours) == packed(("MSET", *pairs))


# A card's last day and the pack that follows; the day's due set is that of a card without one.
STANDS = st.tuples(st.sampled_from([0, 20_000, 20_001, NEVER]), st.sampled_from([0, 7]))


@given(st.lists(st.tuples(STANDS, STANDS, st.booleans()), max_size=8))
def test_standings_tell_how_many_of_them_move_between_due_sets(
    rows: list[tuple[tuple[int, int], tuple[int, int], bool]],
) -> None:
    before, after = np.zeros(len(rows), CARD), np.zeros(len(rows), CARD)
    for n, (was, now, _) in enumerate(rows):
        before[["valid_until", "next_pack"]][n] = was
        after[["valid_until", "next_pack"]][n] = now
    written = np.array([chosen for _, _, chosen in rows], np.bool_)
    partitions, subjects = columns([(0, n) for n in range(len(rows))])
    starts = np.zeros(len(rows) + 1, np.int64)

    moved = resp.standings(partitions, subjects, written, before, after, np.zeros(0, FACT), starts).moved
    left, entered = resp.moves(before, after, written)

    sets = [[NEVER if pack else day for day, pack in (was, now)] for was, now, _ in rows]
    moves = [chosen and was != now for (was, now), (_, _, chosen) in zip(sets, rows, strict=True)]
    assert moved == sum(moves)
    assert left.tolist() == [move and was not in (0, NEVER) for move, (was, _) in zip(moves, sets, strict=True)]
    assert entered.tolist() == [move and now != NEVER for move, (_, now) in zip(moves, sets, strict=True)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 65_535) | st.just(20_781), SUBJECTS), max_size=12))
@pytest.mark.parametrize("command", ["SADD", "SREM"])
def test_due_sets_are_what_redis_py_writes(command: str, rows: list[tuple[int, int, int]]) -> None:
    partitions, subjects = columns([(partition, subject) for partition, _, subject in rows])
    days = np.array([day for _, day, _ in rows], np.int64)

    ours, count = resp.due(command, partitions, days, subjects)

    members: dict[tuple[int, int], list[str]] = defaultdict(list)
    for partition, day, subject in rows:
        members[partition, day].append(f"{subject:016x}")
    commands = [(command, due_key(*place), *members[place]) for place in sorted(members)]
    assert count == len(commands)
    assert ours == packed(*commands)
