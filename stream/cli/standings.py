"""Standings as commands read them: of one subject, or all of a store, one after the other."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from gateway.address import parse_subject, partition_of, standing_key
from gateway.card import CARD_BYTES, Card, decode
from schemas.facts import Facts, facts_in
from schemas.subjects import kind_of
from scoring.pack import KIND_NAMES
from sinks.keys import META
from stream.cli.output import Exit, fail
from stream.clients import redis_client
from stream.settings import Settings

_READ_AT_ONCE = 500
_STANDING = re.compile(rb"\{(\d+)\}:([0-9a-f]{16})")


class Stored(NamedTuple):
    """One standing, not yet looked into."""

    partition: int
    subject: int
    value: bytes

    @property
    def kind(self) -> str:
        """The subject's kind, as perks name it."""
        return next(name for name, one in KIND_NAMES.items() if one is kind_of(self.subject))

    @property
    def card(self) -> Card:
        """Its decided head."""
        return decode(self.value[:CARD_BYTES])

    @property
    def facts(self) -> Facts:
        """Its ledger."""
        return facts_in(self.value[CARD_BYTES:])


def standing_of(settings: Settings, subject: str) -> Stored:
    """Return one subject's standing; end the command if nothing was ever published about it."""
    number = parse_subject(subject)
    client: Any = redis_client(settings)
    partitions = int(client.hget(META, "partitions") or 0)
    value = client.get(standing_key(subject, partitions)) if partitions else None
    if value is None:
        fail(Exit.NOT_FOUND, f"nothing was ever published about {subject}")
    return Stored(partition_of(subject, partitions), number, value)


def all_standings(client: Any) -> Iterator[Stored]:
    """Yield every standing; one that is written meanwhile may be seen twice."""
    keys = (bytes(key) for key in client.scan_iter(match="{*}:*", count=_READ_AT_ONCE))
    found = ((key, match) for key in keys if (match := _STANDING.fullmatch(key)))
    while some := list(islice(found, _READ_AT_ONCE)):
        for (_, match), value in zip(some, client.mget([key for key, _ in some]), strict=True):
            if value is not None:
                yield Stored(int(match[1]), int(match[2], 16), value)
