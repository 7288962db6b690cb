"""What the relay publishes."""

from dataclasses import dataclass
from typing import TypeAlias

# As confluent_kafka takes them.
Headers: TypeAlias = list[tuple[str, str | bytes | None]]


@dataclass(frozen=True, slots=True)
class Message:
    """One record to publish: to the topic of changes, or of dead letters."""

    dead: bool
    key: bytes
    value: bytes
    headers: Headers
