"""The synthetic city: the one object others use."""

from collections.abc import Iterator
from datetime import date, datetime

import numpy as np

from city.disturb import Disturbances
from city.history import Past
from city.identity import AREAS_MAX
from city.live import Day, events_per_second, sources_of
from city.people import BLOCK_SUBJECTS, Block, draw_bodies, draw_residents
from city.render import Published, Renderer
from city.rows import Numbers
from schemas.days import day_of_date
from schemas.subjects import Pseudonymiser

DEFAULT_AS_OF = date(2026, 11, 1)
_HISTORY, _LIVE = 2, 3
# A block's history has some 300,000 events; 24 bits leave room and keep the ids of blocks apart.
_NUMBER_BITS = 24
_RENDERED_ROWS = 8_192


class City:
    """People and bodies that do not exist, and what departments publish about them.

    The same arguments give the same bytes.
    """

    def __init__(
        self,
        seed: int,
        *,
        key: bytes,
        residents: int = 100_000,
        organisations: int = 5_000,
        as_of: date = DEFAULT_AS_OF,
        disturbances: Disturbances | None = None,
        represented: bool = True,
    ) -> None:
        """Draw nothing yet.

        Args:
            seed: what the city is drawn from.
            key: the deployment's pseudonym key.
            residents: people who are adults on `as_of`.
            organisations: legal persons and other organisations.
            as_of: the day on which ages and attributes are what the rates say.
            disturbances: how often something goes wrong.
            represented: whether events of organisations name the resident who represents them, so that more events
                follow from them in the log.

        """
        if residents < 1:
            message = f"a city has residents; was {residents}"
            raise ValueError(message)
        if residents + organisations > BLOCK_SUBJECTS * AREAS_MAX // 2:
            message = f"there are identity numbers for half of {BLOCK_SUBJECTS * AREAS_MAX:,} subjects; was more"
            raise ValueError(message)
        self._seed = seed
        self._pseudonymiser = Pseudonymiser(key)
        self._sizes = [(draw_residents, size) for size in _block_sizes(residents)]
        self._resident_blocks = len(self._sizes)
        self._sizes += [(draw_bodies, size) for size in _block_sizes(organisations)]
        self._as_of_day = day_of_date(as_of)
        self._disturbances = Disturbances() if disturbances is None else disturbances
        self._represented = represented
        self._blocks: dict[int, Block] = {}

    def subjects(self) -> list[str]:
        """Return the ids of all, residents first."""
        return [subject.decode() for block in self._all_blocks() for subject in block.subjects]

    def events_per_second(self) -> float:
        """Return how many events a city of this size has a second."""
        return events_per_second(sources_of(self._all_blocks()))

    def history(self, until: datetime) -> Iterator[Published]:
        """Yield what departments have published in the five years until an instant.

        It comes in blocks of some thousand subjects, each in the order of arrival: no event of a subject is in two
        blocks, and memory does not grow with the city.
        """
        until_s = int(until.timestamp())
        renderer = Renderer(f"h{until_s:x}-")
        for number in range(len(self._sizes)):
            block = self._block_in_passing(number)
            representatives = self._representatives(number)
            rng = np.random.default_rng((self._seed, _HISTORY, number, until_s))
            rows = Past(rng, block, until_s).rows(Numbers((number << _NUMBER_BITS) + 1), self._disturbances)
            for begin in range(0, len(rows), _RENDERED_ROWS):
                part = rows[begin : begin + _RENDERED_ROWS]
                places = part["subject"].tolist()
                subjects = [block.subjects[place] for place in places]
                yield from renderer.render(part, subjects, [representatives[place] for place in places])

    def live(self, start: datetime, rate: float | None = None) -> Iterator[Published]:
        """Yield without end what departments publish from an instant on, in the order of arrival.

        Args:
            start: the first event's time of arrival.
            rate: events a second, or None for the city's own pace. At a higher rate the city lives faster: what
                follows from an act, such as a payment, comes as much sooner.

        """
        start_s = int(start.timestamp())
        renderer = Renderer(f"v{start_s:x}-")
        blocks = self._all_blocks()
        subjects = [subject for block in blocks for subject in block.subjects]
        representatives = [one for number in range(len(blocks)) for one in self._representatives(number)]
        rng = np.random.default_rng((self._seed, _LIVE, start_s))
        for rows in Day(rng, blocks, start_s, rate, self._disturbances).batches():
            places = rows["subject"].tolist()
            named = [subjects[place] for place in places], [representatives[place] for place in places]
            yield from renderer.render(rows, *named)

    def _all_blocks(self) -> list[Block]:
        return [self._block(number) for number in range(len(self._sizes))]

    def _block(self, number: int) -> Block:
        if number not in self._blocks:
            self._blocks[number] = self._draw(number)
        return self._blocks[number]

    def _block_in_passing(self, number: int) -> Block:
        """Return a block without keeping it: only `live` needs all at once."""
        return self._blocks.get(number) or self._draw(number)

    def _representatives(self, number: int) -> list[bytes]:
        """Return who represents each of a block's bodies, a resident, or nothing for a resident."""
        size = self._sizes[number][1]
        if not self._represented or number < self._resident_blocks:
            return [b""] * size
        residents = self._block_in_passing((number - self._resident_blocks) % self._resident_blocks).subjects
        return [residents[place % len(residents)] for place in range(size)]

    def _draw(self, number: int) -> Block:
        draw, size = self._sizes[number]
        return draw(self._seed, number, size, self._as_of_day, self._pseudonymiser)


def _block_sizes(count: int) -> list[int]:
    return [min(BLOCK_SUBJECTS, count - begin) for begin in range(0, count, BLOCK_SUBJECTS)]
