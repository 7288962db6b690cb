"""What somebody allows, and since when: their own last word on a purpose holds, as the evaluator heeds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from schemas.catalogue import CONSENTED, WITHDRAWN, Grade
from schemas.days import date_of, day_of
from schemas.facts import Facts
from scoring.evaluator import Record, begun_on, resolve
from scoring.pack import Pack

_SAYS = {CONSENTED.code: True, WITHDRAWN.code: False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Whether somebody allows one purpose.

    Attributes:
        purpose: the grade that events about it state.
        is_given: whether it is allowed now.
        since: from which day on; None where nothing was said that changed it.
        words: how often it was given or withdrawn.
        last_s: when that was last, in seconds since the epoch; 0 where it never was.

    """

    purpose: Grade
    is_given: bool
    since: date | None = None
    words: int = 0
    last_s: int = 0

    @property
    def state(self) -> str:
        """Return a word for what holds, of which there are texts."""
        if self.since is None:
            return f"unsaid-{self.purpose.label}"
        return "given" if self.is_given else "withdrawn"

    @property
    def act(self) -> str:
        """Return what can be done about it now."""
        return "withdraw" if self.is_given else "give"


# By the label of the purpose.
Consents = Mapping[str, Consent]


def _unsaid(purpose: Grade) -> Consent:
    # Who has said nothing is scored, and has no health information used.
    return Consent(purpose=purpose, is_given=purpose is Grade.SCORING)


UNSAID: Consents = {one.label: _unsaid(one) for one in CONSENTED.grades}


def consents_of(facts: Facts, day: int, pack: Pack) -> Consents:
    """Return what somebody allows on a day, by purpose."""
    begun = begun_on(resolve(facts, pack), day)
    return {one.label: _consent(one, facts, begun, day) for one in CONSENTED.grades}


def _consent(purpose: Grade, facts: Facts, begun: Sequence[Record], day: int) -> Consent:
    unsaid = _unsaid(purpose)
    is_given, since = unsaid.is_given, unsaid.since
    for record in begun:
        says = _SAYS.get(record.type, is_given)
        if record.grade is purpose and says is not is_given:
            is_given, since = says, date_of(record.start)
    words = _words(purpose, facts)
    last_s = max((at for at in words if day_of(at) <= day), default=0)
    return Consent(purpose=purpose, is_given=is_given, since=since, words=len(words), last_s=last_s)


def _words(purpose: Grade, facts: Facts) -> list[int]:
    """Return when a purpose was given or withdrawn, what was revoked since too: an id that was used stays used."""
    said = np.isin(facts["type"], list(_SAYS)) & (facts["grade"] == purpose)
    found: list[int] = facts["occurred"][said].tolist()
    return found
