"""Dead letters: whole where their topic takes them, and otherwise a place in the log."""

import pytest

from schemas.errors import Reason, Refusal
from sinks.dead import RAW_BYTES_MAX, DeadLetter
from stream.topics import DEAD_BYTES_MAX

REFUSAL = Refusal(Reason.OVERSIZED, "", "x" * 200, "an event is smaller than that")
# What Kafka adds to a record, and more.
_AROUND_BYTES = 1_024


def letter_of(value: bytes, headers: list[tuple[str, bytes | None]] | None = None) -> DeadLetter:
    return DeadLetter.of(REFUSAL, topic="t", partition=1, offset=7, key=b"key", value=value, headers=headers)


@pytest.mark.parametrize("raw", [b"\xff", b"\\"])
def test_the_largest_whole_letter_is_one_that_its_topic_takes(raw: bytes) -> None:
    letter = letter_of(raw * (RAW_BYTES_MAX - len(b"key")))

    assert not letter.left_in_log
    assert letter.raw_bytes == RAW_BYTES_MAX
    assert len(letter.message().value) + _AROUND_BYTES < DEAD_BYTES_MAX
    assert DeadLetter.unpack(letter.pack()) == letter


@pytest.mark.parametrize(
    ("value", "headers"),
    [(b"\xff" * RAW_BYTES_MAX, None), (b"", [("one", b"x" * (RAW_BYTES_MAX // 2)), ("other", b"x" * RAW_BYTES_MAX)])],
    ids=["value", "headers"],
)
def test_of_a_larger_record_the_letter_says_where_in_the_log_it_stands(
    value: bytes, headers: list[tuple[str, bytes | None]] | None
) -> None:
    letter = letter_of(value, headers)

    assert letter.left_in_log
    assert (letter.name, letter.reason, letter.raw_bytes) == ("t/1/7", "oversized", 0)
    assert len(letter.message().value) < _AROUND_BYTES
    assert letter.with_raw(b"key", value, headers).value == value


def test_a_letter_of_an_earlier_release_is_whole() -> None:
    earlier = letter_of(b"value").pack().replace(b',"left_in_log":false', b"")

    assert DeadLetter.unpack(earlier) == letter_of(b"value")
