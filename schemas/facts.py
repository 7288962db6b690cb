"""A fact: what the ledger keeps of one event, 36 bytes.

Points do not stand here; they follow from the rule pack when a fact is evaluated. A control event, such as a
correction, is a fact too: it links to the record it is about. So a ledger is a plain set of facts, in which neither
order nor repetition can matter, and everything else is a function of that set.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FACT = np.dtype(
    [
        ("record", "<u8"),  # keyed hash of source and id
        ("link", "<u8"),  # a record: keyed hash of its incident, or 0; a control: the record it is about
        ("occurred", "<u4"),  # seconds since the epoch
        ("offset_low", "<u4"),  # place in the log, where the whole event can be read again
        ("offset_high", "<u2"),
        ("type", "<u2"),  # catalogue code
        ("determined", "<u2"),  # day, or 0
        ("terminated", "<u2"),  # day, or 0
        ("quantity", "<u2"),  # in the type's unit, or 0
        ("grade", "u1"),  # catalogue code; of a correction: the right grade, or 0 to keep it
        ("reserved", "u1"),
    ]
)

Facts = NDArray[np.void]
OFFSET_MAX = (1 << 48) - 1

# What two events with the same source and id must agree in to be the same event.
CONTENT = tuple(name for name in FACT.names or () if not name.startswith("offset"))


def offsets_of(facts: Facts) -> NDArray[np.int64]:
    """Return the log offsets of facts, shape (n,)."""
    return facts["offset_low"].astype(np.int64) | facts["offset_high"].astype(np.int64) << 32


class Fact(NamedTuple):
    """One fact in plain numbers, for who looks at single ones; the fields are those of FACT, and the offset whole."""

    record: int
    link: int
    occurred: int
    type: int
    determined: int
    terminated: int
    quantity: int
    grade: int
    offset: int


def plain(facts: Facts) -> list[Fact]:
    """Return facts in plain numbers."""
    columns = [facts[name].tolist() for name in Fact._fields[:-1]]
    return [Fact(*row) for row in zip(*columns, offsets_of(facts).tolist(), strict=True)]


def same_content(one: np.void, other: np.void) -> bool:
    """Whether two facts of one record id say the same."""
    return all(one[name] == other[name] for name in CONTENT)


def facts_in(ledger: bytes) -> Facts:
    """Return the facts of a ledger's bytes."""
    return np.frombuffer(ledger, FACT)
