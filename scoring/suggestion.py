"""What a suggestion is made of, and the table of what may be suggested at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from scoring.words import Words


class Effort(IntEnum):
    """What an act asks of somebody, least first: the order in which suggestions are shown."""

    SHORT_WAIT = 0
    FULFIL = 1  # it is owed anyway
    ORDINARY = 2  # part of everybody's days
    APPLY = 3  # a form, and an authority that decides
    GIVE_TIME = 4  # hours of one's own
    LONG_WAIT = 5  # no effort, but hardly help


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """An ordinary act that may be suggested.

    Attributes:
        effort: what it asks.
        days: how long one takes; the next can only follow.
        times_max: the most that is ever suggested.
        quantity: of one, in the type's unit; 0 for a type without one.
        only_if: suggested only to who has a record of one of these types; empty for everybody.
        words: the act, as advice.
        why: why it may be suggested.

    """

    effort: Effort
    days: int
    times_max: int
    quantity: int = 0
    only_if: tuple[str, ...] = ()
    words: Words
    why: str


# Nothing but these is ever suggested as an act. A type that is not here is not suggested, whatever it is worth.
HABITS: Mapping[str, Habit] = {
    "library.loan.returned": Habit(
        effort=Effort.ORDINARY,
        days=1,
        times_max=5,
        words=Words("按时归还图书馆的书（{times}次）", "return library books on time ({times}×)"),
        why="libraries are free and open to everybody",
    ),
    "rental.item.returned": Habit(
        effort=Effort.ORDINARY,
        days=1,
        times_max=5,
        words=Words(
            "按时归还租借的雨伞等物品（{times}次）", "return a borrowed umbrella or the like on time ({times}×)"
        ),
        why="small things lent in the street, at little or no cost",
    ),
    "qr.payment.settled": Habit(
        effort=Effort.ORDINARY,
        days=30,
        times_max=6,
        words=Words("按时付清福码账单（{times}个月）", "settle what you pay by the code on time ({times} months)"),
        why="paying in time what one buys anyway",
    ),
    "finance.loan.repaid": Habit(
        effort=Effort.ORDINARY,
        days=30,
        times_max=6,
        only_if=("finance.loan.repaid", "finance.loan.overdue"),
        words=Words("按期偿还现有贷款（{times}期）", "repay your present loan on time ({times} instalments)"),
        why="only to who has a loan: nobody is to borrow for a score",
    ),
    "volunteer.hours.accrued": Habit(
        effort=Effort.GIVE_TIME,
        days=14,
        times_max=5,
        quantity=10,
        words=Words("参加志愿服务（每次10小时，共{times}次）", "volunteer (10 hours, {times}×)"),
        why="open to everybody, shown after what asks less; not volunteering never costs a point",
    ),
}

# Why other awards are not suggested. Everything that is in neither table is left out as well.
NEVER_SUGGESTED: Mapping[str, str] = {
    "blood.donation.made": "one's body is not to be traded for points",
    "marrow.donation.made": "one's body is not to be traded for points",
    "bravery.recognised": "nobody is to seek danger",
    "charity.donation.made": "points are not to be bought, and not everybody can give",
    "property.found.returned": "one cannot plan to find something",
    "capability.education.certified": "a degree is not a way to a discount, and not in everybody's hands",
    "capability.qualification.granted": "likewise",
    "capability.tenure.accrued": "years of work come by waiting alone",
    "capability.contribution.continuous": "months of contributions come by waiting alone",
    "occupation.honour.awarded": "others award it",
    "occupation.civilservant.merited": "others award it",
    "volunteer.star.rated": "others award it; the hours behind it may be suggested",
    "volunteer.model.named": "others award it",
    "volunteer.special.commended": "others award it",
    "traffic.violation.handled": "one that can still be handled in time is not known here; one overdue is a duty",
    "medical.deferred.settled": "nobody is to be ill for a score",
    "year.closed": "it comes by itself",
    "org.redlist.listed": "others award it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing to do, or to wait for.

    Attributes:
        kind: wait, fulfil, apply or habit.
        effort: what it asks, by name.
        type: the event type of the act, or of the record that it is about; empty for waiting.
        times: how often, or for how many records.
        day: when it is done at the earliest.
        records: ids of the records that it is about.
        words: the act as advice.

    """

    kind: str
    effort: str
    type: str
    times: int
    day: date
    records: tuple[str, ...]
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A way to the target, proved by scoring.

    Attributes:
        acts: one, or two where no single one is enough.
        day: when the score is reached.
        score: on that day, by the plain evaluator.
        tier: the tier's id then.
        tier_name: its name.
        perks: ids of the perks that one has then and has not now.
        moved: ids of the perks that the score would earn today, and that ask for more by then.
        holds_until: the first day on which the score is below the target again if nothing more happens, or None.
        words: the whole as a sentence.

    """

    acts: tuple[Act, ...]
    day: date
    score: int
    tier: str
    tier_name: Words
    perks: tuple[str, ...]
    moved: tuple[str, ...]
    holds_until: date | None
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """What leads to a target.

    Attributes:
        day: today.
        score: today's, or None.
        target: the score wanted.
        reached: whether it is reached already.
        found: ways to it, the cheapest first, but those last that come too late for a perk; none if there is none.
        best: where there is none, the way that leads furthest above today's score, if any does.
        words: the answer in a sentence.

    """

    day: date
    score: int | None
    target: int
    reached: bool
    found: tuple[Suggestion, ...]
    best: Suggestion | None
    words: Words
