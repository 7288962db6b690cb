"""What the demo proves at its end: every event is accounted for, and scores are what the plain evaluator says."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from city.records import records_of
from city.render import Published
from gateway.lookup import Lookup
from schemas.codec import decode, encode
from schemas.days import day_of
from schemas.decoder import Decoder
from schemas.derive import derived
from schemas.errors import Refusal
from schemas.facts import FACT, Facts
from schemas.records import RecordKey
from schemas.subjects import format_subject, kind_of
from scoring.evaluator import evaluate
from scoring.pack import KIND_NAMES, Pack
from stream.demo.measured import Measured


@dataclass(frozen=True, slots=True)
class Proof:
    """One claim and whether it held."""

    claim: str
    held: bool
    detail: str


def accounted(expected: Mapping[str, int], followed: int, measured: Measured) -> list[Proof]:
    """Compare what must become of the published events, and of those that follow from them, with what was counted."""
    dead = Counter({name: count for name, count in expected.items() if name not in {"scored", "duplicate"}})
    total = sum(expected.values())
    wrong = {
        reason: (dead[reason], measured.dead[reason])
        for reason in dead | measured.dead
        if dead[reason] != measured.dead[reason]
    }
    detail = f"{dead.total():,} refused for {len(dead)} reasons, each with its dead letter"
    return [
        Proof(
            "every published event has an outcome",
            total == measured.applied,
            f"{total - followed:,} published, {followed:,} follow for representatives, {measured.applied:,} applied",
        ),
        Proof(
            "each new event was scored once",
            expected.get("scored", 0) == measured.scored,
            f"{measured.scored:,} scored, {measured.skipped:,} repetitions skipped",
        ),
        Proof(
            "each broken event was refused for its own reason",
            not wrong,
            f"expected and counted: {wrong}" if wrong else detail,
        ),
    ]


def ledgers(kept: Sequence[Published], key: bytes, partitions: int) -> dict[int, Facts]:
    """Return the facts of each subject in published records and in what follows from them, by the specification."""
    decoder = Decoder(RecordKey.derived(key), partitions)
    found: dict[int, list[np.void]] = {}
    for record in records_of(_with_followers(kept), datetime.now(UTC), partitions):
        try:
            fact, subject = decoder.decode_one(record)
        except Refusal:
            continue
        found.setdefault(subject, []).append(fact)
    return {subject: np.array(facts, FACT) for subject, facts in found.items()}


def _with_followers(kept: Iterable[Published]) -> Iterator[Published]:
    for published in kept:
        yield published
        if published.reaches:
            for event in derived(decode(published.value, [*published.headers])):
                encoded = encode(event)
                yield Published(encoded.key, encoded.value, tuple(encoded.headers), "scored")


def scores_agree(subjects: Iterable[int], facts: Mapping[int, Facts], lookup: Lookup, pack: Pack) -> Proof:
    """Compare what a gateway reads with what the plain evaluator makes of the published events."""
    checked, wrong = 0, 0
    for subject in subjects:
        answer = lookup.lookup(format_subject(subject))
        day = day_of(int(datetime.now(UTC).timestamp()))
        kind = next(name for name, one in KIND_NAMES.items() if one is kind_of(subject))
        state = evaluate(facts[subject], day, pack, kind)
        checked += 1
        wrong += (answer.score, frozenset(answer.entitlements)) != (state.score, state.entitlements)
    detail = f"{checked:,} subjects compared" + (f", {wrong:,} differ" if wrong else "")
    return Proof("scores are what the plain evaluator says", wrong == 0 and checked > 0, detail)
