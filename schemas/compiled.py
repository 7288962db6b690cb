"""The one place that knows how a hot loop is compiled, and when what was compiled before is still the same."""

import ast
import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from numba import config, njit
from numba.core.caching import FunctionCache, InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

# In compiled code Numba gives each name its machine type; these say to a reader what it is.
Int: TypeAlias = Any  # a whole number, 64 bits
Row: TypeAlias = Any  # one row of a structured array, its fields as attributes

F = TypeVar("F", bound=Callable[..., object])

# Numba's name for counting references, which its types leave out.
_UNCOUNTED: dict[str, Any] = {"_nrt": False}

_ROOT = Path(__file__).resolve().parents[1]


def compiled(function: F) -> F:
    """Compile with Numba on first call; cached on disk, and run without holding the interpreter lock.

    Such code makes no arrays: it works on those it is given, and counts no references to them. Numba counts in atomic
    steps, at most calls and assignments of an array, and in loops as short as ours that took half of the time. What
    makes one all the same does not compile; let the caller make it, or see `allocating`.
    """
    return _cached(function, **_UNCOUNTED)


def allocating(function: F) -> F:
    """Compile what makes arrays: to be called once for a batch, not in its loops."""
    return _cached(function)


def inlined(function: F) -> F:
    """Put a compiled helper's code into its compiled callers: where a call costs as much as what it does.

    A call is dear where many arrays are handed over, such as all of a pack's: each is copied with its sizes.
    """
    return _cached(function, **_UNCOUNTED, inline="always")


def _cached(function: F, **options: Any) -> F:
    """Compile with a cache; without one where none of its places can be written, which takes longer at each start."""
    decorated: Any = njit(nogil=True, **options)(function)
    with suppress(RuntimeError):
        decorated.enable_caching()
    return cast("F", decorated)


def stamp_of(path: Path) -> str:
    """Return a digest of a module and of all of ours that it imports, directly or not.

    Functions and constants of theirs are part of what is compiled. Numba itself looks at the one file alone, and would
    go on with an old helper in a caller that has not changed.
    """
    found: dict[Path, bytes] = {}
    waiting = [path]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one], imported = source_of(one)
            waiting += imported
    digest = hashlib.sha256()
    for one in sorted(found):
        digest.update(found[one])
    return digest.hexdigest()


@cache
def source_of(path: Path) -> tuple[bytes, list[Path]]:
    """Return what a file says, and the files of our modules that it imports."""
    source = path.read_bytes()
    return source, [*_imported(source)]


def _imported(source: bytes) -> Iterator[Path]:
    """Yield the files of our modules that a module imports; a name may be a module in a package, or within one.

    What a function imports when it is called is no part of compiled code; so only the outermost statements count.
    """
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom):
            module = _ROOT / (node.module or "").replace(".", "/")
            candidates = [module.with_suffix(".py"), *(module / f"{one.name}.py" for one in node.names)]
            yield from (one for one in candidates if one.is_file())


class _Stamped:
    """A place for compiled code, with our stamp."""

    _py_file: str

    def get_source_stamp(self) -> str:
        return stamp_of(Path(self._py_file).resolve())


# Numba finds them by name.
class UserProvided(_Stamped, UserProvidedCacheLocator):
    """Where NUMBA_CACHE_DIR says."""


class InTree(_Stamped, InTreeCacheLocator):
    """Beside the source."""


class UserWide(_Stamped, UserWideCacheLocator):
    """Among the user's caches, where the source cannot be written beside."""


_PLACES = (UserProvided, InTree, UserWide)
config.CACHE_LOCATOR_CLASSES = ",".join(  # type: ignore[attr-defined]  # made while Numba is imported
    f"{__name__}.{one.__name__}" for one in _PLACES
)
# Numba lets a cache on a full disk end the program; what cannot be kept or read there is compiled again.
_caching: Any = FunctionCache
_caching._guard_against_spurious_io_errors = lambda _: suppress(OSError)  # noqa: SLF001 - it has no other place
