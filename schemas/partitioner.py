"""Which partition a subject's events go to: murmur2, as Java's and librdkafka's clients compute it.

librdkafka calls it ``murmur2_random``; Kafka's own clients use it by default. A reader finds the subject's
partition with it too, so a partition never needs to be looked up.
"""

from numpy import uint32

from schemas.compiled import Int, compiled

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Return the 32-bit murmur2 hash with Kafka's seed."""
    h = (_SEED ^ len(data)) & _MASK
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _MULTIPLIER & _MASK
        k = (k ^ (k >> 24)) * _MULTIPLIER & _MASK
        h = (h * _MULTIPLIER & _MASK) ^ k
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * _MULTIPLIER & _MASK
    h = (h ^ (h >> 13)) * _MULTIPLIER & _MASK
    return h ^ (h >> 15)


def partition_of(subject: str, partitions: int) -> int:
    """Return the partition of a subject's events among `partitions`."""
    return (murmur2(subject.encode()) & 0x7FFFFFFF) % partitions


@compiled
def murmur2_slice(data: bytes, start: Int, stop: Int) -> uint32:
    """Return the murmur2 hash of ``data[start:stop]``."""
    multiplier = uint32(0x5BD1E995)
    h = uint32(0x9747B28C) ^ uint32(stop - start)
    i = start
    while i + 4 <= stop:
        k = (
            uint32(data[i])
            | uint32(data[i + 1]) << uint32(8)
            | uint32(data[i + 2]) << uint32(16)
            | uint32(data[i + 3]) << uint32(24)
        )
        k = uint32(k * multiplier)
        k = uint32((k ^ (k >> uint32(24))) * multiplier)
        h = uint32(h * multiplier) ^ k
        i += 4
    if i < stop:
        k = uint32(0)
        for j in range(stop - i):
            k |= uint32(data[i + j]) << uint32(8 * j)
        h = uint32((h ^ k) * multiplier)
    h = uint32((h ^ (h >> uint32(13))) * multiplier)
    return uint32(h ^ (h >> uint32(15)))
