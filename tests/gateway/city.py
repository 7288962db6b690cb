"""A small city: events in, standings in a real store, through the worker's own processor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis

from gateway.evaluate import names_of
from schemas.catalogue import TYPES_BY_NAME
from schemas.codec import encode
from schemas.days import start_of
from schemas.decoder import Decoder
from schemas.events import CreditEvent, Data
from schemas.partitioner import partition_of
from schemas.records import RecordKey
from scoring.announced import Announced
from scoring.pack import load_pack
from sinks.keys import META
from sinks.packs import documents_of
from sinks.store import Store
from stream.process import Processor

PARTITIONS = 4
KEY = RecordKey.derived(b"a key for the tests of the gateway")
PACK = load_pack()
NAMES = names_of(PACK)
ANNOUNCED = Announced.of(PACK)

TODAY = 20_781  # 2026-11-24
RESIDENT = "r-09c3f0a1b2d4e5f6"
OTHER = "r-19c3f0a1b2d4e5f7"
NOBODY = "r-29c3f0a1b2d4e5f8"
COMPANY = "l-49c3f0a1b2d4e5f9"


@dataclass(frozen=True, slots=True)
class FakeRecord:
    """A Kafka record."""

    encoded_value: bytes
    encoded_key: bytes
    in_partition: int
    at_offset: int
    at_ms: int

    def value(self) -> bytes:
        return self.encoded_value

    def key(self) -> bytes:
        return self.encoded_key

    def headers(self) -> Sequence[tuple[str, bytes | None]] | None:
        return None

    def partition(self) -> int:
        return self.in_partition

    def offset(self) -> int:
        return self.at_offset

    def timestamp(self) -> tuple[int, int]:
        return 1, self.at_ms


def an_event(subject: str, type_name: str, day: int = TODAY, event_id: str = "", **data: Any) -> CreditEvent:
    """Return an event at noon of a day."""
    return CreditEvent(
        id=event_id or f"{subject}/{type_name}/{day}",
        source="/dept/test",
        type=TYPES_BY_NAME[type_name],
        subject=subject,
        time=datetime.fromtimestamp(start_of(day) + 43_200, UTC),
        data=Data(**data),
    )


class City:
    """A worker's processor over one store."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self.day = TODAY
        self._store = Store(client)
        self._processor = Processor(Decoder(KEY, PARTITIONS), self._store, ANNOUNCED, self.clock)
        self._positions: dict[int, int] = {}
        self.begin()

    def clock(self) -> float:
        """Noon of the city's day."""
        return start_of(self.day) + 43_200

    def begin(self) -> None:
        """Empty the store, and open it as a worker does."""
        self._client.flushall()
        self._store.open(KEY, PARTITIONS)
        self._positions = self._store.positions(dict.fromkeys(range(PARTITIONS), 0), self.day)

    def happen(self, *events: CreditEvent) -> None:
        """Let the worker apply events."""
        nexts: dict[int, int] = dict(self._positions)
        records = []
        for event in events:
            encoded = encode(event)
            partition = partition_of(event.subject, PARTITIONS)
            records.append(
                FakeRecord(encoded.value, encoded.key, partition, nexts[partition], int(self.clock() * 1000))
            )
            nexts[partition] += 1
        outcome = self._processor.process("credit.events", records, dict(self._positions))
        assert outcome.scored == len(events), outcome
        self._positions.update(outcome.nexts)

    def announce(self, announced: Announced) -> None:
        """Let the worker know packs, and readers find them."""
        self._store.keep_packs(documents_of(announced))
        self._store.epoch = announced.epoch
        self._processor.announced = announced

    def close(self) -> None:
        self._store.disconnect()
        self._client.close()


class CountingClient:
    """Passes commands on to a client, and remembers them."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.commands: list[tuple[object, ...]] = []

    def execute_command(self, *arguments: object, **options: Any) -> Any:
        self.commands.append(arguments)
        return self._client.execute_command(*arguments, **options)


class DictClient:
    """Answers from a mapping what Redis would."""

    def __init__(self, values: Mapping[str, bytes]) -> None:
        self._values = values

    def execute_command(self, command: str, key: str, *rest: int, **_: object) -> bytes | None:
        if command == "HGET":
            return b"%d" % PARTITIONS if key == META else None
        value = self._values.get(key)
        return (value or b"")[: rest[1] + 1] if command == "GETRANGE" else value
