"""When Kafka is warm enough to be measured on."""

import pytest

from benchmarks.warm import steady, warm_up


@pytest.mark.parametrize(
    "values",
    [
        [9.0, 9.0, 9.0],
        [89.0, 62.0, 53.0, 11.0, 8.5, 8.2, 9.0],
        # One bad load among good ones does not make the next look better than it is.
        [8.0, 90.0, 8.1],
    ],
)
def test_kafka_is_warm_when_two_in_a_row_are_no_better_than_the_best_before(values: list[float]) -> None:
    assert steady(values, 0.2)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [9.0, 9.0],
        [175.0, 68.0, 15.0, 8.0],
        # A pause on the way down is not its end.
        [89.0, 62.0, 53.0],
        [89.0, 62.0, 53.0, 11.0, 8.5],
    ],
)
def test_kafka_is_not_warm_while_it_gets_faster(values: list[float]) -> None:
    assert not steady(values, 0.2)


def test_warming_up_measures_until_it_is_steady_and_says_how_often() -> None:
    values = iter([9.0, 5.0, 4.9, 5.1, 1.0])
    assert warm_up("freshness", lambda: next(values), 0.2) == 4


def test_warming_up_ends_although_it_never_gets_steady() -> None:
    values = iter(0.5**n for n in range(100))
    assert warm_up("freshness", lambda: next(values), 0.2) == 12
