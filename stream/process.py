"""One poll's records to standings: decode, load, evaluate, commit. Every record ends in exactly one outcome.

`process` makes one attempt and knows nothing of waiting: what is retryable is raised, nothing is written by halves, and
the same poll can be processed again at any time, because the fence tells what of it is already applied.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.days import day_of
from schemas.decoder import Decoded, Decoder, Record, Refused, headers_of
from schemas.errors import Reason, Refusal
from scoring.announced import Announced
from scoring.batch import Groups, grouped
from scoring.card import Cards
from scoring.ledger import ADDED, CONFLICT, FULL, LEDGER_FACTS_MAX
from scoring.shadow import Compared, compare
from sinks.dead import DeadLetter
from sinks.outbox import changes_between, entry
from sinks.standings import Standings
from sinks.store import Commit, Store, Wanted
from stream.apply import Applied, applied

Ints = NDArray[np.int64]
Subjects = NDArray[np.uint64]
Bools = NDArray[np.bool_]


class RawRecord(Record, Protocol):
    """A Kafka record; `confluent_kafka.Message` is one."""

    def key(self) -> Any: ...  # noqa: D102 - bytes or nothing; the client's types leave it open


class Following(Protocol):
    """The poll that is applied next; `stream.polls.Poll` is one."""

    @property
    def records(self) -> Sequence[RawRecord]: ...  # noqa: D102
    @property
    def starts(self) -> Mapping[int, int]: ...  # noqa: D102
    def following(self) -> "Following | None": ...  # noqa: D102


class _Prepared(NamedTuple):
    """What is known of records before anything is read from the store."""

    records: Sequence[RawRecord]
    decoded: Decoded
    groups: Groups


def _none() -> None:
    pass


class Outcome(NamedTuple):
    """What became of a poll's records.

    Attributes:
        scored: records that are now facts in a committed standing.
        skipped: records that were there already: repetitions by a producer, or redelivered.
        dead: refused records by reason; each is in the outbox as a dead letter.
        seeks: where to read on, by partition, where the log's place and the store's differ.
        nexts: the next offsets committed.
        published: whether something was left in an outbox.
        compared: how the standings written would differ under the shadow pack, or None without one.
        committed_s: when they were committed, in seconds since the epoch.
        recorded_ms: (scored,) Kafka's time of each scored record, in milliseconds since the epoch.

    """

    scored: int = 0
    skipped: int = 0
    dead: Mapping[Reason, int] = MappingProxyType({})
    seeks: Mapping[int, int] = MappingProxyType({})
    nexts: Mapping[int, int] = MappingProxyType({})
    published: bool = False
    compared: Compared | None = None
    committed_s: float = 0.0
    recorded_ms: Ints = np.zeros(0, np.int64)


class Processor:
    """Applies polls to one store.

    Attributes:
        announced: the packs, of which each day has its own. A new one is taken up with the next batch.

    """

    def __init__(self, decoder: Decoder, store: Store, announced: Announced, clock: Callable[[], float]) -> None:
        self._decoder = decoder
        self._store = store
        self.announced = announced
        self._clock = clock
        self._prepared: list[_Prepared] = []

    def process(
        self,
        topic: str,
        records: Sequence[RawRecord],
        starts: Mapping[int, int],
        following: Callable[[], Following | None] = _none,
    ) -> Outcome:
        """Apply the records of one poll.

        Args:
            topic: where they come from, for dead letters.
            records: in the order of the log within a partition.
            starts: by partition of the poll, the position it was read from; there may be partitions without records.
            following: asked for the next poll. Those that follow are decoded while the store writes this one; one that
                was decoded by then is loaded while this one is evaluated.

        Raises:
            StoreError: nothing is known to be written; a retryable one asks for the same call again.

        """
        if not records:
            return self._compare(starts)
        prepared = self._prepare(records)
        while True:
            outcome = self._attempt(topic, prepared, starts, following)
            if outcome is not None:
                return outcome

    def _prepare(self, records: Sequence[RawRecord]) -> _Prepared:
        if (known := self._known(records)) is not None:
            return known
        decoded = self._decoder.decode(records)
        return _Prepared(records, decoded, grouped(decoded.subjects, decoded.partitions))

    def _known(self, records: Sequence[RawRecord]) -> _Prepared | None:
        return next((one for one in self._prepared if one.records is records), None)

    def _load_ahead(self, following: Callable[[], Following | None]) -> None:
        """Ask the store for what the next poll needs, if that is known."""
        poll = following()
        if poll is not None and (known := self._known(poll.records)) is not None:
            self._store.load_ahead(Wanted(list(poll.starts), known.groups.partitions, known.groups.subjects))

    def _prepare_ahead(self, following: Callable[[], Following | None]) -> None:
        """Prepare the polls that follow."""
        ahead = []
        while (poll := following()) is not None and poll.records:
            ahead.append(self._prepare(poll.records))
            following = poll.following
        self._prepared = ahead

    def _compare(self, starts: Mapping[int, int]) -> Outcome:
        """Apply nothing; say where to read on if the store stands elsewhere."""
        nexts, _ = self._store.load(list(starts), np.zeros(0, np.int64), np.zeros(0, np.uint64))
        self._store.release()
        return Outcome(seeks={} if nexts == dict(starts) else nexts)

    def _attempt(
        self,
        topic: str,
        prepared: _Prepared,
        starts: Mapping[int, int],
        following: Callable[[], Following | None],
    ) -> Outcome | None:
        """Load, evaluate and commit once; return None if another worker moved a fence meanwhile."""
        records, decoded, groups = prepared
        nexts, values = self._store.load_values(list(starts), groups.partitions, groups.subjects)
        if nexts != dict(starts):
            # Redelivered, or a gap. Rare, and simplest as: apply nothing, read again from where the store stands.
            self._store.release()
            return Outcome(seeks=nexts)
        self._load_ahead(following)
        made = applied(values, decoded.facts, groups, day_of(int(self._clock())), self.announced.timeline)
        refused = decoded.refused
        if made.counts[CONFLICT] or made.counts[FULL]:
            refused = refused + _conflicts(made, decoded)
        commit = Commit(
            nexts={**starts, **decoded.ends},
            partitions=groups.partitions,
            subjects=groups.subjects,
            written=made.grown,
            before=made.before,
            after=Standings(made.cards, made.facts, made.starts),
            outbox=self._outbox(
                _letters(topic, records, refused), _reached(decoded, made), groups, made.before, made.cards, made.grown
            ),
        )
        if not self._store.commit(commit, partial(self._prepare_ahead, following)):
            return None
        return self._outcome(decoded, made, refused, commit)

    def _compared(self, commit: Commit) -> Compared | None:
        """Look beside a batch, once it is committed, at what the shadow pack would have made of it."""
        shadow = self.announced.shadow
        if shadow is None or not commit.written.any():
            return None
        after = commit.after
        day = int(after.cards["evaluated"][0])
        live = self.announced.timeline.at(day).pack, after.cards
        return compare(after.facts, after.starts, commit.subjects, day, live, shadow)

    def _outbox(
        self,
        letters: Mapping[int, Sequence[DeadLetter]],
        reached: Mapping[int, Sequence[bytes]],
        groups: Groups,
        before: Cards,
        after: Cards,
        written: Bools,
    ) -> dict[int, list[bytes]]:
        changes, places = changes_between(groups.subjects, before, after, written, self.announced.packs)
        if not len(changes) and not letters and not reached:
            return {}
        of = groups.partitions[places]
        return {
            partition: entry(changes[of == partition], letters.get(partition, ()), reached.get(partition, ()))
            for partition in {*of.tolist(), *letters, *reached}
        }

    def _outcome(self, decoded: Decoded, made: Applied, refused: Sequence[Refused], commit: Commit) -> Outcome:
        scored, skipped, *_ = made.counts
        recorded_ms = decoded.recorded_ms
        if scored < len(recorded_ms):
            recorded_ms = recorded_ms[made.outcomes == ADDED]
        return Outcome(
            scored=scored,
            skipped=skipped,
            dead=Counter(one.refusal.reason for one in refused) if refused else {},
            nexts=commit.nexts,
            published=bool(commit.outbox),
            compared=self._compared(commit),
            committed_s=self._clock(),
            recorded_ms=recorded_ms,
        )


def _number(value: int | None) -> int:
    """A record that was read from a log has a partition and an offset; the client's types do not say so."""
    assert value is not None  # noqa: S101
    return value


def _conflicts(made: Applied, decoded: Decoded) -> list[Refused]:
    refused: list[Refused] = []
    outcomes, indices = made.outcomes, decoded.indices
    for index in np.flatnonzero(outcomes >= CONFLICT):
        if outcomes[index] == CONFLICT:
            remedy = "an event cannot change: send record.corrected or record.revoked about it, under a new id"
            refusal = Refusal(Reason.CONFLICT, "id", "", remedy)
        else:
            remedy = f"a subject has at most {LEDGER_FACTS_MAX} records; ask why this one has more"
            refusal = Refusal(Reason.LEDGER_FULL, "subject", "", remedy)
        refused.append(Refused(int(indices[index]), refusal))
    return refused


def _letters(topic: str, records: Sequence[RawRecord], refused: Sequence[Refused]) -> dict[int, list[DeadLetter]]:
    """Return the dead letters by partition."""
    letters: dict[int, list[DeadLetter]] = {}
    for one in refused:
        letter = _letter(topic, records[one.index], one.refusal)
        letters.setdefault(letter.partition, []).append(letter)
    return letters


def _reached(decoded: Decoded, made: Applied) -> dict[int, list[bytes]]:
    """Return, by partition of an organisation's event, the events that follow for others.

    Only from what is new: what was there already left them in an outbox by the commit that added it.
    """
    reached: dict[int, list[bytes]] = {}
    if not decoded.derived:
        return reached
    indices = decoded.indices
    for one in decoded.derived:
        place = int(np.searchsorted(indices, one.index))
        if made.outcomes[place] == ADDED:
            reached.setdefault(int(decoded.partitions[place]), []).extend(one.values)
    return reached


def _letter(topic: str, record: RawRecord, refusal: Refusal) -> DeadLetter:
    headers = None
    with contextlib.suppress(Refusal):
        headers = headers_of(record)
    return DeadLetter.of(
        refusal,
        topic=topic,
        partition=_number(record.partition()),
        offset=_number(record.offset()),
        key=record.key(),
        value=record.value(),
        headers=headers,
    )
