"""Files that are no pack, and would keep a worker busy or end it, are refused like any other."""

from pathlib import Path

import pytest

from scoring.lines import FileError, read

NESTED = "a: " + "[" * 998 + "]" * 998
OF_ITSELF = "a: &a [*a]"
# Each list repeats the one before ten times: a billion parts in ten lines.
REPEATED = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]" for n in range(10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NESTED, "is nested too deeply; look for brackets"),
        (OF_ITSELF, "is nested too deeply; look for brackets"),
        (REPEATED, "has more than 200,000 parts; write out what its aliases"),
        ("[" * 100_000, ":1: is not YAML"),
    ],
    ids=["nested", "an alias of itself", "a billion by aliases", "brackets without end"],
)
def test_a_file_that_never_ends_is_refused_with_what_to_look_for(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text(text)
    with pytest.raises(FileError) as refused:
        read(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_an_alias_stands_for_what_it_repeats(tmp_path: Path) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text("first: &one\n  points: 3\nsecond: *one\n")
    document = read(path)
    assert document.value == {"first": {"points": 3}, "second": {"points": 3}}
    assert document.line(("second", "points")) == 2


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("2027-13-01", "'2027-13-01': month must be in 1..12; correct it, or put it in quotes"),
        ("9" * 5_000, "Exceeds the limit"),
        ("!!timestamp tomorrow", "'tomorrow': is no timestamp"),
        ("!!int ''", "'': is no int"),
        ("!!bool maybe", "'maybe': is no bool"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_line(said: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text(f"first: 1\nsecond:\n  - {said}\n")
    with pytest.raises(FileError) as refused:
        read(path)
    assert str(refused.value).startswith(f"{path}:3: holds something unreadable: ")
    assert message in str(refused.value)


def test_a_pair_may_have_a_list_as_its_key(tmp_path: Path) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text("first: !!pairs [{[a, b]: 1}]\n")
    assert read(path).value == {"first": [(["a", "b"], 1)]}
