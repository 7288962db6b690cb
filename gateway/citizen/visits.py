"""That a citizen has looked at her own data is in the access log too, once a session."""

import hashlib
from collections import OrderedDict

import structlog

from gateway.access import AccessLog
from gateway.citizen.sessions import Session
from gateway.errors import AccessLogError
from schemas.access import CITIZEN

# A session lasts half an hour; of so many it is remembered here that their visit is written. One that is forgotten,
# or that another process of the page knows, is written again under the same id, and shown once.
_REMEMBERED_MAX = 10_000
_ID_BYTES = 8


class Visits:
    """Writes visits and exports. What she may see of herself does not wait for Kafka: a failure is told to the log."""

    def __init__(self, log: AccessLog | None) -> None:
        """Take the access log; None writes nothing."""
        self._log = log
        self._seen: OrderedDict[str, None] = OrderedDict()

    def seen(self, session: Session, as_of: int | None) -> None:
        """Write that the page was given, unless this session's visit is written already."""
        visit = _visit_id(session)
        if self._log is None or visit in self._seen:
            return
        try:
            self._log.read(session.subject, CITIZEN, "page", "page", as_of=as_of, read_id=visit)
        except AccessLogError as error:
            _tell(error)
            return
        self._seen[visit] = None
        if len(self._seen) > _REMEMBERED_MAX:
            self._seen.popitem(last=False)

    def exported(self, session: Session, as_of: int | None) -> None:
        """Write that all data was given."""
        if self._log is None:
            return
        try:
            self._log.read(session.subject, CITIZEN, "export", "export", as_of=as_of)
        except AccessLogError as error:
            _tell(error)

    def close(self) -> None:
        """Wait until Kafka has what was written."""
        if self._log is not None and (lost := self._log.close()):
            structlog.get_logger("jasmine.citizen").error("visits are not in the access log", lost=lost)


def _visit_id(session: Session) -> str:
    """Return a name of the session that does not tell its token."""
    return "visit-" + hashlib.blake2b(session.token.encode(), digest_size=_ID_BYTES).hexdigest()


def _tell(error: AccessLogError) -> None:
    structlog.get_logger("jasmine.citizen").warning("a visit is not in the access log", error=str(error))
