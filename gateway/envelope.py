"""Around every answer of a service: its headers, and one line in the log, which never names a subject."""

import time
from collections.abc import Callable, Sequence

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = Sequence[tuple[bytes, bytes]]


class Envelope:
    """ASGI middleware.

    Args:
        app: what answers.
        headers: of an answer to a request; they replace what the answer says by the same names.
        log: the name of the log, or None for none.

    """

    def __init__(self, app: ASGIApp, *, headers: Callable[[Scope], Headers], log: str | None) -> None:
        self._app = app
        self._headers = headers
        self._log = None if log is None else structlog.get_logger(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500
        ours = self._headers(scope)
        names = {name for name, _ in ours}

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*(pair for pair in message["headers"] if pair[0].lower() not in names), *ours]
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            if self._log is not None:
                self._write(self._log.info, scope, status, time.perf_counter() - begun)

    def _write(self, info: Callable[..., object], scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern, not its path, in which the subject may stand.
        route = getattr(scope.get("route"), "path", None)
        info("request", method=scope["method"], route=route, status=status, seconds=round(seconds, 6))
