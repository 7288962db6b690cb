"""What a browser may do with an answer."""

from starlette.types import Scope

from gateway.envelope import Headers

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


class BrowserHeaders:
    """The headers of every answer, by its request."""

    def __init__(self, *, secure: bool) -> None:
        """Take whether the page is only ever served over TLS."""
        headers = {**_HEADERS, **(_HSTS if secure else {})}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    def __call__(self, scope: Scope) -> Headers:
        """Return the headers of the answer to a request."""
        # What is the same for everybody has its version in its address.
        kept = _KEPT if scope["path"].startswith("/static/") and b"v=" in scope["query_string"] else "no-store"
        return [*self._headers, (b"cache-control", kept.encode())]
