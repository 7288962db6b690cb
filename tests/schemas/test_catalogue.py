"""The catalogue of event types."""

import re

from schemas.catalogue import EVENT_TYPES, GRADE_CODES, TYPE_CODES, TYPES_BY_CODE, TYPES_BY_NAME, Grade
from schemas.events import TEXT_CHARACTERS_MAX


def test_codes_and_names_are_each_given_once() -> None:
    assert len(TYPES_BY_CODE) == len(TYPES_BY_NAME) == len(EVENT_TYPES)


def test_codes_fit_the_tables_of_compiled_code() -> None:
    assert all(1 <= code < TYPE_CODES for code in TYPES_BY_CODE)
    assert all(1 <= grade < GRADE_CODES for grade in Grade)


def test_a_name_is_written_as_plain_ascii() -> None:
    assert all(re.fullmatch(r"[a-z]+(\.[a-z]+)+", name) for name in TYPES_BY_NAME)
    assert max(map(len, TYPES_BY_NAME)) <= TEXT_CHARACTERS_MAX


def test_every_type_has_a_name_in_both_languages_a_publisher_a_subject_and_a_grade() -> None:
    for one in EVENT_TYPES:
        assert one.chinese
        assert one.english
        assert one.publisher
        assert one.kinds
        assert one.grades


# Ledgers hold these numbers: a change here makes every stored standing mean something else.
def test_codes_of_controls_have_not_moved() -> None:
    assert [TYPES_BY_CODE[code].name for code in range(1, 10)] == [
        "subject.registered",
        "record.corrected",
        "record.revoked",
        "record.disputed",
        "record.dispute.resolved",
        "repair.granted",
        "obligation.fulfilled",
        "list.removed",
        "year.closed",
    ]
