"""A reader at any day says what the plain rules say at that day, whichever way it had to go."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from gateway.card import decode
from gateway.evaluate import PackEvaluator
from gateway.lookup import Lookup
from schemas.catalogue import CORRECTED, EVENT_TYPES, REGISTERED, EventType, Grade
from schemas.days import NEVER, date_of, start_of
from schemas.events import CreditEvent, Data
from schemas.facts import FACT, Facts
from schemas.partitioner import partition_of
from schemas.records import fact_of
from schemas.subjects import Kind, parse_subject
from scoring.card import CARD
from scoring.evaluator import evaluate as evaluate_plainly
from scoring.kernel import evaluate
from scoring.ledger import merge
from scoring.pack import KIND_NAMES
from scoring.rules import compile_rules
from sinks.keys import standing_key
from tests.gateway.city import COMPANY, KEY, NAMES, PACK, PARTITIONS, RESIDENT, TODAY, DictClient

EVALUATOR = PackEvaluator(PACK)
RULES = compile_rules(PACK)
FIRST_DAY = TODAY - 5 * 366
LABELS = {kind: name for name, kind in KIND_NAMES.items()}
SOURCE = "/dept/test"

times = st.integers(FIRST_DAY, TODAY + 400).map(lambda day: datetime.fromtimestamp(start_of(day) + 7, UTC))


def subject_of(kind: Kind) -> str:
    return RESIDENT if kind is Kind.RESIDENT else COMPANY


@st.composite
def records(draw: st.DrawFn, kind: Kind) -> list[CreditEvent]:
    """Some records of one subject."""
    types = [one for one in EVENT_TYPES if not one.control and kind in one.kinds]
    chosen = draw(st.lists(st.sampled_from(types), max_size=8))
    return [draw(a_record(number, one, kind)) for number, one in enumerate([REGISTERED, *chosen])]


@st.composite
def a_record(draw: st.DrawFn, number: int, event_type: EventType, kind: Kind) -> CreditEvent:
    data = Data(
        grade=draw(st.sampled_from(event_type.grades)),
        quantity=draw(st.integers(1, 200)) if event_type.quantity else None,
        determined_at=draw(st.none() | times),
        terminated_at=draw(st.none() | times),
        incident_key=draw(st.sampled_from(["", "", "one", "two"])),
    )
    return CreditEvent(
        id=f"record {number}", source=SOURCE, type=event_type, subject=subject_of(kind), time=draw(times), data=data
    )


@st.composite
def a_control(draw: st.DrawFn, number: int, about: Sequence[CreditEvent]) -> CreditEvent:
    event_type = draw(st.sampled_from([one for one in EVENT_TYPES if one.control]))
    record = draw(st.sampled_from(about))
    corrects = event_type is CORRECTED
    grade: Grade = draw(st.sampled_from(record.type.grades if corrects else event_type.grades))
    data = Data(grade=grade, record_source=SOURCE, record_id=record.id, record_type=record.type if corrects else None)
    return CreditEvent(
        id=f"control {number}", source=SOURCE, type=event_type, subject=record.subject, time=draw(times), data=data
    )


@st.composite
def ledgers(draw: st.DrawFn, kind: Kind) -> Facts:
    """A ledger as the worker keeps it."""
    about = draw(records(kind))
    events = about + [draw(a_control(number, about)) for number in range(draw(st.integers(0, 4)))]
    facts = np.array([fact_of(one, KEY, offset) for offset, one in enumerate(events)], FACT)
    one_group = np.array([0, len(facts)])
    return merge(facts[:0], np.zeros(2, np.int64), facts, np.arange(len(facts)), one_group).facts


@given(
    st.data(), st.sampled_from([Kind.RESIDENT, Kind.LEGAL_PERSON]), st.integers(FIRST_DAY, TODAY), st.integers(0, 2500)
)
def test_a_reader_at_any_day_says_what_the_rules_say_at_that_day(
    data: st.DataObject, kind: Kind, evaluated: int, later: int
) -> None:
    ledger = data.draw(ledgers(kind))
    subject = subject_of(kind)
    cards = np.zeros(1, CARD)
    starts = np.array([0, len(ledger)], np.int64)
    evaluate(ledger, starts, np.array([parse_subject(subject)], np.uint64), evaluated, RULES, cards)
    card = decode(cards.tobytes())
    # Half of the days at a boundary of the card, where a mistake would be.
    boundary = data.draw(st.sampled_from([None, card.now.until - 1, card.now.until, card.then.until]))
    day = evaluated + later if boundary is None or not evaluated <= boundary < NEVER else boundary
    standing = {
        standing_key(partition_of(subject, PARTITIONS), parse_subject(subject)): cards.tobytes() + ledger.tobytes()
    }
    client: Any = DictClient(standing)

    answer = Lookup(client, NAMES, evaluator=EVALUATOR, clock=lambda: start_of(day)).lookup(subject)

    expected = evaluate_plainly(ledger, day, PACK, LABELS[kind])
    note("own evaluation" if day >= card.then.until else "next" if day >= card.now.until else "now")
    assert answer.score == expected.score
    assert answer.tier == (None if expected.tier is None else PACK.tiers[expected.tier].id)
    assert set(answer.entitlements) == expected.entitlements
    assert answer.disputed == expected.disputed
    assert answer.under_review == expected.under_review
    assert answer.valid_until == (None if expected.until == NEVER else date_of(expected.until))
