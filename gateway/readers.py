"""Who may ask over HTTP: the readers a deployment knows, each by its tokens, and what each may ask for.

    transit-operator:
      purposes: [transit]
      tokens: [<SHA-256 of a token, in hex>]   # a second one while the first is being replaced

Only digests are kept. A token is 256 random bits, so its digest needs no salt, and a look into a table by the digest
tells nothing about the token by the time that it takes.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from gateway.errors import GatewayError
from gateway.names import Scenario
from schemas.access import CITIZEN, DESK, READER_PATTERN
from scoring.lines import FileError, read

# What somebody may ask for here. The city's other purposes are of its own parts, which do not ask here.
_DESK = "desk"
PURPOSES = (*get_args(Scenario), _DESK)
_TOKEN_BYTES = 32
_MARK = "jasmine_"


class TokenError(GatewayError):
    """Nobody's token, or none: who asks is not known."""

    def __init__(self) -> None:
        super().__init__("give a token that was made for you: Authorization: Bearer jasmine_...")


class NotAllowedError(GatewayError):
    """A reader that is known may not ask in this name, or for this."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    purposes: Annotated[frozenset[str], Field(min_length=1)]
    tokens: Annotated[tuple[Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")], ...], Field(min_length=1)]


_ENTRIES = TypeAdapter(dict[Annotated[str, StringConstraints(pattern=f"^{READER_PATTERN}$")], _Entry])


@dataclass(frozen=True, slots=True)
class Readers:
    """The readers of a deployment.

    Attributes:
        names: of each token's digest, whose it is.
        purposes: what each reader may ask for.

    """

    names: Mapping[str, str]
    purposes: Mapping[str, frozenset[str]]

    @classmethod
    def from_file(cls, path: Path) -> "Readers":
        """Read them.

        Raises:
            FileError: the file cannot be read, or says something wrong: where, what, and what to do.

        """
        document = read(path)
        try:
            entries = _ENTRIES.validate_python(document.value)
        except ValidationError as error:
            first = error.errors()[0]
            where = tuple(part for part in first["loc"] if part != "[key]")
            place = f"{path}:{document.line(where)}: {'.'.join(map(str, where)) or 'the file'}"
            raise FileError(f"{place}: {first['msg']}; {_REMEDY}") from None
        names: dict[str, str] = {}
        for name, entry in entries.items():
            line = document.line((name,))
            if name in {CITIZEN, DESK}:
                raise FileError(f"{path}:{line}: {name}: is a name of the city's own parts; give another")
            if unknown := entry.purposes - {*PURPOSES}:
                raise FileError(f"{path}:{line}: {name}: no purpose is called {min(unknown)}; there are {_KNOWN}")
            for token in entry.tokens:
                if token in names:
                    raise FileError(f"{path}:{line}: {name}: has a token of {names[token]}'s; make each its own")
                names[token] = name
        return cls(names, {name: entry.purposes for name, entry in entries.items()})

    def check(self, token: str | None, reader: str, purpose: str, scenario: str) -> None:
        """Return if who has this token may ask in this name for this purpose, and about this scenario.

        Who asks for a desk may ask about any scenario; anybody else about those among its purposes.

        Raises:
            TokenError: it is nobody's.
            NotAllowedError: it is another reader's, or that reader may not ask for this.

        """
        name = self.names.get(digest_of(token)) if token else None
        if name is None:
            raise TokenError
        if name != reader:
            message = f"Jasmine-Reader was {reader}, the token is another reader's: say your own name"
            raise NotAllowedError(message)
        allowed = self.purposes[name]
        if purpose not in allowed:
            message = f"{reader} may not ask for {purpose}: ask the city, or state what it is for"
            raise NotAllowedError(message)
        if purpose != _DESK and scenario not in allowed:
            message = f"{reader} may not ask about {scenario}: ask the city, or about a scenario of your own"
            raise NotAllowedError(message)


_KNOWN = ", ".join(PURPOSES)
_REMEDY = "each reader has purposes and tokens, as `jasmine readers token NAME` prints them"


def new_token() -> str:
    """Return a token that nobody has."""
    return _MARK + secrets.token_urlsafe(_TOKEN_BYTES)


def digest_of(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def entry_for(name: str, purposes: list[str], token: str) -> Mapping[str, Any]:
    """Return what stands in the file about a reader with one token."""
    return {name: {"purposes": purposes, "tokens": [digest_of(token)]}}
