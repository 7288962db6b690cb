"""What a citizen can do: dispute a record, apply for its repair, give and withdraw consent. Each is an event."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gateway.citizen.consents import Consent
from gateway.citizen.errors import AlreadyDoneError, NoSuchRecordError, NotTakenError
from gateway.citizen.origins import Origins, Place
from gateway.errors import PublishingError
from schemas.catalogue import CONSENTED, DISPUTED, TYPES_BY_NAME, WITHDRAWN, EventType
from schemas.days import datetime_of
from schemas.events import CreditEvent, Data

SOURCE = "/citizen/page"
REPAIR_APPLIED = TYPES_BY_NAME.get("repair.applied")
# A second click comes before the first one's event is in the ledger; of so many acts it is known here.
_REMEMBERED_MAX = 10_000
_REMEMBERED_S = 60.0


class Acts:
    """Publishes acts, each under an id of its own, so that a repetition changes nothing."""

    def __init__(
        self, publish: Callable[[CreditEvent], Awaitable[Any]], origins: Origins, clock: Callable[[], float]
    ) -> None:
        self._publish = publish
        self._origins = origins
        self._clock = clock
        self._done: OrderedDict[str, float] = OrderedDict()

    async def dispute(self, place: Place, times_before: int) -> str:
        """Dispute a record that was disputed so often before; return the event's id.

        Raises:
            ActError: it is done already, or cannot be done now.

        """
        return await self._act(DISPUTED, place, f"dispute-{place.record:016x}-{times_before + 1}")

    async def apply_for_repair(self, place: Place, times_before: int) -> str:
        """Apply for the repair of a record for which it was applied so often before; otherwise as `dispute`."""
        if REPAIR_APPLIED is None:
            raise NoSuchRecordError
        return await self._act(REPAIR_APPLIED, place, f"repair-{place.record:016x}-{times_before + 1}")

    async def change_consent(self, subject: str, consent: Consent) -> str:
        """Withdraw a consent that is given, or give one that is not; otherwise as `dispute`."""
        event_id = f"consent-{subject}-{consent.purpose.label}-{consent.words + 1}"
        event_type = WITHDRAWN if consent.is_given else CONSENTED
        with self._once(event_id) as now_s:
            # Of two words in one second neither would be the last.
            at_s = max(now_s, consent.last_s + 1)
            await self._publish(_event(event_type, subject, event_id, at_s, Data(grade=consent.purpose)))
        return event_id

    async def _act(self, event_type: EventType, place: Place, event_id: str) -> str:
        with self._once(event_id) as now_s:
            origin = await self._origins.find(place)
            about = Data(record_source=origin.source, record_id=origin.event_id)
            await self._publish(_event(event_type, place.subject, event_id, now_s, about))
        return event_id

    @contextmanager
    def _once(self, event_id: str) -> Iterator[float]:
        """Refuse what was done just now, and give the time; what fails can be tried again."""
        now_s = self._clock()
        if now_s - self._done.get(event_id, -_REMEMBERED_S) < _REMEMBERED_S:
            raise AlreadyDoneError
        # From here on a second click is known, also while the first is waiting for the log.
        self._remember(event_id, now_s)
        try:
            yield now_s
        except PublishingError as error:
            self._done.pop(event_id, None)
            raise NotTakenError from error
        except BaseException:
            self._done.pop(event_id, None)
            raise

    def _remember(self, event_id: str, now_s: float) -> None:
        self._done[event_id] = now_s
        self._done.move_to_end(event_id)
        while len(self._done) > _REMEMBERED_MAX:
            self._done.popitem(last=False)


def _event(event_type: EventType, subject: str, event_id: str, at_s: float, data: Data) -> CreditEvent:
    return CreditEvent(
        id=event_id,
        source=SOURCE,
        type=event_type,
        subject=subject,
        time=datetime_of(int(at_s)),
        data=data,
    )
