"""What a worker knows of packs: its own and those announced, and which of its parts work by them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from schemas.days import date_of, day_of
from scoring.announced import Announced
from sinks.outbox import NamesByPack
from sinks.packs import documents_of, packs_in
from sinks.store import Store
from stream.announcements import AnnouncementLog, Said, fold
from stream.logs import get_logger
from stream.metrics import Metrics

log = get_logger("jasmine.packs")


class Follower(Protocol):
    """A part that evaluates."""

    announced: Announced


class PackWatch:
    """Follows the log of announcements. Reading and keeping block, and may be done in a thread; taking up does not.

    Attributes:
        announced: the packs that the parts work by.
        names: the names of all of them.

    """

    def __init__(
        self, own: Announced, announcements: AnnouncementLog, store: Store, metrics: Metrics, clock: Callable[[], float]
    ) -> None:
        self.announced = own
        self.names = NamesByPack.of(own.packs)
        self._announcements = announcements
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._coming = own
        self._parts: list[Follower] = []
        self._shown = 0
        self._show()

    def follow(self, *parts: Follower) -> None:
        """Let parts work by what is taken up from now on."""
        self._parts += parts

    def read(self) -> bool:
        """Read what was announced so far; raises what `AnnouncementLog.read` does."""
        return self._fold(self._announcements.read())

    def listen(self, wait_s: float) -> bool:
        """Wait so long for announcements; return whether there is something to keep and take up."""
        return self._fold(self._announcements.more(wait_s))

    def remember(self) -> None:
        """Learn from the store the packs of earlier cards, also of a deployment's own pack before this one.

        Raises:
            StoreUnavailableError: Redis does not answer.

        """
        found = packs_in(self._store.packs(), self._coming.packs)
        packs = {number: pack for number, (pack, _) in found.items()}
        files = {number: texts for number, (_, texts) in found.items()}
        coming = self._coming
        self._coming = replace(coming, packs={**packs, **coming.packs}, files={**files, **coming.files})

    def keep(self) -> None:
        """Let readers find the packs in the store before a card is of one; raises what `remember` does."""
        self._store.keep_packs(documents_of(self._coming))

    def take_up(self) -> None:
        """Let all parts work by what was read."""
        self.announced = self._coming
        self.names.know(self.announced.packs)
        for part in self._parts:
            part.announced = self.announced
        self._store.epoch = self.announced.epoch
        self._show()
        today = day_of(int(self._clock()))
        timeline, shadow = self.announced.timeline, self.announced.shadow
        log.info(
            "packs taken up",
            epoch=self.announced.epoch,
            live=f"{timeline.at(today).pack.id} {int(timeline.at(today).rules.pack):016x}",
            later={date_of(one.first).isoformat(): one.pack.id for one in timeline.spans if one.first > today},
            shadow=shadow.pack.id if shadow else None,
        )

    def look_at_the_day(self) -> None:
        """Let the metrics say which pack holds, when a day has begun."""
        if day_of(int(self._clock())) != self._shown:
            self._show()

    def _show(self) -> None:
        self._shown = day_of(int(self._clock()))
        self._metrics.show_packs(self.announced.timeline, self._shown)

    def _fold(self, said: list[Said]) -> bool:
        self._coming, refused = fold(self._coming, said)
        for one in refused:
            log.error("an announced pack is wrong; the running one stays", offset=one.offset, reason=one.reason)
        self._metrics.announcements.labels("refused").inc(len(refused))
        self._metrics.announcements.labels("applied").inc(len(said) - len(refused))
        return len(said) > len(refused)
