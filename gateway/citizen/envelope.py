"""Around every answer: what a browser may do with it, and one line in the log, which never names a subject."""

import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Our own files and nothing else: no script in a page, no style from elsewhere, no frame around it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_HSTS = {"Strict-Transport-Security": "max-age=31536000"}
_KEPT = "public, max-age=31536000, immutable"


class Envelope:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, secure: bool, access_log: bool) -> None:
        self._app = app
        headers = {**_HEADERS, **(_HSTS if secure else {})}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._log: Any = structlog.get_logger("jasmine.citizen") if access_log else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500
        # What is the same for everybody has its version in its address.
        kept = _KEPT if scope["path"].startswith("/static/") and b"v=" in scope["query_string"] else "no-store"

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = [pair for pair in message["headers"] if pair[0].lower() != b"cache-control"]
                message["headers"] = [*said, *self._headers, (b"cache-control", kept.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            if self._log is not None:
                route = getattr(scope.get("route"), "path", None)
                seconds = round(time.perf_counter() - begun, 6)
                self._log.info("request", method=scope["method"], route=route, status=status, seconds=seconds)
