"""Sessions: a signed, short-lived cookie that says who is at the page, and of whom else its forms must not come."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer

from gateway.citizen.errors import CrossSiteError, ExpiredSessionError, ForgedSessionError, SessionError

KEY_BYTES_MIN = 16
# How long a sign-in may take at the provider, in seconds.
SIGN_IN_S = 600
_TOKEN_BYTES = 16
# Another process of the page may have signed it, whose clock is ahead by so much at most, in seconds.
_CLOCKS_APART_S_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is signed in.

    Attributes:
        subject: the pseudonymous subject id; nothing else is known of the person.
        token: what each form of this session carries, and no other site can know.
        ends_s: when it ends, in seconds since the epoch.

    """

    subject: str
    token: str
    ends_s: float


class _Signer(TimestampSigner):
    """Signs with a given clock's time."""

    def __init__(self, *arguments: Any, clock: Callable[[], float], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())


class Sessions:
    """Writes and reads the cookies' values."""

    def __init__(self, key: bytes, session_s: float, clock: Callable[[], float]) -> None:
        options = {"signer": _Signer, "signer_kwargs": {"clock": clock}}
        # A salt each, so that a sign-in that has only begun cannot be passed off as a session.
        self._sessions = URLSafeTimedSerializer(key, salt="jasmine session", **options)  # type: ignore[call-overload]
        self._sign_ins = URLSafeTimedSerializer(key, salt="jasmine sign-in", **options)  # type: ignore[call-overload]
        self._session_s = session_s
        self._clock = clock

    def begin(self, subject: str) -> str:
        """Return the cookie of a new session."""
        value: str = self._sessions.dumps([subject, secrets.token_urlsafe(_TOKEN_BYTES)])
        return value

    def read(self, cookie: str | None) -> Session:
        """Return the session of a cookie.

        Raises:
            SessionError: there is none, it is forged, or it has ended.

        """
        if not cookie:
            raise SessionError
        (subject, token), signed = self._checked(self._sessions, cookie, self._session_s)
        return Session(subject=subject, token=token, ends_s=signed.timestamp() + self._session_s)

    def keep_sign_in(self, state: dict[str, Any]) -> str:
        """Return the cookie of a sign-in under way."""
        value: str = self._sign_ins.dumps(state)
        return value

    def sign_in(self, cookie: str | None) -> dict[str, Any]:
        """Return the sign-in under way in this browser; raises what `read` does."""
        if not cookie:
            raise SessionError
        state: dict[str, Any] = self._checked(self._sign_ins, cookie, SIGN_IN_S)[0]
        return state

    def _checked(self, serializer: Any, cookie: str, seconds: float) -> Any:
        try:
            said, signed = serializer.loads(cookie, return_timestamp=True)
        except BadSignature:
            raise ForgedSessionError from None
        # Not by the serializer: to it a cookie from a second ahead has ended, too.
        if not -_CLOCKS_APART_S_MAX <= int(self._clock()) - int(signed.timestamp()) <= seconds:
            raise ExpiredSessionError
        return said, signed


def check_form(session: Session, token: str) -> None:
    """Refuse a form that this session's own page did not make.

    Raises:
        CrossSiteError: the token is not the session's.

    """
    if not secrets.compare_digest(session.token.encode(), token.encode()):
        raise CrossSiteError
