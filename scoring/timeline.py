"""Which rule pack holds on which day, and cards that stay exact across the day on which it changes."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from schemas.days import NEVER
from schemas.facts import Facts
from scoring import evaluator, kernel
from scoring.card import CARD, Cards
from scoring.pack import Pack
from scoring.retention import kept_of_many
from scoring.rules import Rules, compile_rules

Int64s = NDArray[np.int64]
Subjects = NDArray[np.uint64]

# What of a card is said twice: now, and, named `next_` and this, of the state that follows.
_STATED = ("flags", "score", "tier", "entitlements")


class Span(NamedTuple):
    """A pack, from a day on until another follows.

    Attributes:
        first: the first day on which it holds; 0 for the pack that holds from the beginning.
        pack: the pack.
        rules: the same, compiled.

    """

    first: int
    pack: Pack
    rules: Rules


@dataclass(frozen=True, slots=True)
class Timeline:
    """The packs of a deployment, in the order of their days.

    Attributes:
        spans: the first begins on day 0; no pack follows itself.

    """

    spans: tuple[Span, ...]

    @classmethod
    def of(cls, pack: Pack) -> Self:
        """Return the timeline of a deployment to which no other pack was announced."""
        return cls((Span(0, pack, compile_rules(pack)),))

    def followed_by(self, span: Span) -> "Timeline":
        """Return the timeline in which a pack takes the place of all from its first day on."""
        kept = tuple(one for one in self.spans if one.first < span.first)
        if kept and kept[-1].rules.pack == span.rules.pack:
            return Timeline(kept)
        return Timeline((*kept, span))

    def at(self, day: int) -> Span:
        """Return what holds on a day."""
        for one in reversed(self.spans):
            if one.first <= day:
                return one
        raise ValueError(f"day was {day}, the first pack holds from day {self.spans[0].first} on")

    def next_change(self, day: int) -> int:
        """Return the first later day on which another pack holds, or NEVER."""
        for one in self.spans:
            if one.first > day:
                return one.first
        return NEVER

    def before_last(self, today: int) -> Span | None:
        """Return what undoes the last change: the pack before it, from the day on which it takes its place again.

        A change that is still to come is called off; otherwise the earlier pack holds from today. A pack that was
        itself undone is not gone back to. None if the first pack holds.
        """
        last = self.spans[-1]
        if last.first > today:
            return self.spans[-2]._replace(first=last.first)
        done: list[Span] = []
        for one in self.spans:
            if len(done) > 1 and done[-2].rules.pack == one.rules.pack:
                done.pop()
            else:
                done.append(one)
        return done[-2]._replace(first=today) if len(done) > 1 else None

    def evaluate(self, facts: Facts, starts: Int64s, subjects: Subjects, day: int, cards: Cards) -> None:
        """Fill in the cards of n subjects as `kernel.evaluate` does, under the pack of each day.

        With one pack to come or none this costs one or two evaluations of a batch.
        """
        kernel.evaluate(facts, starts, subjects, day, self.at(day).rules, cards)
        self.look_across(facts, starts, subjects, day, cards)

    def retained(self, facts: Facts, starts: Int64s, day: int) -> tuple[Facts, Int64s]:
        """Return the ledgers of n subjects without what is deleted on a day; what a pack to come still keeps stays."""
        keep = np.zeros(len(facts), np.bool_)
        for span in (self.at(day), *(one for one in self.spans if one.first > day)):
            keep |= kept_of_many(facts, starts, day, span.rules)
        if keep.all():
            return facts, starts
        return facts[keep], np.append(0, np.cumsum(keep))[starts]

    def deletes(self, day: int) -> bool:
        """Whether anything is ever deleted under the pack of a day."""
        return self.at(day).rules.retention > 0

    def look_across(self, facts: Facts, starts: Int64s, subjects: Subjects, day: int, cards: Cards) -> None:
        """Let a day's cards that would hold until the next change, or longer, end there and become what follows."""
        change = self.next_change(day)
        if change == NEVER:
            return
        following = self.at(change)
        after = np.zeros(len(subjects), CARD)
        kernel.evaluate(facts, starts, subjects, change, following.rules, after)
        crossing = cards["valid_until"] >= change
        for name in _STATED:
            cards[f"next_{name}"][crossing] = after[name][crossing]
        until = np.minimum(after["valid_until"], np.uint16(self.next_change(change)))
        cards["next_until"] = np.where(crossing, until, np.minimum(cards["next_until"], np.uint16(change)))
        cards["valid_until"][crossing] = change
        cards["next_pack"][crossing] = following.rules.pack


def state_on(facts: Facts, day: int, timeline: Timeline, kind: str = "resident") -> evaluator.State:
    """Return the state of one subject's score on a day under the pack of that day: the plain specification.

    Args:
        facts: (n,) of dtype FACT, in any order.
        day: days since 1970-01-01 in the city.
        timeline: the packs.
        kind: the subject's kind, as perks name it.

    """
    state = evaluator.evaluate(facts, day, timeline.at(day).pack, kind)
    return replace(state, until=min(state.until, timeline.next_change(day)))
