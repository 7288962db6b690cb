"""Record ids, and the fact that an event becomes.

A record id is the keyed hash of source and id: the id is hashed under a key that the source's hash has changed, so
that no concatenation of the two can be mistaken for another.
"""

from dataclasses import dataclass

import numpy as np

from schemas import catalogue
from schemas.days import day_of
from schemas.events import CreditEvent
from schemas.facts import FACT, OFFSET_MAX
from schemas.siphash import siphash_bytes
from schemas.subjects import derive_key


@dataclass(frozen=True, slots=True)
class RecordKey:
    """The two halves of the SipHash key behind record ids; the same for all of a deployment, for good."""

    k0: int
    k1: int

    @classmethod
    def derived(cls, pseudonym_key: bytes) -> "RecordKey":
        """Derive it from the deployment's pseudonym key."""
        key = derive_key(pseudonym_key, "jasmine record id")
        return cls(int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little"))

    def record(self, source: str, event_id: str) -> int:
        """Return the record id of an event."""
        source_hash = siphash_bytes(source.encode(), self.k0, self.k1)
        return siphash_bytes(event_id.encode(), self.k0 ^ source_hash, self.k1)

    def incident(self, incident_key: str) -> int:
        """Return the link of an incident; never 0, which means none."""
        return siphash_bytes(incident_key.encode(), self.k0, self.k1) | 1


def fact_of(event: CreditEvent, key: RecordKey, offset: int) -> np.void:
    """Return the fact, of dtype FACT, that an event at a log offset is."""
    data = event.data
    fact: np.void = np.zeros(1, FACT)[0]
    fact["record"] = key.record(event.source, event.id)
    if event.type.control:
        fact["link"] = key.record(data.record_source, data.record_id)
    elif data.incident_key:
        fact["link"] = key.incident(data.incident_key)
    fact["occurred"] = int(event.time.timestamp())
    fact["offset_low"] = offset & 0xFFFFFFFF
    fact["offset_high"] = (offset & OFFSET_MAX) >> 32
    fact["type"] = event.type.code
    fact["determined"] = day_of(int(data.determined_at.timestamp())) if data.determined_at else 0
    fact["terminated"] = day_of(int(data.terminated_at.timestamp())) if data.terminated_at else 0
    fact["quantity"] = data.quantity or 0
    fact["grade"] = data.grade or 0
    if event.type is catalogue.CORRECTED and data.record_type is not None:
        # So that a correction meant for another type changes nothing.
        fact["determined"] = data.record_type.code
    return fact
