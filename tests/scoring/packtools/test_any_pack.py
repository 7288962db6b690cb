"""Whatever a pack says, it is refused or checked to the end: nothing else may come of a text that somebody wrote."""

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from scoring.lines import Document
from scoring.pack import DEFAULT_PACK, PackError, PackFiles, pack_in, read_files
from scoring.packtools.lint import findings_of
from scoring.rules import compile_rules

SHIPPED = read_files(DEFAULT_PACK)
STATED = {"head": SHIPPED.head.value, "rules": [one.value for one in SHIPPED.rules]}
Way = tuple[Any, ...]
# Some are wrong everywhere, some only here or there.
WRONG: list[Any] = [[], {}, [[]], {None: 1}, None, True, float("nan"), 10**30, "", "x"]
ODD: list[Any] = [-1_000, -50, -1, 0, 1, 12, 60, 1_000, "by_size", "minor", "terminated", "expiry", "organisation"]


def ways(value: Any, way: Way) -> Iterator[Way]:
    """Yield the way to each part of a value, which stands at a way itself."""
    if len(way) > 1:
        yield way
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from ways(part, (*way, key))


# A part is left out, said twice, or something else.
CHANGES = st.tuples(
    st.sampled_from([*ways(STATED["head"], ("head",))]) | st.sampled_from([*ways(STATED["rules"], ("rules",))]),
    st.sampled_from(["leave out", "twice", "other", "other"]),
    st.sampled_from(WRONG) | st.sampled_from(ODD),
)


def changed(stated: Any, way: Way, how: str, value: Any) -> Any:
    """Return a value with the part changed to which a way leads."""
    (first, *rest), stated = way, copy(stated)
    if rest:
        stated[first] = changed(stated[first], tuple(rest), how, value)
    elif how == "leave out":
        del stated[first]
    elif how == "twice" and isinstance(stated, list):
        stated.insert(first, stated[first])
    else:
        stated[first] = value
    return stated


def files_of(stated: Any) -> PackFiles:
    head, *documents = (Document(Path("pack.yaml"), value, {}) for value in (stated["head"], *stated["rules"]))
    return PackFiles(head, tuple(documents))


@given(CHANGES)
@example((("head", "perks", 0, "kinds"), "other", []))
def test_a_pack_of_whatever_parts_is_refused_or_checked_to_the_end(change: tuple[Way, str, Any]) -> None:
    files = files_of(changed(STATED, *change))
    try:
        pack = pack_in(files)
    except PackError:
        return

    findings_of(files, pack)
    assert compile_rules(pack).pack == pack.hash
