"""The lookup over HTTP: what a payment gateway asks at the moment of payment, and no more than it may know."""

import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any, Literal, Protocol

import orjson
from fastapi import Depends, FastAPI, Header, Path, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator, BaseModel, Field

from gateway import problems
from gateway.address import SUBJECT_PATTERN
from gateway.answer import Answer
from gateway.envelope import Envelope
from gateway.errors import (
    AccessLogError,
    CardFormatError,
    StaleCardError,
    StandingUnavailableError,
    SubjectFormatError,
)
from gateway.metrics import CONTENT_TYPE, Metrics
from gateway.names import Scenario
from gateway.problems import UnknownSubjectError
from gateway.readers import NotAllowedError, Readers, TokenError
from schemas.access import CITIZEN, DESK, READER_PATTERN, Purpose, What

API_VERSION = "2.1.0"

# Probes ask by HEAD, too.
_PROBED = ["GET", "HEAD"]

_NO_STORE = tuple((name.lower().encode(), value.encode()) for name, value in problems.NO_STORE.items())

# What a failed lookup is counted as.
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (SubjectFormatError, "refused"),
    (StandingUnavailableError, "unavailable"),
    (StaleCardError, "stale"),
    (CardFormatError, "unreadable"),
    (AccessLogError, "unlogged"),
    (TokenError, "refused"),
    (NotAllowedError, "refused"),
)


class StandingReader(Protocol):
    """What the service asks; `gateway.lookup.AsyncLookup` is one."""

    async def lookup(self, subject: str) -> Answer:
        """Return what a subject's standing says today."""

    async def ready(self) -> None:
        """Return if lookups can be answered."""

    async def close(self) -> None:
        """Close the connections."""


class ReadLog(Protocol):
    """Where the service writes who read what; `gateway.access.AccessLog` is one."""

    @property
    def waiting(self) -> int:
        """How many reads are not acknowledged."""

    def check(self) -> None:
        """Return if a read can be written."""

    def read(self, subject: str, reader: str, purpose: Purpose, what: What, *, as_of: int | None) -> None:
        """Write one, without waiting for it."""


class Standing(BaseModel):
    """What somebody is entitled to in one scenario."""

    status: Literal["scored", "no_score"] = Field(
        description="Without a score there is neither tier nor entitlement; that is not a low tier."
    )
    tier: str | None = Field(description="The id of the tier in the rule pack, or null without a score.")
    entitlements: list[str] = Field(description="The ids of the perks reached in the scenario asked about.")
    valid_until: date | None = Field(
        description="The first day, in the city, on which this may have changed without an event; null for never."
    )


class Condition(BaseModel):
    """That the service is there."""

    status: Literal["ok", "ready"]


SubjectPath = Annotated[str, Path(pattern=SUBJECT_PATTERN, description="A subject id, such as r-09c3f0a1b2d4e5f6.")]
ScenarioQuery = Annotated[Scenario, Query(description="Where the payment is made.")]


def _once(request: Request) -> None:
    """Refuse two scenarios, or two who ask: only one would be answered, and logged."""
    given = [("query", "scenario", len(request.query_params.getlist("scenario")))]
    given += [("header", name, len(request.headers.getlist(name))) for name in ("Jasmine-Reader", "Jasmine-Purpose")]
    wrong = [
        {"type": "repeated", "loc": (place, name), "msg": "It is given more than once: give it once"}
        for place, name, times in given
        if times > 1
    ]
    if wrong:
        raise RequestValidationError(wrong)


# What somebody may ask for here. The city's other purposes are of its own parts, which do not ask here.
AskedFor = Literal[Scenario, "desk"]


def _somebody_else(reader: str) -> str:
    if reader in {CITIZEN, DESK}:
        message = "is a name of the city's own parts"
        raise ValueError(message)
    return reader


ReaderHeader = Annotated[
    str,
    Header(
        alias="Jasmine-Reader",
        pattern=f"^{READER_PATTERN}$",
        description="Who asks, such as transit-operator. The subject is shown it.",
    ),
    AfterValidator(_somebody_else),
]
PurposeHeader = Annotated[
    AskedFor, Header(alias="Jasmine-Purpose", description="What for: a scenario, or a desk. The subject is shown it.")
]

_BEARER = HTTPBearer(
    scheme_name="token",
    description="A reader's own, where the deployment knows its readers (JASMINE_READERS); elsewhere none is needed.",
    # What is missing is told as a problem, like everything else.
    auto_error=False,
)
Token = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]


def create_app(
    lookup: StandingReader, reads: ReadLog | None = None, readers: Readers | None = None, *, access_log: bool = True
) -> FastAPI:
    """Return the service over a lookup, which it closes when it ends. Nothing connects before the first request.

    Args:
        lookup: reads standings.
        reads: where it is written who read what; None writes nothing.
        readers: who may ask, by their tokens; None believes whoever names itself.
        access_log: whether each request is a line in the log.

    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await lookup.close()

    app = FastAPI(
        title="Jasmine lookup",
        version=API_VERSION,
        description="Tier and entitlements of a subject, for a payment gateway.",
        # Their pages load scripts from elsewhere; openapi.json is served.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    metrics = Metrics()
    if reads is not None:
        metrics.watch_access_log(lambda: reads.waiting)
    problems.install(app)
    _add_standing(app, lookup, reads, readers, metrics)
    _add_operations(app, lookup, reads, metrics)
    app.add_middleware(Envelope, headers=lambda _: _NO_STORE, log="jasmine.gateway" if access_log else None)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's way to extend it
    return app


def _add_standing(
    app: FastAPI, lookup: StandingReader, reads: ReadLog | None, readers: Readers | None, metrics: Metrics
) -> None:
    async def read(subject: str, scenario: Scenario, reader: str, purpose: Purpose, token: Token) -> Answer:
        if readers is not None:
            readers.check(token.credentials if token else None, reader, purpose, scenario)
        if reads is None:
            return await lookup.lookup(subject)
        reads.check()
        answer = await lookup.lookup(subject)
        reads.read(subject, reader, purpose, "tier", as_of=answer.as_of)
        return answer

    @app.get(
        "/v1/subjects/{subject}/standing",
        summary="What a subject is entitled to in one scenario",
        description="Each answer is a read that is logged, so HEAD, which would get none, is not allowed.",
        operation_id="standing",
        response_model=Standing,
        dependencies=[Depends(_once)],
        responses=_problems(
            {
                400: "A parameter is wrong, or reader or purpose is not said.",
                401: "The token is missing, or nobody's.",
                403: "The token is another reader's, or the reader may not ask for this purpose or scenario.",
                404: "The subject is unknown.",
                500: "The standing cannot be read by this release.",
                503: "Ask again; also while the read cannot be written to the access log.",
            }
        ),
    )
    async def standing(
        subject: SubjectPath,
        scenario: ScenarioQuery,
        reader: ReaderHeader,
        purpose: PurposeHeader,
        token: Token,
    ) -> Response:
        reading = read(subject, scenario, reader, purpose, token)
        answer = (await _counted(reading, metrics)).for_gateway(scenario)
        if answer.status == "unknown":
            message = "nothing was ever published about this subject; check the id"
            raise UnknownSubjectError(message)
        body = {
            "status": answer.status,
            "tier": answer.tier,
            "entitlements": answer.entitlements,
            "valid_until": answer.valid_until,
        }
        return _json(body)


def _add_operations(app: FastAPI, lookup: StandingReader, reads: ReadLog | None, metrics: Metrics) -> None:
    # What is documented is GET alone; the route nearest to its function is found first, and takes HEAD as well.
    @app.get("/health", summary="Whether the process lives", operation_id="health", response_model=Condition)
    @app.api_route("/health", methods=_PROBED, include_in_schema=False)
    async def health() -> Response:
        return _json({"status": "ok"})

    @app.get(
        "/ready",
        summary="Whether lookups can be answered",
        operation_id="ready",
        response_model=Condition,
        responses=_problems({503: "Redis does not answer, no worker has filled it, or reads cannot be logged."}),
    )
    @app.api_route("/ready", methods=_PROBED, include_in_schema=False)
    async def ready() -> Response:
        if reads is not None:
            reads.check()
        await lookup.ready()
        return _json({"status": "ready"})

    @app.api_route("/metrics", methods=_PROBED, include_in_schema=False)
    async def exposition() -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)


async def _counted(lookup: Awaitable[Answer], metrics: Metrics) -> Answer:
    begun = time.perf_counter()
    status = "failed"
    try:
        answer = await lookup
        status = answer.status
    except tuple(kind for kind, _ in _FAILURES) as error:
        status = next(name for kind, name in _FAILURES if isinstance(error, kind))
        raise
    finally:
        metrics.count(status, time.perf_counter() - begun)
    return answer


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def _problems(descriptions: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    content = {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": description, "content": content} for status, description in descriptions.items()}


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the document, made once: with problems in place of FastAPI's own form of errors."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = problems.SCHEMA
        app.openapi_schema = document
    return app.openapi_schema
