"""What can go wrong with the store.

* StoreError
  x StoreUnavailableError     retryable: wait and try again; nothing is lost
  x PartitionLostError        retryable: the store lost a partition; it is rebuilt by replay
  x StoreMismatchError        permanent: this store belongs to another deployment
  x StandingFormatError       permanent: a value that this version cannot read
"""


class StoreError(Exception):
    """Any failure of the store."""


class StoreUnavailableError(StoreError):
    """The store did not answer, or refused to write now."""


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
    """A standing whose length or version is unknown."""
