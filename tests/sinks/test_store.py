"""Standings in a store: two round trips a batch, under a fence that lets one of two writers through."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import redis
from redis.connection import Connection

from schemas.days import NEVER
from schemas.facts import FACT
from schemas.records import RecordKey
from scoring.card import CARD, CARD_VERSION
from sinks.errors import (
    PartitionLostError,
    StandingFormatError,
    StoreError,
    StoreMismatchError,
    StoreUnavailableError,
)
from sinks.keys import META, due_key, epoch_key, next_key, outbox_key, standing_key, swept_key
from sinks.standings import Standings, packed, split
from sinks.store import Commit, Store, Wanted, transaction
from stream.embedded import free_port
from tests.support.redis_server import CountingConnection, connect

KEY = RecordKey(1, 2)
TODAY = 20_781
# By partition and subject: until when the card holds, and how many facts the ledger has.
Rows = Mapping[tuple[int, int], tuple[int, int]]
FILLED: Rows = {(0, 0xA): (TODAY + 5, 3), (1, 0xB): (NEVER, 1)}


def standings_of(rows: Rows) -> Standings:
    """Return made-up standings."""
    counts = [count for _, count in rows.values()]
    cards = np.zeros(len(rows), CARD)
    cards["version"] = CARD_VERSION
    cards["valid_until"] = [until for until, _ in rows.values()]
    facts = np.zeros(sum(counts), FACT)
    facts["record"] = np.random.default_rng(len(facts)).integers(1, 1 << 63, len(facts))
    return Standings(cards, facts, np.cumsum([0, *counts]).astype(np.int64))


def columns_of(keys: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
    return np.array([one for one, _ in keys], np.int64), np.array([one for _, one in keys], np.uint64)


def commit_of(nexts: Mapping[int, int], rows: Rows, before: Any = None, **changes: Any) -> Commit:
    """Return a commit that writes all rows."""
    partitions, subjects = columns_of([*rows])
    if before is None:
        before = np.zeros(len(rows), CARD)
    written = np.ones(len(rows), np.bool_)
    stated = {"partitions": partitions, "subjects": subjects, "written": written, "before": before}
    return Commit(nexts=nexts, after=standings_of(rows), **{**stated, **changes})


def load(store: Store, keys: Sequence[tuple[int, int]], partitions: Sequence[int] = (0, 1)) -> tuple[Any, Standings]:
    return store.load(partitions, *columns_of(keys))


def values_of(standings: Standings) -> list[bytes]:
    bounds = zip(standings.starts, standings.starts[1:], strict=False)
    return [
        card.tobytes() + standings.facts[begin:end].tobytes()
        for card, (begin, end) in zip(standings.cards, bounds, strict=True)
    ]


def everything(client: Any) -> dict[bytes, Any]:
    """Return all that the store holds."""
    read = {b"string": client.get, b"set": client.smembers, b"stream": client.xrange, b"hash": client.hgetall}
    return {key: read[client.type(key)](key) for key in client.keys()}  # noqa: SIM118 - a command, no mapping


@pytest.fixture
def store(client: Any) -> Store:
    """A store whose partitions 0 and 1 begin at 0."""
    store = Store(client)
    store.positions({0: 0, 1: 0}, TODAY)
    return store


# Two round trips.


def test_a_batch_costs_two_round_trips_by_the_stores_own_count(store: Store) -> None:
    load(store, [*FILLED])
    store.commit(commit_of({0: 3, 1: 1}, FILLED, outbox={0: [b"dead", b"letter"]}))

    assert store.round_trips == 2


def test_a_batch_costs_two_round_trips_by_the_sockets_count(valkey_server: str, client: Any) -> None:
    turns: list[str] = []
    store = Store(connect(valkey_server, CountingConnection, turns=turns))
    store.positions({0: 0, 1: 0}, TODAY)
    load(store, [*FILLED])
    store.release()
    turns.clear()

    load(store, [*FILLED])
    store.commit(commit_of({0: 3, 1: 1}, FILLED, outbox={0: [b"dead", b"letter"]}))

    assert turns == ["write", "read"] * 2


def test_a_batch_is_these_commands_by_the_servers_own_count(store: Store, client: Any) -> None:
    load(store, [])
    store.release()
    client.config_resetstat()

    load(store, [*FILLED])
    store.commit(commit_of({0: 3, 1: 1}, FILLED, outbox={0: [b"dead", b"letter"]}))

    calls = {name.removeprefix("cmdstat_"): one["calls"] for name, one in client.info("commandstats").items()}
    calls.pop("config|resetstat", None)
    assert calls == {"watch": 1, "mget": 1, "multi": 1, "mset": 1, "sadd": 1, "xadd": 1, "exec": 1}


def test_a_batch_without_subjects_only_moves_the_fence(store: Store, client: Any) -> None:
    nexts, standings = load(store, [])

    assert store.commit(commit_of({0: 7, 1: 0}, {}, outbox={0: [b"dead", b"letter"]}))

    assert (nexts, len(standings.cards)) == ({0: 0, 1: 0}, 0)
    assert client.get(next_key(0)) == b"7"
    assert client.xlen(outbox_key(0)) == 1


# What is written is read.


def test_what_a_commit_wrote_the_next_load_reads(store: Store) -> None:
    load(store, [*FILLED])
    commit = commit_of({0: 3, 1: 1}, FILLED)
    store.commit(commit)

    nexts, standings = load(store, [*FILLED, (1, 0xC)])

    assert nexts == {0: 3, 1: 1}
    assert values_of(standings) == [*values_of(commit.after), bytes(CARD.itemsize)]


def test_a_subject_that_is_not_written_keeps_what_it_has(store: Store, client: Any) -> None:
    load(store, [*FILLED])
    store.commit(commit_of({0: 3, 1: 1}, FILLED))
    kept = client.get(standing_key(1, 0xB))

    _, before = load(store, [*FILLED])
    changed: Rows = {(0, 0xA): (TODAY + 9, 4), (1, 0xB): (TODAY, 9)}
    store.commit(commit_of({0: 4, 1: 2}, changed, before.cards, written=np.array([True, False])))

    assert client.get(standing_key(1, 0xB)) == kept
    assert len(client.get(standing_key(0, 0xA))) == CARD.itemsize + 4 * FACT.itemsize


def test_a_store_without_room_takes_nothing_of_a_batch(store: Store, client: Any) -> None:
    store.open(KEY, 4)
    load(store, [*FILLED])
    before = everything(client)
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailableError, match="used memory"):
            store.commit(commit_of({0: 3, 1: 1}, FILLED, outbox={0: [b"dead", b"letter"]}))
    finally:
        client.config_set("maxmemory", 0)

    assert everything(client) == before
    load(store, [*FILLED])
    assert store.commit(commit_of({0: 3, 1: 1}, FILLED))


# The fence.


def test_of_two_writers_the_second_writes_nothing(store: Store, client: Any, valkey_server: str) -> None:
    other = Store(connect(valkey_server))
    load(store, [*FILLED])
    load(other, [*FILLED])
    assert store.commit(commit_of({0: 3, 1: 1}, FILLED))
    after_the_first = everything(client)

    written = other.commit(commit_of({0: 4, 1: 2}, {(0, 0xD): (TODAY + 1, 1)}, outbox={1: [b"dead", b"letter"]}))

    assert not written
    assert everything(client) == after_the_first
    other.disconnect()


def test_a_writer_that_slept_through_another_ones_whole_batch_writes_nothing(
    store: Store, client: Any, valkey_server: str
) -> None:
    other = Store(connect(valkey_server))
    load(other, [*FILLED])
    for end in (3, 5):
        load(store, [*FILLED])
        store.commit(commit_of({0: end, 1: end}, FILLED))
    after = everything(client)

    assert not other.commit(commit_of({0: 1, 1: 1}, FILLED))

    assert everything(client) == after
    other.disconnect()


def test_a_writer_of_another_partition_is_in_nobodys_way(store: Store, valkey_server: str) -> None:
    other = Store(connect(valkey_server))
    load(store, [(0, 0xA)], [0])
    load(other, [(1, 0xB)], [1])

    assert other.commit(commit_of({1: 1}, {(1, 0xB): (NEVER, 1)}))
    assert store.commit(commit_of({0: 1}, {(0, 0xA): (NEVER, 1)}))
    other.disconnect()


def test_after_a_void_commit_the_same_connection_begins_again(store: Store, client: Any) -> None:
    load(store, [*FILLED])
    client.set(next_key(0), 2)
    assert not store.commit(commit_of({0: 3, 1: 1}, FILLED))

    nexts, _ = load(store, [*FILLED])

    assert nexts == {0: 2, 1: 0}
    assert store.commit(commit_of({0: 3, 1: 1}, FILLED))


def test_a_fence_that_is_ahead_or_behind_is_told_as_it_stands(store: Store, client: Any) -> None:
    client.mset({next_key(0): 90, next_key(1): 7})

    nexts, _ = load(store, [])

    assert nexts == {0: 90, 1: 7}


def test_a_released_watch_no_longer_voids_a_commit(store: Store, client: Any) -> None:
    load(store, [], [0])
    store.release()
    client.set(next_key(0), 5)

    load(store, [], [1])

    assert store.commit(commit_of({1: 1}, {}))


def test_a_disconnected_watch_no_longer_voids_a_commit(store: Store, client: Any) -> None:
    load(store, [], [0])
    store.disconnect()
    client.set(next_key(0), 5)

    load(store, [], [1])

    assert store.commit(commit_of({1: 1}, {}))


# The next load, sent ahead of a commit.


def wanted(keys: Sequence[tuple[int, int]], partitions: Sequence[int] = (0, 1)) -> Wanted:
    return Wanted(partitions, *columns_of(keys))


def commit_ahead_of(store: Store, following: Wanted, commit: Commit) -> bool:
    """Load the batch of a commit, and ahead of it the batch that follows."""
    store.load([*commit.nexts], commit.partitions, commit.subjects)
    store.load_ahead(following)
    return store.commit(commit)


def test_what_is_loaded_ahead_of_a_commit_is_what_the_commit_left_and_makes_no_round_trip_of_its_own(
    store: Store,
) -> None:
    kept, grown, new = (0, 0xC), (0, 0xA), (1, 0xB)
    first = commit_of({0: 2, 1: 0}, {kept: (NEVER, 2), grown: (NEVER, 1)})
    load(store, [kept, grown])
    store.commit(first)
    following = wanted([grown, (0, 0xD), kept, new])
    second = commit_of({0: 3, 1: 1}, {new: (NEVER, 4), grown: (TODAY + 5, 3)})
    assert commit_ahead_of(store, following, second)
    trips = store.round_trips

    nexts, standings = store.load(*following)

    assert nexts == {0: 3, 1: 1}
    of_new, of_grown = values_of(second.after)
    assert values_of(standings) == [of_grown, bytes(CARD.itemsize), values_of(first.after)[0], of_new]
    assert store.round_trips == trips


def test_what_a_commit_did_not_write_is_left_as_it_was_loaded_ahead(store: Store) -> None:
    load(store, [*FILLED])
    first = commit_of({0: 3, 1: 1}, FILLED)
    store.commit(first)
    following = wanted([*FILLED])
    changed = dict.fromkeys(FILLED, (NEVER, 5))
    assert commit_ahead_of(store, following, commit_of({0: 4, 1: 2}, changed, written=np.zeros(2, np.bool_)))

    _, standings = store.load(*following)

    assert values_of(standings) == values_of(first.after)


def test_what_is_done_meanwhile_is_done_when_the_commit_is_with_redis(store: Store, client: Any) -> None:
    seen = []
    load(store, [*FILLED])

    def meanwhile() -> None:
        while client.get(next_key(0)) != b"3":
            pass
        seen.append("the commit was sent")

    assert store.commit(commit_of({0: 3, 1: 1}, FILLED), meanwhile)
    assert seen == ["the commit was sent"]


def test_after_a_failure_meanwhile_nobody_gets_the_answers_to_that_commit(store: Store) -> None:
    def fail() -> None:
        raise MemoryError

    load(store, [*FILLED])
    with pytest.raises(MemoryError):
        store.commit(commit_of({0: 3, 1: 1}, FILLED), fail)

    nexts, standings = load(store, [*FILLED])

    assert nexts in ({0: 0, 1: 0}, {0: 3, 1: 1})
    assert len(standings.cards) == len(FILLED)


def test_a_fence_that_moved_since_the_load_ahead_of_a_commit_voids_the_next(store: Store, client: Any) -> None:
    following = wanted([*FILLED])
    assert commit_ahead_of(store, following, commit_of({0: 3, 1: 1}, FILLED))
    client.set(next_key(1), 9)
    store.load(*following)

    assert not store.commit(commit_of({0: 4, 1: 2}, FILLED))


def test_behind_a_void_commit_what_was_loaded_ahead_is_loaded_again(store: Store, client: Any) -> None:
    following = wanted([*FILLED])
    load(store, [*FILLED])
    client.set(next_key(0), 8)
    store.load_ahead(following)
    assert not store.commit(commit_of({0: 3, 1: 1}, FILLED))

    nexts, _ = store.load(*following)

    assert nexts == {0: 8, 1: 0}


class SlowStore(Store):
    """A store of whose commands others may come in between: behind the transaction, before what is sent with it."""

    between: Callable[[], None] | None = None

    def _send(self, commands: Sequence[bytes | memoryview]) -> None:
        between, self.between = self.between, None
        if between is None:
            return super()._send(commands)
        end = commands.index(b"*1\r\n$4\r\nEXEC\r\n") + 1
        fence = self._client.get(next_key(0))
        super()._send(commands[:end])
        while self._client.get(next_key(0)) == fence:
            pass
        between()
        return super()._send(commands[end:])


# What another writer does, by the partition that only the next batch is from, or that both are from.
@pytest.mark.parametrize("partition", [0, 1])
@pytest.mark.parametrize("what", ["applies events", "renews standings"])
def test_what_another_writes_behind_a_commit_is_in_what_is_loaded_next(
    client: Any, valkey_server: str, partition: int, what: str
) -> None:
    store, other = SlowStore(client), Store(connect(valkey_server))
    store.positions({0: 0, 1: 0}, TODAY)
    mine, theirs = (0, 0xA), (partition, 0xE)
    # Where the other's events end is where the next batch begins: the fence alone looks as it should.
    offset = 3 + (what == "applies events") if partition == 0 else 5
    if partition == 1 and what == "renews standings":
        client.set(next_key(1), 5)
    written = commit_of({partition: offset}, {theirs: (NEVER, 2)}, is_pass=what == "renews standings")

    def between() -> None:
        load(other, [theirs], [partition])
        assert other.commit(written)

    following = wanted([mine, theirs])
    load(store, [mine], [0])
    store.load_ahead(following)
    store.between = between
    commit = commit_of({0: 3}, {mine: (NEVER, 1)})
    assert store.commit(commit)

    nexts, standings = store.load(*following)

    assert nexts[partition] == offset
    assert values_of(standings) == [*values_of(commit.after), *values_of(written.after)]
    other.disconnect()


def test_a_batch_given_up_behind_a_load_ahead_leaves_no_answers_for_others(store: Store) -> None:
    load(store, [*FILLED])
    store.load_ahead(wanted([*FILLED]))

    nexts, standings = load(store, [(0, 0xC)])

    assert (nexts, len(standings.cards)) == ({0: 0, 1: 0}, 1)
    assert store.commit(commit_of({0: 3, 1: 1}, FILLED))


@pytest.mark.parametrize("between", ["another load", "another batch", "a disconnection"])
def test_after_anything_else_what_was_loaded_ahead_is_loaded_again(store: Store, between: str) -> None:
    following = wanted([*FILLED])
    commit_ahead_of(store, following, commit_of({0: 3, 1: 1}, FILLED))
    if between == "a disconnection":
        store.disconnect()
    else:
        load(store, [(0, 0xC)])
    if between == "another batch":
        store.commit(commit_of({0: 5, 1: 1}, {(0, 0xC): (NEVER, 1)}))
    trips = store.round_trips

    nexts, _ = store.load(*following)

    assert nexts == {0: 5 if between == "another batch" else 3, 1: 1}
    assert store.round_trips == trips + 1
    assert store.commit(commit_of({0: 6, 1: 2}, FILLED))


def test_equal_subjects_in_another_array_are_loaded_again(store: Store) -> None:
    commit_ahead_of(store, wanted([*FILLED]), commit_of({0: 3, 1: 1}, FILLED))
    trips = store.round_trips

    store.load(*wanted([*FILLED]))

    assert store.round_trips == trips + 1


# What is lost, or not ours.


def test_an_emptied_store_says_which_partitions_are_lost(store: Store, client: Any) -> None:
    client.flushall()
    client.set(next_key(1), 4)

    with pytest.raises(PartitionLostError, match=r"\[0\].*replayed") as lost:
        load(store, [*FILLED])

    assert lost.value.partitions == [0]


def test_a_lost_partition_begins_where_the_log_does_and_a_known_one_stays(store: Store, client: Any) -> None:
    client.delete(next_key(0), swept_key(0))
    client.set(next_key(1), 40)

    assert store.positions({0: 12, 1: 12}, TODAY + 1) == {0: 12, 1: 40}
    assert store.swept([0, 1, 2]) == {0: TODAY + 1, 1: TODAY}


@pytest.mark.parametrize(
    ("value", "was"),
    [
        (b"x" * 63, "63 bytes"),
        (b"x" * 101, "101 bytes"),
        (bytes([9]) + bytes(99), "version 9"),
        (bytes(100), "version 0"),
    ],
)
def test_what_is_no_standing_is_named_by_its_key_with_what_to_do(
    store: Store, client: Any, value: bytes, was: str
) -> None:
    client.set(standing_key(1, 0xB), value)

    with pytest.raises(StandingFormatError) as refused:
        load(store, [*FILLED])

    assert str(refused.value) == (
        f"{standing_key(1, 0xB)} is no standing of version {CARD_VERSION}: was {was}; "
        "upgrade the worker, or delete and replay"
    )


def test_a_store_keeps_its_generation_and_an_emptied_one_gets_another(store: Store, client: Any) -> None:
    first = store.open(KEY, 4)

    assert store.open(KEY, 4) == first
    client.flushall()
    assert store.open(KEY, 4) != first


def test_a_store_says_what_time_it_is_there(store: Store) -> None:
    assert abs(store.now_s() - time.time()) < 5


def test_who_works_for_a_store_that_was_emptied_gives_it_its_generation_back(store: Store, client: Any) -> None:
    first = store.open(KEY, 4)
    client.flushall()

    assert store.open(KEY, 4, first) == first
    assert Store(client).open(KEY, 4, "of another") == first


def test_a_next_offset_that_is_none_is_named_with_what_to_do(store: Store, client: Any) -> None:
    client.set(next_key(1), "one")
    expected = (
        "{1}:next is no number: was b'one'; set it to that of the first event that is not applied, or delete it, and "
        "the partition is replayed from the log's beginning"
    )

    with pytest.raises(StandingFormatError) as refused:
        load(store, [*FILLED])
    assert str(refused.value) == expected
    with pytest.raises(StandingFormatError) as refused:
        store.positions({0: 0, 1: 0}, TODAY)
    assert str(refused.value) == expected


def test_an_epoch_that_is_none_is_named_with_what_to_do(store: Store, client: Any) -> None:
    client.set(epoch_key(1), "two")

    with pytest.raises(StandingFormatError) as refused:
        load(store, [*FILLED])
    assert str(refused.value) == (
        "{1}:epoch is no number: was b'two'; delete it: the next commit writes how many announcements of packs its "
        "worker knows"
    )


def test_a_store_filled_under_another_key_is_refused_and_left_as_it_is(store: Store, client: Any) -> None:
    store.open(KEY, 4)
    before = client.hgetall(META)

    with pytest.raises(StoreMismatchError, match="another pseudonym key: set the one it was filled with, or use an"):
        store.open(RecordKey(3, 4), 4)

    assert client.hgetall(META) == before


def test_a_store_filled_from_another_number_of_partitions_is_refused(store: Store) -> None:
    store.open(KEY, 4)

    with pytest.raises(StoreMismatchError, match=r"from 4 partitions, the topic has 8: .* use an empty store"):
        store.open(KEY, 8)


def test_the_key_itself_is_not_kept(store: Store, client: Any) -> None:
    store.open(RecordKey(0x1122334455667788, 0x99AABBCCDDEEFF00), 4)

    kept = b" ".join(client.hgetall(META).values())

    assert b"1122334455667788" not in kept
    assert b"99aabbccddeeff00" not in kept


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.open(KEY, 4),
        lambda store: store.positions({0: 0}, TODAY),
        lambda store: load(store, []),
        lambda store: store.commit(commit_of({0: 1}, {})),
        lambda store: store.release(),
        lambda store: store.due(0, TODAY, 10),
        lambda store: store.swept([0]),
        lambda store: store.set_swept(0, TODAY),
        lambda store: store.forget_due(0, TODAY, np.array([1], np.uint64)),
        lambda store: store.outbox(0, 10),
        lambda store: store.rescored([0]),
        lambda store: store.outbox_lengths([0]),
        lambda store: store.published(0, [b"1-1"]),
    ],
)
def test_every_call_says_that_nobody_answers(call: Any) -> None:
    with pytest.raises(StoreUnavailableError, match="refused"):
        call(Store(connect(f"redis://127.0.0.1:{free_port()}/0")))


# Due sets and outbox.


def due_sets(client: Any) -> dict[str, set[bytes]]:
    return {key.decode(): client.smembers(key) for key in client.keys("*due*")}


def test_a_subject_stands_in_the_due_set_of_the_day_its_card_ends_and_in_no_other(store: Store, client: Any) -> None:
    load(store, [*FILLED])
    store.commit(commit_of({0: 1, 1: 1}, FILLED))
    first = due_sets(client)

    _, before = load(store, [*FILLED])
    later: Rows = {(0, 0xA): (TODAY + 9, 3), (1, 0xB): (TODAY + 9, 1)}
    store.commit(commit_of({0: 2, 1: 2}, later, before.cards))
    second = due_sets(client)

    _, before = load(store, [*FILLED])
    store.commit(commit_of({0: 3, 1: 3}, {(0, 0xA): (NEVER, 3), (1, 0xB): (TODAY + 9, 1)}, before.cards))

    a, b = b"%016x" % 0xA, b"%016x" % 0xB
    assert first == {due_key(0, TODAY + 5): {a}}
    assert second == {due_key(0, TODAY + 9): {a}, due_key(1, TODAY + 9): {b}}
    assert due_sets(client) == {due_key(1, TODAY + 9): {b}}


def test_due_subjects_are_given_in_portions_and_can_be_forgotten(store: Store) -> None:
    rows: Rows = {(0, number): (TODAY + 1, 1) for number in range(7)}
    load(store, [*rows], [0])
    store.commit(commit_of({0: 7}, rows))

    portion = store.due(0, TODAY + 1, 4)
    store.forget_due(0, TODAY + 1, portion)

    assert len(portion) == 4
    assert sorted([*portion.tolist(), *store.due(0, TODAY + 1, 100).tolist()]) == [*range(7)]


def test_the_outbox_keeps_entries_in_order_until_they_are_published(store: Store) -> None:
    for number in (1, 2, 3):
        load(store, [], [0])
        store.commit(commit_of({0: number}, {}, outbox={0: [b"dead", b"%d" % number, b"dead", b"same name"]}))

    entries = store.outbox(0, 2)
    store.published(0, [entry_id for entry_id, _ in entries])

    assert [pairs for _, pairs in entries] == [[b"dead", b"%d" % number, b"dead", b"same name"] for number in (1, 2)]
    assert store.outbox_lengths([0, 1]) == {0: 1, 1: 0}
    assert [pairs[1] for _, pairs in store.outbox(0, 2)] == [b"3"]


# Bytes.


def test_a_transaction_is_what_redis_py_would_write() -> None:
    rows: Rows = {(0, 0xA): (TODAY + 5, 3), (1, 0xB): (NEVER, 40), (1, 0xC): (TODAY + 2, 1)}
    before = np.zeros(3, CARD)
    before["valid_until"] = [TODAY, TODAY + 1, TODAY + 2]
    commit = commit_of({0: 3, 1: 100}, rows, before, outbox={0: [b"dead", b"letter"], 1: []})

    commands, count = transaction(commit)

    values = values_of(commit.after)
    pairs = [part for key, value in zip(rows, values, strict=True) for part in (standing_key(*key), value)]
    expected: list[tuple[str | bytes, ...]] = [
        ("MULTI",),
        ("MSET", next_key(0), "3", next_key(1), "100", *pairs),
        ("SREM", due_key(0, TODAY), f"{0xA:016x}"),
        ("SREM", due_key(1, TODAY + 1), f"{0xB:016x}"),
        ("SADD", due_key(0, TODAY + 5), f"{0xA:016x}"),
        ("XADD", outbox_key(0), "*", b"dead", b"letter"),
        ("EXEC",),
    ]
    # A connection packs without being connected; its address is never used.
    packer: Any = Connection(host="unused", port=0)  # type: ignore[no-untyped-call]  # redis-py has none here
    assert b"".join(commands) == b"".join(packer.pack_commands(expected))
    assert count == len(expected)


def test_values_split_into_columns_are_the_same_bytes() -> None:
    rows: Rows = {(0, number): (TODAY, number % 5 + 1) for number in range(9)}
    values: list[bytes | None] = [*values_of(standings_of(rows))]

    standings = split(packed([*values, None]), *columns_of([*rows, (0, 99)]))

    assert values_of(standings) == [*values, bytes(CARD.itemsize)]


def test_a_record_costs_at_most_50_bytes_of_memory_on_valkey_with_all_that_belongs_to_it(
    store: Store, client: Any
) -> None:
    """Thirty records a subject, as the modelled city has; keys, cards and due sets are counted in."""
    server = client.info("server")
    subjects, records = 3_000, 30
    before = client.info("memory")["used_memory"]
    for begin in range(0, subjects, 500):
        rows: Rows = {
            (0, number * 0x9E3779B97F4A7C15 % (1 << 62)): (TODAY + number % 400, records)
            for number in range(begin, begin + 500)
        }
        load(store, [*rows], [0])
        store.commit(commit_of({0: begin + 500}, rows))

    store.disconnect()
    per_record: float = (client.info("memory")["used_memory"] - before) / (subjects * records)

    assert client.dbsize() >= subjects
    assert per_record <= 50, f"{server.get('server_name')} {server['redis_version']}: {per_record:.1f} bytes"


@pytest.mark.parametrize("key", [outbox_key(0), due_key(0, TODAY + 5)])
def test_a_key_that_something_else_wrote_over_is_no_silent_loss(store: Store, client: Any, key: str) -> None:
    client.set(key, "neither an outbox nor a due set")
    load(store, [*FILLED])

    with pytest.raises(StoreError, match=r"commit to partitions .* was not written: .*wrong kind of value") as refused:
        store.commit(commit_of({0: 3, 1: 1}, FILLED, outbox={0: [b"dead", b"letter"]}))
    assert f"delete {key}, and empty" in str(refused.value)


def test_a_fence_that_is_no_text_is_as_good_as_lost(store: Store, client: Any) -> None:
    client.delete(next_key(0))
    client.lpush(next_key(0), "a list where the fence was")

    with pytest.raises(PartitionLostError):
        load(store, [], [0])


def test_a_client_that_decodes_texts_is_no_obstacle(valkey_server: str, client: Any) -> None:
    store = Store(redis.Redis.from_url(valkey_server, decode_responses=True))
    store.open(KEY, 4)
    store.positions({0: 0, 1: 0}, TODAY)
    load(store, [*FILLED])
    commit = commit_of({0: 3, 1: 1}, FILLED, outbox={0: [b"changes", b"\xff\xfe"]})
    store.commit(commit)

    _, standings = load(store, [*FILLED])

    assert values_of(standings) == values_of(commit.after)
    assert [pairs for _, pairs in store.outbox(0, 1)] == [[b"changes", b"\xff\xfe"]]
    store.disconnect()


def test_a_store_without_transactions_is_not_opened(client: Any, valkey_server: str) -> None:
    client.acl_setuser("worker", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-multi"])
    try:
        store = Store(connect(valkey_server.replace("://", "://worker:any@")))
        with pytest.raises(StoreUnavailableError, match="'multi'"):
            store.open(KEY, 4)
        store.disconnect()
    finally:
        client.acl_deluser("worker")

    assert client.dbsize() == 0


def test_a_commit_after_transactions_were_forbidden_is_not_tried_again(client: Any, valkey_server: str) -> None:
    """Each of its commands was applied by itself, and each further attempt would be, too."""
    client.acl_setuser("worker", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
    try:
        store = Store(connect(valkey_server.replace("://", "://worker:any@")))
        store.open(KEY, 4)
        store.positions({0: 0, 1: 0}, TODAY)
        load(store, [*FILLED])
        client.acl_setuser("worker", commands=["-multi"])
        with pytest.raises(StoreError, match=r"without its fence: .*'multi'.*; allow MULTI") as refused:
            store.commit(commit_of({0: 3, 1: 1}, FILLED))
        store.disconnect()
    finally:
        client.acl_deluser("worker")

    assert not isinstance(refused.value, StoreUnavailableError)
