"""Settings, from the environment: twelve-factor, each with its default and unit.

``JASMINE_KAFKA_`` and any librdkafka property, its dots as underscores, sets that property:
``JASMINE_KAFKA_SECURITY_PROTOCOL=SASL_SSL``.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from redis.connection import parse_url

from schemas.subjects import KEY_BYTES_MIN, Pseudonymiser
from scoring.pack import DEFAULT_PACK

PREFIX = "JASMINE_"
_KAFKA_PREFIX = PREFIX + "KAFKA_"
# How alike two names are of which one is meant for the other.
_NEAR = 0.9
_DEFAULT_BOOTSTRAP = "127.0.0.1:9092"


class SettingsError(Exception):
    """A setting that is missing or wrong: its variable, what is wrong, what to do."""


class Settings(BaseSettings):
    """Everything a deployment decides.

    Attributes:
        redis_url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user, password and database.
        pseudonym_key: the secret behind subject ids and record ids; the same for good. At least 16 bytes.
        pseudonym_key_file: a file that holds it instead.
        pack: the folder of the rule pack.
        topic_events: where credit events are published.
        topic_changes: where changes of tier and entitlements are published.
        topic_dead: where refused events go.
        topic_access: where it is written who read what.
        access_log: whether reads are written there; where they are not, nobody can say who read what.
        topic_packs: where rule packs are announced.
        partitions: of the topics, when the worker creates them.
        replication: likewise.
        group: the consumer group.
        poll_records_max: the most events of one batch.
        metrics_host: the address /metrics, /health and /ready are served on.
        metrics_port: their port; 0 takes any free one.
        gateway_host: the address of the HTTP lookup service.
        gateway_port: its port.
        readers: a file that says who may ask there; without one whoever asks is believed.
        citizen_host: the address of the citizen's page.
        citizen_port: its port.
        citizen_url: where its visitors find it, such as ``https://credit.city.example``; cookies then need TLS.
        oidc_issuer: the city's OpenID Connect provider.
        oidc_client_id: the page's name there.
        oidc_client_secret: its secret there; without one it is a public client, which PKCE protects.
        oidc_client_secret_file: a file that holds it instead.
        oidc_claim: the claim with the identity number.
        session_key: the secret that signs the page's cookies. At least 16 bytes.
        session_key_file: a file that holds it instead.
        session_s: how long somebody stays signed in, in seconds.
        log_level: the least severe lines that are written.
        log_format: for machines, or for people.
        stall_s_max: how long a partition may stand still behind its log's end, in seconds.
        store_timeout_s: how long one call to Redis may take, in seconds.

    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    redis_url: str = "redis://127.0.0.1:6379/0"
    pseudonym_key: SecretStr | None = None
    pseudonym_key_file: Path | None = None
    pack: Path = DEFAULT_PACK
    topic_events: str = "credit.events"
    topic_changes: str = "credit.changes"
    topic_dead: str = "credit.dead"
    topic_access: str = "credit.access"
    access_log: Literal["on", "off"] = "on"
    topic_packs: str = "credit.packs"
    partitions: Annotated[int, Field(ge=1, le=65_535)] = 4
    replication: Annotated[int, Field(ge=1)] = 1
    group: str = "jasmine-scorer"
    poll_records_max: Annotated[int, Field(ge=1, le=100_000)] = 4_000
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 9464
    gateway_host: str = "127.0.0.1"
    gateway_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    readers: Path | None = None
    citizen_host: str = "127.0.0.1"
    citizen_port: Annotated[int, Field(ge=1, le=65_535)] = 8081
    citizen_url: str = "http://localhost:8081"
    oidc_issuer: str = ""
    oidc_client_id: str = "jasmine-citizen"
    oidc_client_secret: SecretStr | None = None
    oidc_client_secret_file: Path | None = None
    oidc_claim: str = "identity_number"
    session_key: SecretStr | None = None
    session_key_file: Path | None = None
    session_s: Annotated[float, Field(ge=60, le=86_400)] = 1_800.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    stall_s_max: Annotated[float, Field(gt=0)] = 120.0
    store_timeout_s: Annotated[float, Field(gt=0)] = 2.0

    @field_validator("redis_url")
    @classmethod
    def _is_redis_address(cls, stated: str) -> str:
        try:
            parse_url(stated)  # type: ignore[no-untyped-call]
            database = "" if stated.startswith("unix:") else urlsplit(stated).path.strip("/")
            is_address = not database or database.isdecimal()
        except ValueError:
            is_address = False
        if not is_address:
            # What the client says of it may quote a password.
            raise ValueError("is no address; give redis://HOST:PORT/DATABASE, rediss://... or unix://PATH?db=DATABASE")
        return stated

    @field_validator("citizen_url")
    @classmethod
    def _is_page_address(cls, stated: str) -> str:
        # Without its https cookies would not need TLS, and the page's links begin at its host.
        if not _is_web_address(stated) or urlsplit(stated).path.strip("/"):
            raise ValueError("is no address of a page; give https://HOST or http://HOST:PORT, without a path")
        return stated

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, stated: str) -> str:
        if stated and not _is_web_address(stated):
            raise ValueError("is no address of a provider; give https://HOST and its path, if it has one")
        return stated

    @cached_property
    def kafka(self) -> Mapping[str, str]:
        """Librdkafka's properties, of every kind of client."""
        stated = {
            name[len(_KAFKA_PREFIX) :].lower().replace("_", "."): value
            for name, value in os.environ.items()
            if name.startswith(_KAFKA_PREFIX)
        }
        return {"bootstrap.servers": _DEFAULT_BOOTSTRAP, **stated}

    @cached_property
    def key(self) -> bytes:
        """The pseudonym key.

        Raises:
            SettingsError: it is missing, unreadable or too short.

        """
        return self._secret(
            "pseudonym_key",
            "give the deployment's secret, for instance the output of `openssl rand -hex 32`, and keep it for good",
        )

    @cached_property
    def cookie_key(self) -> bytes:
        """The session key; raises what `key` does."""
        return self._secret("session_key", "give a secret, for instance the output of `openssl rand -hex 32`")

    @cached_property
    def provider_secret(self) -> str:
        """The page's secret at the provider, or empty; raises SettingsError if its file cannot be read."""
        return self._stated("oidc_client_secret").decode()

    def _secret(self, name: str, remedy: str) -> bytes:
        key = self._stated(name)
        if not key:
            message = f"{PREFIX}{name.upper()} is not set: {remedy}"
            raise SettingsError(message)
        if len(key) < KEY_BYTES_MIN:
            message = f"{PREFIX}{name.upper()} has {len(key)} bytes: give at least {KEY_BYTES_MIN}"
            raise SettingsError(message)
        return key

    def _stated(self, name: str) -> bytes:
        """Return a secret from its file or its variable, or nothing."""
        file: Path | None = getattr(self, f"{name}_file")
        if file is None:
            secret: SecretStr | None = getattr(self, name)
            return b"" if secret is None else secret.get_secret_value().encode()
        try:
            return file.read_bytes().strip()
        except OSError as error:
            message = f"{PREFIX}{name.upper()}_FILE: {error}"
            raise SettingsError(message) from error

    @property
    def pseudonymiser(self) -> Pseudonymiser:
        """What makes subject ids of identity numbers."""
        return Pseudonymiser(self.key)


def misspelt() -> dict[str, str]:
    """Return variables that are nearly those of settings, and so read by nobody, with the setting's own."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    strangers = (name for name in os.environ if name.startswith(PREFIX) and not name.startswith(_KAFKA_PREFIX))
    near = {name: get_close_matches(name, known, 1, _NEAR) for name in strangers if name not in known}
    return {name: found[0] for name, found in near.items() if found}


def _is_web_address(stated: str) -> bool:
    """Whether it leads to a host, with nothing about who asks or what for."""
    try:
        parts = urlsplit(stated)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    asks = parts.username or parts.query or parts.fragment
    return stated.startswith(("http://", "https://")) and bool(host) and not asks


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: a variable has a wrong value; all of them are named.

    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(map(_problem, error.errors()))) from None


def _problem(error: ErrorDetails) -> str:
    variable = PREFIX + "_".join(map(str, error["loc"])).upper()
    # The address may hold a password.
    was = "" if variable == f"{PREFIX}REDIS_URL" else f" was {error['input']!r}:"
    return f"{variable}:{was} {error['msg'].removeprefix('Value error, ')}"
