"""Days of the city, by functions and by the tables that compiled code reads."""

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import EPOCH_S_MAX
from schemas.days import (
    DAY_OF_MONTH,
    DAY_S,
    FIRST_DAY_OF_MONTH,
    MONTH_OF_DAY,
    NEVER,
    add_months,
    date_of,
    day_of,
    day_of_date,
    start_of,
    year_of,
)
from scoring.pack import VALIDITY_MONTHS_MAX

SHANGHAI = ZoneInfo("Asia/Shanghai")
# China's last change to or from daylight saving, after which the offset is constant.
LAST_CHANGE_S = int(datetime(1991, 9, 15, 0, 0, tzinfo=SHANGHAI).timestamp()) + 7_200


@given(st.integers(LAST_CHANGE_S, EPOCH_S_MAX))
def test_a_day_is_the_calendar_date_in_shanghai(epoch_s: int) -> None:
    assert date_of(day_of(epoch_s)) == datetime.fromtimestamp(epoch_s, SHANGHAI).date()


@pytest.mark.parametrize("year", [1992, 2000, 2024, 2026, 2099])
def test_a_day_begins_at_midnight_in_shanghai(year: int) -> None:
    midnight = int(datetime(year, 3, 1, tzinfo=SHANGHAI).timestamp())
    day = day_of_date(date(year, 3, 1))

    assert start_of(day) == midnight
    assert [day_of(midnight - 1), day_of(midnight)] == [day - 1, day]


@given(st.integers(0, NEVER))
def test_a_day_and_its_date_are_the_same(day: int) -> None:
    assert day_of_date(date_of(day)) == day
    assert day_of(start_of(day)) == day
    assert day_of(start_of(day) + DAY_S - 1) == day


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2026, 11, 24), 6, date(2027, 5, 24)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 12, 31), 0, date(2026, 12, 31)),
    ],
)
def test_months_lead_to_the_same_day_or_the_months_last(start: date, months: int, end: date) -> None:
    assert date_of(add_months(day_of_date(start), months)) == end


@given(st.integers(0, NEVER), st.integers(0, 120))
def test_months_are_counted_as_on_a_calendar(day: int, months: int) -> None:
    start, end = date_of(day), add_months(day, months)
    counted = start.replace(day=1)
    for _ in range(months):
        counted += timedelta(days=calendar.monthrange(counted.year, counted.month)[1])
    last = calendar.monthrange(counted.year, counted.month)[1]

    assert end == min(day_of_date(counted.replace(day=min(start.day, last))), NEVER)


def test_the_tables_are_the_calendar_on_every_day() -> None:
    dates = [date_of(day) for day in range(NEVER + 1)]

    assert [(one.year - 1970) * 12 + one.month - 1 for one in dates] == MONTH_OF_DAY.tolist()
    assert [one.day for one in dates] == DAY_OF_MONTH.tolist()


def test_the_table_of_first_days_is_the_calendar_in_every_month() -> None:
    firsts = [day_of_date(date(1970 + month // 12, month % 12 + 1, 1)) for month in range(len(FIRST_DAY_OF_MONTH))]

    assert firsts == FIRST_DAY_OF_MONTH.tolist()


def test_no_sum_that_a_rule_can_make_leaves_the_tables() -> None:
    assert int(MONTH_OF_DAY[NEVER]) + VALIDITY_MONTHS_MAX + 1 < len(FIRST_DAY_OF_MONTH)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001 - Hypothesis wants naive bounds
def test_a_year_is_the_dates_year(moment: datetime) -> None:
    assert year_of(day_of_date(moment.replace(tzinfo=UTC).date())) == moment.year


def test_never_is_the_last_day_that_16_bits_hold() -> None:
    assert np.uint16(NEVER) == np.iinfo(np.uint16).max
