"""A batch's facts by subject."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scoring.batch import grouped

# Few subjects, so that some have many facts, and some that differ only in their lowest or highest digits.
SUBJECTS = st.sampled_from([0, 1, 2, 1 << 32, 1 << 63, (1 << 63) + 1, (1 << 64) - 1]) | st.integers(0, (1 << 64) - 1)


@given(st.lists(SUBJECTS, max_size=60))
def test_a_subjects_facts_stand_together_in_the_batchs_order(subjects: list[int]) -> None:
    partitions = [subject % 7 for subject in subjects]

    groups = grouped(np.array(subjects, np.uint64), np.array(partitions, np.int64))

    expected: dict[int, list[int]] = {}
    for place, subject in enumerate(subjects):
        expected.setdefault(subject, []).append(place)
    parts = [groups.order[start:stop].tolist() for start, stop in zip(groups.starts, groups.starts[1:], strict=False)]
    assert dict(zip(groups.subjects.tolist(), parts, strict=True)) == expected
    assert groups.partitions.tolist() == [subject % 7 for subject in expected]


def test_a_batch_larger_than_any_poll_is_grouped_too() -> None:
    subjects = np.arange(50_000, dtype=np.uint64) % np.uint64(20_000)

    groups = grouped(subjects, np.zeros(len(subjects), np.int64))

    assert len(groups.subjects) == 20_000
    assert (subjects[groups.order] == np.repeat(groups.subjects, np.diff(groups.starts))).all()
