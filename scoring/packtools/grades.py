"""Which grades of an event type are graver, or worth more, than which others."""

from collections.abc import Iterator
from itertools import pairwise

from schemas.catalogue import Grade
from scoring.pack import Rule

# Only grades on one scale can be compared: a suspended licence is neither more nor less than a huge fine.
_SCALES = (
    (Grade.WARNING, Grade.FINE_MINOR, Grade.FINE_MEDIUM, Grade.FINE_MAJOR, Grade.FINE_HUGE),
    (Grade.WARNING, Grade.LICENCE_SUSPENDED),
    (Grade.WARNING, Grade.TWELVE_POINTS, Grade.LICENCE_SUSPENDED),
    (Grade.GENERAL, Grade.SERIOUS, Grade.SEVERE),
    (Grade.WARNING, Grade.DEMERIT, Grade.MAJOR_DEMERIT, Grade.DEMOTION),
    (Grade.FINE_ONLY, Grade.SUSPENDED_SENTENCE, Grade.IMPRISONMENT),
    (Grade.STANDARD, Grade.PERMIT_CANCELLED),
    (Grade.GENERAL, Grade.ILLEGAL_EMPLOYMENT),
    (Grade.STANDARD, Grade.OUTSTANDING),
    (Grade.ASSOCIATE, Grade.BACHELOR, Grade.POSTGRADUATE),
    (Grade.JUNIOR, Grade.INTERMEDIATE, Grade.SENIOR),
    (Grade.COUNTY, Grade.CITY, Grade.PROVINCE, Grade.NATIONAL),
    (Grade.DISTRICT_DEPARTMENT, Grade.CITY_DEPARTMENT, Grade.PROVINCE_DEPARTMENT),
    (Grade.COMMENDATION, Grade.THIRD_CLASS_MERIT, Grade.SECOND_CLASS_MERIT),
    (Grade.ONE_STAR, Grade.TWO_STAR, Grade.THREE_STAR, Grade.FOUR_STAR, Grade.FIVE_STAR),
    (Grade.SMALL, Grade.MEDIUM, Grade.LARGE),
)


def steps_up(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield each grade of a rule with the next above it on a scale."""
    yield from dict.fromkeys(
        pair for scale in _SCALES for pair in pairwise([grade.label for grade in scale if grade.label in rule.grades])
    )
