"""Readers across a change of packs: without a restart, by what the workers keep in the store."""

import redis

from gateway.answer import Answer
from gateway.card import date_of
from gateway.evaluate import PackEvaluator, evaluator_of, names_of
from gateway.lookup import Lookup
from gateway.names import PackNames
from scoring.announced import pack_of
from scoring.timeline import Timeline
from sinks.packs import documents_of, packs_in
from tests.gateway.city import NAMES, PACK, RESIDENT, TODAY, City, CountingClient, an_event
from tests.support.packs_in_time import announcement, files_with, own

DAY = TODAY + 30
# A higher base, and a tier more: what is third there is called otherwise than what is third here.
TIER = "  - {id: nearly_fair, name: {zh: 尚可, en: Nearly fair}, from: 505}\n"
FILES = files_with(("base_points: 500", "base_points: 510"), ("  - {id: fair,", TIER + "  - {id: fair,"))
PACK_2 = pack_of(FILES, "second")
HOLDS = own().followed_by(announcement(FILES, DAY))
EVALUATOR = PackEvaluator(PACK)


class Reader:
    """A reader that knows the first pack alone, and what it asks of the store."""

    def __init__(self, valkey: str, city: City, **options: object) -> None:
        self._client = CountingClient(redis.Redis.from_url(valkey))
        self.lookup = Lookup(self._client, NAMES, clock=city.clock, **options)  # type: ignore[arg-type]  # a client

    def ask(self) -> tuple[Answer, list[object]]:
        del self._client.commands[:]
        answer = self.lookup.lookup(RESIDENT)
        return answer, [command[0] for command in self._client.commands]

    def close(self) -> None:
        self._client._client.close()


def test_the_documents_name_each_pack_as_its_folder_does() -> None:
    documents = documents_of(HOLDS)

    assert PackNames.from_json(documents[f"{PACK_2.hash:016x}"]) == names_of(PACK_2)
    assert {number: pack for number, (pack, _) in packs_in(documents).items()} == HOLDS.packs
    assert Timeline.of(PACK).at(0).pack == HOLDS.timeline.at(0).pack


def test_a_reader_without_the_next_pack_is_exact_around_its_day_and_learns_its_names_once(
    valkey: str, city: City
) -> None:
    city.announce(HOLDS)
    city.happen(an_event(RESIDENT, "subject.registered"))
    reader = Reader(valkey, city)

    answer, _ = reader.ask()
    assert (answer.score, answer.tier, answer.pack, answer.valid_until) == (500, "poor", PACK.hash, date_of(DAY))
    city.day = DAY - 1
    assert reader.ask()[0].score == 500
    city.day = DAY
    answer, commands = reader.ask()
    assert (answer.score, answer.tier, answer.pack) == (510, "nearly_fair", PACK_2.hash)
    assert commands == ["GETRANGE", "HGET"]
    city.day = DAY + 1
    answer, commands = reader.ask()
    assert (answer.tier, commands) == ("nearly_fair", ["GETRANGE"])
    reader.close()


def test_a_card_that_an_event_writes_after_the_day_is_named_by_the_new_pack(valkey: str, city: City) -> None:
    city.announce(HOLDS)
    city.happen(an_event(RESIDENT, "subject.registered"))
    city.day = DAY
    city.happen(an_event(RESIDENT, "library.loan.overdue", DAY - 1))
    reader = Reader(valkey, city)

    answer, _ = reader.ask()

    assert (answer.score, answer.tier) == (507, "nearly_fair")
    reader.close()


def test_a_card_whose_time_has_passed_twice_is_evaluated_under_the_pack_of_the_day(valkey: str, city: City) -> None:
    city.announce(HOLDS)
    city.happen(an_event(RESIDENT, "subject.registered"), an_event(RESIDENT, "library.loan.overdue"))
    city.day = TODAY + 3_000
    reader = Reader(valkey, city, evaluator=EVALUATOR, load=evaluator_of)

    answer, commands = reader.ask()
    assert (answer.score, answer.tier, answer.pack) == (510, "nearly_fair", PACK_2.hash)
    assert commands == ["HGET", "GETRANGE", "GET", "HGET", "HGET"]
    assert reader.ask()[1] == ["GETRANGE", "GET", "HGET"]
    reader.close()
