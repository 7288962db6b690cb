"""`jasmine year`: what becomes of a year that is over."""

import time
from datetime import date
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from gateway.producer import Publisher
from schemas.catalogue import TYPES_BY_NAME
from schemas.days import datetime_of, day_of, day_of_date, start_of
from schemas.events import CreditEvent, Data
from schemas.subjects import format_subject
from scoring.clean_year import is_clean
from stream.cli.holding import pack_holding
from stream.cli.output import AsJson, Exit, err, fail, pairs, write_json
from stream.cli.standings import all_standings
from stream.clients import redis_client
from stream.settings import load_settings

app = typer.Typer(help="Close a year: reward everybody about whom it holds no bad information.", no_args_is_help=True)

_CLOSED = TYPES_BY_NAME["year.closed"]
_SOURCE = f"/dept/{_CLOSED.publisher}"
# Departments may report an act so many days late; a year is closed when its last act has had time to arrive.
_WAIT_DAYS = 15


@app.callback()
def _year() -> None:
    """Keep the group although it has one command."""


@app.command()
def close(
    year: Annotated[int, typer.Argument(help="The calendar year, e.g. 2025.", min=1970, max=2100)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and publish nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish year.closed about everybody whose year held no bad information.

    Each event's id names year and subject, so closing a year again counts nothing twice. It reads every standing.

    [bold]Example[/]: jasmine year close 2025 --dry-run
    """
    closes = day_of_date(date(year + 1, 1, 1))
    today = day_of(int(time.time()))
    if today < closes + _WAIT_DAYS:
        fail(Exit.USAGE, f"{year} can be closed from {year + 1}-01-{_WAIT_DAYS + 1:02} on: departments report late")
    settings = load_settings()
    pack = pack_holding(settings, today)
    client = redis_client(settings)
    read = clean = 0
    publisher = None if dry_run else Publisher(settings.kafka, settings.topic_events)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,} subjects read, {task.fields[clean]:,} clean"),
        console=err,
        transient=True,
        disable=as_json or not err.is_terminal,
    ) as progress:
        task = progress.add_task("closing", total=None, clean=0)
        for stored in all_standings(client):
            read += 1
            if is_clean(stored.facts, year, today, pack):
                clean += 1
                if publisher is not None:
                    publisher.publish(_event(stored.subject, year, closes))
            progress.update(task, completed=read, clean=clean)
    failed = 0 if publisher is None else publisher.close().failed
    answer = {"year": year, "subjects": read, "clean": clean, "published": 0 if dry_run else clean - failed}
    write_json(answer) if as_json else pairs(f"Year {year}", answer)
    if failed:
        fail(Exit.FAILED, f"{failed} events were not delivered; close the year again, which counts nothing twice")


def _event(subject: int, year: int, closes: int) -> CreditEvent:
    name = format_subject(subject)
    return CreditEvent(
        id=f"year-{year}-{name}",
        source=_SOURCE,
        type=_CLOSED,
        subject=name,
        time=datetime_of(start_of(closes)),
        data=Data(),
    )
