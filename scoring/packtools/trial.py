"""Tries a pack on scenarios: by the plain evaluator and by the kernel, which must say the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from schemas import catalogue
from schemas.catalogue import GRADES_BY_LABEL, TYPES_BY_NAME, Grade
from schemas.days import DAY_S, day_of_date, start_of
from schemas.facts import FACT, Facts
from schemas.subjects import KIND_SHIFT
from scoring.card import CARD, CEILING, DISPUTED, HAS_SCORE, REVIEW
from scoring.evaluator import State, evaluate
from scoring.kernel import evaluate as evaluate_cards
from scoring.lines import FileError
from scoring.pack import KIND_NAMES, SCORE_MAX, Pack
from scoring.packtools.scenario import CONTROLS, Expected, Given, Located, Scenario
from scoring.rules import Rules, compile_rules

_NOON_S = DAY_S // 2
_OUTCOMES = {"upheld": Grade.UPHELD, "rejected": Grade.REJECTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """An expectation that did not hold.

    Attributes:
        path: the file.
        line: the line of the expectation.
        scenario: what the scenario shows.
        on: the day.
        what: score, tier, perks and so on.
        expected: what the scenario says.
        got: what the pack says.

    """

    path: Path
    line: int
    scenario: str
    on: date
    what: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        return (
            f"{self.path}:{self.line}: {self.scenario}: on {self.on}: {self.what}: "
            f"expected {_told(self.expected)}, got {_told(self.got)}"
        )


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {points:+d}" for name, points in value.items()) or "nothing"
    return (", ".join(map(str, value)) or "nothing") if isinstance(value, tuple) else str(value)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of some scenarios.

    Attributes:
        scenarios: how many there were.
        expectations: how many days of them were looked at.
        misses: what did not hold.
        types: the event types that occurred in them.

    """

    scenarios: int
    expectations: int
    misses: tuple[Miss, ...]
    types: frozenset[str]


def try_pack(pack: Pack, scenarios: Sequence[Located]) -> Tried:
    """Evaluate all scenarios under a pack.

    Raises:
        FileError: an expectation names a tier or perk that the pack does not have.

    """
    if unknown := [problem for located in scenarios for problem in _unknown(pack, located)]:
        raise FileError("\n".join(unknown))
    rules = compile_rules(pack)
    misses = [miss for located in scenarios for miss in _misses(pack, rules, located)]
    days = sum(len(one.dates) for located in scenarios for one in located.scenario.expect)
    types = frozenset(given.type for located in scenarios for given in located.scenario.records)
    return Tried(len(scenarios), days, tuple(misses), types)


def _unknown(pack: Pack, located: Located) -> Iterator[str]:
    tiers, perks = [tier.id for tier in pack.tiers], [perk.id for perk in pack.perks]
    for one, line in zip(located.scenario.expect, located.expect_lines, strict=True):
        for tier in {one.tier, one.ceiling} - {None, "none", *tiers}:
            yield f"{located.path}:{line}: the pack has no tier '{tier}'; it has {', '.join(tiers)}"
        for perk in sorted({*(one.perks or ()), *one.has, *one.lacks} - {*perks}):
            yield f"{located.path}:{line}: the pack has no perk '{perk}'; it has {', '.join(perks)}"


def _misses(pack: Pack, rules: Rules, located: Located) -> Iterator[Miss]:
    facts, names = facts_of(located.scenario)
    for one, line in zip(located.scenario.expect, located.expect_lines, strict=True):
        for on in one.dates:
            state = evaluate(facts, day_of_date(on), pack, located.scenario.about)
            card = _card(facts, day_of_date(on), rules, located.scenario.about)
            differences = [*_differences(one, state, pack, names), *_disagreements(state, card, pack)]
            for what, expected, got in differences:
                yield Miss(
                    path=located.path,
                    line=line,
                    scenario=located.scenario.scenario,
                    on=on,
                    what=what,
                    expected=expected,
                    got=got,
                )


def _differences(one: Expected, state: State, pack: Pack, names: dict[int, str]) -> Iterator[tuple[str, Any, Any]]:
    got: dict[str, Any] = {
        "score": "none" if state.score is None else state.score,
        "tier": "none" if state.tier is None else pack.tiers[state.tier].id,
        "ceiling": "none" if state.ceiling == SCORE_MAX else pack.tiers[pack.tier_index(state.ceiling)].id,
        "disputed": state.disputed,
        "under_review": state.under_review,
    }
    for what, value in got.items():
        expected = getattr(one, what)
        if expected is not None and expected != value:
            yield what, expected, value
    held = state.entitlements
    if one.perks is not None and {*one.perks} != held:
        yield "perks", tuple(sorted(one.perks)), tuple(sorted(held))
    if lacking := {*one.has} - held:
        yield "perks", tuple(sorted(lacking)), "not these"
    if unwanted := {*one.lacks} & held:
        yield "perks", "none of " + ", ".join(sorted(unwanted)), tuple(sorted(unwanted))
    reasons = _reasons(state, names)
    if one.reasons is not None and {name: points for name, points in one.reasons.items() if points} != reasons:
        yield "reasons", one.reasons, reasons


def _reasons(state: State, names: dict[int, str]) -> dict[str, int]:
    """Return the points of each name; the records of a series share one."""
    points: Counter[str] = Counter()
    for one in state.contributions:
        points[names[one.record.record]] += one.points
    return {name: total for name, total in points.items() if total}


def _card(facts: Facts, day: int, rules: Rules, about: str) -> np.void:
    cards = np.zeros(1, CARD)
    number = np.array([KIND_NAMES[about] << KIND_SHIFT | 1], np.uint64)
    # A ledger is in the order of occurrence; a scenario is in the order in which it is told.
    ledger = facts[np.lexsort((facts["record"], facts["occurred"]))]
    evaluate_cards(ledger, np.array([0, len(facts)]), number, day, rules, cards)
    card: np.void = cards[0]
    return card


def _disagreements(state: State, card: np.void, pack: Pack) -> Iterator[tuple[str, Any, Any]]:
    flags = int(card["flags"])
    bits = int(card["entitlements"])
    said = {
        "score": (state.score, int(card["score"]) if flags & HAS_SCORE else None),
        "tier": (state.tier, int(card["tier"]) if flags & HAS_SCORE else None),
        "perks": (
            tuple(sorted(state.entitlements)),
            tuple(sorted(perk.id for number, perk in enumerate(pack.perks) if bits >> number & 1)),
        ),
        "dimensions": (state.dimensions, tuple(card["dimensions"].tolist())),
        "ceiling": (state.ceiling < SCORE_MAX, bool(flags & CEILING)),
        "disputed": (state.disputed, bool(flags & DISPUTED)),
        "under_review": (state.under_review, bool(flags & REVIEW)),
        "valid until": (state.until, int(card["valid_until"])),
    }
    for what, (plain, compiled) in said.items():
        if plain != compiled:
            yield f"kernel's {what}", plain, compiled


def facts_of(scenario: Scenario) -> tuple[Facts, dict[int, str]]:
    """Return a scenario's records as facts, and the name of each record; the subject's registration comes first."""
    table = _Facts()
    if scenario.registered != "never":
        table.add(catalogue.REGISTERED.name, day_of_date(scenario.registered), "registration")
    for given in scenario.records:
        for day in given.days():
            table.add_given(given, day)
    return table.array(), table.names


class _Facts:
    """Facts as they are told, numbered in that order: of two on one day the first that is told came first."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self._facts: list[np.void] = []
        self._incidents: dict[str, int] = {}

    def add(self, type_name: str, day: int, name: str, grade: str = "") -> np.void:
        event_type = TYPES_BY_NAME[type_name]
        fact: np.void = np.zeros(1, FACT)[0]
        number = len(self._facts) + 1
        fact["record"] = number
        fact["offset_low"] = number
        fact["occurred"] = start_of(day) + _NOON_S
        fact["type"] = event_type.code
        fact["grade"] = GRADES_BY_LABEL[grade] if grade else event_type.grades[0]
        self._facts.append(fact)
        self.names[number] = name
        return fact

    def add_given(self, given: Given, day: int) -> None:
        fact = self.add(given.type, day, given.name, given.grade)
        fact["quantity"] = given.quantity
        fact["determined"] = 0 if given.determined is None else day_of_date(given.determined)
        fact["terminated"] = 0 if given.ended is None else day_of_date(given.ended)
        if given.incident:
            fact["link"] = self._incidents.setdefault(given.incident, len(self._incidents) + 1)
        for word, one in given.said():
            control = self.add(CONTROLS[word], day_of_date(one.on), word)
            control["link"] = fact["record"]
            if word == "corrected":
                control["determined"] = fact["type"]
                control["grade"] = GRADES_BY_LABEL[one.grade] if one.grade else 0
                control["quantity"] = one.quantity
            elif word in _OUTCOMES:
                control["grade"] = _OUTCOMES[word]

    def array(self) -> Facts:
        array = np.zeros(len(self._facts), FACT)
        for number, fact in enumerate(self._facts):
            array[number] = fact
        return array
