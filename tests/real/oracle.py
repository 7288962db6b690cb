"""What must stand in the store: the log itself, read back, and put through the specification alone.

Nothing of the worker is used here: records are decoded one by one, repetitions and contradictions are found in a
dictionary, and scores are the plain evaluator's.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import orjson
import redis
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from schemas.codec import decode
from schemas.days import NEVER
from schemas.decoder import Decoder
from schemas.derive import CAUSE, derived
from schemas.errors import Reason, Refusal
from schemas.facts import FACT, facts_in, offsets_of, same_content
from schemas.partitioner import partition_of
from schemas.records import RecordKey, fact_of
from schemas.subjects import format_subject, kind_of, parse_subject
from scoring.card import CARD, HAS_SCORE, NO_TIER
from scoring.evaluator import evaluate
from scoring.pack import KIND_NAMES, Pack
from sinks.dead import DeadLetter
from sinks.keys import META, PACKS, due_key, next_key, rescored_key, standing_key, swept_key

READ_S_MAX = 30.0
_KIND_LABELS = {kind: label for label, kind in KIND_NAMES.items()}


def read_log(bootstrap: str, topic: str, partitions: int) -> list[Message]:
    """Return all committed records of a topic, in the order of each partition."""
    properties = {"bootstrap.servers": bootstrap, "group.id": "oracle", "log_level": 2}
    records: list[Message] = []
    unread = set(range(partitions))
    with closing(Consumer({**properties, "enable.auto.commit": False, "enable.partition.eof": True})) as consumer:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in unread])
        deadline_at_s = time.monotonic() + READ_S_MAX
        while unread:
            assert time.monotonic() < deadline_at_s, f"{topic}: partitions {unread} were not read to their end"
            for record in consumer.consume(1_000, 0.1):
                error = record.error()
                if error is None:
                    records.append(record)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    unread.discard(cast("int", record.partition()))
    return records


@dataclass
class Truth:
    """What the records of a log come to.

    Attributes:
        nexts: by partition, the offset behind its last record.
        ledgers: by partition and subject, the first fact of each record id.
        refused: by the name of its dead letter, the reason and the record.
        repeated: how many records say again what is known.
        follows: by partition, subject and record id, the fact that must follow from one for who represents its subject.
        caused: the same keys of the records that say they follow from another.

    """

    nexts: dict[int, int]
    ledgers: dict[tuple[int, int], dict[int, np.void]] = field(default_factory=dict)
    refused: dict[str, tuple[Reason, Message]] = field(default_factory=dict)
    repeated: int = 0
    follows: dict[tuple[int, int, int], np.void] = field(default_factory=dict)
    caused: set[tuple[int, int, int]] = field(default_factory=set)

    @classmethod
    def of(cls, records: list[Message], key: bytes, partitions: int) -> "Truth":
        truth = cls(dict.fromkeys(range(partitions), 0))
        record_key = RecordKey.derived(key)
        decoder = Decoder(record_key, partitions)
        for record in records:
            partition, offset = cast("int", record.partition()), cast("int", record.offset())
            truth.nexts[partition] = offset + 1
            try:
                fact, subject = decoder.decode_one(record)
                ledger = truth.ledgers.setdefault((partition, subject), {})
                known = ledger.setdefault(int(fact["record"]), fact)
                if known is not fact and not same_content(known, fact):
                    raise Refusal(Reason.CONFLICT)  # noqa: TRY301 - it ends where the decoder's do
                truth.repeated += known is not fact
                value = record.value() or b""
                if CAUSE.encode() in value:
                    truth.caused.add((partition, subject, int(fact["record"])))
                if b"linked_subjects" in value:
                    for one in derived(decode(value, cast("Any", record.headers()))):
                        following, home = fact_of(one, record_key, 0), partition_of(one.subject, partitions)
                        truth.follows[home, parse_subject(one.subject), int(following["record"])] = following
            except Refusal as refusal:
                truth.refused[f"{record.topic()}/{partition}/{offset}"] = (refusal.reason, record)
        return truth


def faults_of_store(truth: Truth, client: redis.Redis, pack: Pack) -> list[str]:
    """Return where the store differs from what its log comes to; empty if all is well."""
    return list(_faults_of_store(truth, client, pack))


def _faults_of_store(truth: Truth, client: Any, pack: Pack) -> Iterator[str]:
    nexts = {partition: int(client.get(next_key(partition)) or -1) for partition in truth.nexts}
    if nexts != truth.nexts:
        yield f"next offsets are {nexts}, the log ends at {truth.nexts}"
    if client.hget(META, "partitions") != b"%d" % len(nexts):
        yield f"the store says it has {client.hget(META, 'partitions')} partitions"
    due: dict[str, set[str]] = {}
    for (partition, subject), ledger in truth.ledgers.items():
        key = standing_key(partition, subject)
        raw = client.get(key)
        if raw is None:
            yield f"{key} is missing"
            continue
        card = np.frombuffer(raw[: CARD.itemsize], CARD)[0]
        yield from (f"{key}: {fault}" for fault in _faults_of_standing(raw, ledger, subject, pack))
        if card["valid_until"] != NEVER:
            due.setdefault(due_key(partition, int(card["valid_until"])), set()).add(f"{subject:016x}")
    standings = {standing_key(*subject) for subject in truth.ledgers}
    fences = {name(partition) for partition in truth.nexts for name in (next_key, swept_key, rescored_key)}
    keys = {key.decode() for key in client.scan_iter(count=1_000)}
    surplus = {key for key in keys if ":outbox" not in key and ":access:" not in key}
    if surplus := surplus - standings - fences - {META, PACKS} - due.keys():
        yield f"keys that nothing accounts for: {sorted(surplus)[:5]}"
    for key, members in due.items():
        stored = {member.decode() for member in client.smembers(key)}
        if stored != members:
            yield f"{key} has {sorted(stored - members)[:3]} too much, {sorted(members - stored)[:3]} too little"


def _faults_of_standing(raw: bytes, ledger: dict[int, np.void], subject: int, pack: Pack) -> Iterator[str]:
    """Compare a standing with the facts it must have, and its card with what the plain evaluator says of them."""
    card = np.frombuffer(raw[: CARD.itemsize], CARD)[0]
    stored = facts_in(raw[CARD.itemsize :])
    expected = {fact.tobytes() for fact in ledger.values()}
    if len(stored) != len(expected) or {fact.tobytes() for fact in stored} != expected:
        yield f"has {len(stored)} facts, the log {len(expected)}, or other ones"
        return
    facts = np.array(list(ledger.values()), FACT)
    state = evaluate(facts, int(card["evaluated"]), pack, _KIND_LABELS[kind_of(subject)])
    bits = sum(1 << number for number, perk in enumerate(pack.perks) if perk.id in state.entitlements)
    tier = NO_TIER if state.tier is None else state.tier
    says = {
        "scored": (bool(card["flags"] & HAS_SCORE), state.score is not None),
        "score": (int(card["score"]), state.score or 0),
        "tier": (int(card["tier"]), tier),
        "dimensions": (card["dimensions"].tolist(), list(state.dimensions)),
        "entitlements": (int(card["entitlements"]), bits),
        "valid_until": (int(card["valid_until"]), state.until),
        "as_of": (int(card["as_of"]), int(offsets_of(facts).max())),
        "pack": (int(card["pack"]), pack.hash),
    }
    yield from (f"{name} is {was}, must be {must}" for name, (was, must) in says.items() if was != must)


def faults_of_followers(truth: Truth) -> list[str]:
    """Return what should follow from records for others and does not stand in the log, and what does beside it."""
    faults = []
    for (partition, subject, record), must in truth.follows.items():
        fact = truth.ledgers.get((partition, subject), {}).get(record)
        if fact is None or not same_content(fact, must):
            faults.append(f"{standing_key(partition, subject)}: {record:016x} follows, and is {fact}, not {must}")
    surplus = truth.caused - truth.follows.keys()
    return faults + [f"{one} says that it follows from a record, and does not" for one in surplus]


def faults_of_letters(truth: Truth, records: list[Message]) -> list[str]:
    """Return where the dead letters, each counted once, are not exactly the refused records."""
    letters = {(letter := DeadLetter.unpack(record.value() or b"")).name: letter for record in records}
    faults = [f"{name} has no dead letter" for name in truth.refused.keys() - letters.keys()]
    faults += [f"{name} is a dead letter, and was no refused record" for name in letters.keys() - truth.refused.keys()]
    for name in truth.refused.keys() & letters.keys():
        letter, (reason, record) = letters[name], truth.refused[name]
        if (letter.reason, letter.key, letter.value) != (reason, record.key(), record.value()):
            faults.append(f"{name}: letter and record differ, {letter.reason}")
    return faults


def faults_of_changes(truth: Truth, client: Any, records: list[Message], pack: Pack) -> list[str]:
    """Return whose last change, repetitions left out, is not what the card says."""
    tiers: dict[str, Any] = {}
    seen: set[str] = set()
    for record in records:
        change = orjson.loads(record.value() or b"")
        if change["id"] not in seen:
            seen.add(change["id"])
            tiers[change["subject"]] = change["data"]
    faults = []
    for partition, subject in truth.ledgers:
        card = np.frombuffer(client.getrange(standing_key(partition, subject), 0, CARD.itemsize - 1), CARD)[0]
        tier = None if card["tier"] == NO_TIER else pack.tiers[card["tier"]].id
        told = tiers.get(format_subject(subject), {"tier": None})["tier"]
        if tier != told:
            faults.append(f"{standing_key(partition, subject)}: the card says {tier}, the last change {told}")
    return faults
