"""What can go wrong with the store.

* StoreError
  x StoreUnavailableError     retryable: wait and try again; nothing is lost
    + PacksBehindError        likewise: another worker has read an announcement of packs that this one has not
  x UnknownPackError          retryable: the announcement of a pack has not been read yet
  x OutboxFormatError         retryable: an entry is of another release, whose worker can publish it
  x PartitionLostError        retryable: the store lost a partition; it is rebuilt by replay
  x StoreMismatchError        permanent: this store belongs to another deployment
  x StandingFormatError       permanent: a value that this version cannot read
"""

from schemas.errors import quoted


class StoreError(Exception):
    """Any failure of the store."""


class StoreUnavailableError(StoreError):
    """The store did not answer, or refused to write now."""


class PacksBehindError(StoreUnavailableError):
    """Standings were written by a worker that knows more announcements of packs than this one.

    Attributes:
        known: how many this worker has applied.
        written: how many that worker had.

    """

    def __init__(self, known: int, written: int) -> None:
        self.known = known
        self.written = written
        super().__init__(
            f"standings were written under {written} announcements of packs, this worker has applied {known}: it reads "
            "on and tries again; if it stays so, its release cannot read a pack, or the topic of packs lost records"
        )


class UnknownPackError(StoreError):
    """A change of a pack whose announcement this worker has not read yet; it is published when it has."""

    def __init__(self, pack: int) -> None:
        self.pack = pack
        super().__init__(f"a change waits to be published until the announcement of pack {pack:016x} has been read")


class OutboxFormatError(StoreError):
    """An entry of an outbox that this release did not write; it waits for a worker of the one that did."""

    def __init__(self, partition: int, name: bytes) -> None:
        field = quoted(name.decode(errors="replace"))
        super().__init__(
            f"outbox {partition} has an entry that this release cannot read (field '{field}'): "
            "start a worker of the release that wrote it until it is published; what is behind it waits"
        )


class LetterFormatError(Exception):
    """Bytes that are no dead letter of this release."""


class PartitionLostError(StoreError):
    """The store no longer knows a partition's next offset: it was emptied or restored."""

    def __init__(self, partitions: list[int]) -> None:
        self.partitions = partitions
        super().__init__(f"the store lost partitions {partitions}; they are replayed from the log's beginning")


class StoreMismatchError(StoreError):
    """The store was filled with another key or another number of partitions."""

    @classmethod
    def of_partitions(cls, filled_from: int, has: int) -> "StoreMismatchError":
        """Return the error of a topic whose number of partitions is not the one that the store was filled from."""
        return cls(
            f"the store was filled from {filled_from} partitions, the topic has {has}: a subject's partition must not "
            "move; use an empty store, which is filled by replay"
        )


class StandingFormatError(StoreError):
    """A standing whose length or version is unknown, or a next offset that is none."""
