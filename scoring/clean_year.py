"""Which subjects a closed year rewards: those about whom it holds no bad information."""

from datetime import date

from schemas import catalogue
from schemas.days import NEVER, day_of_date, year_of
from schemas.facts import Facts
from scoring.evaluator import Record, disputed_on, has_score, held_on, resolve
from scoring.pack import Anchor, Pack


def is_clean(facts: Facts, year: int, day: int, pack: Pack) -> bool:
    """Return whether a subject's year held no bad information, as is known on a day after it.

    Bad information is a record that can lower the score and whose act fell in the year, or went on in it: a listing, or
    arrears. What was revoked or repaired by then stands in nobody's way, nor does what is disputed: nobody may lose by
    asking; nor what waits for a person to look at it. Who was not registered before the year began, or has no score on
    the day, has no clean year.

    Args:
        facts: (n,) of dtype FACT, in any order.
        year: the calendar year.
        day: days since 1970-01-01 in the city.
        pack: the rules.

    """
    known = resolve(facts, pack)
    held = {record.record for record in held_on(known, day, pack)}
    records = [record for record in known if record.record not in held and not disputed_on(record, day)]
    begun = [record for record in records if record.start <= day]
    return (
        has_score(begun)
        and any(one.type == catalogue.REGISTERED.code and year_of(one.start) < year for one in begun)
        and not any(_falls_in(one, year) and _is_bad(one, day) for one in begun)
    )


def _falls_in(record: Record, year: int) -> bool:
    goes_on = record.rule.anchor is Anchor.TERMINATED or record.rule.every is not None
    last = record.stopped - 1 if goes_on else record.start
    return record.start < day_of_date(date(year + 1, 1, 1)) and max(last, record.start) >= day_of_date(date(year, 1, 1))


def _is_bad(record: Record, day: int) -> bool:
    grade = record.rule.grades[record.grade.label]
    repaired = record.repaired != NEVER and record.repaired <= day
    return (grade.points < 0 or grade.ceiling is not None) and not repaired
