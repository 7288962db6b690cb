"""Who visits, and how they want to see pages: cookies and headers in, a session and a look out."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from gateway.citizen.errors import CitizenError
from gateway.citizen.render import Look
from gateway.citizen.sessions import SIGN_IN_S, Session, Sessions, check_form
from gateway.citizen.texts import LANGUAGES, Language, language_of

SESSION_COOKIE = "jasmine_session"
SIGN_IN_COOKIE = "jasmine_sign_in"
LANGUAGE_COOKIE = "jasmine_language"
THEME_COOKIE = "jasmine_theme"
_THEMES = ("light", "dark")
_YEAR_S = 31_536_000
# Our forms have a token and nothing else.
_FORM_BYTES_MAX = 4_096


class FormTooLargeError(CitizenError):
    """A form that none of our pages makes."""

    kind = "bad-request"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    detail = "the form is larger than any of this site's; send it from the page"


def look_of(request: Request) -> Look:
    """Return the language asked for, chosen before, or liked best by the browser; and the theme chosen."""
    said = (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE))
    language: Language = next(
        (one for name in said for one in LANGUAGES if one == name),
        language_of(request.headers.get("accept-language", "")),
    )
    theme = request.cookies.get(THEME_COOKIE, "")
    return Look(language=language, theme=theme if theme in _THEMES else "")


def wants_page(request: Request) -> bool:
    """Whether somebody looks at it, rather than a program."""
    return "text/html" in request.headers.get("accept", "")


@dataclass(frozen=True, slots=True)
class Cookies:
    """Reads and writes the cookies of a deployment.

    Attributes:
        sessions: writes and reads their values.
        secure: whether they may travel over TLS only: wherever the page is not a demonstration on one machine.

    """

    sessions: Sessions
    secure: bool

    def session(self, request: Request) -> Session:
        """Return who is signed in; raises what `Sessions.read` does."""
        return self.sessions.read(request.cookies.get(SESSION_COOKIE))

    async def posted(self, request: Request) -> Session:
        """Return who is signed in and sent this form.

        Raises:
            SessionError: nobody is.
            CrossSiteError: our page did not make the form.

        """
        session = self.session(request)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _FORM_BYTES_MAX:
                raise FormTooLargeError
        fields = parse_qs(body.decode("ascii", "replace"))
        check_form(session, fields.get("csrf", [""])[0])
        return session

    def begin(self, response: Response, subject: str, session_s: float) -> None:
        """Sign somebody in."""
        self._set(response, SESSION_COOKIE, self.sessions.begin(subject), int(session_s))
        response.delete_cookie(SIGN_IN_COOKIE, path="/signed-in")

    def keep_sign_in(self, response: Response, state: dict[str, object]) -> None:
        """Remember a sign-in under way, for the one page that ends it."""
        self._set(response, SIGN_IN_COOKIE, self.sessions.keep_sign_in(state), SIGN_IN_S, path="/signed-in")

    def end(self, response: Response) -> None:
        """Sign out."""
        response.delete_cookie(SESSION_COOKIE)

    def keep_language(self, request: Request, response: Response) -> None:
        """Remember a language that was asked for."""
        asked = request.query_params.get("lang")
        if asked in LANGUAGES:
            self._set(response, LANGUAGE_COOKIE, asked, _YEAR_S)

    def _set(self, response: Response, name: str, value: str, seconds: int, *, path: str = "/") -> None:
        response.set_cookie(name, value, seconds, path=path, secure=self.secure, httponly=True, samesite="lax")
