"""The citizen's page as an application: its parts in, its routes out."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

import orjson
import structlog
from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BeforeValidator, Field
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from gateway.address import partition_of
from gateway.citizen import refusals
from gateway.citizen.acts import Acts
from gateway.citizen.consents import Consent
from gateway.citizen.envelope import BrowserHeaders
from gateway.citizen.errors import (
    AlreadyDoneError,
    ConsentUnchangedError,
    NoSuchRecordError,
    NotRepairableError,
    SessionError,
    TooEarlyError,
)
from gateway.citizen.live import Watch, changed, event
from gateway.citizen.origins import Place
from gateway.citizen.reader import Known, Reader
from gateway.citizen.render import STATIC, Look, Renderer
from gateway.citizen.sessions import Session
from gateway.citizen.signin import SignIn
from gateway.citizen.texts import text
from gateway.citizen.view import Page, RecordShown
from gateway.citizen.visit import SIGN_IN_COOKIE, Cookies, look_of, wants_page
from gateway.citizen.visits import Visits
from gateway.envelope import Envelope
from schemas.catalogue import CONSENTED, Grade
from scoring.explain import to_json
from scoring.pack import SCORE_MAX

_CALLBACK = "/signed-in"
# Probes ask by HEAD, too.
_PROBED = ["GET", "HEAD"]
# Of each a page can say that it was filed.
_ACTS = frozenset({"dispute", "apply", "give", "withdraw"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the page is made of.

    Attributes:
        reader: reads and explains standings.
        sign_in: at the city's provider.
        cookies: of sessions.
        acts: publishes disputes, applications and consents.
        visits: writes that she has looked.
        running: what must be entered while pages are served, such as a publisher.
        clock: gives the time, in seconds since the epoch.
        ending: whether open pages shall let go, because the service ends.
        address: where the page is, as its visitors know it.
        session_s: how long a session lasts, in seconds.
        base_points: with which somebody begins.
        on_sign_in: told when somebody has signed in, not who.
        synthetic: whether nobody here is real, which every page then says.

    """

    reader: Reader
    sign_in: SignIn
    cookies: Cookies
    acts: Acts
    visits: Visits
    running: AbstractAsyncContextManager[Any]
    clock: Callable[[], float]
    ending: Callable[[], bool]
    address: str
    session_s: float
    base_points: int
    on_sign_in: Callable[[], None] = lambda: None
    synthetic: bool = False


RecordPath = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
PurposePath = Annotated[str, Path(pattern=f"^({'|'.join(one.label for one in CONSENTED.grades)})$")]
ConsentAct = Literal["give", "withdraw"]
# A field that was emptied asks for nothing of its own.
TargetQuery = Annotated[
    Annotated[int, Field(ge=0, le=SCORE_MAX)] | None, BeforeValidator(lambda said: said or None), Query()
]


def create_app(parts: Parts, *, access_log: bool = True) -> FastAPI:
    """Return the application. Nothing connects before the first request."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.running:
            yield
        await asyncio.to_thread(parts.visits.close)
        await parts.reader.close()

    app = FastAPI(title="Jasmine", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    renderer = Renderer(synthetic=parts.synthetic)
    refusals.install(app, renderer, parts.cookies)
    _add_sign_in(app, parts)
    _add_sign_out(app, parts, renderer)
    _add_pages(app, parts, renderer)
    _add_live(app, parts, renderer)
    _add_acts(app, parts, renderer)
    _add_consents(app, parts, renderer)
    _add_operations(app, parts)
    app.mount("/static", StaticFiles(directory=STATIC))
    headers = BrowserHeaders(secure=parts.cookies.secure)
    app.add_middleware(Envelope, headers=headers, log="jasmine.citizen" if access_log else None)
    return app


def _add_sign_in(app: FastAPI, parts: Parts) -> None:
    log: Any = structlog.get_logger("jasmine.citizen")

    @app.get("/sign-in")
    async def sign_in(request: Request) -> Response:
        response, state = await parts.sign_in.begin(request, parts.address + _CALLBACK)
        parts.cookies.keep_sign_in(response, state)
        return response

    @app.get(_CALLBACK)
    async def signed_in(request: Request) -> Response:
        state = parts.cookies.sessions.sign_in(request.cookies.get(SIGN_IN_COOKIE))
        subject = await parts.sign_in.end(request, state)
        log.info("signed in")
        parts.on_sign_in()
        response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        parts.cookies.begin(response, subject, parts.session_s)
        return response


def _add_sign_out(app: FastAPI, parts: Parts, renderer: Renderer) -> None:
    @app.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        await parts.cookies.posted(request)
        look = look_of(request)
        farewell = await parts.sign_in.farewell(parts.address + "/", look.language)
        here_alone = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        response = here_alone if farewell is None else _parting(renderer, look, farewell)
        parts.cookies.end(response)
        return response


def _parting(renderer: Renderer, look: Look, farewell: str) -> Response:
    """Return a page that goes on to the provider by itself.

    It is no redirect, because our policy lets no form lead elsewhere, and browsers count the redirects after it.
    """
    body = renderer.page("parting", look, farewell=farewell)
    return HTMLResponse(body, headers={"Refresh": f"0; url={farewell}"})


def _add_pages(app: FastAPI, parts: Parts, renderer: Renderer) -> None:
    @app.get("/")
    async def page(request: Request, target: TargetQuery = None, done: str = "") -> Response:
        look = look_of(request)
        try:
            session = parts.cookies.session(request)
        except SessionError as error:
            if type(error) is not SessionError or not wants_page(request):
                raise
            response = HTMLResponse(renderer.page("welcome", look))
        else:
            known = await parts.reader.known(session.subject, target)
            parts.visits.seen(session, known.as_of)
            response = HTMLResponse(_written(renderer, look, session, known, parts, target=target, done=done))
        parts.cookies.keep_language(request, response)
        return response

    @app.get("/export")
    async def export(request: Request) -> Response:
        session = parts.cookies.session(request)
        known = await parts.reader.known(session.subject)
        parts.visits.exported(session, known.as_of)
        body = {
            "subject": session.subject,
            "status": known.status,
            **_exported(known.page),
            "access": known.accesses.to_json(),
        }
        headers = {"Content-Disposition": 'attachment; filename="jasmine.json"'}
        return Response(orjson.dumps(body, option=orjson.OPT_INDENT_2), HTTPStatus.OK, headers, "application/json")


def _written(
    renderer: Renderer, look: Look, session: Session, known: Known, parts: Parts, *, target: int | None, done: str
) -> str:
    values: dict[str, Any] = {
        "session": session,
        "mark": known.mark,
        "consents": known.consents,
        "accesses": known.accesses,
        "done": done if done in _ACTS else "",
    }
    if known.page is None or known.status != "scored":
        unscored = {"status": _unscored(known), "base": parts.base_points, "page": known.page}
        return renderer.page("unscored", look, **values, **unscored)
    return renderer.page("score", look, **values, page=known.page, target=target)


def _unscored(known: Known) -> str:
    """Return a word for why there is no score, of which there are texts."""
    return known.status if known.consents[Grade.SCORING.label].is_given else "unconsented"


def _exported(page: Page | None) -> dict[str, Any]:
    """Return all that is known of a subject: each record with its controls, the sum, and how the score moved."""
    if page is None:
        return {}
    changes = [] if page.history is None else page.history.changes
    return {
        "explanation": to_json(page.why),
        "history": [{"day": day.isoformat(), "score": score} for day, score, _ in reversed(changes)],
        "perks_ahead": [{**asdict(one)} for one in page.ahead],
    }


def _add_live(app: FastAPI, parts: Parts, renderer: Renderer) -> None:
    watch = Watch(parts.reader, parts.clock, parts.ending)

    async def visitor(request: Request) -> Session:
        return parts.cookies.session(request)

    @app.get("/live", response_class=EventSourceResponse)
    async def live(
        request: Request, session: Annotated[Session, Depends(visitor)], mark: str = "", target: TargetQuery = None
    ) -> AsyncIterable[ServerSentEvent]:
        look = look_of(request)
        last: dict[str, str] = {}
        # After a lost connection the browser says which state it showed.
        mark = request.headers.get("last-event-id", mark)
        async for known in watch.changes(session.subject, mark, target, session.ends_s):
            yield _told(renderer, look, known, last)
        if not parts.ending():
            yield event("ended")


def _told(renderer: Renderer, look: Look, known: Known | None, last: dict[str, str]) -> ServerSentEvent:
    if known is None:
        return event("away")
    page = known.page
    if page is None or page.why.tier_name is None:
        return event("another", known.mark, status=known.status)
    said = text(look.language, "moved", score=page.why.score, tier=page.why.tier_name.of(look.language))
    sections = changed(renderer.sections(look, page, known.consents, known.accesses), last)
    return event("change", known.mark, score=page.why.score, said=said, sections=sections)


def _add_acts(app: FastAPI, parts: Parts, renderer: Renderer) -> None:
    @app.get("/records/{record}/dispute")
    async def ask_dispute(request: Request, record: RecordPath) -> Response:
        session = parts.cookies.session(request)
        shown = _may_dispute(await _own(parts, session, record))
        return _asked(renderer, request, parts, "confirm", session=session, record=shown, act="dispute")

    @app.post("/records/{record}/dispute")
    async def dispute(request: Request, record: RecordPath) -> Response:
        session = await parts.cookies.posted(request)
        shown = _may_dispute(await _own(parts, session, record))
        event_id = await parts.acts.dispute(await _place(parts, session, shown), shown.disputes)
        return _filed(request, "dispute", event_id, f"#record-{record}")

    @app.get("/records/{record}/repair")
    async def ask_repair(request: Request, record: RecordPath) -> Response:
        session = parts.cookies.session(request)
        shown = _may_apply(await _own(parts, session, record))
        return _asked(renderer, request, parts, "confirm", session=session, record=shown, act="apply")

    @app.post("/records/{record}/repair")
    async def repair(request: Request, record: RecordPath) -> Response:
        session = await parts.cookies.posted(request)
        shown = _may_apply(await _own(parts, session, record))
        event_id = await parts.acts.apply_for_repair(await _place(parts, session, shown), shown.applications)
        return _filed(request, "apply", event_id, f"#record-{record}")


def _add_consents(app: FastAPI, parts: Parts, renderer: Renderer) -> None:
    @app.get("/consents/{purpose}/{act}")
    async def ask_consent(request: Request, purpose: PurposePath, act: ConsentAct) -> Response:
        session = parts.cookies.session(request)
        consent = await _own_consent(parts, session, purpose, act)
        return _asked(renderer, request, parts, "consent", session=session, consent=consent)

    @app.post("/consents/{purpose}/{act}")
    async def change_consent(request: Request, purpose: PurposePath, act: ConsentAct) -> Response:
        session = await parts.cookies.posted(request)
        consent = await _own_consent(parts, session, purpose, act)
        event_id = await parts.acts.change_consent(session.subject, consent)
        return _filed(request, act, event_id)


async def _own_consent(parts: Parts, session: Session, purpose: str, act: ConsentAct) -> Consent:
    """Return a consent of which this act would make another."""
    known = await parts.reader.known(session.subject)
    consent = known.consents[purpose]
    if consent.act != act:
        raise ConsentUnchangedError
    return consent


async def _own(parts: Parts, session: Session, record: str) -> RecordShown:
    known = await parts.reader.known(session.subject)
    shown = None if known.page is None else known.page.record(record)
    if shown is None:
        raise NoSuchRecordError
    return shown


def _may_dispute(shown: RecordShown) -> RecordShown:
    if shown.disputed:
        raise AlreadyDoneError
    return shown


def _may_apply(shown: RecordShown) -> RecordShown:
    if shown.waiting_since is not None:
        raise AlreadyDoneError
    if shown.repair_from is None:
        raise NotRepairableError
    if not shown.can_apply:
        raise TooEarlyError(day=shown.repair_from)
    return shown


async def _place(parts: Parts, session: Session, shown: RecordShown) -> Place:
    partitions = await parts.reader.partitions()
    return Place(
        subject=session.subject,
        record=int(shown.entry.record, 16),
        partition=partition_of(session.subject, partitions),
        offset=shown.entry.evidence.offset,
    )


def _asked(renderer: Renderer, request: Request, parts: Parts, name: str, **values: Any) -> Response:
    """Return a page that asks once more, in a language that also the page after it is to have."""
    response = HTMLResponse(renderer.page(name, look_of(request), **values))
    parts.cookies.keep_language(request, response)
    return response


def _filed(request: Request, act: str, event_id: str, place: str = "") -> Response:
    if wants_page(request):
        return RedirectResponse(f"/?done={act}{place}", HTTPStatus.SEE_OTHER)
    body = {"status": "filed", "event_id": event_id}
    return Response(orjson.dumps(body), HTTPStatus.ACCEPTED, media_type="application/json")


def _add_operations(app: FastAPI, parts: Parts) -> None:
    @app.api_route("/health", methods=_PROBED)
    async def health() -> Response:
        return Response(orjson.dumps({"status": "ok"}), media_type="application/json")

    @app.api_route("/ready", methods=_PROBED)
    async def ready() -> Response:
        await parts.reader.partitions()
        return Response(orjson.dumps({"status": "ready"}), media_type="application/json")
