"""A pack in words and tables for people; whatever field a model has shows up by itself."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel

from schemas.catalogue import GRADES_BY_LABEL
from schemas.days import day_of_date
from scoring.pack import Names, Pack, PackError, Rule

# Fields that have a column of their own in the table of rules.
_SHOWN = frozenset(
    {"type", "dimension", "grades", "steps", "cap", "cap_year", "group", "repair", "substitute", "appeal", "basis"}
)


def plain(model: BaseModel) -> dict[str, Any]:
    """Return a part of a pack as it would stand in YAML, without what it leaves at its default."""
    return model.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def rule_of(pack: Pack, type_name: str) -> Rule:
    """Return the rule of a type.

    Raises:
        PackError: the pack has none.

    """
    rule = pack.rule(type_name)
    if rule is None:
        near = sorted(one.type for one in pack.rules if one.type.split(".")[0] == type_name.split(".", maxsplit=1)[0])
        message = f"no rule is about '{type_name}'; " + (
            f"there are {', '.join(near)}" if near else "`jasmine types` lists the types"
        )
        raise PackError(message)
    return rule


def rule_row(pack: Pack, rule: Rule) -> dict[str, Any]:
    """Return a rule for a table: names, points, validity, caps, repair, the other fields, basis."""
    points, months = zip(*(_grade(pack, rule, label) for label in _in_order(rule)), strict=True)
    return {
        "type": rule.type,
        "zh": rule.event_type.chinese,
        "en": rule.event_type.english,
        "points": "\n".join(points),
        "validity": "\n".join(months),
        "caps": ", ".join(f"{name} {value}" for name, value in _caps(pack, rule).items()),
        "repair": _repair(rule),
        "also": in_words({name: value for name, value in plain(rule).items() if name not in _SHOWN}),
        "basis": both(rule.basis),
    }


def rule_fields(pack: Pack, rule: Rule) -> dict[str, Any]:
    """Return everything that a rule says, and what the pack adds to it."""
    stated = rule.model_dump(mode="json", by_alias=True)
    grades = {
        label: {**stated["grades"][label], "counts_months": pack.months(rule, label)} for label in _in_order(rule)
    }
    names = {"type": rule.type, "zh": rule.event_type.chinese, "en": rule.event_type.english}
    return {**names, **stated, "grades": grades, "quantity": rule.event_type.quantity or None}


def head_of(pack: Pack, on: date) -> dict[str, Any]:
    """Return what a pack says besides its rules, with the perks' thresholds of a day."""
    whole = pack.model_dump(mode="json", by_alias=True, exclude={"rules"})
    day = day_of_date(on)
    perks = [
        {**perk, "threshold": pack.threshold(one, day)} for perk, one in zip(whole["perks"], pack.perks, strict=True)
    ]
    return {**whole, "perks": perks, "on": on.isoformat(), "in_force": pack.effective_from <= on}


def both(text: Names) -> str:
    """Return a text in both languages, or once where both are the same."""
    return "\n".join(dict.fromkeys((text.zh, text.en)))


def in_words(value: Any) -> str:
    """Return any value of a pack on one line."""
    if isinstance(value, Mapping):
        return ", ".join(name if one is True else f"{name} {in_words(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(in_words, value))
    return "none" if value is None else str(value)


def _in_order(rule: Rule) -> list[str]:
    return sorted(rule.grades, key=lambda label: GRADES_BY_LABEL[label])


def _grade(pack: Pack, rule: Rule, label: str) -> tuple[str, str]:
    grade = rule.grades[label]
    name = "" if len(rule.grades) == 1 else f"{label} "
    unit = f" each {rule.per} {rule.event_type.quantity}" if rule.event_type.quantity and grade.points else ""
    ceiling = f", at most {grade.ceiling}" if grade.ceiling else ""
    steps = ", ".join(f"{step.points:+d} from {step.lowest}" for step in rule.steps)
    points = steps or f"{grade.points:+d}{unit}"
    return f"{name}{points}{ceiling}", _validity(pack.months(rule, label), rule)


def _validity(months: int | None, rule: Rule) -> str:
    if months is None:
        return "stands"
    since = "" if rule.anchor == "occurred" else f" from {rule.anchor}"
    return f"until {rule.anchor}" if months == 0 else f"{months} months{since}"


def _caps(pack: Pack, rule: Rule) -> dict[str, int | str]:
    caps = {group.id: group.cap for group in pack.groups}
    stated = {"at most": rule.cap, "a year": rule.cap_year}
    if rule.group:
        stated[f"group {rule.group}"] = caps[rule.group]
    return {name: value for name, value in stated.items() if value is not None}


def _repair(rule: Rule) -> str:
    if rule.substitute is None:
        return str(rule.repair).replace("_", " ")
    return f"{rule.repair}; then {in_words(plain(rule.substitute))}".replace("_", " ")
