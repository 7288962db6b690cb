"""Who read what, as subjects see it: the last entries of the access log by subject, copied from Kafka to Redis.

Kafka has the whole log; this is a view of it, filled again by replay where it is lost. As with standings, the next
offset of a partition is the version of what was copied: what does not go on from there writes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import redis

from sinks.errors import StoreError, StoreUnavailableError
from sinks.keys import access_key, access_next_key

# Of each subject so many: years of somebody's, and no store that grows for good.
KEPT = 200


class Entry(NamedTuple):
    """One access to be seen by its subject.

    Attributes:
        partition: where it stands in the access log.
        offset: likewise.
        subject: the number of the subject it is about.
        value: what is kept of it.

    """

    partition: int
    offset: int
    subject: int
    value: bytes


class AccessStore:
    """Copies accesses to Redis, over a connection of its own."""

    def __init__(self, client: redis.Redis) -> None:
        # As in `sinks.store`: what each command answers is known here.
        self._client: Any = client

    def nexts(self, partitions: Sequence[int]) -> dict[int, int]:
        """Return the offset of each partition's first access that is not copied yet; 0 where nothing is.

        Raises:
            StoreUnavailableError: Redis does not answer.

        """
        try:
            return self._nexts(self._client, partitions)
        except redis.RedisError as error:
            raise StoreUnavailableError(str(error)) from error

    def add(self, before: Mapping[int, int], after: Mapping[int, int], entries: Sequence[Entry]) -> bool:
        """Add entries, all or none; return whether they were added.

        They are not where a partition does not stand at `before`: another worker was here, or the store was emptied.

        Args:
            before: where each partition must stand.
            after: where it stands then.
            entries: those between, in the log's order.

        Raises:
            StoreUnavailableError: Redis does not answer.
            StoreError: it refuses an entry.

        """
        try:
            with self._client.pipeline() as pipe:
                pipe.watch(*map(access_next_key, before))
                if self._nexts(pipe, [*before]) != before:
                    return False
                pipe.multi()
                for key, values in _by_key(entries).items():
                    # The last stands first.
                    pipe.lpush(key, *values)
                    pipe.ltrim(key, 0, KEPT - 1)
                pipe.mset({access_next_key(partition): offset for partition, offset in after.items()})
                answers = pipe.execute(raise_on_error=False)
        except redis.WatchError:
            return False
        except redis.RedisError as error:
            raise StoreUnavailableError(_without_command(error)) from error
        for answer in answers:
            if isinstance(answer, redis.RedisError):
                raise StoreError(f"Redis refuses an entry of the access log: {answer}") from answer
        return True

    def disconnect(self) -> None:
        """Close the connection."""
        self._client.close()
        self._client.connection_pool.disconnect()

    @staticmethod
    def _nexts(client: Any, partitions: Sequence[int]) -> dict[int, int]:
        values = client.mget([access_next_key(partition) for partition in partitions])
        return {partition: int(value or 0) for partition, value in zip(partitions, values, strict=True)}


def _without_command(error: redis.RedisError) -> str:
    """Return what Redis said: the client puts the command before it, in whose key a subject stands."""
    return str(error).rpartition(" caused error: ")[-1]


def _by_key(entries: Sequence[Entry]) -> dict[str, list[bytes]]:
    values: dict[str, list[bytes]] = {}
    for one in entries:
        values.setdefault(access_key(one.partition, one.subject), []).append(one.value)
    return values
