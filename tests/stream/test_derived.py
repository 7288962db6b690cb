"""An organisation's act reaches who represents it, through the log: once, whoever dies, and the same by replay."""

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.address import standing_key
from schemas.decoder import Decoder
from schemas.errors import Reason
from schemas.partitioner import partition_of
from scoring.card import CARD
from sinks.message import Channel
from stream.relay import DeliveryError, Relay
from tests.stream.conftest import Deployment
from tests.stream.test_cli import Jasmine, a_resident, jasmine, line_of, settings  # noqa: F401 - a fixture
from tests.support.embedded_worker import until
from tests.support.events import COMPANY, KEY, PARTITIONS, RESIDENT, ARecord, a_kafka_record, value_of
from tests.support.fake_kafka import TOPIC, FakeLog, FakeProducer
from tests.support.redis_server import connect
from tests.support.scorers import (
    NAMES,
    Scorer,
    counts_of,
    derived_in,
    expected_of,
    hold_store_to,
    letters_in,
    standings_in,
)

OTHER = "r-19c3f0a1b2d4e5f7"
TOPICS = {Channel.DEAD: "credit.dead", Channel.CHANGES: "credit.changes", Channel.EVENTS: TOPIC}
OF_COMPANY = partition_of(COMPANY, PARTITIONS)

# What is said of a company that a court lists, and of who represents it.
Said = tuple[str, str, dict[str, str]]
LISTED: Said = ("org.dishonest.listed", "a listing", {})
REPAIRED: Said = ("repair.granted", "a repair", {"record_source": "/dept/court", "record_id": "a listing"})
REVOKED: Said = ("record.revoked", "a revocation", {"record_source": "/dept/court", "record_id": "a listing"})


class Way:
    """The whole way without threads: a worker, its relay, and the log into which what is published comes back."""

    def __init__(self, client: Any, log: FakeLog | None = None) -> None:
        self.client = client
        self.log = log or FakeLog()
        self.scorer = Scorer(self.log, client)
        self.producer = FakeProducer()
        self._relay = Relay(self.scorer.store, lambda: self.producer, TOPICS, NAMES, lambda _: None)  # type: ignore[arg-type,return-value]  # a fake
        self._returned = 0

    def register(self) -> None:
        for subject in (COMPANY, RESIDENT, OTHER):
            self.log.publish("subject.registered", subject=subject, id=f"registration of {subject}")

    def publish(self, said: Said, *linked: str, **changes: Any) -> None:
        type_name, event_id, data = said
        stated = {**data, "linked_subjects": linked} if linked else data
        self.log.publish(
            type_name, **{"id": event_id, "source": "/dept/court", "subject": COMPANY, "data": stated, **changes}
        )

    def work_off(self) -> None:
        """Apply and publish until nothing is left of either."""
        self.scorer.work_off()
        while any([self._relay.publish(partition) for partition in self.log.records]):  # noqa: C419 - each of them
            self.come_back()
            self.scorer.work_off()

    def publish_once(self) -> None:
        self._relay.publish(OF_COMPANY)

    def come_back(self) -> None:
        """Append to the log what was published to its topic."""
        for sent in self.producer.taken[self._returned :]:
            if sent.topic == TOPIC:
                self.log.append(sent.value, key=sent.key)
        self._returned = len(self.producer.taken)

    def scores(self) -> dict[str, int]:
        found = {}
        for subject in (COMPANY, RESIDENT, OTHER):
            raw = self.client.get(standing_key(subject, PARTITIONS))
            if raw is not None:
                found[subject] = int(np.frombuffer(raw[: CARD.itemsize], CARD)[0]["score"])
        return found

    def close(self) -> None:
        self.scorer.store.disconnect()


@pytest.fixture
def way(client: Any) -> Any:
    way = Way(client)
    way.register()
    yield way
    way.close()


# Decoding.


def test_a_fact_with_linked_subjects_comes_with_what_follows_at_its_place_in_the_batch() -> None:
    linked = value_of("tax.arrears.recorded", subject=COMPANY, data={"linked_subjects": [RESIDENT, OTHER]})
    batch: list[ARecord] = [a_kafka_record(b"{"), a_kafka_record(value_of()), a_kafka_record(linked, COMPANY)]

    (one,) = Decoder(KEY, PARTITIONS).decode(batch).derived

    assert one.index == 2
    assert [orjson.loads(value)["subject"] for value in one.values] == [RESIDENT, OTHER]


def test_a_batch_without_linked_subjects_has_nothing_that_follows() -> None:
    decoded = Decoder(KEY, PARTITIONS).decode([a_kafka_record(value_of(trace="not on the fast path"))])

    assert len(decoded.facts) == 1
    assert len(decoded.derived) == 0


# In the outbox.


def test_what_follows_waits_in_the_outbox_of_the_organisations_own_partition(way: Way) -> None:
    way.publish(LISTED, RESIDENT, OTHER)

    way.scorer.work_off()

    (one, other) = derived_in(way.client)[OF_COMPANY]
    assert derived_in(way.client).keys() == {OF_COMPANY}
    assert one == {
        "specversion": "1.0",
        "id": f"a listing/{RESIDENT}",
        "source": "/dept/court",
        "type": "court.represented.listed",
        "subject": RESIDENT,
        "time": "2026-11-24T00:30:00Z",
        "causationid": "a listing",
        "data": {},
    }
    assert other["subject"] == OTHER
    assert way.scorer.outcomes[-1].published


@pytest.mark.parametrize("batches", ["one", "several"])
def test_a_repetition_leaves_nothing_more(way: Way, batches: str) -> None:
    for _ in range(3):
        way.publish(LISTED, RESIDENT)
        if batches == "several":
            way.scorer.work_off()

    way.scorer.work_off()

    assert len(derived_in(way.client)[OF_COMPANY]) == 1


def test_what_is_delivered_again_after_the_commit_leaves_nothing_more(way: Way) -> None:
    way.publish(LISTED, RESIDENT)
    way.scorer.process()

    way.scorer.work_off()

    assert way.scorer.outcomes[-1].seeks
    assert len(derived_in(way.client)[OF_COMPANY]) == 1


def test_from_what_is_refused_nothing_follows(way: Way) -> None:
    way.publish(LISTED, RESIDENT)
    way.publish(LISTED, OTHER, time="2026-11-20T08:30:00+08:00")
    way.publish(LISTED, COMPANY, id="another")

    way.scorer.work_off()

    assert sorted(letter.reason for letter in letters_in(way.client)) == [Reason.BAD_VALUE, Reason.CONFLICT]
    assert [one["subject"] for one in derived_in(way.client)[OF_COMPANY]] == [RESIDENT]


def test_among_refused_records_each_event_has_what_follows_from_it(way: Way) -> None:
    way.log.append(b"{", key=COMPANY.encode())
    way.publish(LISTED, RESIDENT)
    way.log.append(b"{", key=COMPANY.encode())
    way.publish(LISTED, RESIDENT)
    way.publish(LISTED, OTHER, id="another")

    way.scorer.work_off()

    assert [one["id"] for one in derived_in(way.client)[OF_COMPANY]] == [f"a listing/{RESIDENT}", f"another/{OTHER}"]


# The whole way.


def test_a_listing_reaches_who_represents_the_organisation_at_the_personal_rate(way: Way) -> None:
    way.publish(LISTED, RESIDENT)

    way.work_off()

    assert way.scores() == {COMPANY: 350, RESIDENT: 400, OTHER: 500}
    hold_store_to(expected_of(way.log), way.client)
    assert counts_of(way.scorer.outcomes)[0] == 5


def test_a_repair_reaches_the_derived_record_too(way: Way) -> None:
    way.publish(LISTED, RESIDENT)
    way.publish(REPAIRED, RESIDENT)

    way.work_off()

    assert way.scores() == {COMPANY: 420, RESIDENT: 440, OTHER: 500}


def test_a_revocation_takes_both_back(way: Way) -> None:
    way.publish(LISTED, RESIDENT)
    way.work_off()
    way.publish(REVOKED, RESIDENT)

    way.work_off()

    assert way.scores() == {COMPANY: 500, RESIDENT: 500, OTHER: 500}


def test_a_control_without_linked_subjects_leaves_their_records_alone(way: Way) -> None:
    way.publish(LISTED, RESIDENT)
    way.publish(REVOKED)

    way.work_off()

    assert way.scores() == {COMPANY: 500, RESIDENT: 400, OTHER: 500}


def test_a_correction_gives_the_derived_record_its_own_grade(way: Way) -> None:
    way.publish(("org.penalty.imposed", "a fine", {"grade": "fine_huge"}), RESIDENT)
    said = {"record_source": "/dept/court", "record_id": "a fine", "record_type": "org.penalty.imposed"}
    way.publish(("record.corrected", "a correction", {**said, "grade": "fine_medium"}), RESIDENT)

    way.work_off()

    assert way.scores() == {COMPANY: 470, RESIDENT: 480, OTHER: 500}


def test_replay_from_an_empty_store_ends_in_the_same_standings(way: Way, client: Any) -> None:
    way.publish(LISTED, RESIDENT, OTHER)
    way.publish(REPAIRED, RESIDENT, OTHER)
    way.work_off()
    before = standings_in(client)
    records = len(way.log.all_records)
    client.flushall()

    # The log has what was derived, and it is derived again.
    again = Way(client, way.log)
    again.work_off()

    assert standings_in(client) == before
    assert len(way.log.all_records) == records + 4
    scored, skipped, dead = counts_of(again.scorer.outcomes)
    assert (scored, skipped, dead) == (records, 4, {})
    again.close()


def test_a_crash_between_commit_and_publishing_publishes_later(way: Way, client: Any) -> None:
    way.publish(LISTED, RESIDENT)
    way.scorer.process()

    successor = Way(client, way.log)
    successor.work_off()

    assert successor.scores() == {COMPANY: 350, RESIDENT: 400, OTHER: 500}
    successor.close()


def test_a_crash_between_publishing_and_taking_note_of_it_counts_once(way: Way) -> None:
    way.publish(LISTED, RESIDENT)
    way.scorer.work_off()
    way.producer.unheard_at = 1
    with pytest.raises(DeliveryError):
        way.publish_once()
    way.come_back()

    way.work_off()

    assert sum(b"a listing/" in record.raw for record in way.log.all_records if record.raw) == 2
    assert way.scores() == {COMPANY: 350, RESIDENT: 400, OTHER: 500}
    assert counts_of(way.scorer.outcomes)[1] == 1


@given(st.permutations([LISTED, REPAIRED, ("tax.arrears.recorded", "taxes", {}), ("record.disputed", "d", REVOKED[2])]))
def test_the_order_of_events_is_of_no_importance(valkey_server: str, said: list[Said]) -> None:
    client = connect(valkey_server)
    client.flushall()
    way = Way(client)
    for one in said:
        way.publish(one, RESIDENT)
    way.register()

    way.work_off()

    # The listing is disputed and counts for nobody; the arrears count 20 points for both.
    assert way.scores() == {COMPANY: 480, RESIDENT: 480, OTHER: 500}
    hold_store_to(expected_of(way.log), client)
    way.close()
    client.close()


def test_with_a_worker_a_representative_is_told_what_the_record_is(
    jasmine: Jasmine,  # noqa: F811
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings(monkeypatch, deployment.bootstrap_servers, deployment.redis_url)
    # Several, so that it is no chance that each is in the right partition.
    company, people = "l-4000000000006001", [a_resident(900 + number) for number in range(4)]
    listing = line_of(company, "org.dishonest.listed", data={"linked_subjects": people})
    lines = b"".join(line_of(one) for one in (company, *people)) + listing

    assert jasmine("publish", "-", stdin=lines).code == 0

    def are_reached() -> bool:
        return all("represented" in jasmine("explain", one, "--json").out for one in people)

    until(are_reached, "each of them has the derived record")
    answer = jasmine("explain", people[0], "--evidence", "--json").json
    (entry,) = answer["contributions"]
    assert entry["name"]["en"] == "Represented organisation listed as judgment defaulter"
    assert entry["points"] == -100
    assert f"org.dishonest.listed of {company}" in str(answer["evidence"]["events"])
