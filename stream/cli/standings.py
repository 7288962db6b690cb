"""All standings of a store, one after the other, for commands that go through everybody."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from gateway.card import CARD_BYTES, Card, decode
from schemas.facts import Facts, facts_in

_READ_AT_ONCE = 500
_STANDING = re.compile(rb"\{(\d+)\}:([0-9a-f]{16})")


class Stored(NamedTuple):
    """One standing, not yet looked into."""

    partition: int
    subject: int
    value: bytes

    @property
    def card(self) -> Card:
        """Its decided head."""
        return decode(self.value[:CARD_BYTES])

    @property
    def facts(self) -> Facts:
        """Its ledger."""
        return facts_in(self.value[CARD_BYTES:])


def all_standings(client: Any) -> Iterator[Stored]:
    """Yield every standing; one that is written meanwhile may be seen twice."""
    keys = (bytes(key) for key in client.scan_iter(match="{*}:*", count=_READ_AT_ONCE))
    found = ((key, match) for key in keys if (match := _STANDING.fullmatch(key)))
    while some := list(islice(found, _READ_AT_ONCE)):
        for (_, match), value in zip(some, client.mget([key for key, _ in some]), strict=True):
            if value is not None:
                yield Stored(int(match[1]), int(match[2], 16), value)
