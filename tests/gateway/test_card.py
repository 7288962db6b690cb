"""The card's codec, which knows nothing of the module that writes cards."""

import subprocess
import sys
from struct import calcsize
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import address, card
from gateway.card import CARD_BYTES, FIELDS, NEVER, State, decode
from gateway.errors import CardFormatError, SubjectFormatError
from gateway.names import Scenario
from schemas import days
from schemas.errors import Refusal
from schemas.partitioner import partition_of
from schemas.subjects import Kind, format_subject, parse_subject
from scoring import card as written
from scoring.card import CARD
from scoring.pack import Perk
from sinks import keys


def a_card(**fields: Any) -> bytes:
    row = np.zeros(1, CARD)
    given_fields = {"version": 1, "flags": written.HAS_SCORE, "next_flags": written.HAS_SCORE, **fields}
    for name, value in given_fields.items():
        row[name] = value
    return row.tobytes()


def test_every_field_stands_where_the_kernel_writes_it() -> None:
    offset = 0
    fields: Any = CARD.fields
    for (name, code), written_name in zip(FIELDS, CARD.names or (), strict=True):
        kind, at = fields[written_name][:2]
        assert (name, offset, calcsize("<" + code)) == (written_name, at, kind.itemsize)
        offset += calcsize("<" + code)

    assert CARD.itemsize == CARD_BYTES == offset == 64


def test_flags_and_version_are_those_of_the_kernel() -> None:
    for name in ("CARD_VERSION", "HAS_SCORE", "DISPUTED", "CEILING", "REVIEW"):
        assert getattr(card, name) == getattr(written, name)


@given(st.binary(min_size=63, max_size=63))
def test_every_field_is_read_as_numpy_reads_it(rest: bytes) -> None:
    raw = bytes([1]) + rest
    row = np.frombuffer(raw, CARD)[0]

    read = decode(raw)

    assert read.dimensions == tuple(row["dimensions"].tolist())
    assert (read.evaluated, read.facts, read.as_of, read.pack) == (
        row["evaluated"],
        row["facts"],
        row["as_of"],
        row["pack"],
    )
    assert (read.now.until, read.then.until) == (row["valid_until"], row["next_until"])
    assert (read.now.entitlements, read.then.entitlements) == (row["entitlements"], row["next_entitlements"])
    for state, flags, score, tier in (
        (read.now, row["flags"], row["score"], row["tier"]),
        (read.then, row["next_flags"], row["next_score"], row["next_tier"]),
    ):
        assert (state.score, state.tier) == ((score, tier) if flags & written.HAS_SCORE else (None, None))
        assert (state.disputed, state.ceiling) == (bool(flags & written.DISPUTED), bool(flags & written.CEILING))
        assert state.under_review == bool(flags & written.REVIEW)


def test_a_card_says_what_holds_now_then_what_holds_next_then_nothing() -> None:
    read = decode(a_card(score=700, next_score=600, valid_until=100, next_until=200, evaluated=90, pack=1))
    now = State(700, 0, 0, disputed=False, ceiling=False, until=100, pack=1)
    then = State(600, 0, 0, disputed=False, ceiling=False, until=200, pack=1)

    assert [read.at(day) for day in (90, 99, 100, 199, 200)] == [now, now, then, then, None]


def test_a_reader_whose_clock_is_behind_the_scorers_is_given_the_scorers_day() -> None:
    read = decode(a_card(score=700, valid_until=100, next_until=200, evaluated=90))

    assert read.at(89) == read.at(90)


def test_a_state_is_of_the_cards_pack_unless_another_is_named_for_the_next() -> None:
    same, other = decode(a_card(pack=1, next_pack=0)), decode(a_card(pack=1, next_pack=2))

    assert (same.now.pack, same.then.pack) == (1, 1)
    assert (other.now.pack, other.then.pack) == (1, 2)


def test_a_card_whose_end_is_not_known_holds_for_good() -> None:
    read = decode(a_card(score=700, valid_until=NEVER, next_until=NEVER))

    assert read.at(NEVER - 1) == read.now


@pytest.mark.parametrize(
    ("raw", "was"), [(b"", "was nothing"), (bytes([2]) * 64, "was version 2"), (bytes([1]) * 63, "was 63")]
)
def test_what_is_no_card_is_refused_with_what_it_was(raw: bytes, was: str) -> None:
    with pytest.raises(CardFormatError, match=was):
        decode(raw)


@given(st.integers(0, 4_102_444_800))
def test_the_day_is_the_citys(epoch_s: int) -> None:
    day = days.day_of(epoch_s)

    assert card.day_of(epoch_s + 0.5) == day
    assert card.date_of(day) == days.date_of(day)


def test_the_day_that_means_no_end_has_no_date() -> None:
    assert card.NEVER == days.NEVER
    assert card.date_of(days.NEVER) is None


@given(st.sampled_from(Kind), st.integers(0, (1 << 62) - 1), st.integers(1, 500))
def test_a_subjects_address_is_the_one_the_worker_writes_to(kind: Kind, low: int, partitions: int) -> None:
    number = kind << 62 | low
    subject = format_subject(number)

    assert address.META == keys.META
    assert address.parse_subject(subject) == number
    assert address.partition_of(subject, partitions) == partition_of(subject, partitions)
    assert address.standing_key(subject, partitions) == keys.standing_key(partition_of(subject, partitions), number)


@given(st.one_of(st.text(max_size=20), st.from_regex(r"[rlop]-[0-9a-f]{16}\n?", fullmatch=True)))
def test_a_text_is_a_subject_id_here_exactly_if_it_is_one_in_an_event(text: str) -> None:
    try:
        expected: int | None = parse_subject(text)
    except Refusal:
        expected = None

    if expected is None:
        with pytest.raises(SubjectFormatError):
            address.parse_subject(text)
    else:
        assert address.parse_subject(text) == expected


def test_a_text_that_is_no_subject_id_is_not_quoted_for_it_may_be_an_identity_number() -> None:
    with pytest.raises(SubjectFormatError) as caught:
        address.parse_subject("350102199003076543")

    assert "350102199003076543" not in str(caught.value)
    assert "18 characters" in str(caught.value)


def test_the_nine_scenarios_are_those_of_a_pack() -> None:
    assert get_args(Scenario) == get_args(Perk.model_fields["scenario"].annotation)
    assert len(get_args(Scenario)) == 9


def test_the_lookup_stands_on_redis_and_the_standard_library_alone() -> None:
    script = (
        "import sys, gateway.lookup; "
        "print({name.partition('.')[0] for name in sys.modules} "
        "& {'schemas', 'scoring', 'sinks', 'stream', 'numpy', 'numba', 'pydantic', 'orjson', 'fastapi'})"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "set()"
