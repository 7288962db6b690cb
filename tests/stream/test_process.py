"""A poll's records to standings: one outcome each, whatever is in the log and whoever dies in between."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decoder import Decoder
from schemas.errors import Reason, Refusal
from sinks.errors import PartitionLostError, StoreUnavailableError
from sinks.keys import next_key
from stream import apply
from stream.embedded import free_port
from stream.process import Outcome, _letter
from tests.support.events import LEFT_OUT, PARTITIONS, RECORDED_MS, RESIDENT, value_of
from tests.support.fake_kafka import TOPIC, FakeLog, FakeRecord, Headers, positions_after
from tests.support.redis_server import connect
from tests.support.scorers import (
    NOON_S,
    Scorer,
    changes_in,
    counts_of,
    due_in,
    expected_of,
    hold_store_to,
    letters_in,
    standings_in,
)

OTHER = "r-19c3f0a1b2d4e5f7"
COMPANY = "l-49c3f0a1b2d4e5f9"
OVERDUE = "library.loan.overdue"


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
def scorer(log: FakeLog, client: Any) -> Scorer:
    return Scorer(log, client)


def register(log: FakeLog, *subjects: str) -> None:
    for subject in subjects:
        log.publish("subject.registered", subject=subject, id=f"registration of {subject}")


# Outcomes.


def test_a_good_event_is_scored_and_can_be_read(log: FakeLog, scorer: Scorer, client: Any) -> None:
    register(log, RESIDENT)
    log.publish()

    scorer.work()

    (outcome,) = scorer.outcomes
    assert (outcome.scored, outcome.skipped, outcome.dead, outcome.seeks) == (2, 0, {}, {})
    hold_store_to(expected_of(log), client)


def test_it_is_known_when_what_was_scored_was_recorded_and_when_it_was_committed(log: FakeLog, scorer: Scorer) -> None:
    register(log, RESIDENT)
    log.append(b"{", key=RESIDENT.encode())
    log.append_record(value_of(), key=RESIDENT.encode(), partition=None, headers=None, at_ms=RECORDED_MS - 2_000)

    scorer.work()

    (outcome,) = scorer.outcomes
    assert outcome.recorded_ms.tolist() == [RECORDED_MS, RECORDED_MS - 2_000]
    assert outcome.committed_s == NOON_S


def test_a_repetition_is_skipped_and_changes_nothing(log: FakeLog, scorer: Scorer, client: Any) -> None:
    log.publish()
    scorer.work()
    before = standings_in(client)
    log.publish()
    log.publish()

    scorer.work()

    assert counts_of(scorer.outcomes) == (1, 2, Counter())
    assert standings_in(client) == before


def test_of_a_conflict_the_first_in_the_log_wins_and_the_other_is_a_dead_letter(
    log: FakeLog, scorer: Scorer, client: Any
) -> None:
    log.publish(time="2026-11-20T08:30:00+08:00")
    second = log.publish(time="2026-11-21T08:30:00+08:00")

    scorer.work()

    (letter,) = letters_in(client)
    assert counts_of(scorer.outcomes) == (1, 0, Counter({Reason.CONFLICT: 1}))
    assert (letter.name, letter.reason, letter.field) == (second.name, "conflict", "id")
    assert "record.corrected or record.revoked" in letter.remedy
    hold_store_to(expected_of(log), client)


def test_a_dead_letter_is_the_record_as_it_came_with_the_place_it_came_from(
    log: FakeLog, scorer: Scorer, client: Any
) -> None:
    raw, key = b"\xff\x00 no JSON", b"\xfe no text"
    headers: list[tuple[str, bytes | None]] = [("ce_id", b"\xff"), ("empty", None), ("ce_id", b"again")]
    record = log.append_record(raw, key=key, partition=3, headers=headers, at_ms=RECORDED_MS)

    scorer.work()

    (letter,) = letters_in(client)
    assert (letter.topic, letter.partition, letter.offset) == ("credit.events", 3, record.at_offset)
    assert (letter.value, letter.key) == (raw, key)
    assert letter.headers == [("ce_id", b"\xff"), ("empty", b""), ("ce_id", b"again")]
    assert (letter.reason, letter.rejected) == ("not_json", "\ufffd\x00 no JSON")


class Unreadable(FakeRecord):
    """A record with a header whose name is not UTF-8, as confluent-kafka gives it."""

    def headers(self) -> Headers | None:
        raise SystemError("error return without exception set")


def test_a_record_whose_headers_cannot_be_read_is_a_dead_letter_without_them() -> None:
    record = Unreadable(raw=b"{", raw_key=b"k", at_partition=3, at_offset=8, at_ms=RECORDED_MS)

    letter = _letter("credit.events", record, Refusal(Reason.BAD_ENVELOPE))

    assert (letter.name, letter.key, letter.value, letter.headers) == ("credit.events/3/8", b"k", b"{", [])


def _full(log: FakeLog) -> None:
    for number in range(4):
        log.publish(id=f"loan {number}")


def _conflict(log: FakeLog) -> None:
    log.publish(id="twice", time="2026-11-21T08:30:00+08:00")
    log.publish(id="twice", time="2026-11-22T08:30:00+08:00")


def _in_the_wrong_partition(log: FakeLog) -> None:
    right = log.publish(id="in the right one").at_partition
    log.append(value_of(), key=RESIDENT.encode(), partition=(right + 1) % PARTITIONS)


def _publishing(type_name: str = OVERDUE, **changes: Any) -> Callable[[FakeLog], None]:
    return lambda log: void(log.publish(type_name, **changes))


def void(_: object) -> None:
    """Return nothing."""


REFUSALS: list[tuple[Reason, str, str, Callable[[FakeLog], None]]] = [
    (Reason.NOT_JSON, "", "{broken", lambda log: void(log.append(b"{broken", key=b"k"))),
    (Reason.BAD_ENVELOPE, "specversion", "0.3", _publishing(specversion="0.3")),
    (Reason.MISSING_FIELD, "id", "", _publishing(id=LEFT_OUT)),
    (Reason.UNKNOWN_FIELD, "data.address", "", _publishing(data={"address": "somewhere"})),
    (Reason.BAD_VALUE, "time", "yesterday", _publishing(time="yesterday")),
    (Reason.UNKNOWN_TYPE, "type", "library.closed", _publishing("library.closed")),
    (Reason.UNKNOWN_GRADE, "data.grade", "awful", _publishing(data={"grade": "awful"})),
    (Reason.UNKNOWN_SUBJECT_KIND, "subject", "x-09c3f0a1b2d4e5f6", _publishing(subject="x-09c3f0a1b2d4e5f6")),
    (Reason.WRONG_SUBJECT_KIND, "subject", COMPANY, _publishing(subject=COMPANY)),
    (Reason.WRONG_PARTITION, "subject", RESIDENT, _in_the_wrong_partition),
    (Reason.OVERSIZED, "", "65537 bytes", lambda log: void(log.append(b" " * 65_537, key=b"k"))),
    (Reason.TIME_IN_FUTURE, "time", "2026-11-26T08:30:00+08:00", _publishing(time="2026-11-26T08:30:00+08:00")),
    (Reason.CONFLICT, "id", "", _conflict),
    (Reason.LEDGER_FULL, "subject", "", _full),
]


def test_every_reason_of_refusal_has_an_example_here() -> None:
    assert {reason for reason, *_ in REFUSALS} == set(Reason)


@pytest.mark.parametrize(("reason", "field", "value", "happen"), REFUSALS, ids=[str(one[0]) for one in REFUSALS])
def test_whatever_is_refused_is_a_dead_letter_with_field_and_value_and_the_stream_goes_on(
    log: FakeLog,
    scorer: Scorer,
    client: Any,
    monkeypatch: pytest.MonkeyPatch,
    reason: Reason,
    field: str,
    value: str,
    happen: Callable[[FakeLog], None],
) -> None:
    monkeypatch.setattr(apply, "LEDGER_FACTS_MAX", 3)
    happen(log)
    register(log, OTHER)
    scorer.work()
    register(log, COMPANY)
    scorer.work()

    (letter,) = letters_in(client)
    assert (letter.reason, letter.field, letter.rejected) == (reason, field, value)
    assert letter.remedy
    scored, skipped, dead = counts_of(scorer.outcomes)
    assert dead == {reason: 1}
    assert scored + skipped + 1 == len(log.all_records)
    assert scorer.positions == {partition: len(records) for partition, records in log.records.items()}


# Redelivery, gaps, loss.


def test_what_is_delivered_again_after_a_crash_behind_the_commit_changes_nothing(
    log: FakeLog, scorer: Scorer, client: Any
) -> None:
    register(log, RESIDENT, OTHER)
    log.append(b"{", key=RESIDENT.encode())
    positions = dict(scorer.positions)
    scorer.process()
    before = standings_in(client), due_in(client), letters_in(client)

    scorer.work()

    assert scorer.positions != positions
    assert scorer.outcomes[1] == Outcome(seeks=scorer.outcomes[1].seeks)
    assert scorer.outcomes[1].seeks == scorer.outcomes[0].nexts
    assert (standings_in(client), due_in(client), letters_in(client)) == before
    assert not scorer.work()


def test_a_poll_that_holds_old_and_new_records_is_read_again_from_where_the_store_stands(
    log: FakeLog, scorer: Scorer, client: Any
) -> None:
    register(log, RESIDENT)
    scorer.process()
    log.publish()

    scorer.work_off()

    assert counts_of(scorer.outcomes) == (2, 0, Counter())
    hold_store_to(expected_of(log), client)


def test_a_store_that_is_behind_the_log_is_caught_up_by_reading_again(
    log: FakeLog, scorer: Scorer, client: Any
) -> None:
    register(log, RESIDENT)
    scorer.work()
    older = {key: client.dump(key) for key in client.keys()}  # noqa: SIM118 - a command, no mapping
    stood = {partition: int(client.get(next_key(partition))) for partition in range(PARTITIONS)}
    log.publish()
    log.publish(id="another", subject=OTHER)
    scorer.work()
    client.flushall()
    for key, dumped in older.items():
        client.restore(key, 0, dumped)
    log.publish(id="a third")
    log.publish(id="a fourth", subject=OTHER)

    scorer.work()
    seeks = scorer.outcomes[-1].seeks
    scorer.work_off()

    assert seeks
    assert seeks.items() <= stood.items()
    hold_store_to(expected_of(log), client)


def test_holes_in_the_log_are_no_gaps(log: FakeLog, scorer: Scorer, client: Any) -> None:
    for _ in range(2):
        for partition in range(PARTITIONS):
            log.leave_a_hole(partition)
        register(log, RESIDENT, OTHER)
        scorer.work()

    assert counts_of(scorer.outcomes) == (2, 2, Counter())
    assert [outcome.seeks for outcome in scorer.outcomes] == [{}, {}]


def test_an_emptied_store_is_filled_again_from_the_log(log: FakeLog, scorer: Scorer, client: Any) -> None:
    register(log, RESIDENT, OTHER)
    log.publish()
    scorer.work()
    before = standings_in(client), due_in(client)
    client.flushall()
    log.append(b"{", key=RESIDENT.encode())

    with pytest.raises(PartitionLostError):
        scorer.work()
    scorer.take_over()
    scorer.work_off()

    assert (standings_in(client), due_in(client)) == before
    hold_store_to(expected_of(log), client)


def test_of_a_backlog_each_poll_is_decoded_once_and_costs_two_round_trips(
    log: FakeLog, scorer: Scorer, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        log.publish(id=f"loan {number}")
    decoded: list[int] = []
    decode = Decoder.decode

    def counted(self: Decoder, records: Sequence[Any]) -> Any:
        decoded.append(len(records))
        return decode(self, records)

    monkeypatch.setattr(Decoder, "decode", counted)

    scorer.work_off(6)

    assert decoded == [6, 6, 6, 2]
    assert [one.scored for one in scorer.outcomes] == [6, 6, 6, 2]
    assert scorer.store.round_trips == 2 * 4
    hold_store_to(expected_of(log), client)


def test_a_poll_that_was_prepared_behind_one_that_lost_its_fence_is_applied_in_its_turn(
    log: FakeLog, scorer: Scorer, client: Any
) -> None:
    for number in range(9):
        log.publish(id=f"loan {number}")
    other = Scorer(log, client)
    scorer.store.meanwhile = lambda: void(other.work(2))

    scorer.work_off(3)

    assert scorer.outcomes[0].seeks
    hold_store_to(expected_of(log), client)
    other.store.disconnect()


def test_a_poll_without_records_says_where_a_store_stands_that_was_set_back(
    log: FakeLog, scorer: Scorer, client: Any
) -> None:
    register(log, RESIDENT, OTHER)
    scorer.work()
    positions = dict(scorer.positions)
    assert scorer.processor.process(TOPIC, [], positions).seeks == {}
    moved = next(partition for partition, position in positions.items() if position)
    client.set(next_key(moved), 0)

    outcome = scorer.processor.process(TOPIC, [], positions)

    assert outcome == Outcome(seeks={**positions, moved: 0})


def test_partitions_named_without_a_record_keep_their_place(log: FakeLog, scorer: Scorer, client: Any) -> None:
    register(log, RESIDENT)
    records, _ = log.poll(scorer.positions, 10)

    outcome = scorer.processor.process(TOPIC, records, dict(scorer.positions))

    assert outcome.nexts == positions_after(scorer.positions, records)
    assert [int(client.get(next_key(partition))) for partition in range(PARTITIONS)] == [*outcome.nexts.values()]


def test_a_store_that_does_not_answer_is_said_so_and_nothing_is_written(log: FakeLog, scorer: Scorer) -> None:
    register(log, RESIDENT)
    scorer.processor._store = type(scorer.store)(connect(f"redis://127.0.0.1:{free_port()}/0"))

    with pytest.raises(StoreUnavailableError):
        scorer.work()

    assert scorer.outcomes == []


def test_a_worker_overtaken_between_load_and_commit_writes_nothing_and_reads_on_behind_the_other(
    log: FakeLog, scorer: Scorer, client: Any
) -> None:
    register(log, RESIDENT, OTHER)
    other = Scorer(log, client)
    scorer.store.meanwhile = lambda: void(other.work())

    scorer.work()

    assert counts_of([*scorer.outcomes, *other.outcomes]) == (2, 0, Counter())
    assert scorer.outcomes[0].seeks == other.outcomes[0].nexts
    hold_store_to(expected_of(log), client)
    other.store.disconnect()


# Changes.


def test_a_change_of_tier_or_entitlements_is_in_the_outbox_of_the_subjects_partition(
    log: FakeLog, scorer: Scorer, client: Any
) -> None:
    register(log, RESIDENT)
    scorer.work()
    log.publish("rental.item.overdue")
    scorer.work()

    (change, *_) = changes_in(client)
    assert (change["subject"], change["data"]["tier_before"], change["data"]["day"]) == (RESIDENT, None, "2026-11-24")
    assert change["data"]["tier"]
    assert scorer.outcomes[0].published


def test_an_event_that_changes_no_tier_leaves_nothing_to_publish(log: FakeLog, scorer: Scorer, client: Any) -> None:
    log.publish()

    scorer.work()

    assert not scorer.outcomes[0].published
    assert changes_in(client) == []


# Any log, any portions, any crashes: the same end.

IDS = st.sampled_from(["1", "2", "3"])
SUBJECTS = st.sampled_from([RESIDENT, OTHER])
TIMES = st.sampled_from(["2026-11-20T08:30:00+08:00", "2025-02-01T00:00:00+08:00"])
BROKEN = st.sampled_from(
    [
        {"type_name": "library.closed"},
        {"specversion": "0.3"},
        {"time": "2027-01-01T00:00:00Z"},
        {"subject": COMPANY},
    ]
)


def _about(event_id: str) -> dict[str, str]:
    return {"record_source": "/dept/library", "record_id": event_id}


PLAIN = st.fixed_dictionaries(
    {"type_name": st.sampled_from([OVERDUE, "subject.registered"]), "id": IDS, "subject": SUBJECTS, "time": TIMES}
)
CONTROLS = st.builds(
    lambda type_name, number, subject, about: {
        "type_name": type_name,
        "id": f"control {number}",
        "subject": subject,
        "data": _about(about),
    },
    st.sampled_from(["record.revoked", "record.disputed", "record.repaired"]),
    IDS,
    SUBJECTS,
    IDS,
)
EVENTS = st.lists(st.one_of(PLAIN, PLAIN, CONTROLS, BROKEN), min_size=1, max_size=14)

# What one of two workers does next: how many records it polls, of which partitions, and what goes wrong.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(1, 5),
        st.sampled_from([None, *range(PARTITIONS)]),
        st.sampled_from(["done", "done", "killed behind the commit", "overtaken", "taken over"]),
    ),
    max_size=12,
)


def _log_of(events: list[dict[str, Any]]) -> FakeLog:
    log = FakeLog()
    for event in events:
        changes = dict(event)
        if len(changes) % 2:
            log.leave_a_hole(0)
        log.publish(changes.pop("type_name", OVERDUE), **changes)
    log.append(None, key=b"a tombstone")
    return log


def _straight(log: FakeLog, client: Any) -> tuple[Any, Any, list[str]]:
    client.flushall()
    scorer = Scorer(log, client)
    scorer.work_off()
    scorer.store.disconnect()
    return standings_in(client), due_in(client), sorted(one.name for one in letters_in(client))


@given(EVENTS, STEPS)
def test_any_portions_crashes_and_hand_overs_end_in_the_same_state(
    valkey_server: str, events: list[dict[str, Any]], steps: list[tuple[int, int, int | None, str]]
) -> None:
    client = connect(valkey_server)
    log = _log_of(events)
    expected = expected_of(log)
    straight = _straight(log, client)
    client.flushall()
    scorers = [Scorer(log, client), Scorer(log, client)]

    for who, records_max, partition, what in steps:
        scorer, other = scorers[who], scorers[1 - who]
        partitions = None if partition is None else [partition]
        if what == "taken over":
            scorer.take_over()
        elif what == "overtaken":
            scorer.store.meanwhile = lambda other=other: other.work(2)
            scorer.work(records_max, partitions)
            scorer.store.meanwhile = None  # there was nothing to be overtaken in
        elif what == "killed behind the commit":
            scorer.process(records_max, partitions)
        else:
            scorer.work(records_max, partitions)
    for scorer in scorers:
        scorer.work_off(3)
        scorer.store.disconnect()

    names = sorted(one.name for one in letters_in(client))
    assert (standings_in(client), due_in(client), names) == straight
    assert names == sorted(expected.letters)
    scored, skipped, dead = counts_of([*scorers[0].outcomes, *scorers[1].outcomes])
    assert (scored, skipped, dead) == (expected.scored, expected.skipped, Counter(expected.letters.values()))
    assert scored + skipped + dead.total() == len(log.all_records)
    hold_store_to(expected, client)
    client.close()
