from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from benchmarks.backlog import a_city
from benchmarks.errors import BenchmarkError
from benchmarks.filling import AS_OF, even, fill_with, ledgers_of
from scoring.announced import Announced
from sinks.store import Store
from tests.support.records import shipped


def test_even_ledgers_have_the_same_length_and_order_as_real_ones() -> None:
    facts, starts, subjects = ledgers_of(200)

    evened, bounds = even(facts, starts, 30)

    assert len(evened) == 30 * len(subjects)
    assert np.diff(bounds).tolist() == [30] * len(subjects)
    for begin, stop in pairwise(bounds.tolist()):
        ledger = evened[begin:stop]
        keys = list(zip(ledger["occurred"].tolist(), ledger["record"].tolist(), strict=True))
        assert keys == sorted(set(keys))


def test_what_a_long_ledger_keeps_is_its_own_beginning() -> None:
    facts, starts, _ = ledgers_of(200)
    longest = int(np.argmax(np.diff(starts)))

    evened, _ = even(facts, starts, 30)

    kept = evened[30 * longest : 30 * (longest + 1)]
    assert kept.tobytes() == facts[starts[longest] : starts[longest] + 30].tobytes()


def test_a_store_to_which_nothing_is_applied_is_not_measured(client: Any) -> None:
    events = list(a_city(5).history(AS_OF))
    announced = Announced.of(shipped())
    assert fill_with(Store(client), announced, events)

    # Another worker's fences are beyond all that is written here.
    with pytest.raises(BenchmarkError, match="no event was applied"):
        fill_with(Store(client), announced, events)
