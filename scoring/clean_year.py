"""Which subjects a closed year rewards: those about whom it holds no bad information."""

from schemas import catalogue
from schemas.days import NEVER, year_of
from schemas.facts import Facts
from scoring.evaluator import Record, disputed_on, has_score, held_on, resolve
from scoring.pack import Pack


def is_clean(facts: Facts, year: int, day: int, pack: Pack) -> bool:
    """Return whether a subject's year held no bad information, as is known on a day after it.

    Bad information is a record that can lower the score and whose act fell in the year. What was revoked or repaired
    by then stands in nobody's way, nor does what is disputed: nobody may lose by asking; nor what waits for a person
    to look at it. Who was not registered before the year began, or has no score on the day, has no clean year.

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
        and not any(year_of(one.start) == year and _is_bad(one, day) for one in begun)
    )


def _is_bad(record: Record, day: int) -> bool:
    grade = record.rule.grades[record.grade.label]
    repaired = record.repaired != NEVER and record.repaired <= day
    return (grade.points < 0 or grade.ceiling is not None) and not repaired
