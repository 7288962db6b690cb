"""What the page shows of one subject on one day, before it is written in a language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile, pairwise

import numpy as np

from gateway.accesses import Accesses, Told
from gateway.card import CARD_BYTES
from gateway.citizen.drawings import Flower, History, Petal, flower, history_plot
from gateway.errors import CardFormatError
from schemas.catalogue import TYPES_BY_NAME
from schemas.days import day_of_date
from schemas.facts import FACT, Facts
from scoring.benefits import words_of
from scoring.explain import Entry, Explanation, explain, history
from scoring.pack import SCORE_MAX, Dimension, Pack
from scoring.rules import Rules
from scoring.suggest import suggest
from scoring.suggestion import Suggestions
from scoring.words import Words

# Only people sign in with an identity number; bodies have no page.
KIND = "resident"
HISTORY_DAYS = 730
_CAN_APPLY = "repair.applied" in TYPES_BY_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A tier on the ruler of scores."""

    name: Words
    lowest: int
    width: int
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PerkShown:
    """A perk, and how far it is."""

    name: Words
    scenario: str
    points: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordShown:
    """A record, and what its subject can do about it now.

    Attributes:
        entry: what is said of it.
        disputed: whether a dispute is open.
        under_review: whether it waits for a person to look at it.
        disputes: how often it was disputed.
        applications: how often its repair was applied for.
        waiting_since: the day of an application that is not answered yet.
        repair_from: the first day on which a repair can be applied for; None where none can, or it is waiting.
        can_apply: whether that day has come.
        told: who knows of its repair; None where none was granted.

    """

    entry: Entry
    disputed: bool
    under_review: bool
    disputes: int
    applications: int
    waiting_since: date | None
    repair_from: date | None
    can_apply: bool
    told: Told | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything about one subject on one day."""

    why: Explanation
    bands: Sequence[Band]
    flower: Flower
    history: History | None
    ways: Suggestions
    reached: Sequence[PerkShown]
    ahead: Sequence[PerkShown]
    lowering: Sequence[RecordShown]
    raising: Sequence[RecordShown]
    resting: Sequence[RecordShown]

    @property
    def limited(self) -> bool:
        """Whether a record sets the highest tier possible."""
        return any(one.ceiling for one in self.why.contributions)

    def record(self, number: str) -> RecordShown | None:
        """Return one of the records by its id."""
        return next((one for one in (*self.lowering, *self.raising, *self.resting) if one.entry.record == number), None)


def facts_of(standing: bytes) -> Facts:
    """Return the ledger of a standing.

    Raises:
        CardFormatError: it is no whole number of facts.

    """
    if (len(standing) - CARD_BYTES) % FACT.itemsize:
        message = f"a ledger is a multiple of {FACT.itemsize} bytes, was {len(standing) - CARD_BYTES}"
        raise CardFormatError(message)
    return np.frombuffer(standing[CARD_BYTES:], FACT)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A pack, and the same compiled."""

    pack: Pack
    rules: Rules


# Which ruling holds from which day on, until the next one's; the last of them holds today.
Rulings = Sequence[tuple[int, Ruling]]


def page_of(facts: Facts, day: int, rulings: Rulings, target: int | None, accesses: Accesses) -> Page:
    """Return what is shown of a ledger on a day; without a target, what would lead to the next benefit."""
    ruling = rulings[-1][1]
    pack = ruling.pack
    why = explain(facts, day, pack, KIND, rules=ruling.rules, target=target)
    following = SCORE_MAX if why.next is None else why.next.points
    wanted = following if target is None else target
    return Page(
        why=why,
        ways=suggest(facts, day, pack, KIND, wanted, rules=ruling.rules),
        bands=_bands(why, pack),
        flower=flower(_petals(why, pack)),
        history=_history(facts, day, rulings),
        reached=[one for one in _perks(why, pack) if one.missing <= 0],
        ahead=[one for one in _perks(why, pack) if one.missing > 0],
        lowering=_records([one for one in why.contributions if one.points < 0 or one.ceiling], why.day, accesses),
        raising=_records([one for one in why.contributions if one.points > 0 and not one.ceiling], why.day, accesses),
        resting=_records(why.others, why.day, accesses),
    )


def _bands(why: Explanation, pack: Pack) -> list[Band]:
    edges = [*(tier.lowest for tier in pack.tiers), SCORE_MAX]
    return [
        Band(name=words_of(tier.name), lowest=lowest, width=highest - lowest, is_current=tier.id == why.tier)
        for tier, (lowest, highest) in zip(pack.tiers, pairwise(edges), strict=True)
    ]


def _petals(why: Explanation, pack: Pack) -> list[Petal]:
    """Return the dimensions a resident has, each within its range."""
    found = []
    for dimension in Dimension:
        if dimension is Dimension.ORGANISATION:
            continue
        limits = pack.dimensions[dimension.label]
        points = sum(one.points for one in why.contributions if one.dimension == dimension.label)
        points += sum(one.points for one in why.limits if one.name == f"dimension {dimension.label}")
        found.append(Petal(words_of(limits.name), points, limits.lowest, limits.highest))
    return found


def _history(facts: Facts, today: int, rulings: Rulings) -> History | None:
    """Return how the score has moved, each day under the pack that held on it."""
    lasts = [*(first - 1 for first, _ in rulings[1:]), today]
    steps = [
        (day_of_date(step.day), step.score)
        for (first, ruling), last in zip(rulings, lasts, strict=True)
        for step in history(facts, first, last, ruling.pack, KIND, rules=ruling.rules)
    ]
    # It begins with the first score; what was none before it was nothing yet.
    scored = list(dropwhile(lambda one: one[1] is None, steps))
    moved = [one for place, one in enumerate(scored) if place == 0 or one[1] != scored[place - 1][1]]
    return history_plot(moved, today) if moved else None


def _perks(why: Explanation, pack: Pack) -> list[PerkShown]:
    day = day_of_date(why.day)
    shown = [
        PerkShown(
            name=words_of(perk.name),
            scenario=perk.scenario,
            points=asked,
            missing=0 if perk.id in why.perks else max(asked - (why.score or 0), 1),
        )
        for perk in pack.perks
        if KIND in perk.kinds and (asked := pack.threshold(perk, day)) is not None
    ]
    return sorted(shown, key=lambda one: one.points)


def _records(entries: Sequence[Entry], today: date, accesses: Accesses) -> list[RecordShown]:
    """Return records, the newest first; who somebody is, and what they allow, is no record to act upon."""
    shown = [_record(one, today, accesses) for one in entries if not TYPES_BY_NAME[one.type].about_the_subject]
    return sorted(shown, key=lambda one: one.entry.date, reverse=True)


def _record(entry: Entry, today: date, accesses: Accesses) -> RecordShown:
    said = [one for one in entry.remarks if one.type in {"repair.applied", "repair.refused", "repair.granted"}]
    # They stand in the order in which they were said, of which their days know nothing within one.
    last = said[-1] if said else None
    granted = next((one for one in said if one.type == "repair.granted"), None)
    waiting = last.date if last is not None and last.type == "repair.applied" else None
    ended = entry.until is not None and entry.until <= today
    repairable = _CAN_APPLY and entry.repair is not None and entry.repair.done is None and not ended
    from_day = entry.repair.earliest if repairable and waiting is None and entry.repair is not None else None
    return RecordShown(
        entry=entry,
        disputed=any(one.reason == "disputed" for one in entry.why),
        under_review=any(one.reason == "under_review" for one in entry.why),
        disputes=sum(one.type == "record.disputed" for one in entry.remarks),
        applications=sum(one.type == "repair.applied" for one in entry.remarks),
        waiting_since=waiting,
        repair_from=from_day,
        can_apply=from_day is not None and from_day <= today,
        told=None if granted is None else accesses.told_since(granted.evidence.offset),
    )
