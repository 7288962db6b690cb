"""The partition of a subject, as every other Kafka client computes it."""

from uuid import uuid4

import pytest
from confluent_kafka import KafkaError, Message, Producer
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitioner import murmur2, murmur2_slice, partition_of
from schemas.subjects import format_subject

# UtilsTest.testMurmur2 of Kafka itself.
KAFKA_VALUES = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize("text", KAFKA_VALUES)
def test_the_hash_is_that_of_kafkas_own_tests(text: str) -> None:
    assert murmur2(text.encode()) == KAFKA_VALUES[text] & 0xFFFFFFFF


@given(st.binary(max_size=64), st.binary(max_size=9), st.binary(max_size=9))
def test_compiled_and_plain_agree_on_a_slice(data: bytes, before: bytes, after: bytes) -> None:
    joined = before + data + after

    assert murmur2_slice(joined, len(before), len(before) + len(data)) == murmur2(data)


@given(st.integers(0, 3 << 62).map(lambda n: format_subject(n - (n == 3 << 62))), st.integers(1, 65_535))
def test_a_partition_is_one_of_the_topics(subject: str, partitions: int) -> None:
    assert 0 <= partition_of(subject, partitions) < partitions


@pytest.fixture
def producer() -> Producer:
    """A producer of a mock cluster of one broker; its topics have 4 partitions."""
    return Producer(
        {
            "test.mock.num.brokers": 1,
            "bootstrap.servers": "replaced",
            "log_level": 2,
            "partitioner": "murmur2_random",
            "linger.ms": 0,
        }
    )


def test_librdkafka_sends_a_subjects_events_to_the_same_partition(producer: Producer) -> None:
    subjects = [format_subject(number * 0x9E3779B97F4A7C15 % (3 << 62)) for number in range(200)]
    sent: dict[str, int | None] = {}

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None
        key = message.key()
        assert key is not None
        sent[key.decode() if isinstance(key, bytes) else key] = message.partition()

    topic = f"subjects-{uuid4()}"
    for subject in subjects:
        producer.produce(topic, b"", key=subject, on_delivery=delivered)

    assert producer.flush(10) == 0
    assert sent == {subject: partition_of(subject, 4) for subject in subjects}
