"""Dead letters: what was refused, whole, with the reason and the place it came from."""

import base64
import dataclasses
from dataclasses import asdict, dataclass

import orjson

from schemas.errors import Refusal
from sinks.errors import LetterFormatError
from sinks.message import Channel, Headers, Message

# A letter with more raw bytes would, in base64, be more than its topic takes, and hold up all behind it.
RAW_BYTES_MAX = 1_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One refused record.

    Attributes:
        topic: where it was read.
        partition: likewise.
        offset: likewise; topic, partition and offset name the letter.
        reason: a code of `schemas.errors.Reason`.
        field: the field at fault, or empty.
        rejected: the offending value, shortened.
        remedy: what the producer can do.
        key: the record's key, as it came.
        value: the record's value, byte by byte as it came.
        headers: the record's headers, as they came.
        left_in_log: whether key, value and headers were too large to be here: then they stand in the log alone.

    """

    topic: str
    partition: int
    offset: int
    reason: str
    field: str
    rejected: str
    remedy: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]] = dataclasses.field(default_factory=list)
    left_in_log: bool = False

    @classmethod
    def of(
        cls,
        refusal: Refusal,
        *,
        topic: str,
        partition: int,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes | None]] | None,
    ) -> "DeadLetter":
        """Return the letter of a refusal."""
        letter = cls(
            topic=topic,
            partition=partition,
            offset=offset,
            reason=str(refusal.reason),
            field=refusal.field,
            rejected=refusal.value,
            remedy=refusal.remedy,
            key=b"",
            value=b"",
            left_in_log=True,
        )
        whole = letter.with_raw(key, value, headers)
        return letter if whole.raw_bytes > RAW_BYTES_MAX else whole

    def with_raw(
        self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]] | None
    ) -> "DeadLetter":
        """Return the same letter with the record's raw bytes."""
        stated = [(name, raw or b"") for name, raw in headers or ()]
        return dataclasses.replace(self, key=key or b"", value=value or b"", headers=stated, left_in_log=False)

    def without_raw(self) -> "DeadLetter":
        """Return the same letter without the record's raw bytes, which stand in the log."""
        return dataclasses.replace(self, key=b"", value=b"", headers=[], left_in_log=True)

    @property
    def raw_bytes(self) -> int:
        """How many raw bytes of the record are here."""
        return len(self.key) + len(self.value) + sum(len(name) + len(raw) for name, raw in self.headers)

    @property
    def name(self) -> str:
        """The letter's name: where the record stands in the log."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def pack(self) -> bytes:
        """Return it as bytes, for the outbox and as the value of its record."""
        stated = asdict(self)
        stated["key"] = base64.b64encode(self.key).decode()
        stated["value"] = base64.b64encode(self.value).decode()
        stated["headers"] = [(name, base64.b64encode(raw).decode()) for name, raw in self.headers]
        return orjson.dumps(stated)

    @classmethod
    def unpack(cls, raw: bytes) -> "DeadLetter":
        """Return the letter packed in bytes.

        Raises:
            LetterFormatError: they are none of this release.

        """
        try:
            stated = orjson.loads(raw)
            stated["key"] = base64.b64decode(stated["key"])
            stated["value"] = base64.b64decode(stated["value"])
            stated["headers"] = [(name, base64.b64decode(value)) for name, value in stated["headers"]]
            return cls(**stated)
        except (ValueError, TypeError, KeyError) as error:
            raise LetterFormatError from error

    def message(self) -> Message:
        """Return the record for the topic of dead letters; its headers can be filtered without reading the value."""
        headers: Headers = [("reason", self.reason.encode()), ("field", self.field.encode())]
        return Message(Channel.DEAD, self.name.encode(), self.pack(), headers)
