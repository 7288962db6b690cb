"""The pack's names for the numbers in a card."""

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from gateway.errors import NamesFormatError, PackMismatchError

Scenario = Literal["admin", "transit", "medical", "education", "tourism", "culture", "finance", "utility", "parking"]
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)


@dataclass(frozen=True, slots=True)
class Perk:
    """One perk: its id, and the scenario it belongs to."""

    id: str
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class PackNames:
    """The names of one rule pack.

    Attributes:
        pack: the hash of the pack.
        tiers: ids, the lowest tier first.
        perks: in the order of the bits in a card.

    """

    pack: int
    tiers: tuple[str, ...]
    perks: tuple[Perk, ...]

    def check(self, pack: int) -> None:
        """Refuse to name anything of another pack.

        Raises:
            PackMismatchError: `pack` is not this pack's hash.

        """
        if pack != self.pack:
            raise PackMismatchError(pack, self.pack)

    def perks_in(self, entitlements: int) -> tuple[Perk, ...]:
        """Return the perks whose bits are set."""
        if not entitlements:
            return ()
        return tuple([perk for number, perk in enumerate(self.perks) if entitlements >> number & 1])

    def to_json(self) -> str:
        """Return them as a JSON document, to carry to where the pack is not."""
        perks = [{"id": perk.id, "scenario": perk.scenario} for perk in self.perks]
        return json.dumps({"pack": f"{self.pack:016x}", "tiers": list(self.tiers), "perks": perks}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "PackNames":
        """Return the names in a JSON document.

        Raises:
            NamesFormatError: it is not what `to_json` writes.

        """
        try:
            document = json.loads(text)
            perks = tuple(_perk(perk) for perk in document["perks"])
            return cls(int(document["pack"], 16), tuple(map(_text, document["tiers"])), perks)
        except (ValueError, TypeError, KeyError) as error:
            message = f"no names of a pack: {error!r}; write the file anew where the worker's pack is"
            raise NamesFormatError(message) from error


def pack_on(timeline: str | bytes, day: int) -> int:
    """Return the hash of the pack that holds on a day, by the timeline that workers keep in the store.

    Raises:
        NamesFormatError: it is none.

    """
    ((_, number),) = packs_from(timeline, day, day)
    return number


def packs_from(timeline: str | bytes, first: int, last: int) -> list[tuple[int, int]]:
    """Return which pack holds from which day on, by its hash, on the days from one to another.

    Raises:
        NamesFormatError: it is no timeline, or says nothing of the first day.

    """
    try:
        spans = [(one["first"], one["until"], int(one["pack"], 16)) for one in json.loads(timeline)]
    except (ValueError, TypeError, KeyError) as error:
        raise _no_timeline(repr(error)) from error
    found = [(max(begin, first), number) for begin, until, number in spans if begin <= last and until > first]
    if not found or found[0][0] != first:
        raise _no_timeline(f"it has no pack for day {first}")
    return found


def _no_timeline(why: str) -> NamesFormatError:
    return NamesFormatError(f"no timeline of packs: {why}; use the worker's release, or let it write the store anew")


def _perk(document: Any) -> Perk:
    if document["scenario"] not in SCENARIOS:
        message = f"scenario was {document['scenario']!r}, is one of {', '.join(SCENARIOS)}"
        raise ValueError(message)
    return Perk(_text(document["id"]), document["scenario"])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        message = f"an id is a text, was {value!r}"
        raise TypeError(message)
    return value
