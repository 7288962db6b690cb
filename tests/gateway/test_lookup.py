"""Lookups of standings that the worker's own processor wrote."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import redis

from gateway.answer import UNKNOWN, Answer, GatewayAnswer
from gateway.card import State
from gateway.errors import (
    CardFormatError,
    NamesFormatError,
    PackMismatchError,
    StaleCardError,
    StandingUnavailableError,
    StoreEmptyError,
    SubjectFormatError,
)
from gateway.evaluate import PackEvaluator
from gateway.lookup import AsyncLookup, Lookup
from gateway.names import PackNames, Perk
from schemas.days import date_of
from schemas.partitioner import partition_of
from schemas.subjects import parse_subject
from sinks.keys import standing_key
from tests.gateway.city import (
    COMPANY,
    NAMES,
    NOBODY,
    OTHER,
    PACK,
    PARTITIONS,
    RESIDENT,
    TODAY,
    City,
    CountingClient,
    DictClient,
    an_event,
)

EVALUATOR = PackEvaluator(PACK)
Ask = Callable[..., Answer]


@contextmanager
def a_lookup(url: str, city: City, **options: Any) -> Iterator[tuple[Lookup, list[tuple[object, ...]]]]:
    """A lookup over a counting client: itself, and the commands it has sent."""
    client: Any = CountingClient(redis.Redis.from_url(url))
    lookup = Lookup(client, NAMES, clock=city.clock, **options)
    try:
        yield lookup, client.commands
    finally:
        client._client.close()


def ask_with_threads(url: str, subject: str, names: PackNames = NAMES, **options: Any) -> Answer:
    with Lookup.from_url(url, names, **options) as lookup:
        return lookup.lookup(subject)


def ask_with_asyncio(url: str, subject: str, names: PackNames = NAMES, **options: Any) -> Answer:
    async def ask() -> Answer:
        async with AsyncLookup.from_url(url, names, **options) as lookup:
            return await lookup.lookup(subject)

    return asyncio.run(ask())


both = pytest.mark.parametrize("ask", [ask_with_threads, ask_with_asyncio])


def key_of(subject: str) -> str:
    return standing_key(partition_of(subject, PARTITIONS), parse_subject(subject))


@both
def test_somebody_registered_has_the_base_score(ask: Ask, valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))

    answer = ask(valkey, RESIDENT, clock=city.clock)

    assert (answer.status, answer.score, answer.tier) == ("scored", PACK.base_points, "poor")
    assert answer.entitlements == ()
    assert answer.pack == PACK.hash
    assert answer.as_of == 0


@both
def test_somebody_known_but_not_registered_has_no_score_which_is_no_tier(ask: Ask, valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "library.loan.returned"))

    answer = ask(valkey, RESIDENT, clock=city.clock)

    assert (answer.status, answer.score, answer.tier, answer.entitlements) == ("no_score", None, None, ())


@both
def test_somebody_nobody_has_heard_of_is_unknown(ask: Ask, valkey: str, city: City) -> None:
    assert ask(valkey, NOBODY, clock=city.clock) == UNKNOWN


@both
def test_a_text_that_is_no_subject_id_asks_nothing(ask: Ask) -> None:
    with pytest.raises(SubjectFormatError):
        ask("redis://127.0.0.1:1/0", "350102199003076543")


def test_an_answer_costs_one_getrange_of_64_bytes_once_the_partitions_are_known(valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"), an_event(OTHER, "subject.registered"))
    with a_lookup(valkey, city) as (lookup, commands):
        lookup.lookup(RESIDENT)
        lookup.lookup(OTHER)
        lookup.lookup(RESIDENT)

    assert commands == [
        ("HGET", "jasmine:meta", "partitions"),
        ("GETRANGE", key_of(RESIDENT), 0, 63),
        ("GETRANGE", key_of(OTHER), 0, 63),
        ("GETRANGE", key_of(RESIDENT), 0, 63),
    ]


def test_past_its_first_time_a_card_says_what_it_becomes_without_asking_more(valkey: str, city: City) -> None:
    city.happen(
        an_event(RESIDENT, "subject.registered"), an_event(RESIDENT, "traffic.penalty.imposed", grade=_grade("warning"))
    )
    with a_lookup(valkey, city) as (lookup, commands):
        now = lookup.lookup(RESIDENT)
        assert now.valid_until is not None
        city.day = (now.valid_until - date_of(0)).days
        then = lookup.lookup(RESIDENT)

    assert [command[0] for command in commands] == ["HGET", "GETRANGE", "GETRANGE"]
    assert then == answer_by_evaluation(RESIDENT, valkey, city.day)
    assert then.valid_until is None or then.valid_until > now.valid_until


def answer_by_evaluation(subject: str, valkey: str, day: int) -> Answer:
    """What the plain rules say of a standing's ledger."""
    import numpy as np  # noqa: PLC0415 - only here

    from schemas.facts import FACT  # noqa: PLC0415
    from scoring.evaluator import evaluate  # noqa: PLC0415

    client: Any = redis.Redis.from_url(valkey)
    raw: Any = client.get(key_of(subject))
    client.close()
    state = evaluate(np.frombuffer(raw[64:], FACT), day, PACK)
    assert state.tier is not None
    return Answer(
        status="scored",
        tier=PACK.tiers[state.tier].id,
        perks=tuple(perk for perk in NAMES.perks if perk.id in state.entitlements),
        score=state.score,
        disputed=state.disputed,
        valid_until=None if state.until == 65_535 else date_of(state.until),
        as_of=max(int(fact["offset_low"]) for fact in np.frombuffer(raw[64:], FACT)),
        pack=PACK.hash,
        under_review=state.under_review,
    )


def _grade(label: str) -> Any:
    from schemas.catalogue import GRADES_BY_LABEL  # noqa: PLC0415

    return GRADES_BY_LABEL[label]


@pytest.fixture
def long_ago(city: City) -> City:
    """A city in which nothing has happened, nor been swept, for many years."""
    city.happen(
        an_event(RESIDENT, "subject.registered"),
        an_event(RESIDENT, "library.loan.overdue"),
        an_event(RESIDENT, "traffic.violation.handled", TODAY - 30),
        an_event(RESIDENT, "traffic.drunk.determined", TODAY - 60),
    )
    city.day += 6 * 366
    return city


def test_past_its_second_time_the_whole_ledger_is_read_and_evaluated(valkey: str, long_ago: City) -> None:
    with a_lookup(valkey, long_ago, evaluator=EVALUATOR) as (lookup, commands):
        answer = lookup.lookup(RESIDENT)

    assert [command[0] for command in commands] == ["HGET", "GETRANGE", "GET", "HGET"]
    assert answer == answer_by_evaluation(RESIDENT, valkey, long_ago.day)


@both
def test_past_its_second_time_a_reader_without_an_evaluator_says_what_to_do(
    ask: Ask, valkey: str, long_ago: City
) -> None:
    with pytest.raises(StaleCardError, match="give this reader an evaluator"):
        ask(valkey, RESIDENT, clock=long_ago.clock)


def test_a_card_written_anew_between_two_reads_is_not_evaluated_again(city: City, valkey: str) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))
    with redis.Redis.from_url(valkey) as client:
        fresh: Any = client.get(key_of(RESIDENT))
    old = bytearray(fresh)
    old[32:36] = bytes(4)  # both times have passed

    class Between(DictClient):
        """The worker writes the standing after its first 64 bytes were read."""

        def execute_command(self, command: str, key: str, *rest: int, **_: object) -> bytes | None:
            return fresh if command == "GET" else super().execute_command(command, key, *rest)

    def never(_: int, __: bytes, ___: int) -> State:
        raise AssertionError

    client_between: Any = Between({key_of(RESIDENT): bytes(old)})

    assert Lookup(client_between, NAMES, evaluator=never, clock=city.clock).lookup(RESIDENT).score == 500


@both
def test_a_card_of_another_pack_is_not_named_with_this_ones_names(ask: Ask, valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))

    with pytest.raises(PackMismatchError, match=f"{PACK.hash:016x}.*knows pack 0000000000000001"):
        ask(valkey, RESIDENT, PackNames(1, NAMES.tiers, NAMES.perks), clock=city.clock)


@both
def test_a_reader_of_another_pack_evaluates_the_ledger_under_its_own(ask: Ask, valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))
    other = PackNames(1, NAMES.tiers, NAMES.perks)

    answer = ask(valkey, RESIDENT, other, evaluator=PackEvaluator(PACK), clock=city.clock)

    assert (answer.score, answer.pack) == (500, 1)


@both
def test_an_emptied_store_is_a_failure_and_not_a_city_of_strangers(ask: Ask, valkey: str, city: City) -> None:
    with redis.Redis.from_url(valkey) as client:
        client.flushall()

    with pytest.raises(StoreEmptyError, match="start a worker"):
        ask(valkey, RESIDENT, clock=city.clock)


def test_a_store_emptied_under_a_running_reader_is_a_failure_too(valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))
    with a_lookup(valkey, city) as (lookup, _), redis.Redis.from_url(valkey) as client:
        lookup.lookup(RESIDENT)
        client.flushall()

        with pytest.raises(StoreEmptyError):
            lookup.lookup(RESIDENT)


def test_a_store_filled_anew_from_more_partitions_is_followed(valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))
    with a_lookup(valkey, city) as (lookup, commands), redis.Redis.from_url(valkey) as client:
        lookup.lookup(RESIDENT)
        client.hset("jasmine:meta", "partitions", "7")
        client.rename(key_of(RESIDENT), standing_key(partition_of(RESIDENT, 7), parse_subject(RESIDENT)))

        assert lookup.lookup(RESIDENT).status == "scored"
        commands.clear()
        lookup.lookup(RESIDENT)

    assert len(commands) == 1


@both
def test_a_store_that_is_away_is_a_failure_of_its_own(ask: Ask) -> None:
    with pytest.raises(StandingUnavailableError):
        ask("redis://127.0.0.1:1/0", RESIDENT)


@contextmanager
def served_by(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of something like a Redis, each connection of which a function serves in a thread of its own."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


@contextmanager
def dawdling_server(pause_s: float, answers: int) -> Iterator[str]:
    """A Redis that takes its time over each of its first answers, and then says nothing more."""
    ending = threading.Event()

    def dawdle(connection: socket.socket) -> None:
        with connection:
            for number in range(answers):
                if not connection.recv(4096) or ending.wait(pause_s):
                    return
                connection.sendall(b"+OK\r\n" if number else b"%1\r\n$5\r\nproto\r\n:3\r\n")
            ending.wait()

    with served_by(dawdle) as address:
        try:
            yield address
        finally:
            ending.set()


@both
@pytest.mark.parametrize("answers", [0, 1, 4])
def test_a_lookup_ends_at_its_deadline_however_slowly_redis_answers(ask: Ask, answers: int) -> None:
    with dawdling_server(0.4, answers) as url:
        begun = time.monotonic()
        with pytest.raises(StandingUnavailableError):
            ask(url, RESIDENT, timeout_s=0.5)

        assert 0.25 < time.monotonic() - begun < 1.0


def test_after_a_deadline_the_next_answer_is_not_the_late_one(valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"), an_event(OTHER, "library.loan.returned"))

    async def ask() -> tuple[Answer, Answer]:
        async with AsyncLookup.from_url(valkey, NAMES, clock=city.clock, connections_max=1) as lookup:
            before = await lookup.lookup(RESIDENT)
            cut = asyncio.create_task(lookup.lookup(RESIDENT))
            await asyncio.sleep(0)
            cut.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cut
            return before, await lookup.lookup(OTHER)

    before, after = asyncio.run(ask())

    assert (before.status, after.status) == ("scored", "no_score")


def test_more_tasks_than_connections_wait_their_turn(valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))

    async def ask() -> list[Answer]:
        async with AsyncLookup.from_url(valkey, NAMES, clock=city.clock, connections_max=2, timeout_s=5) as lookup:
            return await asyncio.gather(*(lookup.lookup(RESIDENT) for _ in range(50)))

    assert {answer.status for answer in asyncio.run(ask())} == {"scored"}


@contextmanager
def hanging_up_once(url: str) -> Iterator[str]:
    """A way to Redis on which the first connection ends instead of the first card."""
    target = url.removeprefix("redis://").partition("/")[0].split(":")

    def forward(connection: socket.socket) -> None:
        with connection, socket.create_connection((target[0], int(target[1]))) as onward:
            while asked := connection.recv(4096):
                if b"GETRANGE" in asked and not hung_up.is_set():
                    hung_up.set()
                    return
                onward.sendall(asked)
                connection.sendall(onward.recv(65_536))

    hung_up = threading.Event()
    with served_by(forward) as address:
        yield address
    assert hung_up.is_set()


@both
def test_a_connection_that_ends_under_a_lookup_is_made_anew(ask: Ask, valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))
    with hanging_up_once(valkey) as url:
        assert ask(url, RESIDENT, clock=city.clock, timeout_s=5).status == "scored"


def test_a_client_that_decodes_texts_still_reads_cards(valkey: str, city: City) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))
    with redis.Redis.from_url(valkey, decode_responses=True) as client:
        assert Lookup(client, NAMES, clock=city.clock).lookup(RESIDENT).score == 500


def test_who_may_not_read_standings_is_not_ready(valkey: str, city: City) -> None:
    client: Any = redis.Redis.from_url(valkey)
    client.execute_command("ACL", "SETUSER", "default", "-getrange")
    try:
        with Lookup.from_url(valkey, NAMES) as lookup, pytest.raises(StandingUnavailableError, match="'getrange'"):
            lookup.ready()
    finally:
        client.execute_command("ACL", "SETUSER", "default", "+@all")
        client.close()


def test_ready_means_that_redis_answers_and_a_worker_has_opened_it(valkey: str, city: City) -> None:
    async def ready(url: str) -> None:
        async with AsyncLookup.from_url(url, NAMES) as lookup:
            await lookup.ready()

    asyncio.run(ready(valkey))
    with Lookup.from_url(valkey, NAMES) as lookup:
        lookup.ready()
    with pytest.raises(StandingUnavailableError):
        asyncio.run(ready("redis://127.0.0.1:1/0"))


def test_a_payment_gateway_sees_the_perks_of_its_scenario_and_no_score(valkey: str, city: City) -> None:
    answer = Answer(
        status="scored",
        tier="good",
        perks=(Perk("transit_discount", "transit"), Perk("umbrella_free", "tourism")),
        score=690,
        disputed=True,
        valid_until=date_of(TODAY + 1),
        as_of=7,
        pack=PACK.hash,
    )

    assert answer.for_gateway("transit") == GatewayAnswer(
        "scored", "good", ("transit_discount",), date_of(TODAY) + timedelta(days=1)
    )
    assert answer.for_gateway("medical").entitlements == ()
    assert set(GatewayAnswer._fields) == {"status", "tier", "entitlements", "valid_until"}


def test_a_scenario_that_there_is_not_is_no_answer_without_perks() -> None:
    misspelt: Any = "Transit"

    with pytest.raises(ValueError, match="scenario was 'Transit', is one of admin, transit"):
        UNKNOWN.for_gateway(misspelt)


def test_a_company_has_the_perks_of_companies(valkey: str, city: City) -> None:
    city.happen(
        an_event(COMPANY, "subject.registered"), an_event(COMPANY, "org.redlist.listed", grade=_grade("national"))
    )
    with a_lookup(valkey, city) as (lookup, _):
        answer = lookup.lookup(COMPANY)

    assert answer.status == "scored"
    assert answer.perks == NAMES.perks_in(
        EVALUATOR(parse_subject(COMPANY), _ledger(valkey, COMPANY), TODAY).entitlements
    )


def _ledger(valkey: str, subject: str) -> bytes:
    with redis.Redis.from_url(valkey) as client:
        raw: Any = client.get(key_of(subject))
    return bytes(raw[64:])


def test_a_ledger_cut_short_is_not_evaluated() -> None:
    with pytest.raises(CardFormatError, match="was 37"):
        EVALUATOR(parse_subject(RESIDENT), bytes(37), TODAY)


def test_names_survive_the_way_through_a_file() -> None:
    assert PackNames.from_json(NAMES.to_json()) == NAMES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"pack": "zz", "tiers": [], "perks": []}',
        '{"pack": "1", "tiers": [1], "perks": []}',
        '{"pack": "1", "tiers": [], "perks": [{"id": "x", "scenario": "war"}]}',
        '{"pack": "1", "tiers": [], "perks": [{"id": "x"}]}',
    ],
)
def test_a_file_that_holds_no_names_is_refused(text: str) -> None:
    with pytest.raises(NamesFormatError):
        PackNames.from_json(text)
