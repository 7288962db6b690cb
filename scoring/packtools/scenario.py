"""Scenarios: what somebody did, and what score is expected of it, as a table that needs no programming."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails

from schemas.catalogue import TYPES_BY_NAME
from schemas.days import EPOCH, add_months, date_of, day_of, day_of_date
from scoring.lines import Document, FileError, read, said_of

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_SERIES_MAX = 120
_QUANTITY_MAX = 65_535
# The last whole day of which a ledger can hold the seconds, in 2106.
_LAST_DAY = day_of((1 << 32) - 1) - 1
Day = Annotated[date, Field(ge=EPOCH, le=date_of(_LAST_DAY))]

# What can be said about a record, in everyday words, and the event that says it.
CONTROLS = {
    "corrected": "record.corrected",
    "revoked": "record.revoked",
    "confirmed": "record.confirmed",
    "disputed": "record.disputed",
    "upheld": "record.dispute.resolved",
    "rejected": "record.dispute.resolved",
    "repaired": "repair.granted",
    "fulfilled": "obligation.fulfilled",
    "removed": "list.removed",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Correction(_Strict):
    """From a date on, the record has another grade or quantity."""

    on: Day = Field(alias="date")
    grade: str = ""
    quantity: int = Field(default=0, ge=0, le=_QUANTITY_MAX)


Dates = Day | tuple[Day, ...]


class Given(_Strict):
    """One record, or a series of them, and what was said about it later.

    Attributes:
        type: the event type, as `jasmine types` lists it.
        on: the day of the act.
        record: a name by which `reasons` calls it; without one it is called by its type.
        grade: needed where the type has several.
        quantity: in the type's unit.
        incident: a name shared by records of one act.
        determined: the day on which an authority determined it.
        ended: the day on which the act, the sentence or the listing was over.
        monthly: how many of it there are, one a month from `date` on.
        yearly: how many of it there are, one a year from `date` on.

    """

    type: str
    on: Day = Field(alias="date")
    record: str = ""
    grade: str = ""
    quantity: int = Field(default=0, ge=0, le=_QUANTITY_MAX)
    incident: str = ""
    determined: Day | None = None
    ended: Day | None = None
    monthly: int = Field(default=1, ge=1, le=_SERIES_MAX)
    yearly: int = Field(default=1, ge=1, le=_SERIES_MAX)
    corrected: Correction | tuple[Correction, ...] = ()
    revoked: Dates = ()
    confirmed: Dates = ()
    disputed: Dates = ()
    upheld: Dates = ()
    rejected: Dates = ()
    repaired: Dates = ()
    fulfilled: Dates = ()
    removed: Dates = ()

    @property
    def name(self) -> str:
        """What `reasons` calls it."""
        return self.record or self.type

    def days(self) -> list[int]:
        """Return the days of the acts of a series."""
        first = day_of_date(self.on)
        apart = 1 if self.monthly > 1 else 12
        return [add_months(first, apart * number) for number in range(max(self.monthly, self.yearly))]

    def said(self) -> Iterator[tuple[str, Correction]]:
        """Yield what was said about it: the word, and when."""
        for word in CONTROLS:
            stated = getattr(self, word)
            for one in stated if isinstance(stated, tuple) else (stated,):
                yield word, one if isinstance(one, Correction) else Correction(date=one)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if problems := list(self._problems()):
            raise ValueError("; also ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        event_type = TYPES_BY_NAME.get(self.type)
        if event_type is None or event_type.control:
            yield f"no record type is called '{self.type}'; `jasmine types` lists them"
            return
        grades = [grade.label for grade in event_type.grades]
        if not self.grade and len(grades) > 1:
            yield f"say its grade, one of {', '.join(grades)}"
        for label in [self.grade, *(one.grade for _, one in self.said())]:
            if label and label not in grades:
                yield f"the type has no grade '{label}'; it has {', '.join(grades)}"
        if bool(self.quantity) != bool(event_type.quantity):
            wanted = f"say its quantity, in {event_type.quantity}" if event_type.quantity else "remove its quantity"
            yield wanted
        if self.monthly > 1 and self.yearly > 1:
            yield "give either monthly or yearly"
        elif self.days()[-1] > _LAST_DAY:
            yield f"the series ends after {date_of(_LAST_DAY)}: say fewer of it"


class Expected(_Strict):
    """What is expected on some days; what is left out is not looked at.

    Attributes:
        on: the day, or several.
        score: or `none` for no score.
        tier: its id, or `none`.
        perks: exactly these, by their ids.
        has: these among others.
        lacks: none of these.
        reasons: points by record, exactly those that are not zero.
        ceiling: the highest tier possible now, or `none`.
        disputed: whether a record is left out because it is disputed.
        under_review: whether a record is left out because a person has yet to look at it.

    """

    on: Dates
    score: int | Literal["none"] | None = None
    tier: str | None = None
    perks: tuple[str, ...] | None = None
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    reasons: dict[str, int] | None = None
    ceiling: str | None = None
    disputed: bool | None = None
    under_review: bool | None = None

    @property
    def dates(self) -> tuple[date, ...]:
        """The days."""
        return self.on if isinstance(self.on, tuple) else (self.on,)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.dates:
            message = "name a day: on: 2026-06-01"
            raise ValueError(message)
        if not self.model_fields_set - {"on"}:
            message = "expects nothing; say score, tier, perks, has, lacks, reasons, ceiling, disputed or under_review"
            raise ValueError(message)
        return self


class Scenario(_Strict):
    """A subject's records, and what is expected of them.

    Attributes:
        scenario: what it shows, as a sentence.
        about: the subject's kind.
        registered: since when, or `never`.
        records: what happened.
        expect: what should come of it.

    """

    scenario: Text
    about: Literal["resident", "legal_person", "organisation"] = "resident"
    registered: Day | Literal["never"] = date(2020, 1, 1)
    records: tuple[Given, ...] = ()
    expect: tuple[Expected, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = {one.name for one in self.records}
        asked = {name for one in self.expect for name in one.reasons or {}}
        if unknown := sorted(asked - names):
            message = f"reasons name '{unknown[0]}', and no record does; there are {', '.join(sorted(names)) or 'none'}"
            raise ValueError(message)
        return self


class Located(_Strict):
    """A scenario, and where it and its expectations stand."""

    path: Path
    line: int
    scenario: Scenario
    expect_lines: tuple[int, ...]


_SCENARIOS = TypeAdapter(tuple[Scenario, ...])


def load_scenarios(path: Path) -> list[Located]:
    """Read a file of scenarios, or all `*.yaml` of a folder.

    Raises:
        FileError: with every problem of a file: file, line, what is wrong.

    """
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        message = f"{path}: has no *.yaml; a scenario begins with '- scenario: what it shows'"
        raise FileError(message)
    return [one for file in files for one in _of_file(read(file))]


def _of_file(document: Document) -> Iterator[Located]:
    if not isinstance(document.value, list):
        message = f"{document.path}:1: is not a list; begin each scenario with '- scenario: what it shows'"
        raise FileError(message)
    try:
        scenarios = _SCENARIOS.validate_python(document.value)
    except ValidationError as error:
        problems = (_problem(document, one["loc"], said_of(one)) for one in _meant(error.errors()))
        raise FileError("\n".join(dict.fromkeys(problems))) from None
    for number, scenario in enumerate(scenarios):
        lines = tuple(document.line((number, "expect", place)) for place in range(len(scenario.expect)))
        yield Located(path=document.path, line=document.line((number,)), scenario=scenario, expect_lines=lines)


def _meant(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Yield all but that something is too short, of which a part is wrong itself: it is missing for that alone."""
    for one in errors:
        within = len(one["loc"])
        if one["type"] != "too_short" or not any(
            len(other["loc"]) > within and other["loc"][:within] == one["loc"] for other in errors
        ):
            yield one


def _problem(document: Document, where: tuple[Any, ...], what: str) -> str:
    # A choice of forms adds the forms' names to the way; what cannot be found in the file is one of them.
    way = tuple(part for end, part in enumerate(where, 1) if where[:end] in document.lines)
    name = ".".join(map(str, where[1 : len(way) + 1]))
    return f"{document.path}:{document.line(way)}: {name + ': ' if name else ''}{what}"
