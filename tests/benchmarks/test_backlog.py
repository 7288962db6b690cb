from collections import Counter

from benchmarks.backlog import backlog, topic_of
from schemas.catalogue import REGISTERED
from schemas.codec import decode

SUBJECTS = 400


def test_everybody_is_registered_before_anything_else_happens() -> None:
    events = [decode(one.value) for one in backlog(SUBJECTS, SUBJECTS)]

    assert {event.type for event in events} == {REGISTERED}
    assert len({event.subject for event in events}) == SUBJECTS


def test_the_same_sizes_give_the_same_events() -> None:
    first, second = ([(one.key, one.value) for one in backlog(2_000, SUBJECTS)] for _ in range(2))

    assert first == second


def test_no_event_is_refused_and_some_are_repeated() -> None:
    expected = Counter(one.expect for one in backlog(20_000, SUBJECTS))

    assert set(expected) == {"scored", "duplicate"}


def test_another_size_is_another_topic() -> None:
    assert topic_of(10_000, SUBJECTS) != topic_of(10_000, 2 * SUBJECTS)
