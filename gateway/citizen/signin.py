"""Sign-in at the city's OpenID Connect provider: authorization code with PKCE. What comes back is a subject id."""

from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.common.urls import add_params_to_uri
from authlib.integrations.starlette_client import OAuth, OAuthError
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from gateway.citizen.errors import NoIdentityError, ProviderAwayError, SignInRefusedError
from schemas.subjects import IdentityNumberError, Pseudonymiser

_DISCOVERY = "/.well-known/openid-configuration"
# What it must say of itself there, so that anybody can sign in.
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The city's provider, as this deployment is known to it.

    Attributes:
        issuer: its address; what it says of itself is read below it.
        client_id: our name there.
        client_secret: our secret there; empty for a public client, which PKCE alone protects.
        claim: the claim that holds the identity number.

    """

    issuer: str
    client_id: str
    client_secret: str
    claim: str


class SignIn:
    """Sends people to the provider, and makes a subject id of whom it names."""

    def __init__(self, provider: Provider, pseudonymiser: Pseudonymiser) -> None:
        """Take the parts; nothing connects before the first sign-in."""
        self._provider = provider
        self._pseudonymiser = pseudonymiser
        self._client: Any = OAuth().register(
            "city",
            server_metadata_url=provider.issuer.rstrip("/") + _DISCOVERY,
            client_id=provider.client_id,
            client_secret=provider.client_secret or None,
            client_kwargs={"scope": "openid", "code_challenge_method": "S256", "timeout": _TIMEOUT_S},
        )

    async def begin(self, request: Request, back: str) -> tuple[Response, dict[str, Any]]:
        """Return the way to the provider, and what must be kept until somebody comes back from there.

        Raises:
            ProviderAwayError: it does not answer, or not with what a sign-in needs.

        """
        # Authlib keeps what it needs in the request's session, which here is a cookie of its own.
        state: dict[str, Any] = {}
        request.scope["session"] = state
        try:
            await self._metadata()
            response: Response = await self._client.authorize_redirect(request, back)
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderAwayError from error
        return response, state

    async def end(self, request: Request, state: dict[str, Any]) -> str:
        """Return the subject id of whoever came back from the provider.

        Raises:
            SignInError: it named nobody, refused, or does not answer.

        """
        request.scope["session"] = state
        allowed = {"iss": {"essential": True, "values": [self._provider.issuer]}}
        try:
            said = await self._metadata()
            token = await self._client.authorize_access_token(request, claims_options=allowed)
            number = await self._identity_number(token, asking=bool(said.get("userinfo_endpoint")))
        except (OAuthError, JoseError) as error:
            raise SignInRefusedError from error
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderAwayError from error
        try:
            return self._pseudonymiser.resident(number)
        except IdentityNumberError:
            raise NoIdentityError from None

    async def farewell(self, back: str, language: str) -> str | None:
        """Return where somebody signs out at the provider, too (OpenID Connect RP-Initiated Logout 1.0).

        We name ourselves and not the person: an `id_token_hint` would have to be kept, and would carry the identity
        number in an address.

        Args:
            back: where the provider sends them afterwards.
            language: in which the provider may speak to them.

        Returns:
            The address, or None if the provider has none or does not answer.

        """
        try:
            said = await self._client.load_server_metadata()
        except (httpx2.HTTPError, ValueError):
            return None
        place = str(said.get("end_session_endpoint") or "")
        if not place.startswith(("https://", "http://")):
            return None
        asked = {"client_id": self._provider.client_id, "post_logout_redirect_uri": back, "ui_locales": language}
        return str(add_params_to_uri(place, asked))

    async def _metadata(self) -> dict[str, Any]:
        """Return what the provider says of itself; Authlib fails in ways of its own where it does not say enough."""
        said: dict[str, Any] = await self._client.load_server_metadata()
        missing = [name for name in _NEEDED if not said.get(name)]
        if missing:
            # Taken for loaded, it would be missing until this process ends.
            said.pop("_loaded_at", None)
            raise ValueError(f"the provider does not say its {', '.join(missing)}: mend {_DISCOVERY} there")
        return said

    async def _identity_number(self, token: dict[str, Any], *, asking: bool) -> str:
        """Return the claim, from the ID token or, where a provider keeps that small, from its userinfo if `asking`."""
        claims = token.get("userinfo") or {}
        if asking and "sub" in claims and self._provider.claim not in claims:
            asked = await self._client.userinfo(token=token)
            # A userinfo answer is only to be believed about whom the ID token names (OpenID Connect Core 5.3.2).
            claims = asked if asked.get("sub") == claims["sub"] else {}
        return str(claims.get(self._provider.claim, ""))
