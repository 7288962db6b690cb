"""Signing in at the city's provider, staying so, and being refused."""

import base64
import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.integrations.starlette_client.apps import StarletteOAuth2App
from itsdangerous import URLSafeTimedSerializer
from starlette.testclient import TestClient

from gateway.citizen.serve import build, others_log
from gateway.citizen.visit import SESSION_COOKIE, SIGN_IN_COOKIE
from tests.gateway.citizen.world import (
    ADDRESS,
    JSON,
    LIN,
    NUMBER,
    PAGE,
    SESSION_S,
    World,
    deployment,
    enter,
    sign_in,
    token_in,
)


def test_a_citizen_signs_in_and_sees_the_score(world: World) -> None:
    page = sign_in(world.client, "lin")

    assert page.status_code == HTTPStatus.OK
    assert LIN in page.text
    assert '<p class="number" id="number">487</p>' in page.text


def test_who_has_not_signed_in_is_welcomed_and_sees_nothing_of_anybody(world: World) -> None:
    page = world.client.get("/", headers=PAGE)

    assert page.status_code == HTTPStatus.OK
    assert 'href="/sign-in"' in page.text
    assert "number" not in page.text


def test_the_sign_in_is_an_authorization_code_with_pkce_and_a_nonce(world: World) -> None:
    begun = world.client.get("/sign-in", headers=PAGE, follow_redirects=False)

    asked = {name: one[0] for name, one in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    (kept,) = (one["data"] for one in world.sessions().sign_in(world.client.cookies[SIGN_IN_COOKIE]).values())
    digest = hashlib.sha256(kept["code_verifier"].encode()).digest()
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert asked["nonce"] == kept["nonce"]


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(world: World) -> None:
    begun = world.client.get("/sign-in", headers=PAGE, follow_redirects=False)
    answered = httpx.post(begun.headers["location"], data={"sub": "lin"})
    response = world.client.get(answered.headers["location"], headers=PAGE, follow_redirects=False)

    (cookie,) = [one for one in response.headers.get_list("set-cookie") if one.startswith(f"{SESSION_COOKIE}=")]
    assert {"HttpOnly", "SameSite=lax", f"Max-Age={SESSION_S:.0f}"} <= {part.strip() for part in cookie.split(";")}


def test_an_identity_number_stands_in_no_cookie_page_or_log(
    world: World, log: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        page = sign_in(world.client, "lin")

    cookies = " ".join(f"{name}={value}" for name, value in world.client.cookies.items())
    decoded = [base64.urlsafe_b64decode(part + "==") for part in cookies.replace("=", ".").split(".") if len(part) > 20]
    assert LIN.encode() in b"".join(decoded)
    for said in (page.text, cookies, caplog.text, str(log), str(decoded)):
        assert NUMBER not in said


def forged() -> str:
    return str(URLSafeTimedSerializer(b"another key of 16 bytes or more", salt="jasmine session").dumps([LIN, "token"]))


def test_a_forged_session_is_refused_with_a_reason_and_logged(world: World, log: list[Any]) -> None:
    for cookie in ("x", "a.b.c", forged()):
        world.client.cookies.clear()
        world.client.cookies.set(SESSION_COOKIE, cookie)
        told = world.client.get("/", headers=JSON)

        assert told.status_code == HTTPStatus.UNAUTHORIZED
        assert told.headers["content-type"] == "application/problem+json"
        assert told.json()["type"] == "urn:jasmine:problem:session-forged"

    assert log.count({"event": "refused", "reason": "session-forged", "status": 401, "log_level": "warning"}) == 3


def test_a_session_that_was_changed_by_one_letter_is_refused(world: World) -> None:
    enter(world)
    cookie = world.client.cookies[SESSION_COOKIE]
    world.client.cookies.clear()
    world.client.cookies.set(SESSION_COOKIE, ("x" if cookie[0] != "x" else "y") + cookie[1:])

    assert world.client.get("/export", headers=JSON).json()["type"].endswith("session-forged")


def test_a_sign_in_that_has_only_begun_is_no_session(world: World) -> None:
    world.client.get("/sign-in", headers=PAGE, follow_redirects=False)
    cookie = world.client.cookies[SIGN_IN_COOKIE]
    world.client.cookies.set(SESSION_COOKIE, cookie)

    assert world.client.get("/", headers=JSON).json()["type"].endswith("session-forged")


def test_of_two_sign_ins_in_one_browser_the_first_is_told_that_it_is_not_the_last(world: World) -> None:
    begun = [world.client.get("/sign-in", headers=PAGE, follow_redirects=False) for _ in range(2)]
    answered = [httpx.post(one.headers["location"], data={"sub": "lin"}).headers["location"] for one in begun]
    first = world.client.get(answered[0], headers={**PAGE, "accept-language": "en"})
    last = world.client.get(answered[1], headers=PAGE)

    assert first.status_code == HTTPStatus.FORBIDDEN
    assert "is not the last one begun in this browser" in first.text
    assert LIN in last.text


def test_a_session_ends_after_its_time_and_a_friendly_page_says_so(world: World, log: list[Any]) -> None:
    sign_in(world.client, "lin")
    world.offset_s = SESSION_S + 1
    page = world.client.get("/", headers={**PAGE, "accept-language": "en"})

    assert page.status_code == HTTPStatus.UNAUTHORIZED
    assert "Please sign in again" in page.text
    assert 'href="/sign-in"' in page.text
    assert [line["reason"] for line in log if line["event"] == "refused"] == ["session-expired"]
    assert SESSION_COOKIE not in world.client.cookies


@pytest.mark.parametrize(
    ("behind_s", "status"), [(1, HTTPStatus.OK), (60, HTTPStatus.OK), (61, HTTPStatus.UNAUTHORIZED)]
)
def test_a_session_is_one_where_a_clock_is_a_little_behind_that_which_began_it(
    world: World, behind_s: int, status: HTTPStatus
) -> None:
    sign_in(world.client, "lin")
    world.offset_s = -behind_s

    assert world.client.get("/", headers=PAGE).status_code == status


def test_without_a_session_a_program_is_told_so(world: World) -> None:
    answers = [world.client.get(path, headers=JSON) for path in ("/", "/export", "/live")]

    assert [one.status_code for one in answers] == [HTTPStatus.UNAUTHORIZED] * 3
    assert {one.json()["type"] for one in answers} == {"urn:jasmine:problem:not-signed-in"}


def test_an_answer_of_the_provider_to_somebody_else_signs_nobody_in(world: World) -> None:
    begun = world.client.get("/sign-in", headers=PAGE, follow_redirects=False)
    answered = httpx.post(begun.headers["location"], data={"sub": "lin"}).headers["location"]
    world.client.cookies.clear()
    world.client.get("/sign-in", headers=PAGE, follow_redirects=False)
    page = world.client.get(answered, headers=JSON)

    assert page.status_code == HTTPStatus.FORBIDDEN
    assert page.json()["type"].endswith("sign-in-refused")
    assert SESSION_COOKIE not in world.client.cookies


def test_who_refuses_at_the_provider_is_told_what_to_do(world: World) -> None:
    begun = world.client.get("/sign-in", headers=PAGE, follow_redirects=False)
    answered = httpx.post(begun.headers["location"], data={"action": "deny"}).headers["location"]
    page = world.client.get(answered, headers={**PAGE, "accept-language": "en"})

    assert page.status_code == HTTPStatus.FORBIDDEN
    assert "Please begin again" in page.text


@pytest.mark.parametrize("name", ["nobody", "nameless", "somebody without a claim"])
def test_an_account_without_a_valid_identity_number_is_refused(world: World, name: str) -> None:
    page = sign_in(world.client, name)

    assert page.status_code == HTTPStatus.FORBIDDEN
    assert SESSION_COOKIE not in world.client.cookies


def sign_out(world: World) -> Any:
    token = token_in(sign_in(world.client, "lin").text)
    return world.client.post("/sign-out", data={"csrf": token}, headers=PAGE, follow_redirects=False)


def test_signing_out_ends_the_session_here_and_goes_on_to_the_provider(world: World, issuer: str) -> None:
    out = sign_out(world)

    assert SESSION_COOKIE not in world.client.cookies
    assert 'href="/sign-in"' in world.client.get("/", headers=PAGE).text
    place, _, asked = out.headers["refresh"].removeprefix("0; url=").partition("?")
    assert place == f"{issuer}/oauth2/end_session"
    assert parse_qs(asked) == {
        "client_id": ["page"],
        "post_logout_redirect_uri": [f"{ADDRESS}/"],
        "ui_locales": ["zh"],
    }
    assert f'href="{place}?' in out.text


def test_signing_out_tells_the_provider_nothing_of_the_person(world: World) -> None:
    out = sign_out(world)

    assert NUMBER not in out.text + str(out.headers)
    assert "id_token_hint" not in out.headers["refresh"]


@contextmanager
def a_provider_that_says(metadata: dict[str, str]) -> Iterator[str]:
    """Serve a discovery document and nothing else."""

    class Discovery(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(HTTPStatus.OK)
            self.end_headers()
            self.wfile.write(json.dumps(metadata).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Discovery) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def a_page_of(issuer: str, world: World, valkey: str) -> Iterator[TestClient]:
    """Serve a page whose provider is another."""
    app = build(deployment(valkey, issuer), others_log(world.publish, world), clock=world.clock)
    with TestClient(app, base_url=ADDRESS) as client:
        yield client


WHOLE = {name: f"http://127.0.0.1:1/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}


@pytest.mark.parametrize("missing", WHOLE)
@pytest.mark.parametrize("path", ["/sign-in", "/signed-in?code=1"])
def test_of_a_provider_that_does_not_say_what_a_sign_in_needs_it_is_said_that_it_is_away_until_it_does(
    world: World, valkey: str, missing: str, path: str
) -> None:
    world.client.get("/sign-in", headers=PAGE, follow_redirects=False)
    said = {name: value for name, value in WHOLE.items() if name != missing}
    with a_provider_that_says(said) as issuer, a_page_of(issuer, world, valkey) as client:
        client.cookies.set(SIGN_IN_COOKIE, world.client.cookies[SIGN_IN_COOKIE])
        answer = client.get(path, headers=JSON)

        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.json()["type"].endswith("provider-away")
        said |= WHOLE
        begun = client.get("/sign-in", headers=PAGE, follow_redirects=False)
        assert begun.headers["location"].startswith(WHOLE["authorization_endpoint"])


@pytest.mark.parametrize(
    ("name", "status"), [("lin", HTTPStatus.OK), ("somebody without a claim", HTTPStatus.FORBIDDEN)]
)
def test_of_a_provider_without_userinfo_the_id_token_alone_says_who_somebody_is(
    world: World, valkey: str, issuer: str, monkeypatch: pytest.MonkeyPatch, name: str, status: HTTPStatus
) -> None:
    whole = StarletteOAuth2App.load_server_metadata

    async def without_userinfo(client: StarletteOAuth2App) -> dict[str, Any]:
        said: dict[str, Any] = await whole(client)
        said.pop("userinfo_endpoint", None)
        return said

    monkeypatch.setattr(StarletteOAuth2App, "load_server_metadata", without_userinfo)
    with a_page_of(issuer, world, valkey) as client:
        assert sign_in(client, name).status_code == status


def signed_out_at(issuer: str, world: World, valkey: str) -> Any:
    """Sign out on a page whose provider is another."""
    session = world.sessions().begin(LIN)
    with a_page_of(issuer, world, valkey) as client:
        client.cookies.set(SESSION_COOKIE, session)
        form = {"csrf": world.sessions().read(session).token}
        return client.post("/sign-out", data=form, headers=PAGE, follow_redirects=False)


def is_signed_out_here_alone(out: Any) -> bool:
    ends = out.headers.get("set-cookie", "").startswith(f'{SESSION_COOKIE}=""; ')
    return bool(ends and "refresh" not in out.headers and out.headers["location"] == "/")


@pytest.mark.parametrize("metadata", [{}, {"end_session_endpoint": "javascript:alert(1)"}], ids=["none", "no address"])
def test_without_a_place_at_the_provider_one_signs_out_here_alone(
    world: World, valkey: str, metadata: dict[str, str]
) -> None:
    with a_provider_that_says(metadata) as issuer:
        assert is_signed_out_here_alone(signed_out_at(issuer, world, valkey))


def test_one_can_sign_out_while_the_provider_is_away(world: World, valkey: str) -> None:
    assert is_signed_out_here_alone(signed_out_at("http://127.0.0.1:1", world, valkey))
