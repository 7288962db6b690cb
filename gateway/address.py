"""Where a subject's standing is: from its id to its key.

The same rules stand in `schemas` and `sinks` beside much else; here they need nothing, so that a reader can be
installed alone. Tests hold them equal.
"""

import re
from struct import Struct

from gateway.errors import SubjectFormatError

META = "jasmine:meta"
META_PARTITIONS = "partitions"
# Each pack that a card may be of, by its hash in hexadecimal digits, and which of them holds when.
PACKS = "jasmine:packs"
PACKS_TIMELINE = "timeline"

# The first digit repeats the kind in its two highest bits.
SUBJECT_PATTERN = r"^(r-[0-3]|l-[4-7]|o-[89ab])[0-9a-f]{15}$"
_SUBJECT = re.compile(SUBJECT_PATTERN.removesuffix("$") + r"\Z")

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF
_WORDS = Struct("<4IH")


def parse_subject(text: str) -> int:
    """Return the number of a subject id.

    Raises:
        SubjectFormatError: it is none.

    """
    if _SUBJECT.match(text) is None:
        raise SubjectFormatError(len(text))
    return int(text.partition("-")[2], 16)


def partition_of(subject: str, partitions: int) -> int:
    """Return the partition of a subject's events among `partitions`: Kafka's murmur2."""
    return (_murmur2(subject.encode()) & 0x7FFFFFFF) % partitions


def standing_key(subject: str, partitions: int) -> str:
    """Return the key of a subject's standing in a store filled from so many partitions."""
    return f"{{{partition_of(subject, partitions)}}}:{subject[2:]}"


def access_key(subject: str, partitions: int) -> str:
    """Return the key of who has read what about a subject, likewise."""
    return f"{{{partition_of(subject, partitions)}}}:reads:{subject[2:]}"


def _murmur2(data: bytes) -> int:
    """Return the murmur2 hash of a subject id: four words and the tail of two bytes."""
    words: tuple[int, ...] = _WORDS.unpack(data)
    h = _SEED ^ len(data)
    for word in words[:-1]:
        k = word * _MULTIPLIER & _MASK
        h = (h * _MULTIPLIER & _MASK) ^ ((k ^ k >> 24) * _MULTIPLIER & _MASK)
    h = (h ^ words[-1]) * _MULTIPLIER & _MASK
    h = (h ^ h >> 13) * _MULTIPLIER & _MASK
    return h ^ h >> 15
