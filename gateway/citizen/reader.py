"""What is known of a subject today: its page, or why there is none."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from gateway.accesses import Accesses
from gateway.address import PACKS_TIMELINE
from gateway.card import CARD_BYTES, day_of, decode
from gateway.citizen.consents import UNSAID, Consents, consents_of
from gateway.citizen.standings import Standings
from gateway.citizen.view import HISTORY_DAYS, Page, Ruling, Rulings, facts_of, page_of
from gateway.evaluate import pack_in
from gateway.names import packs_from
from scoring.rules import compile_rules

Status = Literal["scored", "no-score", "unknown"]
_MARK_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a subject.

    Attributes:
        status: whether there is a score, none, or nothing at all.
        mark: changes whenever anything else here may have.
        page: what is shown; None where nothing is known.
        consents: what the subject allows.
        accesses: who has read what.
        as_of: the log offset up to which events are in it; None where nothing is known.

    """

    status: Status
    mark: str
    page: Page | None
    consents: Consents = field(default_factory=lambda: UNSAID)
    accesses: Accesses = field(default_factory=Accesses)
    as_of: int | None = None


class Reader:
    """Reads and explains standings."""

    def __init__(self, standings: Standings, ruling: Ruling, clock: Callable[[], float]) -> None:
        self._standings = standings
        self._ruling = ruling
        self._rulings = {int(ruling.rules.pack): ruling}
        self._clock = clock

    async def mark(self, subject: str) -> str:
        """Return what changes when an event lands, a day begins or somebody has read: a look at some bytes.

        Raises:
            StandingUnavailableError: the store does not answer.

        """
        return self._mark(await self._standings.card(subject), await self._standings.last_access(subject))

    async def known(self, subject: str, target: int | None = None) -> Known:
        """Return what is known of a subject; raises what `mark` does, and CardFormatError."""
        standing = await self._standings.whole(subject)
        accesses = await self._standings.accesses(subject)
        mark = self._mark(standing[:CARD_BYTES], accesses.last)
        if not standing:
            return Known(status="unknown", mark=mark, page=None, accesses=accesses)
        facts = facts_of(standing)
        day = day_of(self._clock())
        rulings = await self._rulings_of(day)
        # Explaining takes milliseconds, in which other pages must not stand still.
        page = await asyncio.to_thread(page_of, facts, day, rulings, target, accesses)
        return Known(
            status="no-score" if page.why.score is None else "scored",
            mark=mark,
            page=page,
            consents=await asyncio.to_thread(consents_of, facts, day, rulings[-1][1].pack),
            accesses=accesses,
            as_of=decode(standing[:CARD_BYTES]).as_of,
        )

    async def _rulings_of(self, today: int) -> Rulings:
        """Return the packs of the days that a page shows, as the workers tell them; if they do not, this page's own."""
        first = today - HISTORY_DAYS
        timeline = await self._standings.pack(PACKS_TIMELINE)
        if timeline is None:
            return [(first, self._ruling)]
        return [(begin, await self._ruling_of(number)) for begin, number in packs_from(timeline, first, today)]

    async def _ruling_of(self, number: int) -> Ruling:
        if number not in self._rulings:
            raw = await self._standings.pack(f"{number:016x}")
            if raw is None:
                return self._ruling
            pack = await asyncio.to_thread(pack_in, raw)
            self._rulings[number] = Ruling(pack, compile_rules(pack))
        return self._rulings[number]

    async def partitions(self) -> int:
        """Return how many partitions the log has; raises what `mark` does."""
        return await self._standings.partitions()

    async def close(self) -> None:
        """Close the connections."""
        await self._standings.close()

    def _mark(self, card: bytes, last_access: bytes) -> str:
        day = b"%d" % day_of(self._clock())
        return hashlib.blake2b(b"/".join((card, last_access, day)), digest_size=_MARK_BYTES).hexdigest()
