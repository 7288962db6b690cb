"""The one place that knows how a hot loop is compiled."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

from numba import njit

# In compiled code Numba gives each name its machine type; these say to a reader what it is.
Int: TypeAlias = Any  # a whole number, 64 bits
Row: TypeAlias = Any  # one row of a structured array, its fields as attributes

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile with Numba on first call; cached on disk, and run without holding the interpreter lock."""
    decorated: Any = njit(cache=True, nogil=True)(function)
    return cast("F", decorated)


def inlined(function: F) -> F:
    """Put a compiled helper's code into its compiled callers: where a call costs as much as what it does."""
    decorated: Any = njit(cache=True, nogil=True, inline="always")(function)
    return cast("F", decorated)
