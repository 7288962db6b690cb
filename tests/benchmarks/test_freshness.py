"""When Kafka is warm enough for freshness to be measured."""

import pytest

from benchmarks.cases.freshness import steady


@pytest.mark.parametrize(
    "p99s",
    [
        [9.0, 9.0, 9.0],
        [89.0, 62.0, 53.0, 11.0, 8.5, 8.2, 9.0],
        # One bad load among good ones does not make the next look better than it is.
        [8.0, 90.0, 8.1],
    ],
)
def test_kafka_is_warm_when_two_loads_in_a_row_are_no_better_than_the_best_before(p99s: list[float]) -> None:
    assert steady(p99s)


@pytest.mark.parametrize(
    "p99s",
    [
        [],
        [9.0, 9.0],
        [175.0, 68.0, 15.0, 8.0],
        # A pause on the way down is not its end.
        [89.0, 62.0, 53.0],
        [89.0, 62.0, 53.0, 11.0, 8.5],
    ],
)
def test_kafka_is_not_warm_while_it_gets_faster(p99s: list[float]) -> None:
    assert not steady(p99s)
