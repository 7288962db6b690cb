"""Compiled code is kept on disk, and made anew when anything it was made of has changed."""

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.caching import IndexDataCacheFile
from numba.core.errors import NumbaError
from numpy.typing import NDArray

from schemas import compiled
from schemas.compiled import source_of, stamp_of
from scoring import kernel


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A caller, whose helper is in a package and has a constant from a third module."""
    monkeypatch.setattr(compiled, "_ROOT", tmp_path)
    source_of.cache_clear()
    (tmp_path / "one").mkdir()
    (tmp_path / "caller.py").write_text("import sys\n\nfrom one import helper\n")
    (tmp_path / "one" / "helper.py").write_text("from one.constant import C\n")
    (tmp_path / "one" / "constant.py").write_text("from one.helper import nothing\n\nC = 1\n")
    (tmp_path / "one" / "other.py").write_text("D = 1\n")
    return tmp_path


def changed(source: Path, module: str) -> bool:
    """Change a module; return whether that changes the caller's stamp."""
    before = stamp_of(source / "caller.py")
    with (source / f"{module}.py").open("a") as file:
        file.write("# another word\n")
    source_of.cache_clear()
    return stamp_of(source / "caller.py") != before


@pytest.mark.parametrize("module", ["caller", "one/helper", "one/constant"])
def test_a_caller_is_made_anew_when_anything_it_is_made_of_changes(source: Path, module: str) -> None:
    assert changed(source, module)


def test_a_caller_is_kept_when_something_else_changes(source: Path) -> None:
    assert not changed(source, "one/other")


def test_numba_asks_for_that_stamp() -> None:
    evaluate: Any = kernel._evaluate

    locator = evaluate._cache._impl.locator
    assert locator.get_source_stamp() == stamp_of(Path(kernel.__file__))


def test_what_counts_no_references_can_make_no_array() -> None:
    @compiled.compiled
    def makes_one(count: int) -> NDArray[np.int64]:
        return np.zeros(count, np.int64)

    with pytest.raises(NumbaError):
        makes_one(2)


def test_what_allocates_can() -> None:
    @compiled.allocating
    def makes_another(count: int) -> NDArray[np.int64]:
        return np.zeros(count, np.int64)

    assert makes_another(2).tolist() == [0, 0]


def _add(one: int, other: int) -> int:
    return one + other


def test_where_no_cache_can_be_written_it_is_compiled_without(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in compiled._PLACES:
        monkeypatch.setattr(place, "from_function", lambda *_: None)

    assert compiled.compiled(_add)(1, 2) == 3


def test_a_disk_that_is_full_keeps_nothing_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def full(*asked_for: object) -> None:
        asked.append(asked_for)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)

    assert compiled.compiled(_add)(1, 2) == 3
    assert asked
