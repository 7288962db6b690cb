"""How commands write tables: for a narrow terminal, a wide one, and a file."""

import io

import pytest
from rich.console import Console

from stream.cli import output

COLUMNS = ("name", "reason", "field", "value", "remedy", "basis")
ROW = ("credit.events/0/30046", "bad_value", "data.grade", "[/red] [bold]", "say one of the grades of the type", "")


def written(monkeypatch: pytest.MonkeyPatch, width: int, *, terminal: bool) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, no_color=True)
    monkeypatch.setattr(output, "out", console)
    output.table("Letters", COLUMNS, [ROW])
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_brackets_that_somebody_has_published_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    for width, terminal in ((80, True), (120, True), (80, False)):
        assert "[/red] [bold]" in written(monkeypatch, width, terminal=terminal)


def test_what_is_no_terminal_gets_rows_unbroken(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = [one for one in written(monkeypatch, 80, terminal=False).splitlines() if "bad_value" in one]

    assert all(cell in line for cell in ROW)


def test_what_is_no_terminal_gets_values_unbroken_too(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=file, width=80, force_terminal=False))

    output.pairs("Letter", {"basis": "one of many words " * 20})

    assert ("one of many words " * 20).strip() in file.getvalue()


def test_a_narrow_terminal_gets_names_and_values_and_nothing_for_what_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = written(monkeypatch, 80, terminal=True)

    assert "│" not in text
    assert ROW[0] in text
    assert ROW[4] in text
    assert "basis" not in text


def test_what_names_a_row_is_never_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    text = written(monkeypatch, 92, terminal=True)

    assert "│" in text
    assert ROW[0] in text
