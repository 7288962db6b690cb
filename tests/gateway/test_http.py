"""The lookup over HTTP."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
import structlog
from openapi_spec_validator import validate
from structlog.testing import capture_logs

from gateway import openapi
from gateway.answer import UNKNOWN, Answer
from gateway.errors import (
    AccessLogError,
    CardFormatError,
    PackMismatchError,
    StaleCardError,
    StandingUnavailableError,
    StoreEmptyError,
)
from gateway.http import create_app
from gateway.lookup import AsyncLookup
from gateway.names import SCENARIOS, Perk
from gateway.readers import Readers, digest_of
from schemas.days import date_of
from tests.gateway.city import NAMES, NOBODY, OTHER, RESIDENT, TODAY, City, an_event

SCORED = Answer(
    status="scored",
    tier="good",
    perks=(Perk("transit_discount", "transit"), Perk("umbrella_free", "tourism")),
    score=690,
    disputed=True,
    valid_until=date_of(TODAY + 1),
    as_of=7,
    pack=1,
)
NO_SCORE = SCORED._replace(status="no_score", tier=None, perks=(), score=None, valid_until=None)


HEADERS = {"Jasmine-Reader": "transit-operator", "Jasmine-Purpose": "transit"}


class FakeReader:
    """Answers from a mapping, or fails as it is told."""

    def __init__(self, answers: Mapping[str, Answer] | None = None, failure: Exception | None = None) -> None:
        self._answers = answers or {}
        self._failure = failure
        self.closed = False

    async def lookup(self, subject: str) -> Answer:
        await self.ready()
        return self._answers.get(subject, UNKNOWN)

    async def ready(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        self.closed = True


class FakeLog:
    """Notes what is written; full after so many."""

    def __init__(self, full_after: int = 1_000) -> None:
        self.written: list[tuple[object, ...]] = []
        self._full_after = full_after

    @property
    def waiting(self) -> int:
        return len(self.written)

    def check(self) -> None:
        if len(self.written) >= self._full_after:
            raise AccessLogError(self._full_after)

    def read(self, subject: str, reader: str, purpose: str, what: str, *, as_of: int | None) -> None:
        self.check()
        self.written.append((subject, reader, purpose, what, as_of))


def ask(
    *paths: str,
    reader: Any = None,
    reads: Any = None,
    readers: Readers | None = None,
    method: str = "GET",
    headers: Mapping[str, str] | list[tuple[str, str]] = HEADERS,
) -> list[httpx.Response]:
    """Ask one service several times."""

    async def all_of_them() -> list[httpx.Response]:
        app = create_app(reader or FakeReader({RESIDENT: SCORED, OTHER: NO_SCORE}), reads, readers)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return [await client.request(method, path, headers=httpx.Headers(headers)) for path in paths]

    return asyncio.run(all_of_them())


def problem_of(response: httpx.Response) -> Any:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert set(body) - {"parameters"} == {"type", "title", "status", "detail"}
    return body


@pytest.fixture(autouse=True)
def log() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


def standing(subject: str, scenario: str = "transit") -> str:
    return f"/v1/subjects/{subject}/standing?scenario={scenario}"


def test_a_gateway_is_told_tier_and_entitlements_of_its_scenario_and_nothing_else() -> None:
    transit, medical = ask(standing(RESIDENT), standing(RESIDENT, "medical"))

    assert transit.json() == {
        "status": "scored",
        "tier": "good",
        "entitlements": ["transit_discount"],
        "valid_until": "2026-11-25",
    }
    assert medical.json() == {**transit.json(), "entitlements": []}


def test_no_score_is_said_as_such() -> None:
    (response,) = ask(standing(OTHER))

    assert response.status_code == 200
    assert response.json() == {"status": "no_score", "tier": None, "entitlements": [], "valid_until": None}


def test_every_scenario_can_be_asked_about() -> None:
    assert {response.status_code for response in ask(*(standing(RESIDENT, one) for one in SCENARIOS))} == {200}


def test_an_unknown_subject_is_a_problem_of_its_own() -> None:
    (response,) = ask(standing(NOBODY))

    assert response.status_code == 404
    assert problem_of(response)["type"] == "urn:jasmine:problem:unknown-subject"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/v1/subjects/350102199003076543/standing?scenario=transit", ["subject"]),
        ("/v1/subjects/r-f9c3f0a1b2d4e5f6/standing?scenario=transit", ["subject"]),
        (f"/v1/subjects/{RESIDENT}/standing", ["scenario"]),
        (f"/v1/subjects/{RESIDENT}/standing?scenario=voting", ["scenario"]),
        ("/v1/subjects/x/standing?scenario=voting", ["subject", "scenario"]),
    ],
)
def test_a_wrong_parameter_is_named_with_what_to_do_and_never_quoted(path: str, names: list[str]) -> None:
    (response,) = ask(path)

    problem = problem_of(response)
    assert response.status_code == 400
    assert [one["name"] for one in problem["parameters"]] == names
    assert all("give" in one["detail"] or "add it" in one["detail"] for one in problem["parameters"])
    assert "350102199003076543" not in response.text


WRONG_HEADERS = [
    ({"Jasmine-Purpose": "transit"}, ["Jasmine-Reader"]),
    ({"Jasmine-Reader": "transit-operator"}, ["Jasmine-Purpose"]),
    ({}, ["Jasmine-Reader", "Jasmine-Purpose"]),
    ({**HEADERS, "Jasmine-Purpose": "curiosity"}, ["Jasmine-Purpose"]),
    # Of the city's own parts, which do not ask here.
    ({**HEADERS, "Jasmine-Purpose": "page"}, ["Jasmine-Purpose"]),
    ({**HEADERS, "Jasmine-Reader": "citizen"}, ["Jasmine-Reader"]),
    ({**HEADERS, "Jasmine-Reader": "desk"}, ["Jasmine-Reader"]),
    ({**HEADERS, "Jasmine-Reader": "A Person's Name"}, ["Jasmine-Reader"]),
]


@pytest.mark.parametrize(("headers", "names"), WRONG_HEADERS)
def test_who_does_not_say_who_asks_and_what_for_is_told_what_to_send(headers: dict[str, str], names: list[str]) -> None:
    reads = FakeLog()
    (response,) = ask(standing(RESIDENT), headers=headers, reads=reads)

    problem = problem_of(response)
    assert response.status_code == 400
    assert [(one["name"], one["in"]) for one in problem["parameters"]] == [(name, "header") for name in names]
    assert all("give the header" in one["detail"] for one in problem["parameters"])
    assert "Person" not in response.text
    assert reads.written == []


def test_each_read_is_written_with_who_read_what_for_what_and_up_to_which_event() -> None:
    reads = FakeLog()
    ask(standing(RESIDENT), standing(NOBODY, "medical"), standing("x"), "/ready", reads=reads)

    assert reads.written == [
        (RESIDENT, "transit-operator", "transit", "tier", 7),
        (NOBODY, "transit-operator", "transit", "tier", None),
    ]


def test_a_read_that_cannot_be_written_is_not_given_and_the_service_is_not_ready(log: list[Any]) -> None:
    answers = ask(standing(RESIDENT), standing(RESIDENT), "/ready", "/health", "/metrics", reads=FakeLog(full_after=1))

    given, refused, ready, _, metrics = answers
    assert [one.status_code for one in answers] == [200, 503, 503, 200, 200]
    for one in (refused, ready):
        assert problem_of(one)["type"] == "urn:jasmine:problem:access-log-unavailable"
        assert "the access log cannot be written" in one.json()["detail"]
        assert one.headers["retry-after"] == "1"
    assert given.json()["tier"] == "good"
    assert 'credit_lookups_total{status="unlogged"} 1.0' in metrics.text
    assert "credit_access_waiting 1.0" in metrics.text


def test_what_was_read_is_not_given_if_the_log_has_filled_meanwhile() -> None:
    class Filling(FakeLog):
        def check(self) -> None: ...
        def read(self, *_: object, **__: object) -> None:
            raise AccessLogError(3)

    (response,) = ask(standing(RESIDENT), reads=Filling())

    assert response.status_code == 503
    assert "good" not in response.text


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (StandingUnavailableError("Error 111 connecting to 10.1.2.3:6379"), "standing-unavailable"),
        (StoreEmptyError(), "standing-unavailable"),
        (StaleCardError("old"), "standing-stale"),
        (PackMismatchError(1, 2), "standing-stale"),
    ],
)
def test_what_passes_by_itself_is_503_and_says_when_to_ask_again(failure: Exception, kind: str, log: list[Any]) -> None:
    (response,) = ask(standing(RESIDENT), reader=FakeReader(failure=failure))

    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert problem_of(response)["type"] == f"urn:jasmine:problem:{kind}"
    assert str(failure) not in response.text
    assert [line["error"] for line in log if line["event"] == "lookup failed"] == [str(failure)]


@pytest.mark.parametrize("failure", [CardFormatError("version 9"), ZeroDivisionError("never shown")])
def test_a_fault_of_the_services_own_is_500_and_tells_nothing_of_its_inside(failure: Exception) -> None:
    (response,) = ask(standing(RESIDENT), reader=FakeReader(failure=failure))

    assert response.status_code == 500
    assert str(failure) not in problem_of(response)["detail"]


@pytest.mark.parametrize("path", ["/", "/v1/subjects", "/docs", "/redoc", "/health/", standing("a/b")])
def test_an_unknown_address_is_a_problem(path: str) -> None:
    (response,) = ask(path)

    assert response.status_code == 404
    assert "/openapi.json" in problem_of(response)["detail"]


def test_a_scenario_given_twice_is_a_problem_and_nothing_is_read() -> None:
    reads = FakeLog()
    (response,) = ask(standing(RESIDENT) + "&scenario=medical", reads=reads)

    problem = problem_of(response)
    assert response.status_code == 400
    assert [(one["name"], one["in"]) for one in problem["parameters"]] == [("scenario", "query")]
    assert "give it once" in problem["detail"]
    assert reads.written == []


@pytest.mark.parametrize("name", ["Jasmine-Reader", "Jasmine-Purpose"])
def test_who_asks_under_two_names_or_for_two_purposes_is_told_and_nothing_is_read(name: str) -> None:
    reads = FakeLog()
    (response,) = ask(standing(RESIDENT), headers=[*HEADERS.items(), (name, "medical")], reads=reads)

    problem = problem_of(response)
    assert response.status_code == 400
    assert [(one["name"], one["in"]) for one in problem["parameters"]] == [(name, "header")]
    assert "give it once" in problem["detail"]
    assert reads.written == []


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_a_probe_may_ask_for_the_head_alone(path: str) -> None:
    (asked,) = ask(path)
    (probed,) = ask(path, method="HEAD")
    (posted,) = ask(path, method="POST")

    assert (probed.status_code, probed.headers["content-type"]) == (200, asked.headers["content-type"])
    assert {*posted.headers["allow"].split(", ")} == {"GET", "HEAD"}


def test_a_probe_by_head_says_that_the_service_is_not_ready() -> None:
    (probed,) = ask("/ready", reader=FakeReader(failure=StandingUnavailableError("away")), method="HEAD")

    assert probed.status_code == 503


def test_a_standing_that_nobody_would_be_given_is_not_read() -> None:
    reads = FakeLog()
    (response,) = ask(standing(RESIDENT), method="HEAD", reads=reads)

    assert (response.status_code, response.headers["allow"], reads.written) == (405, "GET", [])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_reading_is_allowed(method: str) -> None:
    (response,) = ask(standing(RESIDENT), method=method)

    assert response.status_code == 405
    assert response.headers["allow"] == "GET"
    assert method in problem_of(response)["detail"]


def test_nobody_may_keep_any_answer() -> None:
    responses = ask(
        standing(RESIDENT), standing(NOBODY), standing("x"), "/health", "/nowhere", "/openapi.json", "/metrics"
    )
    responses += ask(standing(RESIDENT), reader=FakeReader(failure=ZeroDivisionError()))

    assert {response.headers["cache-control"] for response in responses} == {"no-store"}


def test_health_does_not_ask_redis_and_ready_does() -> None:
    away = FakeReader(failure=StandingUnavailableError("away"))

    assert [response.status_code for response in ask("/health", "/ready")] == [200, 200]
    assert [response.status_code for response in ask("/health", "/ready", reader=away)] == [200, 503]


def test_each_lookup_is_counted_by_what_became_of_it() -> None:
    *_, metrics = ask(standing(RESIDENT), standing(RESIDENT), standing(OTHER), standing(NOBODY), "/metrics")
    *_, failed = ask(standing(RESIDENT), "/metrics", reader=FakeReader(failure=StandingUnavailableError("away")))

    assert metrics.headers["content-type"].startswith("text/plain")
    counted = dict(re.findall(r'credit_lookups_total\{status="(\w+)"\} (\S+)', metrics.text))
    assert counted == {"scored": "2.0", "no_score": "1.0", "unknown": "1.0"}
    assert "credit_lookup_seconds_count 4.0" in metrics.text
    assert 'credit_lookups_total{status="unavailable"} 1.0' in failed.text


def test_the_log_has_a_line_for_each_request_and_never_a_subject(log: list[Any]) -> None:
    ask(standing(RESIDENT), standing("350102199003076543"), f"/nowhere/{RESIDENT}")

    lines = [line for line in log if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/v1/subjects/{subject}/standing", 200),
        ("GET", "/v1/subjects/{subject}/standing", 400),
        ("GET", None, 404),
    ]
    assert RESIDENT not in str(log)
    assert "350102199003076543" not in str(log)


def test_the_service_closes_its_lookup_when_it_ends() -> None:
    reader = FakeReader()

    async def live() -> None:
        app = create_app(reader)
        async with app.router.lifespan_context(app):
            assert not reader.closed

    asyncio.run(live())

    assert reader.closed


def test_a_standing_that_a_worker_wrote_is_answered(valkey: str, city: City) -> None:
    city.happen(
        an_event(RESIDENT, "subject.registered"),
        an_event(OTHER, "library.loan.returned"),
    )
    with_real: Callable[[], AsyncLookup] = lambda: AsyncLookup.from_url(valkey, NAMES, clock=city.clock)  # noqa: E731

    one, two, three, ready = ask(
        standing(RESIDENT), standing(OTHER), standing(NOBODY), "/ready", reader=Closing(with_real())
    )

    assert (one.json()["status"], one.json()["tier"]) == ("scored", "poor")
    assert two.json()["status"] == "no_score"
    assert (three.status_code, ready.status_code) == (404, 200)


class Closing:
    """Closes a lookup after each use: without a server there is no end of service that would."""

    def __init__(self, lookup: AsyncLookup) -> None:
        self._lookup = lookup

    async def lookup(self, subject: str) -> Answer:
        try:
            return await self._lookup.lookup(subject)
        finally:
            await self.close()

    async def ready(self) -> None:
        try:
            await self._lookup.ready()
        finally:
            await self.close()

    async def close(self) -> None:
        await self._lookup.close()


def test_the_document_is_valid_and_the_one_checked_in() -> None:
    (served,) = ask("/openapi.json")

    validate(served.json())
    assert served.json() == json.loads(openapi.DOCUMENT.read_text("utf-8"))
    assert openapi.text() == openapi.DOCUMENT.read_text("utf-8"), "run python -m gateway.openapi"


def test_the_document_asks_for_reader_and_purpose() -> None:
    parameters = openapi.document()["paths"]["/v1/subjects/{subject}/standing"]["get"]["parameters"]
    headers = {one["name"]: one for one in parameters if one["in"] == "header"}

    assert {name: one["required"] for name, one in headers.items()} == {"Jasmine-Reader": True, "Jasmine-Purpose": True}
    assert headers["Jasmine-Purpose"]["schema"]["enum"] == [*SCENARIOS, "desk"]


def test_the_document_describes_the_answers_that_are_given() -> None:
    document = openapi.document()
    schemas = document["components"]["schemas"]
    good, unknown, wrong = ask(standing(RESIDENT), standing(NOBODY), standing("x"))

    assert set(good.json()) == set(schemas["Standing"]["properties"])
    for response in (unknown, wrong):
        assert set(response.json()) <= set(schemas["Problem"]["properties"])
    responses = document["paths"]["/v1/subjects/{subject}/standing"]["get"]["responses"]
    assert set(responses) == {"200", "400", "401", "403", "404", "500", "503"}


# Who may ask

METRO, LIBRARY = "jasmine_metro", "jasmine_library"
KNOWN = Readers(
    {digest_of(METRO): "transit-operator", digest_of(LIBRARY): "library"},
    {"transit-operator": frozenset({"transit"}), "library": frozenset({"culture", "desk"})},
)


def asked_with(token: str | None, reads: FakeLog | None = None, **changed: str) -> httpx.Response:
    bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
    stated = {name.replace("_", "-"): value for name, value in changed.items()}
    (response,) = ask(standing(RESIDENT), reads=reads, readers=KNOWN, headers={**HEADERS, **bearer, **stated})
    return response


def test_a_reader_with_its_token_is_answered_and_the_read_is_written_in_its_name() -> None:
    reads = FakeLog()

    assert asked_with(METRO, reads).status_code == 200
    assert reads.written == [(RESIDENT, "transit-operator", "transit", "tier", 7)]


@pytest.mark.parametrize("token", [None, "", "jasmine_nobody", digest_of(METRO)])
def test_nobodys_token_is_refused_and_nothing_is_read(token: str | None) -> None:
    reads = FakeLog()
    response = asked_with(token, reads)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert problem_of(response)["type"] == "urn:jasmine:problem:unknown-reader"
    assert reads.written == []


@pytest.mark.parametrize(
    ("token", "changed", "said"),
    [
        (LIBRARY, {}, "Jasmine-Reader was transit-operator, the token is another reader's"),
        (METRO, {"Jasmine_Purpose": "medical"}, "transit-operator may not ask for medical"),
    ],
)
def test_a_reader_asks_in_its_own_name_and_for_its_own_purposes(token: str, changed: Any, said: str) -> None:
    reads = FakeLog()
    response = asked_with(token, reads, **changed)

    assert (response.status_code, problem_of(response)["type"]) == (403, "urn:jasmine:problem:not-allowed")
    assert said in response.json()["detail"]
    assert reads.written == []


def test_who_is_refused_is_told_to_the_operator_without_the_token(log: list[Any]) -> None:
    asked_with("jasmine_guessed")

    (line,) = [one for one in log if one["event"] == "lookup failed"]
    assert line["kind"] == "TokenError"
    assert "guessed" not in str(log)
