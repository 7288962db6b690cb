"""Answers: typed, and never None. Somebody without a score is not somebody with a low one."""

from collections.abc import Callable
from datetime import date
from typing import Literal, NamedTuple

from gateway.card import Card, State, date_of
from gateway.names import SCENARIOS, PackNames, Perk, Scenario

Status = Literal["scored", "no_score", "unknown"]


class GatewayAnswer(NamedTuple):
    """What a payment gateway may know: what somebody is entitled to where it asks, and nothing else.

    Attributes:
        status: whether there is a score; without one there is neither tier nor entitlement.
        tier: the tier's id, or None.
        entitlements: ids of the perks of the scenario asked about.
        valid_until: the first day on which this may have changed without an event, or None.

    """

    status: Status
    tier: str | None
    entitlements: tuple[str, ...]
    valid_until: date | None


class Answer(NamedTuple):
    """All that a card says about one subject on one day.

    Attributes:
        status: `scored`, `no_score` (known, but not registered), or `unknown` (nothing was ever published).
        tier: the tier's id, or None.
        perks: those reached.
        score: 0 to 1000, or None.
        disputed: whether a record is left out because it is disputed.
        valid_until: the first day on which this may have changed without an event, or None.
        as_of: the log offset up to which the subject's events are in, or None.
        pack: hash of the rule pack, or None.
        under_review: whether a record is left out because a person has yet to look at it.

    """

    status: Status
    tier: str | None
    perks: tuple[Perk, ...]
    score: int | None
    disputed: bool
    valid_until: date | None
    as_of: int | None
    pack: int | None
    under_review: bool = False

    @property
    def entitlements(self) -> tuple[str, ...]:
        """The ids of the perks reached."""
        return tuple(perk.id for perk in self.perks)

    def for_gateway(self, scenario: Scenario) -> GatewayAnswer:
        """Return only what a payment gateway may know in one scenario.

        Raises:
            ValueError: there is no such scenario; nobody is to lose a perk by a slip of the pen.

        """
        if scenario not in SCENARIOS:
            message = f"scenario was {scenario!r}, is one of {', '.join(SCENARIOS)}"
            raise ValueError(message)
        entitlements = tuple([perk.id for perk in self.perks if perk.scenario == scenario])
        return GatewayAnswer(self.status, self.tier, entitlements, self.valid_until)


Recorder = Callable[[str, Answer], None]
"""Told of each subject that was read and of the answer, before it is given; what it raises is raised instead."""

UNKNOWN = Answer(
    status="unknown", tier=None, perks=(), score=None, disputed=False, valid_until=None, as_of=None, pack=None
)


def answer_of(card: Card, state: State, names: PackNames) -> Answer:
    """Return the answer for a state of a card's subject, under the pack that has these names."""
    return Answer(
        "no_score" if state.tier is None else "scored",
        None if state.tier is None else names.tiers[state.tier],
        names.perks_in(state.entitlements),
        state.score,
        state.disputed,
        date_of(state.until),
        card.as_of,
        names.pack,
        state.under_review,
    )
