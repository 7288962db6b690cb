"""Errors of the HTTP service as RFC 9457 problems: what is wrong, and what to do."""

from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gateway.errors import (
    AccessLogError,
    CardFormatError,
    GatewayError,
    StaleCardError,
    StandingUnavailableError,
    SubjectFormatError,
)
from gateway.readers import NotAllowedError, TokenError

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
NO_STORE = {"Cache-Control": "no-store"}

_TYPE = "urn:jasmine:problem:"
# Who has no type of its own is explained by its status alone.
_NO_TYPE = "about:blank"

SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Stable; tells one kind of problem from another."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong here, and what to do."},
        "parameters": {
            "type": "array",
            "description": "Of a bad request: which parameters are wrong.",
            "items": {
                "type": "object",
                "required": ["name", "in", "detail"],
                "properties": {
                    "name": {"type": "string"},
                    "in": {"type": "string", "enum": ["path", "query", "header"]},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


class UnknownSubjectError(GatewayError):
    """Nothing was ever published about this subject; that is no low score, and no answer either."""


def problem(
    status: HTTPStatus,
    kind: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    parameters: list[dict[str, str]] | None = None,
) -> Response:
    """Return a problem; `kind` is the stable word of its type, or empty."""
    body: dict[str, Any] = {
        "type": _TYPE + kind if kind else _NO_TYPE,
        "title": kind.replace("-", " ").capitalize() if kind else status.phrase,
        "status": status.value,
        "detail": detail,
    }
    if parameters:
        body["parameters"] = parameters
    return Response(orjson.dumps(body), status, headers, CONTENT_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of an application a problem."""
    app.add_exception_handler(UnknownSubjectError, _unknown_subject)
    app.add_exception_handler(SubjectFormatError, _bad_subject)
    app.add_exception_handler(StandingUnavailableError, _unavailable)
    app.add_exception_handler(StaleCardError, _stale)
    app.add_exception_handler(AccessLogError, _unlogged)
    app.add_exception_handler(CardFormatError, _unreadable)
    app.add_exception_handler(TokenError, _unknown_reader)
    app.add_exception_handler(NotAllowedError, _not_allowed)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unexpected)


def _unknown_subject(_: Request, error: Exception) -> Response:
    return problem(HTTPStatus.NOT_FOUND, "unknown-subject", str(error))


def _bad_subject(_: Request, error: Exception) -> Response:
    wrong = {"name": "subject", "in": "path", "detail": str(error)}
    return problem(HTTPStatus.BAD_REQUEST, "bad-parameter", f"subject: {error}", parameters=[wrong])


def _unavailable(_: Request, error: Exception) -> Response:
    _tell(error)
    detail = "the standing cannot be read now; ask again"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "standing-unavailable", detail, headers=_retry_after())


def _stale(_: Request, error: Exception) -> Response:
    _tell(error)
    detail = "the standing is out of date and is being decided anew; ask again"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "standing-stale", detail, headers=_retry_after())


def _unlogged(_: Request, error: Exception) -> Response:
    _tell(error)
    detail = "the access log cannot be written, and a read that cannot be logged is not given; ask again"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "access-log-unavailable", detail, headers=_retry_after())


def _unreadable(_: Request, error: Exception) -> Response:
    _tell(error)
    detail = "the standing was written by a release this service cannot read; its operator has to act"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "standing-unreadable", detail)


def _unknown_reader(_: Request, error: Exception) -> Response:
    _tell(error)
    return problem(HTTPStatus.UNAUTHORIZED, "unknown-reader", str(error), headers={"WWW-Authenticate": "Bearer"})


def _not_allowed(_: Request, error: Exception) -> Response:
    _tell(error)
    return problem(HTTPStatus.FORBIDDEN, "not-allowed", str(error))


def _tell(error: Exception) -> None:
    """Leave to the operator's log what is no business of the asker's, such as where Redis is."""
    structlog.get_logger("jasmine.gateway").warning("lookup failed", kind=type(error).__name__, error=str(error))


def _bad_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    wrong = [
        {"name": str(one["loc"][-1]), "in": str(one["loc"][0]), "detail": f"{one['msg']}; {_remedy(one)}"}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['name']}: {one['detail']}" for one in wrong)
    return problem(HTTPStatus.BAD_REQUEST, "bad-parameter", detail, parameters=wrong)


# By the header that is missing or wrong.
_HEADERS = {
    "Jasmine-Reader": (
        "give the header Jasmine-Reader: who asks, 2 to 40 of a-z, 0-9 and '-', beginning with a letter, such as "
        "transit-operator"
    ),
    "Jasmine-Purpose": (
        "give the header Jasmine-Purpose: what for, a scenario such as transit, or desk; /openapi.json lists them"
    ),
}


def _remedy(one: dict[str, Any]) -> str:
    """Say what to do. The value is not quoted: in place of a subject it could be an identity number."""
    if one["loc"][0] == "header":
        return _HEADERS[one["loc"][-1]]
    if one["type"] == "missing":
        return "add it to the query, such as ?scenario=transit"
    if one["loc"][-1] == "subject":
        return "give r, l or o, '-' and 16 lower-case hex digits, of which the first belongs to that kind"
    return "give one of the values that /openapi.json lists for it"


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    status = HTTPStatus(error.status_code)
    details = {
        HTTPStatus.NOT_FOUND: "no such address; /openapi.json lists what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not allowed here; /openapi.json lists what is",
    }
    headers = dict(error.headers) if error.headers else None
    return problem(status, "", details.get(status, str(error.detail)), headers=headers)


def _unexpected(_: Request, __: Exception) -> Response:
    # This one is made outside of every middleware, so it forbids caching itself.
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "", "a fault of the service's own; its log says more", headers=NO_STORE
    )


def _retry_after() -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_S)}
