"""A city's ledgers as columns, without the bytes between: what a stream of its history would leave in a store."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from city.disturb import Disturbances
from city.history import Past
from city.people import ADULT_YEARS, BLOCK_SUBJECTS, YEAR_DAYS, Block, draw_bodies, draw_residents
from city.rows import Bools, Fate, Ints, Numbers, Rows
from schemas.catalogue import CORRECTED
from schemas.days import CITY_OFFSET_S, DAY_S, day_of
from schemas.facts import FACT, Facts
from schemas.subjects import Pseudonymiser, parse_subject

# Nobody's: the ids are not shown to anybody.
_KEY = b"jasmine synthetic city, no secret"
_HISTORY = 2
_BODIES_FIRST = 1 << 16  # so that the blocks of bodies do not draw what those of residents do
# Spreads the numbers of records over 64 bits, so that ids stand in no order, as hashes do not.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The ledgers of some subjects, and to which cohorts these belong.

    Attributes:
        facts: all ledgers, one behind the other, each ordered by (occurred, record).
        starts: (n + 1,) where each begins.
        subjects: (n,) their numbers, which tell their kinds.
        age_years: (n,) whole years, or -1 for bodies.
        employed: (n,) whether they ever worked; False for bodies.

    """

    facts: Facts
    starts: Ints
    subjects: np.ndarray[tuple[int], np.dtype[np.uint64]]
    age_years: Ints
    employed: Bools


def ledgers(seed: int, residents: int, organisations: int, until_s: int) -> Iterator[Ledgers]:
    """Yield a city's ledgers at an instant, some thousand subjects at a time; the same arguments give the same."""
    day = day_of(until_s)
    pseudonymiser = Pseudonymiser(_KEY)
    for number, size in enumerate(_sizes(residents)):
        block = draw_residents(seed, number, size, day, pseudonymiser)
        age = (day - block.grown_day) / YEAR_DAYS + ADULT_YEARS
        yield _of_block(block, _past(seed, number, block, until_s), age.astype(np.int64))
    for number, size in enumerate(_sizes(organisations)):
        block = draw_bodies(seed, number, size, day, pseudonymiser)
        yield _of_block(block, _past(seed, _BODIES_FIRST + number, block, until_s), np.full(size, -1))


def _sizes(count: int) -> list[int]:
    return [min(BLOCK_SUBJECTS, count - begin) for begin in range(0, count, BLOCK_SUBJECTS)]


def _past(seed: int, number: int, block: Block, until_s: int) -> Rows:
    rng = np.random.default_rng((seed, _HISTORY, number, until_s))
    return Past(rng, block, until_s).rows(Numbers(1), Disturbances())


def _of_block(block: Block, rows: Rows, age_years: Ints) -> Ledgers:
    # What the scorer has already, or refuses, leaves nothing in a ledger.
    kept = rows[rows["fate"] == Fate.SCORED]
    facts = facts_of(kept)
    order = np.lexsort((facts["record"], facts["occurred"], kept["subject"]))
    starts = np.searchsorted(kept["subject"][order], np.arange(len(block) + 1)).astype(np.int64)
    subjects = np.array([parse_subject(subject.decode()) for subject in block.subjects], np.uint64)
    nobody = np.zeros(len(block), np.bool_)
    return Ledgers(facts[order], starts, subjects, age_years, block.groups.get("employed", nobody))


def facts_of(rows: Rows) -> Facts:
    """Return rows as facts; their ids are made of their numbers."""
    facts = np.zeros(len(rows), FACT)
    control = rows["about"] > 0
    facts["record"] = rows["number"].astype(np.uint64) * _SPREAD
    facts["link"] = np.where(control, rows["about"], rows["incident"]).astype(np.uint64) * _SPREAD
    for name in ("occurred", "type", "grade", "quantity"):
        facts[name] = rows[name]
    for name in ("determined", "terminated"):
        facts[name] = np.where(rows[name] > 0, (rows[name] + CITY_OFFSET_S) // DAY_S, 0)
    corrections = rows["type"] == CORRECTED.code
    facts["determined"][corrections] = rows["about_type"][corrections]
    facts["offset_low"] = np.arange(len(rows))
    return facts
