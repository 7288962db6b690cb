"""What the compiled code computes in its own way, beside the plain way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.days import MONTH_OF_DAY, NEVER, add_months
from schemas.events import QUANTITY_MAX
from scoring.resolver import add_months as add_months_compiled
from scoring.rules import SHARE_BITS, share_of


def test_a_share_divides_every_quantity_by_every_number() -> None:
    quantities = np.arange(QUANTITY_MAX + 1)
    for per in [*range(1, 400), *range(400, QUANTITY_MAX + 1, 97), QUANTITY_MAX]:
        assert np.array_equal(quantities * share_of(per) >> SHARE_BITS, quantities // per), per


@given(st.integers(0, NEVER), st.integers(0, 60))
def test_months_are_added_as_in_the_calendar(day: int, months: int) -> None:
    assert add_months_compiled(day, months) == add_months(day, months)


@given(st.integers(0, NEVER))
def test_a_validity_without_an_end_never_ends(day: int) -> None:
    assert add_months_compiled(day, int(MONTH_OF_DAY[NEVER]) + 1) == NEVER
