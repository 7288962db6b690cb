"""How commands answer: a table for people or JSON for machines on standard output, all else on standard error."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_COLUMN_CHARACTERS_MIN = 15
_UNBROKEN_CHARACTERS = 10_000

AsJsonLog = Annotated[bool, typer.Option("--json", help="Log as JSON, whatever JASMINE_LOG_FORMAT says.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for machines.")]


class Exit(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SETTINGS = 3
    AWAY = 4
    NOT_FOUND = 5
    REFUSED = 6


def tell(message: str) -> None:
    """Say what went wrong, as it stands: brackets in it are no markup."""
    err.print("[bold red]jasmine:[/]", escape(message), soft_wrap=True)


def fail(code: Exit, message: str) -> NoReturn:
    """End with one clear message and a code."""
    tell(message)
    raise typer.Exit(code)


def write_json(value: Any) -> None:
    """Write one value as a line of JSON."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS))
    sys.stdout.flush()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table; cells are text as it stands, or Text with a style.

    Its first column, which names the row, is never broken. Where columns would be too narrow to read, each row is a
    list of names and values instead; and what goes to a file or another program is as wide as it needs to be.
    """
    if out.is_terminal and len(columns) * _COLUMN_CHARACTERS_MIN > out.width:
        _stack(title, columns, rows)
        return
    shown = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        shown.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        shown.add_row(*map(_cell, row))
    _unbroken().print(shown)


def _stack(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    out.print(Text(title, "bold"))
    for row in rows:
        shown = _grid()
        for column, value in zip(columns, row, strict=True):
            if value is not None and value != "":
                shown.add_row(Text(column, "dim"), _cell(value))
        out.print(shown)
        out.print()


def pairs(title: str, values: Mapping[str, Any]) -> None:
    """Write names and values."""
    shown = _grid(title)
    for name, value in values.items():
        shown.add_row(Text(name, "dim"), _cell(value))
    _unbroken().print(shown)


def _unbroken() -> Console:
    """Return where tables go: what is no terminal has no width that they would have to keep to."""
    return out if out.is_terminal else Console(file=out.file, width=_UNBROKEN_CHARACTERS, highlight=False)


def _grid(title: str | None = None) -> Table:
    shown = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, padding=(0, 2))
    shown.add_column()
    # Chinese has no spaces to break a line at: without folding the rest would be left out.
    shown.add_column(overflow="fold")
    return shown


def _cell(value: Any) -> Text:
    """Return a cell's text, in which brackets are no markup: it may quote what anybody has published."""
    return value if isinstance(value, Text) else Text("" if value is None else str(value))
