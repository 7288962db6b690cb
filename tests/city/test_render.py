import pytest

from city.render import PARTITIONS_MAX, wrong_key
from schemas.partitioner import partition_of
from schemas.subjects import format_subject, kind_of, parse_subject


@pytest.mark.parametrize("number", [0, 12345678901234567, 1 << 62, (2 << 62) + 99])
def test_a_wrong_key_is_a_subject_of_the_same_kind_in_another_partition_whatever_their_number(number: int) -> None:
    subject = format_subject(number)
    other = wrong_key(subject.encode()).decode()

    assert kind_of(parse_subject(other)) == kind_of(number)
    assert all(partition_of(subject, n) != partition_of(other, n) for n in range(2, PARTITIONS_MAX + 1))
