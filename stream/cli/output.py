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

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

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
    """Write a table."""
    shown = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*("" if value is None else str(value) for value in row))
    out.print(shown)


def pairs(title: str, values: Mapping[str, Any]) -> None:
    """Write names and values."""
    shown = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, padding=(0, 2))
    shown.add_column()
    # Chinese has no spaces to break a line at: without folding the rest would be left out.
    shown.add_column(overflow="fold")
    for name, value in values.items():
        shown.add_row(f"[dim]{name}[/]", "" if value is None else str(value))
    out.print(shown)
