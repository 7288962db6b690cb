"""The catalogue of event types."""

import re

from schemas.catalogue import EVENT_TYPES, GRADE_CODES, TYPE_CODES, TYPES_BY_CODE, TYPES_BY_NAME, Grade
from schemas.events import TEXT_CHARACTERS_MAX
from schemas.subjects import Kind


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


# What an organisation does and its representative does not answer for: who it is and what it allows, its files, its
# own year, and lists of what was determined, and reached people, before.
OWN_AFFAIRS = {
    "subject.registered",
    "consent.granted",
    "consent.withdrawn",
    "year.closed",
    "occupation.labour.filed",
    "org.trace.gap",
    "org.abnormal.listed",
    "org.serious.listed",
    "org.redlist.listed",
}


def test_whatever_an_organisation_does_reaches_who_represents_it_or_is_known_not_to() -> None:
    of_bodies = {one.name for one in EVENT_TYPES if one.kinds != {Kind.RESIDENT}}

    assert {name for name in of_bodies if not TYPES_BY_NAME[name].reaches} == OWN_AFFAIRS


def test_an_act_of_a_resident_reaches_nobody_else() -> None:
    assert [one.name for one in EVENT_TYPES if one.kinds == {Kind.RESIDENT} and one.reaches] == []


def test_what_is_reached_is_a_residents_record_and_a_control_reaches_as_itself() -> None:
    for one in EVENT_TYPES:
        if one.reaches:
            reached = TYPES_BY_NAME[one.reaches]
            assert Kind.RESIDENT in reached.kinds
            assert reached.control == one.control
            assert not one.control or reached is one


def test_every_grade_is_one_of_the_type_that_is_reached_and_a_worse_one_is_no_better_there() -> None:
    for one in EVENT_TYPES:
        if one.reaches:
            reached = TYPES_BY_NAME[one.reaches].grades
            places = [reached.index(one.reached_grade(grade)) for grade in one.grades]
            assert places == sorted(places)


def test_the_reach_of_what_organisations_alone_do_has_not_moved() -> None:
    reached = {
        one.name: (one.reaches, [one.reached_grade(grade).label for grade in one.grades])
        for one in EVENT_TYPES
        if one.reaches and Kind.RESIDENT not in one.kinds
    }

    assert reached == {
        "org.wage.arrears.listed": ("admin.represented.violation", ["general", "serious", "severe"]),
        "org.food.incident": ("admin.represented.violation", ["serious", "severe", "severe"]),
        "org.counterfeit.determined": ("admin.represented.violation", ["serious"]),
        "org.labour.violation": ("admin.represented.violation", ["serious", "severe"]),
        "org.penalty.imposed": ("admin.penalty.imposed", ["fine_minor", "fine_major", "fine_major", "fine_huge"]),
        "org.dishonest.listed": ("court.represented.listed", ["standard"]),
    }
