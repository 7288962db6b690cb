"""A batch's facts by subject: what a batch needs before its ledgers can be merged."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.compiled import Int, allocating

Ints = NDArray[np.int64]
Subjects = NDArray[np.uint64]

_EMPTY = -1
_SPREAD_BITS = 32
# Fibonacci hashing: subjects may differ in a few digits only.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Groups(NamedTuple):
    """A batch's n facts by subject, the subjects as they first appear.

    Attributes:
        subjects: (m,) different subjects.
        partitions: (m,) the partition of each.
        order: (n,) places in the batch, those of one subject together and in the batch's order.
        starts: (m + 1,) where each subject's part of `order` begins.

    """

    subjects: Subjects
    partitions: Ints
    order: Ints
    starts: Ints


@allocating
def _group(subjects: Subjects, partitions: Ints, found: Subjects, found_in: Ints, order: Ints, starts: Ints) -> Int:
    n = subjects.shape[0]
    size = 16
    while size < 2 * n:
        size *= 2
    slots = np.full(size, _EMPTY, np.int64)
    group_of = np.empty(n, np.int64)
    count = 0
    for i in range(n):
        slot = np.int64((subjects[i] * _SPREAD) >> np.uint64(_SPREAD_BITS)) & (size - 1)
        while slots[slot] != _EMPTY and found[slots[slot]] != subjects[i]:
            slot = (slot + 1) & (size - 1)
        if slots[slot] == _EMPTY:
            slots[slot] = count
            found[count] = subjects[i]
            found_in[count] = partitions[i]
            starts[count + 1] = 0
            count += 1
        group_of[i] = slots[slot]
        starts[slots[slot] + 1] += 1
    starts[0] = 0
    for group in range(count):
        starts[group + 1] += starts[group]
    # Each start serves as the place of the group's next fact, and is put back afterwards.
    for i in range(n):
        order[starts[group_of[i]]] = i
        starts[group_of[i]] += 1
    for group in range(count, 0, -1):
        starts[group] = starts[group - 1]
    starts[0] = 0
    return count


def grouped(subjects: Subjects, partitions: Ints) -> Groups:
    """Return the groups of a batch whose facts are about `subjects` and come from `partitions`, both (n,)."""
    n = len(subjects)
    found, found_in = np.empty(n, np.uint64), np.empty(n, np.int64)
    order, starts = np.empty(n, np.int64), np.empty(n + 1, np.int64)
    count = _group(subjects, partitions, found, found_in, order, starts)
    return Groups(found[:count], found_in[:count], order, starts[: count + 1])
