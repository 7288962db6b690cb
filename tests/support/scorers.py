"""Workers without threads: a processor over a fake log, and what a store holds afterwards."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import orjson

from schemas.decoder import Decoder
from schemas.errors import Reason, Refusal
from schemas.facts import CONTENT, FACT, Facts, facts_in
from schemas.subjects import kind_of
from scoring.announced import Announced
from scoring.card import CARD
from scoring.ledger import LEDGER_FACTS_MAX
from scoring.retention import kept
from scoring.rules import Rules
from sinks.dead import DeadLetter
from sinks.message import Channel
from sinks.outbox import NamesByPack, messages
from sinks.standings import Values
from sinks.store import Ints, Store, Subjects
from stream.process import Outcome, Processor
from tests.support.events import KEY, PARTITIONS, RECORDED_MS
from tests.support.fake_kafka import TOPIC, FakeLog, FakeRecord, positions_after
from tests.support.records import day, hold_card_to_states, rules_of, shipped

TODAY = day("2026-11-24")
NOON_S = RECORDED_MS / 1000 + 1.5
RULES: Rules = rules_of(shipped().model_dump_json(by_alias=True))
ANNOUNCED = Announced.of(shipped())
NAMES = NamesByPack.of(ANNOUNCED.packs)
# As the transport.
AHEAD_MAX = 2


class InterruptedStore(Store):
    """A store whose next load is followed by something else, as when another worker is between our two calls.

    Its clock is the worker's, as long as a test does not set another.
    """

    meanwhile: Callable[[], None] | None = None

    def __init__(self, client: Any, clock: Callable[[], float] = lambda: NOON_S) -> None:
        super().__init__(client)
        self.clock = clock

    def now_s(self) -> int:
        return int(self.clock())

    def load_values(self, partitions: Sequence[int], of: Ints, subjects: Subjects) -> tuple[dict[int, int], Values]:
        loaded = super().load_values(partitions, of, subjects)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return loaded


class FakePoll(NamedTuple):
    """What the transport hands on."""

    records: list[FakeRecord]
    starts: dict[int, int]
    following: Callable[[], "FakePoll | None"]


class Scorer:
    """What a worker does with its polls, by hand: poll, process, and acknowledge or not."""

    def __init__(self, log: FakeLog, client: Any, clock: Callable[[], float] = lambda: NOON_S) -> None:
        self.log = log
        self.store = InterruptedStore(client, clock)
        self.processor = Processor(Decoder(KEY, len(log.records)), self.store, ANNOUNCED, clock)
        self.outcomes: list[Outcome] = []
        self.positions: dict[int, int] = {}
        # The one to be applied, again if that failed, and perhaps some that were read ahead.
        self._polls: list[FakePoll] = []
        self.take_over()

    def take_over(self) -> None:
        """Be given all partitions: begin where the store stands."""
        self.positions = self.store.positions(dict.fromkeys(self.log.records, 0), TODAY)
        self._polls.clear()

    def process(self, records_max: int = 100, partitions: Sequence[int] | None = None) -> list[FakeRecord]:
        """Poll and apply, without acknowledging: what a worker has done when it is killed."""
        records = self._apply(records_max, partitions)
        self._polls.clear()
        return records

    def work(self, records_max: int = 100, partitions: Sequence[int] | None = None) -> bool:
        """Poll, apply and acknowledge; return whether there was anything."""
        records = self._apply(records_max, partitions)
        if records:
            self.positions = {**positions_after(self.positions, records), **self.outcomes[-1].seeks}
        return bool(records)

    def _apply(self, records_max: int, partitions: Sequence[int] | None) -> list[FakeRecord]:
        """Apply the poll that waits, or poll; behind a full one the next are read meanwhile, as the transport does."""
        held = self.positions if partitions is None else {one: self.positions[one] for one in partitions}
        if not self._polls:
            self._polls.append(self._poll(held, records_max))
        poll = self._polls[0]
        if poll.records:
            self.outcomes.append(self.processor.process(TOPIC, poll.records, poll.starts, poll.following))
        del self._polls[0]
        return poll.records

    def _poll(self, held: dict[int, int], records_max: int) -> FakePoll:
        records, starts = self.log.poll(held, records_max)

        def following() -> FakePoll | None:
            place = next(at for at, one in enumerate(self._polls) if one.records is records) + 1
            if len(self._polls) == place and place <= AHEAD_MAX and len(records) == records_max:
                self._polls.append(self._poll(positions_after(held, records), records_max))
            return self._polls[place] if place < len(self._polls) else None

        return FakePoll(records, starts, following)

    def work_off(self, records_max: int = 100) -> None:
        """Work until the log's end."""
        while self.work(records_max):
            pass


def counts_of(outcomes: Sequence[Outcome]) -> tuple[int, int, Counter[Reason]]:
    """Return how many records were scored, skipped, and refused by reason."""
    dead: Counter[Reason] = Counter()
    for outcome in outcomes:
        dead.update(outcome.dead)
    return sum(one.scored for one in outcomes), sum(one.skipped for one in outcomes), dead


def standings_in(client: Any) -> dict[bytes, bytes]:
    """Return the standings in a store, by key."""
    return {key: client.get(key) for key in client.keys("{*}:" + "[0-9a-f]" * 16)}


def due_in(client: Any) -> dict[bytes, set[bytes]]:
    """Return the due sets in a store, by key."""
    return {key: client.smembers(key) for key in client.keys("{*}:due:*")}


def letters_in(client: Any) -> list[DeadLetter]:
    """Return the dead letters in all outboxes."""
    return [
        DeadLetter.unpack(value)
        for _, _, pairs in _entries(client)
        for name, value in zip(pairs[::2], pairs[1::2], strict=True)
        if name == b"dead"
    ]


def changes_in(client: Any) -> list[dict[str, Any]]:
    """Return the changes in all outboxes, as they would be published."""
    return [
        orjson.loads(one.value)
        for partition, entry_id, pairs in _entries(client)
        for one in messages(pairs, partition, NAMES, entry_id)
        if one.channel is Channel.CHANGES
    ]


def derived_in(client: Any) -> dict[int, list[dict[str, Any]]]:
    """Return, by the partition of the outbox, the events in it that are for the log."""
    found: dict[int, list[dict[str, Any]]] = {}
    for partition, _, pairs in _entries(client):
        for one in messages(pairs, partition, NAMES):
            if one.channel is Channel.EVENTS:
                found.setdefault(partition, []).append(orjson.loads(one.value))
    return found


def _entries(client: Any) -> list[tuple[int, bytes, list[bytes]]]:
    store = Store(client)
    try:
        return [(partition, *one) for partition in range(PARTITIONS) for one in store.outbox(partition, 10_000)]
    finally:
        store.disconnect()


@dataclass(slots=True)
class Expected:
    """What must become of a log, worked out record by record with the specifications alone.

    Attributes:
        scored: how many records become facts.
        skipped: how many repeat one.
        letters: reason and name of each refused record.
        ledgers: facts by subject's number.

    """

    scored: int = 0
    skipped: int = 0
    letters: dict[str, str] = field(default_factory=dict)
    ledgers: dict[int, dict[int, np.void]] = field(default_factory=lambda: defaultdict(dict))

    def facts(self, subject: int) -> Facts:
        """Return a subject's facts in the order a ledger keeps."""
        facts = sorted(self.ledgers[subject].values(), key=lambda one: (one["occurred"], one["record"]))
        return np.array(facts, FACT)


def expected_of(log: FakeLog) -> Expected:
    """Return what must become of a log."""
    expected = Expected()
    decoder = Decoder(KEY, len(log.records))
    for record in log.all_records:
        try:
            fact, subject = decoder.decode_one(record)
        except Refusal as refusal:
            expected.letters[record.name] = refusal.reason
            continue
        ledger = expected.ledgers[subject]
        known = ledger.get(int(fact["record"]))
        if known is None and len(ledger) < LEDGER_FACTS_MAX:
            ledger[int(fact["record"])] = fact
            expected.scored += 1
        elif known is None:
            expected.letters[record.name] = Reason.LEDGER_FULL
        elif all(known[name] == fact[name] for name in CONTENT):
            expected.skipped += 1
        else:
            expected.letters[record.name] = Reason.CONFLICT
    return expected


def hold_store_to(expected: Expected, client: Any, on: int = TODAY, *, deleted: bool = False) -> None:
    """Fail unless every subject's ledger is what is expected, and its card what the plain evaluator says of it.

    Where records were `deleted`, what is expected is without those whose time is over.
    """
    standings = {int(key.rpartition(b":")[2], 16): value for key, value in standings_in(client).items()}
    assert standings.keys() == {subject for subject, ledger in expected.ledgers.items() if ledger}
    for subject, value in standings.items():
        facts = expected.facts(subject)
        ledger = facts_in(value[CARD.itemsize :])
        left = facts[kept(facts, shipped(), on)] if deleted else facts
        assert ledger.tolist() == left.tolist()
        card = hold_card_to_states(ledger, on, shipped(), RULES, kind_of(subject))
        stated = np.frombuffer(value[: CARD.itemsize], CARD)[0].copy()
        offsets = facts["offset_low"]
        assert stated["as_of"] == offsets.max()
        stated["as_of"] = card["as_of"]
        assert stated.tobytes() == card.tobytes()
