"""The city's residents and bodies, drawn a block at a time, each as columns."""

from dataclasses import dataclass

import numpy as np

from city.identity import AREAS_MAX, credit_code, resident_number
from city.rates import SHARE
from city.rows import Bools, Floats, Ints
from schemas.catalogue import Grade
from schemas.days import NEVER, date_of
from schemas.subjects import Pseudonymiser

# One area of identity numbers each: small enough for memory, and for the order codes of one birthday.
BLOCK_SUBJECTS = 8_192
ADULT_YEARS = 18
_SENIOR_YEARS = 60
_OLDEST_YEARS = 92
YEAR_DAYS = 365.25
_MONTH_DAYS = YEAR_DAYS / 12

# On average, between the end of school and the day of `as_of`: assumed.
_OUT_OF_WORK_YEARS = 0.7

# Bad acts gather on few: a gamma distribution of this shape and mean 1 multiplies everybody's rates.
_PRONE_SHAPE = 0.12
# How much likelier than others a graduate is to belong to a group, or to have a title: assumed.
_GRADUATE_FACTORS = {"borrower": 1.6, "insured": 1.12, "reader": 3.0, "renter": 1.5, "volunteer": 2.0}
_GRADUATE_QUALIFIES = 3.9

_EDUCATION = (Grade.ASSOCIATE, Grade.BACHELOR, Grade.POSTGRADUATE)
_STARTS_WORK_YEARS = {0: 18.5, Grade.ASSOCIATE: 21.5, Grade.BACHELOR: 22.5, Grade.POSTGRADUATE: 25.5}
_QUALIFICATIONS = (Grade.JUNIOR, Grade.INTERMEDIATE, Grade.SENIOR)
_QUALIFICATION_OF_GRADUATES = (0.12, 0.48, 0.4)
_QUALIFICATION_OF_OTHERS = (0.7, 0.25, 0.05)

_RESIDENTS, _BODIES = 0, 1


@dataclass(frozen=True, slots=True)
class Block:
    """Some subjects as columns of n; days since 1970-01-01, and NEVER for what never happens.

    Attributes:
        subjects: the pseudonymous ids, as they stand in an event.
        grown_day: the first day on which they can be registered.
        works_day: from when working years count.
        pays_day: since when contributions are continuous.
        education: the catalogue's grade, or 0.
        educated_day: when it was certified.
        qualification: the catalogue's grade, or 0.
        qualified_day: when it was granted.
        borrows_day: since when a loan is repaid each month.
        prone: the multiplier of bad acts.
        groups: members by the group's name in `city.rates`.

    """

    subjects: list[bytes]
    grown_day: Ints
    works_day: Ints
    pays_day: Ints
    education: Ints
    educated_day: Ints
    qualification: Ints
    qualified_day: Ints
    borrows_day: Ints
    prone: Floats
    groups: dict[str, Bools]

    def __len__(self) -> int:
        return len(self.subjects)


def draw_residents(seed: int, block: int, count: int, as_of_day: int, pseudonymiser: Pseudonymiser) -> Block:
    """Draw a block of people who are adults on a day."""
    rng = np.random.default_rng((seed, _RESIDENTS, block))
    age_days = _ages(rng, count)
    born = as_of_day - age_days
    education = _education(rng, count)
    starts_years = np.select([education == grade for grade in _STARTS_WORK_YEARS], list(_STARTS_WORK_YEARS.values()))
    employed = rng.random(count) < SHARE["employed"]
    # Some years out of work shift the day from which the working years count.
    works = (
        born
        + (starts_years * YEAR_DAYS).astype(np.int64)
        + (rng.exponential(_OUT_OF_WORK_YEARS, count) * YEAR_DAYS).astype(int)
    )
    works = np.where(employed & (works < as_of_day), works, NEVER)
    qualification = _qualification(rng, education, employed)
    groups = _groups(rng, education, employed, qualification)
    return Block(
        subjects=_resident_subjects(block, born, pseudonymiser),
        grown_day=born + int(ADULT_YEARS * YEAR_DAYS) + 1,
        works_day=works,
        pays_day=_pays_day(rng, groups["insured"], works, born, as_of_day),
        education=education,
        educated_day=born + (starts_years * YEAR_DAYS).astype(np.int64),
        qualification=qualification,
        qualified_day=born + (starts_years * YEAR_DAYS + rng.uniform(1, 8, count) * YEAR_DAYS).astype(np.int64),
        borrows_day=_borrows_day(rng, groups["borrower"], as_of_day),
        prone=rng.gamma(_PRONE_SHAPE, 1 / _PRONE_SHAPE, count),
        groups=groups,
    )


def draw_bodies(seed: int, block: int, count: int, as_of_day: int, pseudonymiser: Pseudonymiser) -> Block:
    """Draw a block of legal persons and other organisations."""
    rng = np.random.default_rng((seed, _BODIES, block))
    legal = rng.random(count) < SHARE["legal person"]
    # Areas are counted down, so that no body shares one with residents.
    area = AREAS_MAX - 1 - block
    subjects = [
        (pseudonymiser.legal_person if one else pseudonymiser.organisation)(
            credit_code(area, order, legal_person=bool(one))
        ).encode()
        for order, one in enumerate(legal)
    ]
    founded = as_of_day - (rng.exponential(8.0, count) * YEAR_DAYS).astype(np.int64)
    borrower = rng.random(count) < SHARE["borrowing body"]
    never = np.full(count, NEVER)
    nothing = np.zeros(count, np.int64)
    groups = {"body": np.ones(count, np.bool_), "borrowing body": borrower}
    return Block(
        subjects=subjects,
        grown_day=founded,
        works_day=never,
        pays_day=never,
        education=nothing,
        educated_day=never,
        qualification=nothing,
        qualified_day=never,
        borrows_day=_borrows_day(rng, borrower, as_of_day),
        prone=rng.gamma(_PRONE_SHAPE, 1 / _PRONE_SHAPE, count),
        groups=groups,
    )


def months_between(start_day: Ints, day: Ints | int) -> Ints:
    """Return the whole months from one day to another, 0 where the first is later."""
    return np.maximum((day - start_day) / _MONTH_DAYS, 0).astype(np.int64)


def _ages(rng: np.random.Generator, count: int) -> Ints:
    senior = rng.random(count) < SHARE["aged 60 or more"]
    young = rng.uniform(ADULT_YEARS + 0.01, _SENIOR_YEARS, count)
    old = _SENIOR_YEARS + np.minimum(rng.exponential(10.0, count), _OLDEST_YEARS - _SENIOR_YEARS)
    return (np.where(senior, old, young) * YEAR_DAYS).astype(np.int64)


def _education(rng: np.random.Generator, count: int) -> Ints:
    bachelor, postgraduate = SHARE["bachelor"], SHARE["postgraduate"]
    shares = SHARE["graduate"] * np.array([1 - bachelor - postgraduate, bachelor, postgraduate])
    return rng.choice([0, *_EDUCATION], count, p=[1 - shares.sum(), *shares])


def _qualification(rng: np.random.Generator, education: Ints, employed: Bools) -> Ints:
    count = len(education)
    qualified = employed & (rng.random(count) < _chances(SHARE["qualified"], _GRADUATE_QUALIFIES, education))
    graduate = rng.choice(_QUALIFICATIONS, count, p=_QUALIFICATION_OF_GRADUATES)
    other = rng.choice(_QUALIFICATIONS, count, p=_QUALIFICATION_OF_OTHERS)
    return np.where(qualified, np.where(education > 0, graduate, other), 0)


def _chances(share: float, factor: float, education: Ints) -> Floats:
    """Return everybody's chance, `factor` times as high for a graduate, so that the whole city has the share."""
    graduates = SHARE["graduate"]
    others = share / (graduates * factor + 1 - graduates)
    return np.where(education > 0, factor * others, others)


def _groups(rng: np.random.Generator, education: Ints, employed: Bools, qualification: Ints) -> dict[str, Bools]:
    count = len(education)
    groups = {"resident": np.ones(count, np.bool_), "employed": employed, "qualified": qualification > 0}
    for name in ("driver", "cardholder"):
        groups[name] = rng.random(count) < SHARE[name]
    for name in ("civil servant", "professional"):
        groups[name] = employed & (rng.random(count) < SHARE[name])
    for name, factor in _GRADUATE_FACTORS.items():
        groups[name] = rng.random(count) < _chances(SHARE[name], factor, education)
    return groups


def _pays_day(rng: np.random.Generator, insured: Bools, works: Ints, born: Ints, as_of_day: int) -> Ints:
    count = len(born)
    # Who never worked pays the residents' insurance from the age of 18 on.
    since = np.where(works < NEVER, works, born + int(ADULT_YEARS * YEAR_DAYS))
    broken = rng.random(count) > SHARE["never interrupted for 5 years"]
    resumed = as_of_day - (rng.uniform(0, 5, count) * YEAR_DAYS).astype(np.int64)
    return np.where(insured, np.where(broken, np.maximum(since, resumed), since), NEVER)


def _borrows_day(rng: np.random.Generator, borrower: Bools, as_of_day: int) -> Ints:
    since = as_of_day - (rng.uniform(0.5, 1.8, len(borrower)) * YEAR_DAYS).astype(np.int64)
    return np.where(borrower, since, NEVER)


def _resident_subjects(block: int, born: Ints, pseudonymiser: Pseudonymiser) -> list[bytes]:
    orders: dict[int, int] = {}
    subjects = []
    for day in born.tolist():
        order = orders[day] = orders.get(day, -1) + 1
        subjects.append(pseudonymiser.resident(resident_number(block, date_of(day), order)).encode())
    return subjects
