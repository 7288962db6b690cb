"""Published events as the scorer would read them from Kafka, without one."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from city.render import Published
from schemas.partitioner import partition_of


class PublishedRecord:
    """A published event as a Kafka record would show it."""

    def __init__(self, published: Published, partition: int, offset: int, at_ms: int) -> None:
        self._published = published
        self._partition = partition
        self._offset = offset
        self._at_ms = at_ms

    def key(self) -> bytes:
        """Return the key."""
        return self._published.key

    def value(self) -> bytes:
        """Return the value."""
        return self._published.value

    def headers(self) -> list[tuple[str, bytes | None]]:
        """Return the headers."""
        return list(self._published.headers)

    def partition(self) -> int:
        """Return the partition that the key leads to."""
        return self._partition

    def offset(self) -> int:
        """Return the place in the partition."""
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        """Return Kafka's kind of time and the time."""
        return 1, self._at_ms


def records_of(stream: Iterable[Published], at: datetime, partitions: int) -> Iterator[PublishedRecord]:
    """Yield what a topic of so many partitions would make of a stream that it receives at an instant."""
    offsets = [0] * partitions
    known: dict[bytes, int] = {}
    at_ms = int(at.timestamp() * 1000)
    for published in stream:
        partition = known.get(published.key)
        if partition is None:
            partition = known[published.key] = partition_of(published.key.decode(), partitions)
        yield PublishedRecord(published, partition, offsets[partition], at_ms)
        offsets[partition] += 1
