"""Records, ledgers and cards: builders for readable cases, and strategies."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cache

import numpy as np
from hypothesis import strategies as st

from schemas import catalogue
from schemas.catalogue import EVENT_TYPES, GRADES_BY_LABEL, TYPES_BY_NAME, EventType
from schemas.days import CITY_TIMEZONE, DAY_S, NEVER, day_of_date, start_of
from schemas.facts import FACT, Facts
from schemas.subjects import KIND_SHIFT, Kind
from scoring.card import CARD, CEILING, DISPUTED, HAS_SCORE, NO_TIER, REVIEW
from scoring.evaluator import State, evaluate
from scoring.kernel import evaluate as evaluate_cards
from scoring.ledger import Merged, merge
from scoring.pack import KIND_NAMES, SCORE_MAX, Pack, load_pack
from scoring.rules import Rules, compile_rules
from tests.support.events import KEY

RECORD_TYPES = tuple(one for one in EVENT_TYPES if not one.control)
ABOUT_THE_SUBJECT = (catalogue.CONSENTED, catalogue.CONSENTED, catalogue.WITHDRAWN, catalogue.DECEASED)
CONTROLS = tuple(one for one in EVENT_TYPES if one.control)
_KIND_LABELS = {kind: label for label, kind in KIND_NAMES.items()}


@cache
def shipped() -> Pack:
    """The pack that comes with Jasmine."""
    return load_pack()


@cache
def rules_of(pack_json: str) -> Rules:
    return compile_rules(Pack.model_validate_json(pack_json))


def a_record(
    type_name: str,
    on: str,
    *,
    name: str = "",
    grade: str = "",
    quantity: int = 0,
    incident: str = "",
    determined: str = "",
    terminated: str = "",
    offset: int = 0,
) -> np.void:
    """Return the fact of an act at noon on a day; records of one type on one day need names of their own."""
    event_type = TYPES_BY_NAME[type_name]
    fact: np.void = np.zeros(1, FACT)[0]
    fact["record"] = KEY.record("/test", name or f"{type_name} on {on}")
    fact["link"] = KEY.incident(incident) if incident else 0
    fact["occurred"] = _noon(on)
    fact["offset_low"] = offset
    fact["type"] = event_type.code
    fact["determined"] = day(determined) if determined else 0
    fact["terminated"] = day(terminated) if terminated else 0
    fact["quantity"] = quantity
    fact["grade"] = GRADES_BY_LABEL[grade] if grade else event_type.grades[0]
    return fact


def a_control(
    type_name: str, about: np.void, on: str, *, name: str = "", grade: str = "", quantity: int = 0
) -> np.void:
    """Return the fact of an event that says something about a record."""
    fact = a_record(type_name, on, name=name or f"{type_name} on {on} about {about['record']}", grade=grade)
    fact["link"] = about["record"]
    fact["quantity"] = quantity
    if type_name == catalogue.CORRECTED.name:
        fact["determined"] = about["type"]
        fact["grade"] = GRADES_BY_LABEL[grade] if grade else 0
    return fact


def registered(on: str = "2020-01-01") -> np.void:
    return a_record("subject.registered", on)


def day(on: str) -> int:
    return day_of_date(date.fromisoformat(on))


def _noon(on: str) -> int:
    return int(datetime.combine(date.fromisoformat(on), time(12), CITY_TIMEZONE).timestamp())


def facts_of(facts: Sequence[np.void]) -> Facts:
    array = np.zeros(len(facts), FACT)
    for index, fact in enumerate(facts):
        array[index] = fact
    return array


EMPTY = np.zeros(0, FACT)


def merged(ledger: Facts, new: Facts) -> Merged:
    """Add new facts, in log order, to one subject's ledger."""
    bounds = np.array([0, len(ledger)]), np.array([0, len(new)])
    return merge(ledger, bounds[0], new, np.arange(len(new)), bounds[1])


def card_of(ledger: Facts, on: int, rules: Rules, kind: Kind = Kind.RESIDENT) -> np.void:
    """Return the card that the kernel makes of one subject's ledger."""
    cards = np.zeros(1, CARD)
    number = np.array([kind << KIND_SHIFT | 5], np.uint64)
    evaluate_cards(ledger, np.array([0, len(ledger)]), number, on, rules, cards)
    card: np.void = cards[0]
    return card


def state_of(facts: Facts, on: int, pack: Pack, kind: Kind = Kind.RESIDENT) -> State:
    return evaluate(facts, on, pack, _KIND_LABELS[kind])


def state_on(on: str, *facts: np.void, pack: Pack | None = None, kind: Kind = Kind.RESIDENT) -> State:
    """Return the state that the plain evaluator finds, having held the kernel to it."""
    pack = pack or shipped()
    array = facts_of(facts)
    hold_card_to_states(array, day(on), pack, rules_of(pack.model_dump_json(by_alias=True)), kind)
    return state_of(array, day(on), pack, kind)


def hold_card_to_states(facts: Facts, on: int, pack: Pack, rules: Rules, kind: Kind = Kind.RESIDENT) -> np.void:
    """Fail unless the kernel's card of the merged facts is what the plain evaluator says of the facts as they came."""
    ledger = merged(EMPTY, facts).facts
    card = card_of(ledger, on, rules, kind)
    now = state_of(facts, on, pack, kind)
    then = state_of(facts, now.until, pack, kind) if now.until < NEVER else now
    assert _said_by(card, "") == _expected(now, pack)
    assert _said_by(card, "next_") == _expected(then, pack)
    assert card["dimensions"].tolist() == list(now.dimensions)
    assert (card["valid_until"], card["next_until"]) == (now.until, then.until)
    assert (card["evaluated"], card["facts"], card["pack"]) == (on, len(ledger), pack.hash)
    return card


def _said_by(card: np.void, prefix: str) -> tuple[int, ...]:
    return tuple(int(card[prefix + name]) for name in ("flags", "score", "tier", "entitlements"))


def _expected(state: State, pack: Pack) -> tuple[int, ...]:
    flags = DISPUTED * state.disputed | CEILING * (state.ceiling < SCORE_MAX) | REVIEW * state.under_review
    if state.score is None or state.tier is None:
        return flags, 0, NO_TIER, 0
    bits = sum(1 << number for number, perk in enumerate(pack.perks) if perk.id in state.entitlements)
    return flags | HAS_SCORE, state.score, state.tier, bits


# Days close enough to meet, over the longest validity and some.
FIRST_DAY = day("2024-01-31")
_SPAN_DAYS = 2_600


def days() -> st.SearchStrategy[int]:
    """Days at which things happen: often the same, often at a month's end, now and then any."""
    common = st.integers(0, 24).map(lambda n: FIRST_DAY + 61 * n)
    return common | common.map(lambda n: n + 1) | st.integers(FIRST_DAY, FIRST_DAY + _SPAN_DAYS)


def instants() -> st.SearchStrategy[int]:
    """Seconds since the epoch, at the edges of days and within."""
    return st.builds(lambda on, second: start_of(on) + second, days(), st.sampled_from([0, 1, DAY_S // 2, DAY_S - 1]))


@st.composite
def ledgers(draw: st.DrawFn, types: Sequence[EventType] = RECORD_TYPES, *, duplicates: bool = True) -> Facts:
    """Facts about one subject in log order: records, controls about them or about nothing, and repeated ids."""
    facts = [registered()] if draw(st.booleans()) else []
    facts += [_fact(draw, number, draw(st.sampled_from(types))) for number in range(draw(st.integers(0, 10)))]
    facts += [
        _fact(draw, 50 + number, draw(st.sampled_from(ABOUT_THE_SUBJECT))) for number in range(draw(st.integers(0, 2)))
    ]
    for number in range(draw(st.integers(0, 6)) if facts else 0):
        control = _fact(draw, 100 + number, draw(st.sampled_from(CONTROLS)))
        about = draw(st.sampled_from(facts))
        control["link"] = about["record"] if draw(st.integers(0, 7)) else 77
        if control["type"] == catalogue.CORRECTED.code:
            meant = catalogue.TYPES_BY_CODE[int(about["type"])]
            meant = meant if not meant.control and draw(st.integers(0, 4)) else draw(st.sampled_from(types))
            control["determined"] = meant.code
            control["grade"] = draw(st.sampled_from([0, *meant.grades]))
            control["quantity"] = draw(st.sampled_from([0, 6, 30]))
        facts.append(control)
    for _ in range(draw(st.integers(0, 3)) if facts and duplicates else 0):
        again = draw(st.sampled_from(facts)).copy()
        again["occurred"] = draw(st.sampled_from([int(again["occurred"]), int(again["occurred"]) + 86_400]))
        facts.append(again)
    if facts:
        facts = draw(st.permutations(facts))
    for offset, fact in enumerate(facts):
        fact["offset_low"] = offset
    return facts_of(facts)


def _fact(draw: st.DrawFn, number: int, event_type: EventType) -> np.void:
    fact: np.void = np.zeros(1, FACT)[0]
    # The order of ids has nothing to do with the order in which they were given.
    fact["record"] = (number + 1) * 0x9E3779B97F4A7C15 % (1 << 64)
    fact["occurred"] = draw(instants())
    fact["type"] = event_type.code
    fact["grade"] = draw(st.sampled_from(event_type.grades))
    if not event_type.control:
        fact["link"] = draw(st.sampled_from([0, 0, 0, 11, 13]))
        fact["determined"] = draw(st.just(0) | days())
        fact["terminated"] = draw(st.just(0) | days())
        if event_type.quantity:
            fact["quantity"] = draw(st.integers(1, 150) | st.just(65_535))
    return fact


def later(on: str, days_later: int) -> str:
    return (date.fromisoformat(on) + timedelta(days=days_later)).isoformat()
