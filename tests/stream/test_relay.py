"""The relay: what a commit left in the outbox reaches Kafka at least once, in order, with ids to drop repetitions."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest
from confluent_kafka import KafkaException

from schemas.codec import decode
from schemas.errors import Reason, Refusal
from schemas.subjects import parse_subject
from scoring.card import CARD, DISPUTED, NO_TIER, REVIEW
from sinks.dead import DeadLetter
from sinks.errors import StoreUnavailableError
from sinks.message import Channel
from sinks.outbox import CHANGE, Names, NamesByPack, changes_between, entry, messages
from sinks.store import Store
from stream import relay as relay_module
from stream.embedded import free_port
from stream.relay import ENTRIES_MAX, ENTRIES_MIN, DeliveryError, Relay
from tests.support.embedded_worker import until
from tests.support.events import COMPANY, RESIDENT, value_of
from tests.support.fake_kafka import FakeProducer
from tests.support.redis_server import connect

TOPICS = {Channel.DEAD: "credit.dead", Channel.CHANGES: "credit.changes", Channel.EVENTS: "credit.events"}
NAMES = NamesByPack({0: Names(["poor", "good"], ["transit", "library"])})
DEADLINE_S = 5.0


def a_change(offset: int = 7, subject: str = RESIDENT) -> Any:
    change = np.zeros(1, CHANGE)
    change["subject"] = parse_subject(subject)
    change["as_of"] = offset
    change["entitlements"] = 0b10
    change["entitlements_before"] = 0b11
    change["day"] = 20_781
    change["tier"] = 1
    change["tier_before"] = NO_TIER
    return change


def a_letter(offset: int = 3, value: bytes = b"\xff{") -> DeadLetter:
    return DeadLetter.of(
        Refusal(Reason.NOT_JSON, "", "{", "send JSON"),
        topic="credit.events",
        partition=2,
        offset=offset,
        key=None,
        value=value,
        headers=[("a", None), ("b", b"\x00")],
    )


class Outbox:
    """An outbox that a test fills, and a relay with a producer that may fail."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.producer = FakeProducer()
        self.errors: list[Exception] = []
        self.store = Store(client)
        self.relay = Relay(self.store, lambda: self.producer, TOPICS, NAMES, self.errors.append)  # type: ignore[arg-type,return-value]  # a fake

    def keep(self, pairs: list[bytes], partition: int = 0) -> None:
        self.client.execute_command("XADD", f"{{{partition}}}:outbox", "*", *pairs)

    def waiting(self, partition: int = 0) -> int:
        return int(self.client.xlen(f"{{{partition}}}:outbox"))


@pytest.fixture
def outbox(client: Any) -> Iterator[Outbox]:
    outbox = Outbox(client)
    yield outbox
    outbox.store.disconnect()


def test_a_change_is_published_as_an_event_keyed_by_its_subject(outbox: Outbox) -> None:
    outbox.keep(entry(a_change(), []))

    assert outbox.relay.publish(0) == 1

    (sent,) = outbox.producer.taken
    assert (sent.topic, sent.key) == ("credit.changes", RESIDENT.encode())
    assert sent.headers == [("content-type", b"application/cloudevents+json")]
    assert orjson.loads(sent.value) == {
        "specversion": "1.0",
        "id": f"0/7/20781/{RESIDENT}",
        "source": "/jasmine/scorer",
        "type": "standing.changed",
        "subject": RESIDENT,
        "data": {
            "day": "2026-11-24",
            "tier": "good",
            "tier_before": None,
            "entitlements": ["library"],
            "entitlements_before": ["transit", "library"],
            "under_review": False,
        },
    }


def test_of_changes_of_several_kinds_in_one_entry_each_says_its_own() -> None:
    one, of_one_kind, of_another = a_change(7), a_change(8, COMPANY), a_change(9)
    of_another["tier_before"], of_another["day"], of_another["under_review"] = 0, 20_782, True

    sent = [*messages(entry(np.concatenate([one, of_one_kind, of_another]), []), 3, NAMES)]

    said = [orjson.loads(message.value) for message in sent]
    assert [(message.key.decode(), event["id"]) for message, event in zip(sent, said, strict=True)] == [
        (RESIDENT, f"3/7/20781/{RESIDENT}"),
        (COMPANY, f"3/8/20781/{COMPANY}"),
        (RESIDENT, f"3/9/20782/{RESIDENT}"),
    ]
    assert [event["subject"] for event in said] == [RESIDENT, COMPANY, RESIDENT]
    assert [(event["data"]["tier_before"], event["data"]["under_review"]) for event in said] == [
        (None, False),
        (None, False),
        ("poor", True),
    ]


def test_a_tier_that_the_pack_does_not_have_is_published_as_none() -> None:
    change = a_change()
    change["tier_before"] = 6

    (sent,) = messages(entry(change, []), 0, NAMES)

    assert orjson.loads(sent.value)["data"]["tier_before"] is None


def test_a_dead_letter_is_published_whole_and_can_be_told_by_its_headers(outbox: Outbox) -> None:
    letter = a_letter()
    outbox.keep(entry(a_change()[:0], [letter]))

    outbox.relay.publish(0)

    (sent,) = outbox.producer.taken
    assert (sent.topic, sent.key) == ("credit.dead", b"credit.events/2/3")
    assert sent.headers == [("reason", b"not_json"), ("field", b"")]
    assert DeadLetter.unpack(sent.value) == letter
    assert (letter.key, letter.value, letter.headers) == (b"", b"\xff{", [("a", b""), ("b", b"\x00")])


def test_what_follows_from_an_event_goes_to_the_log_keyed_by_its_own_subject(outbox: Outbox) -> None:
    outbox.keep(entry(a_change()[:0], [], [value_of(id="1/r")]))

    outbox.relay.publish(0)

    (sent,) = outbox.producer.taken
    assert (sent.topic, sent.key, sent.value) == ("credit.events", RESIDENT.encode(), value_of(id="1/r"))
    assert sent.headers == [("content-type", b"application/cloudevents+json")]


def test_a_published_letter_is_refused_again_for_the_same_reason() -> None:
    letter = DeadLetter.unpack(a_letter().pack())

    with pytest.raises(Refusal) as refused:
        decode(letter.value, [*letter.headers])

    assert refused.value.reason == letter.reason


def test_all_of_an_entry_is_published_several_letters_too(outbox: Outbox) -> None:
    outbox.keep(entry(np.concatenate([a_change(7), a_change(8)]), [a_letter(1), a_letter(2)]))

    assert outbox.relay.publish(0) == 4
    assert [one.topic for one in outbox.producer.taken] == ["credit.changes"] * 2 + ["credit.dead"] * 2
    assert outbox.waiting() == 0


def test_entries_are_published_oldest_first_some_at_a_time(outbox: Outbox) -> None:
    for number in range(ENTRIES_MIN + 3):
        outbox.keep(entry(a_change(number), []))

    assert [outbox.relay.publish(0) for _ in range(3)] == [ENTRIES_MIN, 3, 0]

    order = [int(orjson.loads(one.value)["id"].split("/")[1]) for one in outbox.producer.taken]
    assert order == [*range(ENTRIES_MIN + 3)]
    assert outbox.relay.published == ENTRIES_MIN + 3


def test_of_many_small_entries_more_are_taken_each_time_so_that_an_outbox_cannot_grow_for_ever(outbox: Outbox) -> None:
    for number in range(3 * ENTRIES_MAX):
        outbox.keep(entry(a_change(number), []))

    taken = [outbox.relay.publish(0) for _ in range(9)]

    assert taken == [4, 8, 16, 32, 64, 128, 256, 256, 4]
    assert outbox.waiting() == 0


def test_after_an_entry_of_many_records_few_are_taken_again(outbox: Outbox) -> None:
    for number in range(ENTRIES_MIN):
        outbox.keep(entry(a_change(number), []))
    outbox.keep(entry(np.concatenate([a_change(number) for number in range(600)]), []))
    for number in range(10):
        outbox.keep(entry(a_change(number), []))

    assert [outbox.relay.publish(0) for _ in range(4)] == [4, 607, 3, 0]


def test_an_entry_stays_until_kafka_has_acknowledged_all_of_it(outbox: Outbox) -> None:
    outbox.keep(entry(np.concatenate([a_change(7), a_change(8), a_change(9)]), []))
    outbox.producer.undelivered_at = 2

    with pytest.raises(DeliveryError, match=r"1 of 3 .* were not taken: topic credit.changes: .*timed out"):
        outbox.relay.publish(0)

    assert outbox.waiting() == 1
    assert outbox.relay.publish(0) == 2, "from the first that was not taken"
    assert outbox.waiting() == 0
    assert outbox.relay.published == 3


@pytest.mark.parametrize("fault", ["undelivered_at", "unheard_at", "refused_at"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_what_is_before_a_failure_is_done_with_and_what_is_behind_it_comes_behind_it_again(
    outbox: Outbox, fault: str, at: int
) -> None:
    for number in range(4):
        outbox.keep(entry(a_change(number), []))
    setattr(outbox.producer, fault, at)

    with pytest.raises(DeliveryError):
        outbox.relay.publish(0)
    assert outbox.waiting() == 4 - (at - 1)
    while outbox.relay.publish(0):
        pass

    order = [int(orjson.loads(one.value)["id"].split("/")[1]) for one in outbox.producer.taken]
    assert order[-(4 - (at - 1)) :] == [*range(at - 1, 4)]
    assert order[: at - 1] == [*range(at - 1)]
    assert outbox.waiting() == 0


def test_nothing_else_is_repeated_while_a_record_is_not_taken(outbox: Outbox) -> None:
    outbox.keep(entry(a_change(1), [a_letter()], [value_of(id="1/r")]))
    outbox.keep(entry(a_change(2), []))
    outbox.producer.refused_topic = "credit.dead"

    for _ in range(5):
        with pytest.raises(DeliveryError, match="TOPIC_AUTHORIZATION_FAILED"):
            outbox.relay.publish(0)

    assert [one.topic for one in outbox.producer.taken] == ["credit.changes", "credit.events", "credit.changes"]
    outbox.producer.refused_topic = ""
    assert [outbox.relay.publish(0) for _ in range(3)] == [2, 1, 0]
    assert [*outbox.producer.values().values()] == [1, 2, 2, 1], "what was behind it comes behind it once more"


def test_where_a_partition_goes_on_is_forgotten_with_its_entry(outbox: Outbox) -> None:
    outbox.keep(entry(a_change(1), [a_letter()]))
    outbox.producer.refused_topic = "credit.dead"
    with pytest.raises(DeliveryError):
        outbox.relay.publish(0)
    outbox.client.flushall()
    outbox.keep(entry(a_change(2), []))

    assert outbox.relay.publish(0) == 1
    assert outbox.waiting() == 0


@pytest.mark.parametrize("is_looking", [True, False], ids=["by the producer", "by the broker"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_letter_too_large_for_its_topic_says_that_its_record_is_left_in_the_log(
    outbox: Outbox, at: int, *, is_looking: bool
) -> None:
    letters = [a_letter(number, b"\xff" * 9_000 if number == at else b"\xff{") for number in range(3)]
    outbox.keep(entry(a_change(7), letters))
    outbox.producer.bytes_max, outbox.producer.is_looking = 10_000, is_looking

    assert outbox.relay.publish(0) == 4

    sent = [DeadLetter.unpack(one.value) for one in outbox.producer.taken if one.topic == "credit.dead"]
    taken = {letter.name: letter for letter in sent}
    assert taken == {one.name: one.without_raw() if one is letters[at] else one for one in letters}
    assert taken[letters[at].name].left_in_log
    assert outbox.waiting() == 0


def test_a_letter_of_which_not_even_the_place_is_taken_stays(outbox: Outbox) -> None:
    outbox.keep(entry(a_change()[:0], [a_letter()]))
    outbox.producer.bytes_max = 1

    with pytest.raises(DeliveryError, match=r"1 of 1 .* were not taken: topic credit.dead: .*MSG_SIZE"):
        outbox.relay.publish(0)

    assert (outbox.producer.taken, outbox.producer.calls, outbox.waiting()) == ([], 2, 1)


def test_an_acknowledgement_that_never_comes_is_a_failure_that_says_how_long_it_waited(outbox: Outbox) -> None:
    outbox.keep(entry(a_change(), []))
    outbox.producer.unheard_at = 1

    with pytest.raises(DeliveryError, match=r"no acknowledgement within 30\.0 s"):
        outbox.relay.publish(0)

    assert outbox.waiting() == 1


def test_what_is_published_again_is_the_same_record(outbox: Outbox) -> None:
    outbox.keep(entry(a_change(), [a_letter()]))
    outbox.producer.unheard_at = 2
    with pytest.raises(DeliveryError):
        outbox.relay.publish(0)

    outbox.relay.publish(0)

    assert [*outbox.producer.values().values()] == [1, 2]


def test_a_full_queue_is_waited_for(outbox: Outbox) -> None:
    outbox.keep(entry(np.concatenate([a_change(7), a_change(8)]), []))
    outbox.producer.full_at = 2

    assert outbox.relay.publish(0) == 2
    assert outbox.producer.polls == 2, "to hear of a refusal, and for room"


def test_after_a_refusal_for_good_another_producer_publishes_what_is_left(outbox: Outbox) -> None:
    outbox.relay.partitions = (0, 1)
    for partition in outbox.relay.partitions:
        outbox.keep(entry(a_change(partition), []), partition)
    outbox.producer.is_refused = True
    refused, outbox.producer = outbox.producer, FakeProducer()

    outbox.relay.start()
    until(lambda: not outbox.waiting() + outbox.waiting(1), "all is published")
    outbox.relay.end()
    outbox.relay.join(DEADLINE_S)

    assert "no producer id" in str(outbox.errors[0])
    assert (len(outbox.errors), len(refused.taken), len(outbox.producer.taken)) == (1, 0, 2)


@pytest.mark.parametrize("pairs", [[b"changes", bytes(36)], [b"dead", b'{"topic":"credit.events","since":1}']])
def test_an_entry_of_another_release_is_told_and_waits_and_does_not_end_the_thread(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, pairs: list[bytes]
) -> None:
    monkeypatch.setattr(relay_module, "_RETRY_S", 1_000.0)
    outbox.relay.partitions = (0, 1)
    outbox.keep(pairs)
    outbox.keep(entry(a_change(1), []), partition=1)
    outbox.relay.start()

    until(lambda: outbox.waiting(1) == 0, "what is of this release is published", DEADLINE_S)
    assert outbox.relay.is_alive()
    outbox.relay.end()
    outbox.relay.join(DEADLINE_S)

    assert "start a worker of the release that wrote it" in str(outbox.errors[0])
    assert outbox.waiting() == 1


def test_what_kafka_has_is_not_published_again_while_redis_does_not_let_it_go(outbox: Outbox) -> None:
    outbox.keep(entry(a_change(), []))
    published, outbox.store.published = outbox.store.published, _refuse  # type: ignore[method-assign,assignment]
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            outbox.relay.publish(0)
    outbox.store.published = published  # type: ignore[method-assign]

    assert outbox.relay.publish(0) == 0
    assert (outbox.waiting(), len(outbox.producer.taken)) == (0, 1)


def _refuse(*_: object) -> None:
    raise StoreUnavailableError("refused by the test")


def test_an_outbox_that_cannot_be_read_publishes_nothing() -> None:
    producer = FakeProducer()
    store = Store(connect(f"redis://127.0.0.1:{free_port()}/0"))
    relay = Relay(store, lambda: producer, TOPICS, NAMES, lambda _: None)  # type: ignore[arg-type,return-value]  # a fake

    with pytest.raises(StoreUnavailableError):
        relay.publish(0)

    assert producer.taken == []


def test_the_thread_publishes_what_it_is_woken_for_and_the_rest_before_it_ends(outbox: Outbox) -> None:
    outbox.relay.partitions = (0, 1)
    outbox.keep(entry(a_change(1), []))
    outbox.relay.start()
    outbox.keep(entry(a_change(2), []), partition=1)
    outbox.relay.wake()
    outbox.keep(entry(a_change(3), []))

    outbox.relay.end()
    outbox.relay.join(DEADLINE_S)

    assert not outbox.relay.is_alive()
    assert outbox.waiting() + outbox.waiting(1) == 0
    assert len(outbox.producer.taken) == 3


@pytest.mark.parametrize("what", ["refused_at", "undelivered_at"])
def test_the_thread_tells_of_a_failure_and_tries_again(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(relay_module, "_RETRY_S", 0.01)
    told = threading.Event()
    outbox.relay._on_error = lambda error: (outbox.errors.append(error), told.set())  # type: ignore[assignment, func-returns-value]
    setattr(outbox.producer, what, 1)
    outbox.relay.partitions = (0,)
    outbox.keep(entry(a_change(), []))
    outbox.relay.start()

    assert told.wait(DEADLINE_S)
    outbox.relay.end()
    outbox.relay.join(DEADLINE_S)

    assert isinstance(outbox.errors[0], KafkaException | DeliveryError)
    assert outbox.waiting() == 0


def test_a_partition_has_its_turn_at_once_while_nothing_of_another_is_taken(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "_RETRY_S", 1_000.0)
    outbox.producer.refused_topic = "credit.dead"
    outbox.relay.partitions = (0, 1)
    outbox.keep(entry(a_change()[:0], [a_letter()]))
    outbox.keep(entry(a_change(1), []), partition=1)
    outbox.relay.start()

    until(lambda: outbox.waiting(1) == 0, "the first change is published", DEADLINE_S)
    outbox.keep(entry(a_change(2), []), partition=1)
    outbox.relay.wake()
    until(lambda: outbox.waiting(1) == 0, "the second change is published", DEADLINE_S)

    assert (len(outbox.errors), outbox.producer.calls) == (1, 3), "and the other is left alone for a while"
    outbox.relay.end()
    outbox.relay.join(DEADLINE_S)
    assert outbox.waiting() == 1


def test_a_thread_that_cannot_publish_ends_all_the_same_and_leaves_the_rest(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "DELIVERY_S_MAX", 0.01)
    outbox.relay._producer = type("Dead", (FakeProducer,), {"flush": lambda *_: 1, "poll": lambda *_: 0})()
    outbox.relay.partitions = (0,)
    outbox.keep(entry(a_change(), []))
    outbox.relay.end()
    outbox.relay.start()
    outbox.relay.join(DEADLINE_S)

    assert not outbox.relay.is_alive()
    assert outbox.waiting() == 1


def test_a_change_is_one_of_tier_of_entitlements_or_of_review_and_nothing_else() -> None:
    before, after = np.zeros(6, CARD), np.zeros(6, CARD)
    before["version"] = after["version"] = 1
    after["score"] = 9
    after["tier"][1] = 1
    after["entitlements"][2] = 1
    before["version"][3] = 0
    after["flags"][4] = REVIEW
    before["flags"][5] = REVIEW
    after["flags"][0] = DISPUTED

    changes, places = changes_between(np.arange(6).astype(np.uint64), before, after, np.array([True] * 6))

    assert changes["subject"].tolist() == places.tolist() == [1, 2, 3, 4, 5]
    assert changes["tier_before"].tolist() == [0, 0, NO_TIER, 0, 0]
    assert changes["under_review"].tolist() == [False, False, False, True, False]


def test_an_entry_of_nothing_is_empty() -> None:
    assert entry(a_change()[:0], []) == []
    assert [*messages([], 0, NAMES)] == []
