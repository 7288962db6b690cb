"""Events as rows of numbers, before they are bytes: drawn, shifted and copied by whole columns."""

from enum import IntEnum
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.days import CITY_OFFSET_S, DAY_S
from schemas.errors import Reason

ROW = np.dtype(
    [
        ("arrives", "<f8"),  # when its department publishes it, in seconds since the epoch; the order of the stream
        ("occurred", "<i8"),  # when the act occurred
        ("determined", "<i8"),  # when an authority determined it, or 0
        ("terminated", "<i8"),  # when the act or its sentence ended, or 0
        ("number", "<i8"),  # what its id is made of
        ("about", "<i8"),  # of a control: the number of the record it is about
        ("incident", "<i8"),  # the number of the incident it belongs to, or 0
        ("subject", "<i4"),  # the subject's place in its block, or in the city
        ("quantity", "<u2"),
        ("type", "u1"),
        ("grade", "u1"),
        ("about_type", "u1"),  # of a control: the type of the record it is about
        ("fate", "u1"),
    ]
)

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Expect: TypeAlias = Literal["scored", "duplicate"] | Reason


class Fate(IntEnum):
    """What is done to a row on its way, and so what the scorer must do with it."""

    SCORED = 0
    DUPLICATE = 1
    CONFLICT = 2
    NOT_JSON = 3
    BAD_ENVELOPE = 4
    MISSING_FIELD = 5
    UNKNOWN_FIELD = 6
    BAD_VALUE = 7
    UNKNOWN_TYPE = 8
    UNKNOWN_GRADE = 9
    UNKNOWN_SUBJECT_KIND = 10
    WRONG_SUBJECT_KIND = 11
    WRONG_PARTITION = 12
    OVERSIZED = 13
    TIME_IN_FUTURE = 14

    @property
    def expect(self) -> Expect:
        """The scorer's answer."""
        if self is Fate.SCORED:
            return "scored"
        return "duplicate" if self is Fate.DUPLICATE else Reason[self.name]


BROKEN = tuple(fate for fate in Fate if fate >= Fate.CONFLICT)


def new_rows(type_code: int, subjects: Ints, occurred: Ints | Floats, grade: int = 1) -> Rows:
    """Return one row for each subject, published at the moment of the act."""
    rows = np.zeros(len(subjects), ROW)
    rows["type"] = type_code
    rows["grade"] = grade
    rows["subject"] = subjects
    rows["occurred"] = occurred
    rows["arrives"] = rows["occurred"]
    return rows


def seconds_of(days: Ints) -> Ints:
    """Return the instants at which days begin in the city."""
    return days * DAY_S - CITY_OFFSET_S


class Numbers:
    """Gives rows the numbers of their ids, each once."""

    def __init__(self, first: int) -> None:
        self._next = first

    def give(self, rows: Rows) -> Rows:
        """Number the rows, and return them."""
        rows["number"] = np.arange(self._next, self._next + len(rows))
        self._next += len(rows)
        return rows
