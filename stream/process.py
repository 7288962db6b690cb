"""One poll's records to standings: decode, load, evaluate, commit. Every record ends in exactly one outcome.

`process` makes one attempt and knows nothing of waiting: what is retryable is raised, nothing is written by halves, and
the same poll can be processed again at any time, because the fence tells what of it is already applied.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.days import day_of
from schemas.decoder import Decoded, Decoder, Record, Refused
from schemas.errors import Reason, Refusal
from schemas.facts import offsets_of
from scoring.card import CARD, Cards
from scoring.kernel import evaluate
from scoring.ledger import ADDED, CONFLICT, EXISTS, LEDGER_FACTS_MAX, merge
from scoring.rules import Rules
from sinks.dead import DeadLetter
from sinks.outbox import changes_between, entry
from sinks.store import Commit, Standings, Store

Ints = NDArray[np.int64]
Subjects = NDArray[np.uint64]
Bools = NDArray[np.bool_]


class RawRecord(Record, Protocol):
    """A Kafka record; `confluent_kafka.Message` is one."""

    def key(self) -> Any: ...  # noqa: D102 - bytes or nothing; the client's types leave it open


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a poll's records.

    Attributes:
        scored: records that are now facts in a committed standing.
        skipped: records that were there already: repetitions by a producer, or redelivered.
        dead: refused records by reason; each is in the outbox as a dead letter.
        seeks: where to read on, by partition, where the log's place and the store's differ.
        nexts: the next offsets committed.
        published: whether something was left in an outbox.
        freshness_s: (scored,) age of each scored record at its commit, in seconds since Kafka's timestamp.

    """

    scored: int = 0
    skipped: int = 0
    dead: Mapping[Reason, int] = field(default_factory=dict)
    seeks: Mapping[int, int] = field(default_factory=dict)
    nexts: Mapping[int, int] = field(default_factory=dict)
    published: bool = False
    freshness_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class _Groups:
    """A batch's facts by subject: the subjects, and for each its facts' places in the batch, in log order."""

    subjects: Subjects
    partitions: Ints
    order: Ints
    starts: Ints

    @classmethod
    def of(cls, decoded: Decoded) -> "_Groups":
        order = np.argsort(decoded.subjects, kind="stable")
        ordered = decoded.subjects[order]
        first = np.ones(len(ordered), np.bool_)
        first[1:] = ordered[1:] != ordered[:-1]
        begins = np.flatnonzero(first)
        starts = np.append(begins, len(ordered))
        return cls(ordered[begins], decoded.partitions[order[begins]], order, starts)


class Processor:
    """Applies polls to one store, under one pack."""

    def __init__(self, decoder: Decoder, store: Store, rules: Rules, clock: Callable[[], float]) -> None:
        self._decoder = decoder
        self._store = store
        self._rules = rules
        self._clock = clock

    def process(self, topic: str, records: Sequence[RawRecord], starts: Mapping[int, int]) -> Outcome:
        """Apply the records of one poll.

        Args:
            topic: where they come from, for dead letters.
            records: in the order of the log within a partition.
            starts: by partition of the poll, the position it was read from; there may be partitions without records.

        Raises:
            StoreError: nothing is known to be written; a retryable one asks for the same call again.

        """
        if not records:
            return self._compare(starts)
        decoded = self._decoder.decode(records)
        while True:
            outcome = self._attempt(topic, records, starts, decoded)
            if outcome is not None:
                return outcome

    def _compare(self, starts: Mapping[int, int]) -> Outcome:
        """Apply nothing; say where to read on if the store stands elsewhere."""
        nexts, _ = self._store.load(list(starts), np.zeros(0, np.int64), np.zeros(0, np.uint64))
        self._store.release()
        return Outcome(seeks={} if nexts == dict(starts) else nexts)

    def _attempt(
        self, topic: str, records: Sequence[RawRecord], starts: Mapping[int, int], decoded: Decoded
    ) -> Outcome | None:
        """Load, evaluate and commit once; return None if another worker moved a fence meanwhile."""
        groups = _Groups.of(decoded)
        nexts, before = self._store.load(list(starts), groups.partitions, groups.subjects)
        if nexts != dict(starts):
            # Redelivered, or a gap. Rare, and simplest as: apply nothing, read again from where the store stands.
            self._store.release()
            return Outcome(seeks=nexts)
        merged = merge(before.facts, before.starts, decoded.facts, groups.order, groups.starts)
        cards = self._evaluate(merged.facts, merged.starts, groups.subjects)
        written = _any_added(merged.outcomes, groups)
        refused = decoded.refused + _conflicts(merged.outcomes, decoded)
        commit = Commit(
            nexts={**starts, **decoded.ends},
            partitions=groups.partitions,
            subjects=groups.subjects,
            written=written,
            before=before.cards,
            after=Standings(cards, merged.facts, merged.starts),
            outbox=self._outbox(topic, records, refused, groups, before.cards, cards, written),
        )
        if not self._store.commit(commit):
            return None
        return self._outcome(decoded, merged.outcomes, refused, commit)

    def _evaluate(self, facts: NDArray[np.void], starts: Ints, subjects: Subjects) -> Cards:
        cards = np.zeros(len(subjects), CARD)
        if len(subjects):
            evaluate(facts, starts, subjects, day_of(int(self._clock())), self._rules, cards)
            cards["as_of"] = np.maximum.reduceat(offsets_of(facts), starts[:-1])
        return cards

    def _outbox(
        self,
        topic: str,
        records: Sequence[RawRecord],
        refused: Sequence[Refused],
        groups: _Groups,
        before: Cards,
        after: Cards,
        written: Bools,
    ) -> dict[int, list[bytes]]:
        changes, places = changes_between(groups.subjects, before, after, written)
        letters: dict[int, list[DeadLetter]] = {}
        for one in refused:
            letter = _letter(topic, records[one.index], one.refusal)
            letters.setdefault(letter.partition, []).append(letter)
        if not len(changes) and not letters:
            return {}
        of = groups.partitions[places]
        partitions = {*np.unique(of).tolist(), *letters}
        return {partition: entry(changes[of == partition], letters.get(partition, [])) for partition in partitions}

    def _outcome(
        self,
        decoded: Decoded,
        outcomes: NDArray[np.uint8],
        refused: Sequence[Refused],
        commit: Commit,
    ) -> Outcome:
        added = outcomes == ADDED
        scored = int(np.count_nonzero(added))
        return Outcome(
            scored=scored,
            skipped=int(np.count_nonzero(outcomes == EXISTS)) if scored < len(outcomes) else 0,
            dead=Counter(one.refusal.reason for one in refused),
            nexts=commit.nexts,
            published=bool(commit.outbox),
            freshness_s=self._clock() - decoded.timestamps_s[added],
        )


def _number(value: int | None) -> int:
    """A record that was read from a log has a partition and an offset; the client's types do not say so."""
    assert value is not None  # noqa: S101
    return value


def _any_added(outcomes: NDArray[np.uint8], groups: _Groups) -> Bools:
    """Return which subjects have at least one new fact."""
    if not len(groups.subjects):
        return np.zeros(0, np.bool_)
    added: Bools = np.logical_or.reduceat(outcomes[groups.order] == ADDED, groups.starts[:-1])
    return added


def _conflicts(outcomes: NDArray[np.uint8], decoded: Decoded) -> list[Refused]:
    refused: list[Refused] = []
    if not (outcomes >= CONFLICT).any():
        return refused
    for index in np.flatnonzero(outcomes >= CONFLICT):
        if outcomes[index] == CONFLICT:
            remedy = "an event cannot change: send record.corrected or record.revoked about it, under a new id"
            refusal = Refusal(Reason.CONFLICT, "id", "", remedy)
        else:
            remedy = f"a subject has at most {LEDGER_FACTS_MAX} records; ask why this one has more"
            refusal = Refusal(Reason.LEDGER_FULL, "subject", "", remedy)
        refused.append(Refused(int(decoded.indices[index]), refusal))
    return refused


def _letter(topic: str, record: RawRecord, refusal: Refusal) -> DeadLetter:
    return DeadLetter.of(
        refusal,
        topic=topic,
        partition=_number(record.partition()),
        offset=_number(record.offset()),
        key=record.key(),
        value=record.value(),
        headers=record.headers(),
    )
