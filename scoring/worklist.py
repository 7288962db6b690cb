"""What a person has to look at: the records of one subject that wait, and what each would do."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.facts import Facts
from scoring.evaluator import Record, evaluate_records, held_on, resolve
from scoring.pack import Pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A record that waits.

    Attributes:
        record: the record.
        tier: the tier while it waits.
        confirmed_tier: the tier with it alone confirmed; what else waits still waits.

    """

    record: Record
    tier: str
    confirmed_tier: str


def waiting(facts: Facts, day: int, pack: Pack) -> list[Waiting]:
    """Return the records of a ledger that wait for a person on a day, the oldest first."""
    records = resolve(facts, pack)
    held = held_on(records, day, pack)
    if not held:
        return []
    unreviewed = pack.model_copy(update={"review": None})
    ids = {one.record for one in held}
    others = [one for one in records if one.record not in ids]
    tier = _tier(others, day, unreviewed)
    return [
        Waiting(
            record=one,
            tier=tier,
            confirmed_tier=_tier([each for each in records if each is one or each.record not in ids], day, unreviewed),
        )
        for one in sorted(held, key=lambda each: (each.start, each.record))
    ]


def _tier(records: Sequence[Record], day: int, pack: Pack) -> str:
    tier = evaluate_records(records, day, pack).tier
    assert tier is not None  # noqa: S101 - of who has no tier nothing is held
    return pack.tiers[tier].id
