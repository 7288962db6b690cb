"""Names of keys. The partition in braces is Redis Cluster's hash tag: one partition's keys share a slot."""

META = "jasmine:meta"
# A hash: each pack that a card or a reader may name, by its hash, and under `TIMELINE` which of them holds when.
PACKS = "jasmine:packs"
TIMELINE = "timeline"


def standing_key(partition: int, subject: int) -> str:
    """Return the key of a subject's standing."""
    return f"{{{partition}}}:{subject:016x}"


def next_key(partition: int) -> str:
    """Return the key of a partition's fence: the offset of the first event that is not yet applied."""
    return f"{{{partition}}}:next"


def epoch_key(partition: int) -> str:
    """Return the key of how many announcements of packs whoever last wrote to a partition knew."""
    return f"{{{partition}}}:epoch"


def passes_key(partition: int) -> str:
    """Return the key of how often standings of a partition were renewed without an event, which moves no fence."""
    return f"{{{partition}}}:passes"


def rescored_key(partition: int) -> str:
    """Return the key of the change of packs for which all of a partition's standings have been looked at."""
    return f"{{{partition}}}:rescored"


def outbox_key(partition: int) -> str:
    """Return the key of a partition's outbox, a stream."""
    return f"{{{partition}}}:outbox"


def due_key(partition: int, day: int) -> str:
    """Return the key of the set of subjects whose standing changes on a day without an event."""
    return f"{{{partition}}}:due:{day}"


def swept_key(partition: int) -> str:
    """Return the key of the last day whose due subjects are done."""
    return f"{{{partition}}}:swept"


def access_key(partition: int, subject: int) -> str:
    """Return the key of who has read what about a subject, a list."""
    return f"{{{partition}}}:reads:{subject:016x}"


def access_next_key(partition: int) -> str:
    """Return the key of the offset of a partition's first access that is not yet copied."""
    return f"{{{partition}}}:reads:next"
