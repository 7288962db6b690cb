"""Which pack holds on a day, as commands find it."""

from pathlib import Path
from typing import Any

from gateway.evaluate import pack_in
from gateway.names import pack_on
from scoring.pack import Pack, load_pack
from sinks.keys import PACKS, TIMELINE
from stream.clients import redis_client
from stream.settings import Settings


def pack_holding(settings: Settings, day: int, folder: Path | None = None) -> Pack:
    """Return the pack in a folder; without one, the pack that holds on a day as the workers tell it."""
    own = load_pack(folder or settings.pack)
    client: Any = redis_client(settings)
    timeline = None if folder else client.hget(PACKS, TIMELINE)
    number = own.hash if timeline is None else pack_on(timeline, day)
    raw = None if number == own.hash else client.hget(PACKS, f"{number:016x}")
    return own if raw is None else pack_in(raw)
