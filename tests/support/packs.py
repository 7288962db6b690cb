"""Rule packs: small changes to the shipped one, and random ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from schemas.catalogue import EventType
from schemas.days import date_of
from schemas.facts import Facts
from scoring.pack import Anchor, Dimension, Pack, RepairPath, Rule
from tests.support.records import FIRST_DAY, RECORD_TYPES, ledgers, shipped

Changes = Mapping[str, Any]
_TIERS = [tier.id for tier in shipped().tiers]
_GROUPS = ["a", "b"]
_OPTED_IN = {"blood.donation.made", "marrow.donation.made"}
_REPAIRABLE = [RepairPath.ON_FULFILMENT, RepairPath.BY_AUTHORITY]


def pack_with(*rules: Changes, **head: Any) -> Pack:
    """Return the shipped pack with some of its rules and of its head changed; each rule names its type."""
    changed = {rule["type"]: rule for rule in rules}
    stated = shipped().model_dump(by_alias=True)
    stated["rules"] = [{**rule, **changed.get(rule["type"], {})} for rule in stated["rules"]]
    return Pack.model_validate({**stated, **head})


@dataclass(frozen=True, slots=True)
class Variant:
    """A pack, and the types whose rules are not the shipped pack's."""

    pack: Pack
    types: tuple[EventType, ...]

    def __repr__(self) -> str:
        rules = [repr(rule) for rule in self.pack.rules if rule.event_type in self.types]
        return "\n".join([f"base {self.pack.base_points}", *map(repr, self.pack.groups), *rules])


@st.composite
def packs(draw: st.DrawFn) -> Variant:
    """Packs some of whose rules are random."""
    types = tuple(draw(st.lists(st.sampled_from(RECORD_TYPES), min_size=1, max_size=5, unique=True)))
    changed = {one.name: draw(_rules(one)) for one in types}
    head = {name: getattr(shipped(), name) for name in ("id", "version", "effective_from", "tiers", "validity")}
    ranges = {
        dimension.label: shipped()
        .dimensions[dimension.label]
        .model_copy(update={"lowest": -draw(st.integers(0, 400)), "highest": draw(st.integers(0, 400))})
        for dimension in Dimension
    }
    caps = st.integers(1, 120)
    pack = Pack.model_validate(
        {
            **head,
            "base_points": draw(st.integers(0, 1000) | st.sampled_from([660, 860])),
            "dimensions": ranges,
            "groups": [{"id": name, "cap": draw(caps)} for name in _GROUPS],
            "perks": [draw(_perks(number)) for number in range(draw(st.integers(0, 4)))],
            "review": draw(st.none() | st.fixed_dictionaries({"tiers": st.integers(2, len(_TIERS) - 1)})),
            "rules": [changed.get(rule.type, _without_group(rule)) for rule in shipped().rules],
        }
    )
    return Variant(pack, types)


Case = tuple[Variant, Facts]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A random pack, and a ledger mostly of the types whose rules are random."""
    variant = draw(packs())
    return variant, draw(ledgers(variant.types + RECORD_TYPES[:2]))


def _without_group(rule: Rule) -> Rule:
    return rule.model_copy(update={"group": None}) if rule.group else rule


@st.composite
def _perks(draw: st.DrawFn, number: int) -> Changes:
    first = draw(st.integers(FIRST_DAY - 400, FIRST_DAY + 2_000))
    apart = draw(st.lists(st.integers(1, 400), max_size=2))
    dates = [date_of(first + sum(apart[:count])) for count in range(len(apart) + 1)]
    return {
        "id": f"discount_{number}",
        "name": {"zh": "权益", "en": "Perk"},
        "scenario": "culture",
        "kinds": draw(st.sets(st.sampled_from(["resident", "legal_person", "organisation"]), min_size=1).map(sorted)),
        "thresholds": [{"effective_from": one, "points": draw(st.integers(0, 1000))} for one in dates],
        "basis": "illustrative",
    }


@st.composite
def _rules(draw: st.DrawFn, event_type: EventType) -> Rule:
    anchor = draw(st.sampled_from(Anchor))
    steps = draw(_steps()) if event_type.quantity and draw(st.booleans()) else []
    every = draw(st.none() | st.integers(1, 14)) if anchor is not Anchor.TERMINATED and not steps else None
    one_grade = _deductions() if every else _worth_nothing() if steps else _grades(anchor)
    grades = {grade.label: draw(one_grade) for grade in event_type.grades}
    lowers = any(one["points"] < 0 or one["ceiling"] for one in grades.values())
    repair = draw(st.sampled_from([*_REPAIRABLE, RepairPath.EXPIRY, *([] if lowers else [RepairPath.NONE])]))
    substitutes = st.fixed_dictionaries(
        {"points": st.integers(-90, 0), "months": st.integers(0, 60), "ceiling": st.none() | st.sampled_from(_TIERS)}
    )
    group = draw(st.none() | st.sampled_from(_GROUPS))
    caps = st.none() | st.integers(1, 90)
    dimension = draw(st.sampled_from(Dimension)).label
    return Rule.model_validate(
        {
            "type": event_type.name,
            "dimension": {"a": "public", "b": "administrative"}.get(group or "", dimension),
            "severity": "general",
            "anchor": anchor,
            "grades": grades,
            "per": draw(st.integers(1, 24)) if event_type.quantity and not steps else 1,
            "steps": steps,
            "every": every,
            "record_only": any(one["ceiling"] for one in grades.values()) and draw(st.booleans()),
            "opt_in": not event_type.about_the_subject
            and (event_type.name in _OPTED_IN or draw(st.sampled_from([False, False, True]))),
            "counts": "all" if steps else draw(st.sampled_from(["all", "all", "latest"])),
            "cap": None if group else draw(caps),
            "cap_year": draw(caps),
            "group": group,
            "doubles": draw(st.booleans()),
            "repair": repair,
            "substitute": draw(st.none() | substitutes) if repair in _REPAIRABLE and not steps else None,
            "appeal": "city credit centre",
            "basis": "illustrative",
        }
    )


@st.composite
def _grades(draw: st.DrawFn, anchor: Anchor) -> Changes:
    points = draw(st.integers(-200, 100))
    ceiling = draw(st.none() | st.none() | st.sampled_from(_TIERS))
    months = st.integers(0 if anchor is Anchor.TERMINATED else 1, 60) | st.just(
        "by_size" if points < 0 else "by_issuer"
    )
    endless = points >= 0 and ceiling is None
    return {"points": points, "months": draw(st.none() | months if endless else months), "ceiling": ceiling}


@st.composite
def _deductions(draw: st.DrawFn) -> Changes:
    months = draw(st.integers(1, 60) | st.just("by_size"))
    return {"points": draw(st.integers(-90, -1)), "months": months, "ceiling": None}


def _worth_nothing() -> st.SearchStrategy[Changes]:
    return st.fixed_dictionaries({"points": st.just(0), "months": st.none() | st.integers(1, 60), "ceiling": st.none()})


@st.composite
def _steps(draw: st.DrawFn) -> list[Changes]:
    lowest = sorted(draw(st.sets(st.integers(1, 400), min_size=1, max_size=5)))
    points = sorted(draw(st.sets(st.integers(1, 90), min_size=len(lowest), max_size=len(lowest))))
    return [{"from": one, "points": worth} for one, worth in zip(lowest, points, strict=True)]
