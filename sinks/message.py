"""What the relay publishes."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

# As confluent_kafka takes them.
Headers: TypeAlias = list[tuple[str, str | bytes | None]]


class Channel(Enum):
    """Where a record goes; settings say what the topic is called."""

    CHANGES = auto()
    DEAD = auto()
    EVENTS = auto()


@dataclass(frozen=True, slots=True)
class Message:
    """One record to publish."""

    channel: Channel
    key: bytes
    value: bytes
    headers: Headers
