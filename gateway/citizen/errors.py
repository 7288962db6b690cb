"""What can go wrong on the citizen's page.

* CitizenError                  each has a stable kind, an HTTP status, and says what to do
  x SessionError                nobody is signed in, or no longer
    + ForgedSessionError        the cookie was not signed by this deployment
    + ExpiredSessionError       the cookie is older than a session may be
  x CrossSiteError              a form that this session's own page did not make
  x SignInError                 the city's provider did not say who this is
    + SignInRefusedError        it refused, or somebody else's answer was brought
    + NoIdentityError           it named nobody by a valid identity number
    + ProviderAwayError         retryable: it does not answer
  x ActError                    an act that may not be done
    + NoSuchRecordError         not among the signed-in subject's own records
    + AlreadyDoneError          it is done already
    + TooEarlyError             before the first day on which it may be done
    + NotRepairableError        nothing of the kind can be applied for
    + ConsentUnchangedError     the consent is so already
    + OriginGoneError           the log no longer has the event
    + NotTakenError             retryable: the event did not get into the log
"""

from datetime import date
from http import HTTPStatus

from gateway.errors import GatewayError


class CitizenError(GatewayError):
    """A failure that is told to whoever is at the page.

    Attributes:
        kind: the stable word of the problem's type, and the key of its texts.
        status: of the answer.
        values: what the texts name.

    """

    kind = ""
    status = HTTPStatus.BAD_REQUEST
    detail = ""

    def __init__(self, **values: str | int | date) -> None:
        self.values = values
        super().__init__(self.detail.format(**values))


class SessionError(CitizenError):
    """Nobody is signed in."""

    kind = "not-signed-in"
    status = HTTPStatus.UNAUTHORIZED
    detail = "nobody is signed in here; sign in at /sign-in"


class ForgedSessionError(SessionError):
    """A cookie that this deployment did not sign."""

    kind = "session-forged"
    detail = "the session cookie was not signed here, or was changed since; sign in again at /sign-in"


class ExpiredSessionError(SessionError):
    """A cookie that is too old."""

    kind = "session-expired"
    detail = "the session has ended, as each does after a short while; sign in again at /sign-in"


class CrossSiteError(CitizenError):
    """A form without this session's token."""

    kind = "form-not-ours"
    status = HTTPStatus.FORBIDDEN
    detail = "the form does not carry this session's token; open the page anew and send it from there"


class SignInError(CitizenError):
    """The provider did not say who this is."""

    kind = "sign-in-failed"


class SignInRefusedError(SignInError):
    """The provider refused, or its answer belongs to no sign-in begun in this browser."""

    kind = "sign-in-refused"
    status = HTTPStatus.FORBIDDEN
    detail = "the sign-in was refused, or is not the last one begun in this browser; begin it again at /sign-in"


class NoIdentityError(SignInError):
    """The provider named nobody by a valid identity number. The number is never quoted."""

    kind = "no-identity"
    status = HTTPStatus.FORBIDDEN
    detail = "the provider gave no valid identity number; use an account with a verified real name"


class ProviderAwayError(SignInError):
    """The provider does not answer."""

    kind = "provider-away"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    detail = "the sign-in service does not answer; try again in a moment"


class ActError(CitizenError):
    """An act that may not be done."""

    kind = "act-refused"
    status = HTTPStatus.CONFLICT


class NoSuchRecordError(ActError):
    """A record that is not the signed-in subject's own. Whether it is anybody's is not said."""

    kind = "not-your-record"
    status = HTTPStatus.NOT_FOUND
    detail = "no record of yours has this number; only one's own records can be disputed or repaired"


class AlreadyDoneError(ActError):
    """It is done already."""

    kind = "already-done"
    detail = "this was done already and is being looked into; nothing more is needed"


class TooEarlyError(ActError):
    """Before the first day on which it may be done."""

    kind = "repair-too-early"
    detail = "a repair can be applied for from {day} on"


class NotRepairableError(ActError):
    """Nothing of the kind can be applied for."""

    kind = "not-repairable"
    detail = "no repair can be applied for: this record lowers nothing, is repaired, or ends by itself"


class ConsentUnchangedError(ActError):
    """The consent is so already."""

    kind = "consent-unchanged"
    detail = "your consent is so already, so nothing was changed"


class OriginGoneError(ActError):
    """The log no longer has the event."""

    kind = "event-gone"
    status = HTTPStatus.GONE
    detail = "the original event cannot be read any more; turn to the credit centre, which keeps it"


class NotTakenError(ActError):
    """The event did not get into the log."""

    kind = "not-taken"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    detail = "it could not be filed now, and nothing was; try again in a moment"
