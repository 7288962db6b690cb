"""What goes wrong, told to whoever asked: a page to people, an RFC 9457 problem to programs, a line to the log."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from gateway import problems
from gateway.citizen.errors import CitizenError, ExpiredSessionError, ForgedSessionError, SessionError, SignInError
from gateway.citizen.render import Renderer
from gateway.citizen.texts import text
from gateway.citizen.visit import Cookies, look_of, wants_page
from gateway.errors import CardFormatError, StandingUnavailableError


def install(app: FastAPI, renderer: Renderer, cookies: Cookies) -> None:
    """Make every error of the application one of these."""
    refusals = _Refusals(renderer, cookies)
    app.add_exception_handler(CitizenError, refusals.of_citizen)
    app.add_exception_handler(StandingUnavailableError, refusals.away)
    app.add_exception_handler(CardFormatError, refusals.fault)
    app.add_exception_handler(RequestValidationError, refusals.bad_request)
    app.add_exception_handler(HTTPException, refusals.of_http)
    app.add_exception_handler(Exception, refusals.fault)


class _Refusals:
    def __init__(self, renderer: Renderer, cookies: Cookies) -> None:
        self._renderer = renderer
        self._cookies = cookies

    async def of_citizen(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, CitizenError)  # noqa: S101 - what it is registered for
        if type(error) is not SessionError:
            # The kind says all there is to say; what was sent could be somebody else's.
            structlog.get_logger("jasmine.citizen").warning("refused", reason=error.kind, status=error.status.value)
        response = self._answer(request, error.status, error.kind, str(error), error.values)
        if isinstance(error, ForgedSessionError | ExpiredSessionError):
            self._cookies.end(response)
        return response

    async def away(self, request: Request, error: Exception) -> Response:
        structlog.get_logger("jasmine.citizen").warning("store away", kind=type(error).__name__, error=str(error))
        retry = {"Retry-After": str(problems.RETRY_AFTER_S)}
        if wants_page(request):
            page = self._renderer.page("away", look_of(request))
            return HTMLResponse(page, HTTPStatus.SERVICE_UNAVAILABLE, retry)
        detail = "the standing cannot be read now; ask again"
        return problems.problem(HTTPStatus.SERVICE_UNAVAILABLE, "standing-unavailable", detail, headers=retry)

    async def bad_request(self, request: Request, _: Exception) -> Response:
        detail = "a parameter is wrong; open the page anew"
        return self._answer(request, HTTPStatus.BAD_REQUEST, "bad-request", detail)

    async def of_http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        status = HTTPStatus(error.status_code)
        kind = "not-found" if status is HTTPStatus.NOT_FOUND else "bad-request"
        return self._answer(request, status, kind, f"{status.phrase}; begin at /", headers=error.headers)

    async def fault(self, request: Request, error: Exception) -> Response:
        structlog.get_logger("jasmine.citizen").error("fault", kind=type(error).__name__)
        detail = "a fault of the service's own; its log says more"
        # This one is made outside of every middleware, so it forbids caching itself.
        headers = problems.NO_STORE
        return self._answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "fault", detail, headers=headers)

    def _answer(
        self,
        request: Request,
        status: HTTPStatus,
        kind: str,
        detail: str,
        values: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        more = dict(headers) if headers else None
        if not wants_page(request):
            return problems.problem(status, kind, detail, headers=more)
        look = look_of(request)
        again = status is HTTPStatus.UNAUTHORIZED or kind in {one.kind for one in SignInError.__subclasses__()}
        page = self._renderer.page(
            "problem",
            look,
            heading=text(look.language, "problem-title-session" if again else "problem-title"),
            message=text(look.language, f"problem-{kind}", **(values or {})),
            sign_in=again,
        )
        return HTMLResponse(page, status, more)
