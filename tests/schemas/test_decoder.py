"""A batch of raw records to facts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import TYPES_BY_CODE
from schemas.codec import FUTURE_ALLOWED_S, encode, encode_binary
from schemas.decoder import Decoder
from schemas.errors import Reason
from schemas.events import CreditEvent
from schemas.partitioner import partition_of
from schemas.records import fact_of
from schemas.subjects import parse_subject
from tests.support.events import KEY, PARTITIONS, RECORDED_MS, RESIDENT, ARecord, a_kafka_record, events, value_of

DECODER = Decoder(KEY, PARTITIONS)


def test_an_empty_batch_has_no_facts() -> None:
    decoded = DECODER.decode([])

    assert (len(decoded.facts), len(decoded.refused)) == (0, 0)


def test_of_a_mixed_batch_the_good_become_facts_and_the_bad_are_named() -> None:
    batch = [
        a_kafka_record(b"{", at_offset=10),
        a_kafka_record(value_of(), at_offset=11),
        a_kafka_record(None, at_offset=12),
        a_kafka_record(value_of("rental.item.overdue", trace="not on the fast path"), at_offset=13),
        a_kafka_record(value_of(type="lost"), at_offset=14),
    ]

    decoded = DECODER.decode(batch)

    assert decoded.indices.tolist() == [1, 3]
    assert decoded.facts["offset_low"].tolist() == [11, 13]
    assert [TYPES_BY_CODE[code].name for code in decoded.facts["type"]] == [
        "library.loan.overdue",
        "rental.item.overdue",
    ]
    assert decoded.subjects.tolist() == [parse_subject(RESIDENT)] * 2
    assert decoded.partitions.tolist() == [partition_of(RESIDENT, PARTITIONS)] * 2
    assert decoded.recorded_ms.tolist() == [RECORDED_MS] * 2
    assert [(one.index, one.refusal.reason) for one in decoded.refused] == [
        (0, Reason.NOT_JSON),
        (2, Reason.NOT_JSON),
        (4, Reason.UNKNOWN_TYPE),
    ]


def _nested(levels: int = 1_000) -> bytes:
    """Return lists in each other: more than Python writes out, fewer than the parser refuses."""
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"specversion":%b}', "specversion"),
        (value_of(source="here").replace(b'"here"', b"%b"), "source"),
        (value_of(trace="here").replace(b'"here"', b"%b"), "trace"),
        (value_of().replace(b'"data":{}', b'"data":%b'), "data"),
        (value_of("capability.tenure.accrued", data={"quantity": 7}).replace(b"7}", b"%b}"), "data.quantity"),
    ],
)
def test_a_value_that_is_nested_too_deep_to_be_quoted_is_refused_like_any_other(raw: bytes, field: str) -> None:
    decoded = DECODER.decode([a_kafka_record(raw % _nested()), a_kafka_record(value_of())])

    assert [(one.refusal.field, one.refusal.value) for one in decoded.refused] == [(field, "a deeply nested list")]
    assert decoded.indices.tolist() == [1]


class Unreadable(ARecord):
    """A record with a header whose name is not UTF-8, as confluent-kafka gives it."""

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        raise SystemError("error return without exception set")


def test_a_record_whose_headers_cannot_be_read_is_refused() -> None:
    decoded = DECODER.decode([Unreadable(raw=b"{", at_partition=0)])

    assert [one.refusal.reason for one in decoded.refused] == [Reason.BAD_ENVELOPE]
    assert "UTF-8" in decoded.refused[0].refusal.remedy


@pytest.mark.parametrize("before", range(4))
def test_a_broken_event_is_refused_whatever_quantity_stands_before_it(before: int) -> None:
    # As many records as the quantity has digits, and one: a count of the two that is mixed up would fit.
    quantity = value_of("capability.tenure.accrued", data={"quantity": 10**before})
    batch = [a_kafka_record(b"{"), *(a_kafka_record(value_of()) for _ in range(before)), a_kafka_record(quantity)]

    decoded = DECODER.decode(batch)

    assert [one.index for one in decoded.refused] == [0]
    assert len(decoded.facts) == len(batch) - 1


def test_a_batch_ends_behind_the_last_record_of_each_partition_refused_or_not() -> None:
    batch = [
        a_kafka_record(value_of(), at_offset=11),
        a_kafka_record(b"{", at_offset=14),
        a_kafka_record(None, at_partition=9, at_offset=2),
    ]

    assert DECODER.decode(batch).ends == {partition_of(RESIDENT, PARTITIONS): 15, 9: 3}


def test_an_event_in_another_subjects_partition_is_refused() -> None:
    wrong = (partition_of(RESIDENT, PARTITIONS) + 1) % PARTITIONS

    (refused,) = DECODER.decode([a_kafka_record(value_of(), at_partition=wrong)]).refused

    assert refused.refusal.reason is Reason.WRONG_PARTITION
    assert f"partition {partition_of(RESIDENT, PARTITIONS)}" in refused.refusal.remedy


def test_an_act_more_than_a_day_ahead_of_its_record_is_refused() -> None:
    ahead_ms = RECORDED_MS - (FUTURE_ALLOWED_S + 1) * 1000

    (refused,) = DECODER.decode([a_kafka_record(value_of(time="2026-11-24T08:30:00Z"), recorded_ms=ahead_ms)]).refused

    assert (refused.refusal.reason, refused.refusal.field) == (Reason.TIME_IN_FUTURE, "time")


def test_an_act_long_ago_is_never_too_late() -> None:
    assert DECODER.decode([a_kafka_record(value_of(time="1970-01-01T00:00:00Z"))]).refused == []


def _record_of(event: CreditEvent, offset: int, *, binary: bool) -> ARecord:
    encoded = encode_binary(event) if binary else encode(event)
    headers: list[tuple[str, bytes | None]] = list(encoded.headers)
    return a_kafka_record(encoded.value, event.subject, at_offset=offset, stated_headers=headers)


@given(st.lists(st.tuples(events(latest_s=RECORDED_MS // 1000), st.booleans()), max_size=8))
def test_every_valid_event_becomes_its_fact_in_either_mode(batch: list[tuple[CreditEvent, bool]]) -> None:
    records = [_record_of(event, offset, binary=binary) for offset, (event, binary) in enumerate(batch)]

    decoded = DECODER.decode(records)

    expected = [fact_of(event, KEY, offset) for offset, (event, _) in enumerate(batch)]
    assert decoded.refused == []
    assert decoded.facts.tolist() == [fact.item() for fact in expected]
    assert decoded.subjects.tolist() == [parse_subject(event.subject) for event, _ in batch]
    assert np.array_equal(decoded.indices, np.arange(len(batch)))
