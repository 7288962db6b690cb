"""Whether what was measured was right: standings in the store against the plain evaluator on the log itself."""

import numpy as np

from benchmarks.backlog import backlog
from benchmarks.deployment import PARTITIONS, Deployment
from benchmarks.errors import BenchmarkError
from benchmarks.filling import AS_OF
from city.calibrate import DEMO_KEY
from city.records import records_of
from gateway.card import CARD_BYTES
from schemas.decoder import Decoder
from schemas.facts import FACT, Facts
from schemas.records import RecordKey
from schemas.subjects import kind_of
from scoring.card import CARD, HAS_SCORE
from scoring.evaluator import evaluate
from scoring.pack import KIND_NAMES, Pack, load_pack
from sinks.keys import next_key, standing_key

_SUBJECTS = 200


def check_store(deployment: Deployment, events: int, subjects: int) -> int:
    """Compare a sample of standings with the plain evaluator; return how many were compared.

    Raises:
        BenchmarkError: an event is missing, or a score is wrong.

    """
    facts = _facts_of_a_sample(events, subjects)
    pack = load_pack()
    with deployment.store() as client:
        nexts = [int(value or 0) for value in client.mget([next_key(partition) for partition in range(PARTITIONS)])]
        if sum(nexts) != events:
            message = f"the store stands at offsets {nexts}, together {sum(nexts)} of {events} events"
            raise BenchmarkError(message)
        for (partition, subject), ledger in facts.items():
            raw = client.get(standing_key(partition, subject))
            _compare(subject, raw if isinstance(raw, bytes) else b"", ledger, pack)
    return len(facts)


def _facts_of_a_sample(events: int, subjects: int) -> dict[tuple[int, int], Facts]:
    """Return all facts of some subjects, decoded one by one by the specification."""
    decoder = Decoder(RecordKey.derived(DEMO_KEY), PARTITIONS)
    facts: dict[tuple[int, int], list[np.void]] = {}
    sample: set[bytes] = set()
    every = subjects // min(_SUBJECTS, subjects)
    for number, record in enumerate(records_of(backlog(events, subjects), AS_OF, PARTITIONS)):
        # Everyone's registration comes first, in the order of the city's subjects.
        if number < subjects and number % every == 0:
            sample.add(record.key())
        if record.key() in sample:
            fact, subject = decoder.decode_one(record)
            facts.setdefault((record.partition(), subject), []).append(fact)
    return {place: np.array(parts, FACT) for place, parts in facts.items()}


def _compare(subject: int, standing: bytes, facts: Facts, pack: Pack) -> None:
    if not standing:
        message = f"subject {subject:016x} has no standing"
        raise BenchmarkError(message)
    card = np.frombuffer(standing[:CARD_BYTES], CARD)[0]
    kinds = {kind: label for label, kind in KIND_NAMES.items()}
    state = evaluate(facts, int(card["evaluated"]), pack, kinds[kind_of(subject)])
    score = int(card["score"]) if card["flags"] & HAS_SCORE else None
    if (score, card["valid_until"]) != (state.score, state.until):
        message = (
            f"subject {subject:016x} has score {score} until day {card['valid_until']} in the store; the plain "
            f"evaluator says {state.score} until {state.until}"
        )
        raise BenchmarkError(message)
