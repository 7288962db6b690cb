"""What the relay publishes."""

from enum import Enum, auto
from typing import NamedTuple, TypeAlias

# As confluent_kafka takes them.
Headers: TypeAlias = list[tuple[str, str | bytes | None]]


class Channel(Enum):
    """Where a record goes; settings say what the topic is called."""

    CHANGES = auto()
    DEAD = auto()
    EVENTS = auto()


class Message(NamedTuple):
    """One record to publish."""

    channel: Channel
    key: bytes
    value: bytes
    headers: Headers
