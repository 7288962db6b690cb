"""What is different between two packs, part by part and field by field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scoring.pack import Pack

# By what the entries of a list are known; a list that is not named here is compared as a whole.
_NAMED_BY = {
    "rules": "type",
    "tiers": "id",
    "groups": "id",
    "perks": "id",
    "thresholds": "effective_from",
    "steps": "from",
}
# What only changes with the pack's own name says nothing about anybody's score.
_HEAD = ("id", "version", "effective_from", "base_points")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    Attributes:
        part: rules, tiers, perks, groups, dimensions, validity, or head.
        name: the rule's type, or the id of the entry.
        kind: what happened to it.
        field: the way to the field within it; empty for an entry as a whole.
        old: what it was, or None.
        new: what it is, or None.

    """

    part: str
    name: str
    kind: Literal["added", "removed", "changed"]
    field: str = ""
    old: Any = None
    new: Any = None


def diff(old: Pack, new: Pack) -> list[Change]:
    """Return all differences, the head first and then part by part."""
    one, other = (_keyed(pack.model_dump(mode="json", by_alias=True), "") for pack in (old, new))
    changes = []
    for part in [*_HEAD, *(name for name in one if name not in _HEAD)]:
        if isinstance(one[part], Mapping) and isinstance(other[part], Mapping):
            changes += list(_of_part(part, one[part], other[part]))
        elif one[part] != other[part]:
            changes.append(Change(part="head", name=part, kind="changed", old=one[part], new=other[part]))
    return changes


def _keyed(value: Any, name: str) -> Any:
    """Return a value with each list whose entries have names as a mapping of them, so that order is no difference."""
    if isinstance(value, Mapping):
        return {key: _keyed(one, key) for key, one in value.items()}
    if isinstance(value, list) and name in _NAMED_BY:
        key = _NAMED_BY[name]
        return {str(one[key]): _keyed({k: v for k, v in one.items() if k != key}, "") for one in value}
    return value


def _of_part(part: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys([*one, *other]):
        if name not in other:
            yield Change(part=part, name=name, kind="removed", old=one[name])
        elif name not in one:
            yield Change(part=part, name=name, kind="added", new=other[name])
        else:
            yield from _of_entry(part, name, _flat(one[name]), _flat(other[name]))


def _of_entry(part: str, name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Change]:
    for field in dict.fromkeys([*one, *other]):
        old, new = one.get(field), other.get(field)
        if old != new:
            yield Change(part=part, name=name, kind="changed", field=field, old=old, new=new)


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return the leaves of a value by the way to them, such as ``grades.standard.points``."""
    if not isinstance(value, Mapping):
        return {path: value}
    leaves: dict[str, Any] = {}
    for key, one in value.items():
        leaves |= _flat(one, f"{path}.{key}" if path else str(key))
    return leaves
