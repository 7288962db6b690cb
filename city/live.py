"""The city's day: an endless stream of rows in the order of their arrival."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from city.disturb import Disturbances, confirm, copy_badly, discuss, settle
from city.history import consequences_of_drunk_driving, dress
from city.people import YEAR_DAYS, Block, months_between
from city.rates import RATES, STEADY_RATES, Rate
from city.rows import ROW, Ints, Numbers, Rows, new_rows
from schemas.catalogue import TYPES_BY_NAME
from schemas.days import DAY_S, day_of

_BATCH_EVENTS = 4_096
_HOUR_S = 3_600
_YEAR_S = YEAR_DAYS * DAY_S
# An overtaken event is so many events late, roughly.
_OVERTAKEN_EVENTS = 2_000

_TENURE = TYPES_BY_NAME["capability.tenure.accrued"].code
_CONTRIBUTION = TYPES_BY_NAME["capability.contribution.continuous"].code


@dataclass(frozen=True, slots=True)
class Source:
    """One type of event, and the subjects, by their place in the city, that it happens to."""

    rate: Rate
    members: Ints

    @property
    def per_year(self) -> float:
        """The events of this type a year in the whole city."""
        return self.rate.per_year * len(self.members)


def sources_of(blocks: list[Block]) -> list[Source]:
    """Return what happens in a city of these blocks."""
    firsts = np.cumsum([0, *map(len, blocks)])
    members: dict[str, list[Ints]] = {}
    for block, first in zip(blocks, firsts[:-1], strict=True):
        for name, group in block.groups.items():
            members.setdefault(name, []).append(np.flatnonzero(group) + first)
    whole = {name: np.concatenate(parts) for name, parts in members.items()}
    sources = [Source(rate, whole[rate.group]) for rate in (*RATES, *STEADY_RATES) if rate.group in whole]
    return [source for source in sources if len(source.members)]


def events_per_second(sources: list[Source]) -> float:
    """Return how many events such a city has a second."""
    return sum(source.per_year for source in sources) / _YEAR_S


class Day:
    """The stream of rows from an instant on."""

    def __init__(
        self,
        rng: np.random.Generator,
        blocks: list[Block],
        start_s: int,
        rate: float | None,
        disturbances: Disturbances,
    ) -> None:
        self._rng = rng
        self._sources = sources_of(blocks)
        weights = np.array([source.per_year for source in self._sources])
        self._weights = weights / weights.sum()
        natural = events_per_second(self._sources)
        self._rate = natural if rate is None else rate
        # At n times the city's own pace what follows from an act comes n times sooner, too.
        self._haste = min(natural / self._rate, 1.0)
        self._works_day = np.concatenate([block.works_day for block in blocks])
        self._pays_day = np.concatenate([block.pays_day for block in blocks])
        self._numbers = Numbers(1)
        self._disturbances = disturbances
        self._now_s = float(start_s)

    def batches(self) -> Iterator[Rows]:
        """Yield rows without end, in the order of their arrival."""
        waiting = np.zeros(0, ROW)
        while True:
            waiting = np.concatenate([waiting, self._next()])
            self._now_s += _BATCH_EVENTS / self._rate
            due = waiting["arrives"] < self._now_s
            ready, waiting = waiting[due], waiting[~due]
            yield ready[np.argsort(ready["arrives"], kind="stable")]

    def _next(self) -> Rows:
        """Return what departments publish in the next moments, and what follows from it sooner or later."""
        rng, numbers, disturbances, haste = self._rng, self._numbers, self._disturbances, self._haste
        counts = rng.multinomial(_BATCH_EVENTS, self._weights).tolist()
        acts = [(one.rate, numbers.give(self._acts(one, n))) for one, n in zip(self._sources, counts, strict=True) if n]
        records = np.concatenate([rows for _, rows in acts])
        consequences = numbers.give(consequences_of_drunk_driving(records))
        settled = np.concatenate([settle(rng, rate, rows, haste) for rate, rows in acts])
        said_of = [settled, discuss(rng, records, disturbances, haste), confirm(rng, records, settled, haste)]
        controls = numbers.give(np.concatenate(said_of))
        said = np.concatenate([records, consequences, controls])
        overtaken = rng.random(len(said)) < disturbances.out_of_order
        said["arrives"][overtaken] += rng.exponential(_OVERTAKEN_EVENTS / self._rate, int(overtaken.sum()))
        return np.concatenate([said, copy_badly(rng, said, numbers, disturbances, haste)])

    def _acts(self, source: Source, count: int) -> Rows:
        """Return acts of one type that are published in the next moments, and so occurred some time ago."""
        rng, rate = self._rng, source.rate
        members = source.members[rng.integers(0, len(source.members), count)]
        published = self._now_s + rng.random(count) * _BATCH_EVENTS / self._rate
        late = rng.random(count) < self._disturbances.late
        age_s = rng.exponential(2 * _HOUR_S, count) + np.where(late, rng.uniform(14, 60, count) * DAY_S, 0)
        rows = dress(rng, rate, new_rows(rate.type.code, members, published - age_s))
        for column in ("occurred", "determined", "terminated"):
            # What was determined after the act was not determined after today.
            shift = np.where(rows[column] > 0, rows["arrives"] - (published - age_s), 0)
            rows[column] -= shift.astype(np.int64)
        rows["arrives"] = published
        counted = {_TENURE: self._works_day, _CONTRIBUTION: self._pays_day}.get(rate.type.code)
        if counted is not None:
            rows["quantity"] = np.maximum(months_between(counted[members], day_of(int(self._now_s))), 1)
        return rows
