"""Accesses in Redis: each once, in the log's order, and all again where the store was emptied."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.address import access_key as gateways_key
from schemas.access import StandingRead, kept_of
from schemas.partitioner import partition_of
from schemas.subjects import parse_subject
from sinks.accesses import KEPT, AccessStore, Entry
from sinks.errors import StoreError, StoreUnavailableError
from sinks.keys import access_key, access_next_key
from stream.embedded import free_port
from tests.support.redis_server import connect

SUBJECT = "r-09c3f0a1b2d4e5f6"
NUMBER = parse_subject(SUBJECT)
READ_AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def an_entry(offset: int, partition: int = 0) -> Entry:
    return Entry(partition, offset, NUMBER, b"%d" % offset)


def ids_in(client: Any, partition: int = 0) -> list[bytes]:
    found: list[bytes] = client.lrange(access_key(partition, NUMBER), 0, -1)
    return found[::-1]


@pytest.fixture
def store(client: Any) -> AccessStore:
    return AccessStore(client)


def test_both_sides_know_the_key_by_the_same_rule() -> None:
    partition = partition_of(SUBJECT, 12)

    assert gateways_key(SUBJECT, 12) == access_key(partition, NUMBER)
    assert len(access_key(0, NUMBER)) != len("{0}:" + "0" * 16), "it would be taken for a standing"


def test_entries_stand_in_the_logs_order_with_the_place_to_go_on_from(store: AccessStore, client: Any) -> None:
    assert store.add({0: 0, 1: 0}, {0: 3, 1: 6}, [an_entry(0), an_entry(2), an_entry(5, 1)])

    assert ids_in(client) == [b"0", b"2"]
    assert ids_in(client, 1) == [b"5"]
    assert store.nexts([0, 1, 2]) == {0: 3, 1: 6, 2: 0}


def test_what_does_not_go_on_from_where_the_store_stands_writes_nothing(store: AccessStore, client: Any) -> None:
    store.add({0: 0}, {0: 1}, [an_entry(0)])

    assert not store.add({0: 0}, {0: 2}, [an_entry(0), an_entry(1)])
    assert not store.add({0: 5}, {0: 6}, [an_entry(5)])
    assert (ids_in(client), store.nexts([0])) == ([b"0"], {0: 1})


def test_a_refusal_says_what_redis_said_and_nobodys_id(store: AccessStore, client: Any) -> None:
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailableError, match=r"^command not allowed when used memory") as told:
            store.add({0: 0}, {0: 1}, [an_entry(0)])
    finally:
        client.config_set("maxmemory", 0)

    assert SUBJECT.removeprefix("r-") not in str(told.value)


def test_the_last_entries_of_a_subject_are_kept(store: AccessStore, client: Any) -> None:
    count = KEPT + 250
    store.add({0: 0}, {0: count}, [an_entry(offset) for offset in range(count)])

    assert ids_in(client) == [b"%d" % offset for offset in range(count - KEPT, count)]


def test_the_first_entry_of_a_subject_costs_little(store: AccessStore, client: Any) -> None:
    read = StandingRead(
        id="5" * 32, subject=SUBJECT, time=READ_AT, reader="transit-operator", purpose="transit", what="tier"
    )
    store.add({0: 0}, {0: 1}, [Entry(0, 0, NUMBER, kept_of(read))])

    assert client.memory_usage(access_key(0, NUMBER)) < 500


def test_another_writer_between_look_and_write_makes_it_void(client: Any) -> None:
    class Meddled(AccessStore):
        def _nexts(self, asked: Any, partitions: Any) -> dict[int, int]:  # type: ignore[override]
            found = AccessStore._nexts(asked, partitions)
            client.set(access_next_key(0), 9)
            return found

    assert not Meddled(client).add({0: 0}, {0: 1}, [an_entry(0)])
    assert ids_in(client) == []


def test_a_store_that_does_not_answer_is_a_failure_to_wait_for() -> None:
    store = AccessStore(connect(f"redis://127.0.0.1:{free_port()}/0"))

    with pytest.raises(StoreUnavailableError):
        store.nexts([0])
    with pytest.raises(StoreUnavailableError):
        store.add({0: 0}, {0: 1}, [an_entry(0)])
    store.disconnect()


def test_what_redis_refuses_for_another_reason_is_told(store: AccessStore, client: Any) -> None:
    client.set(access_key(0, NUMBER), "no list")

    with pytest.raises(StoreError, match="refuses an entry of the access log"):
        store.add({0: 0}, {0: 1}, [an_entry(0)])
