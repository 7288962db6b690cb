"""Days of the city: validity starts and ends at midnight in Asia/Shanghai.

A *day* is an int, the days since 1970-01-01 in local time. China has kept UTC+8 without daylight saving since
1991, and no record may count for longer than five years, so a constant offset is exact.
"""

from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DAY_S = 86_400
CITY_OFFSET_S = 8 * 3_600
CITY_TIMEZONE = timezone(timedelta(seconds=CITY_OFFSET_S), "Asia/Shanghai")
EPOCH = date(1970, 1, 1)

# The last day that fits the ledger's 16 bits (in 2149); as an end it means "no end is known".
NEVER = 65_535


def day_of(epoch_s: int) -> int:
    """Return the city's day at an instant, in seconds since the epoch."""
    return (epoch_s + CITY_OFFSET_S) // DAY_S


def start_of(day: int) -> int:
    """Return the instant at which a day begins in the city, in seconds since the epoch."""
    return day * DAY_S - CITY_OFFSET_S


def day_of_date(value: date) -> int:
    """Return the day of a calendar date."""
    return (value - EPOCH).days


def date_of(day: int) -> date:
    """Return the calendar date of a day."""
    return EPOCH + timedelta(days=day)


def datetime_of(epoch_s: int) -> datetime:
    """Return an aware UTC time."""
    return datetime.fromtimestamp(epoch_s, UTC)


@lru_cache(maxsize=1 << 14)  # one subject's records ask for few, and the same ones again and again
def add_months(day: int, months: int) -> int:
    """Return the same day of the month, `months` later; the month's last day where it is shorter."""
    start = date_of(day)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(day_of_date(first) + min(start.day, (following - first).days) - 1, NEVER)


def year_of(day: int) -> int:
    """Return the calendar year of a day."""
    return date_of(day).year


# The same calendar as tables, for compiled code: calendar month (0 = January 1970), year and day of the month (1..31)
# of each day, and the first day of each calendar month, twice as many months so that no sum of two leaves them.
_DAYS = np.arange(NEVER + 1).astype("datetime64[D]")
MONTH_OF_DAY: NDArray[np.uint16] = _DAYS.astype("datetime64[M]").astype(np.int64).astype(np.uint16)
YEAR_OF_DAY: NDArray[np.uint16] = (1970 + MONTH_OF_DAY // 12).astype(np.uint16)
DAY_OF_MONTH: NDArray[np.uint8] = (
    (_DAYS - _DAYS.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
).astype(np.uint8)
FIRST_DAY_OF_MONTH: NDArray[np.int32] = (
    np.arange(2 * int(MONTH_OF_DAY[-1]) + 3).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
).astype(np.int32)
