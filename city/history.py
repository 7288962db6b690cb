"""The past of one block of subjects, as rows: attributes, loans, what they did, and what followed from it."""

from collections.abc import Iterator
from datetime import date

import numpy as np

from city.disturb import Disturbances, confirm, copy_badly, delay, discuss, settle
from city.people import YEAR_DAYS, Block, months_between
from city.rates import RATES, Rate
from city.rows import Bools, Ints, Numbers, Rows, new_rows, seconds_of
from schemas.catalogue import REGISTERED, TYPES_BY_NAME, Grade
from schemas.days import CITY_OFFSET_S, DAY_S, day_of, day_of_date, year_of

HISTORY_YEARS = 5
HISTORY_DAYS = int(HISTORY_YEARS * YEAR_DAYS)
_REGISTRATION_DAYS = 30
_NOON_S = 12 * 3_600

_TENURE = TYPES_BY_NAME["capability.tenure.accrued"].code
_CONTRIBUTION = TYPES_BY_NAME["capability.contribution.continuous"].code
_EDUCATION = TYPES_BY_NAME["capability.education.certified"].code
_QUALIFICATION = TYPES_BY_NAME["capability.qualification.granted"].code
_STAR = TYPES_BY_NAME["volunteer.star.rated"].code
_REPAID = TYPES_BY_NAME["finance.loan.repaid"].code
_CLOSED = TYPES_BY_NAME["year.closed"].code
_DRUNK = TYPES_BY_NAME["traffic.drunk.determined"].code
_TRAFFIC_PENALTY = TYPES_BY_NAME["traffic.penalty.imposed"].code
_CRIME = TYPES_BY_NAME["court.crime.convicted"].code

_STARS = (Grade.ONE_STAR, Grade.TWO_STAR, Grade.THREE_STAR, Grade.FOUR_STAR, Grade.FIVE_STAR)
_STAR_SHARES = (0.45, 0.28, 0.17, 0.07, 0.03)
# Volunteers' stars are collected in April, years are closed in January.
_STAR_DAY = 100
_CLOSING_DAY = 10


class Past:
    """What a block's subjects have lived through until an instant."""

    def __init__(self, rng: np.random.Generator, block: Block, until_s: int) -> None:
        self._rng = rng
        self._block = block
        self._until_s = until_s
        self._until_day = day_of(until_s)
        first = self._until_day - HISTORY_DAYS
        arrival = first + rng.integers(0, _REGISTRATION_DAYS, len(block))
        self._registered_day = np.maximum(arrival, block.grown_day)
        self._everybody = np.flatnonzero(self._registered_day < self._until_day)

    def rows(self, numbers: Numbers, disturbances: Disturbances) -> Rows:
        """Return all rows in the order of their arrival."""
        rng = self._rng
        attributes = numbers.give(np.concatenate([*self._attributes(), self._loans()]))
        acts = [(rate, numbers.give(self._acts(rate))) for rate in RATES if rate.group in self._block.groups]
        marred = self._marred([rows for rate, rows in acts if rate.mars_year])
        closed = numbers.give(np.concatenate([*self._years_closed(marred)]))
        records = np.concatenate([attributes, *(rows for _, rows in acts), closed])
        consequences = numbers.give(consequences_of_drunk_driving(records))
        settled = np.concatenate([settle(rng, rate, rows) for rate, rows in acts])
        said_of = [settled, discuss(rng, records, disturbances), confirm(rng, records, settled)]
        controls = numbers.give(np.concatenate(said_of))
        said = np.concatenate([records, consequences, controls])
        delay(rng, said, disturbances)
        rows = np.concatenate([said, copy_badly(rng, said, numbers, disturbances)])
        rows = rows[rows["arrives"] < self._until_s]
        ordered: Rows = rows[np.argsort(rows["arrives"], kind="stable")]
        return ordered

    def _attributes(self) -> Iterator[Rows]:
        block, registered = self._block, self._registered_day
        yield self._on_days(REGISTERED.code, self._everybody, registered[self._everybody])
        yield from self._counted(_TENURE, block.works_day)
        yield from self._counted(_CONTRIBUTION, block.pays_day)
        for code, grades, days in (
            (_EDUCATION, block.education, block.educated_day),
            (_QUALIFICATION, block.qualification, block.qualified_day),
        ):
            # What somebody had before is certified on registration.
            since = np.maximum(days, registered)
            members = np.flatnonzero((grades > 0) & (since < self._until_day))
            rows = self._on_days(code, members, since[members])
            rows["grade"] = grades[members]
            yield rows
        yield from self._stars()

    def _counted(self, code: int, since: Ints) -> Iterator[Rows]:
        """Yield what the department counts once a year, on everybody's own day."""
        within = self._rng.integers(0, int(YEAR_DAYS), len(since))
        for year in range(HISTORY_YEARS):
            day = self._until_day - int(year * YEAR_DAYS) - within - 1
            months = months_between(since, day)
            members = np.flatnonzero((months > 0) & (day >= self._registered_day))
            rows = self._on_days(code, members, day[members])
            rows["quantity"] = months[members]
            yield rows

    def _stars(self) -> Iterator[Rows]:
        if "volunteer" not in self._block.groups:
            return
        volunteers = np.flatnonzero(self._block.groups["volunteer"])
        for january in self._januaries():
            day = january + _STAR_DAY
            members = volunteers[self._registered_day[volunteers] <= day]
            if day >= self._until_day:
                continue
            rows = self._on_days(_STAR, members, np.full(len(members), day))
            rows["grade"] = self._rng.choice(_STARS, len(members), p=_STAR_SHARES)
            yield rows

    def _loans(self) -> Rows:
        """Return each instalment of each loan, monthly from its beginning to today."""
        since = np.maximum(self._block.borrows_day, self._registered_day)
        borrowers = np.flatnonzero(since < self._until_day)
        months = months_between(since[borrowers], self._until_day)
        members = np.repeat(borrowers, months)
        ends = np.cumsum(months)
        month = np.arange(len(members)) - np.repeat(ends - months, months) + 1
        day = since[members] + (month * (YEAR_DAYS / 12)).astype(np.int64)
        return self._on_days(_REPAID, members, day)

    def _acts(self, rate: Rate) -> Rows:
        """Return the acts of one type: random in number and time."""
        rng, block = self._rng, self._block
        members = np.flatnonzero(block.groups[rate.group] & (self._registered_day < self._until_day))
        years = (self._until_day - self._registered_day[members]) / YEAR_DAYS
        expected = rate.per_year * years * (block.prone[members] if rate.bad else 1.0)
        actors = np.repeat(members, rng.poisson(expected))
        begin = seconds_of(self._registered_day[actors])
        rows = new_rows(rate.type.code, actors, begin + rng.random(len(actors)) * (self._until_s - begin))
        return dress(rng, rate, rows)

    def _marred(self, parts: list[Rows]) -> Bools:
        """Return for each subject and closed year whether bad information stands in its way."""
        marred = np.zeros((len(self._block), HISTORY_YEARS), np.bool_)
        januaries = np.array(list(self._januaries()))
        for rows in parts:
            day = (rows["occurred"] + CITY_OFFSET_S) // DAY_S
            # The year that ends with the i-th January begins with the one before.
            year = np.searchsorted(januaries, day, side="right")
            closed = year < HISTORY_YEARS
            marred[rows["subject"][closed], year[closed]] = True
        return marred

    def _years_closed(self, marred: Bools) -> Iterator[Rows]:
        for year, january in enumerate(self._januaries()):
            members = np.flatnonzero(~marred[:, year] & (self._registered_day < january))
            yield self._on_days(_CLOSED, members, np.full(len(members), january + _CLOSING_DAY))

    def _januaries(self) -> Iterator[int]:
        """Yield the first days of the last five years that have begun, each the end of a year to close."""
        newest = year_of(self._until_day - _CLOSING_DAY - 1)
        for year in range(newest - HISTORY_YEARS + 1, newest + 1):
            yield day_of_date(date(year, 1, 1))

    def _on_days(self, code: int, members: Ints, days: Ints) -> Rows:
        seconds = seconds_of(days) + self._rng.integers(_NOON_S // 2, _NOON_S, len(members))
        return new_rows(code, members, seconds)


def dress(rng: np.random.Generator, rate: Rate, rows: Rows) -> Rows:
    """Give acts their grades and determinations; return them."""
    if rate.grades:
        weights = np.array([weight for _, weight in rate.grades])
        rows["grade"] = rng.choice([grade for grade, _ in rate.grades], len(rows), p=weights / weights.sum())
    if rate.quantity_max:
        rows["quantity"] = rng.integers(1, rate.quantity_max + 1, len(rows))
    if rate.determined:
        rows["determined"] = rows["occurred"] + (rng.uniform(1, 60, len(rows)) * DAY_S).astype(np.int64)
        rows["arrives"] = rows["determined"]
    if rate.type.code == _CRIME:
        rows["terminated"] = rows["determined"] + _sentence_days(rng, rows) * DAY_S
    return rows


def _sentence_days(rng: np.random.Generator, rows: Rows) -> Ints:
    years = rng.uniform(0.5, 3.0, len(rows))
    days: Ints = np.where(rows["grade"] == Grade.FINE_ONLY, 0, years * YEAR_DAYS).astype(np.int64)
    return days


def consequences_of_drunk_driving(records: Rows) -> Rows:
    """Return the suspended licences of drunk drivers: another record of one act, by the same incident key."""
    drunk = records["type"] == _DRUNK
    records["incident"][drunk] = records["number"][drunk]
    rows: Rows = records[drunk].copy()
    rows["type"] = _TRAFFIC_PENALTY
    rows["grade"] = Grade.LICENCE_SUSPENDED
    return rows
