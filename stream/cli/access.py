"""`jasmine access`: who has read what about a subject, and who was told of its changes."""

from typing import Annotated, Any

import typer

from gateway.accesses import SHOWN_MAX, Accesses, accesses_of
from gateway.address import access_key, parse_subject
from schemas.days import CITY_TIMEZONE
from sinks.keys import META
from stream.cli.output import AsJson, Exit, fail, out, table, write_json
from stream.clients import redis_client
from stream.settings import load_settings

Subject = Annotated[str, typer.Argument(help="A subject id, such as r-09c3f0a1b2d4e5f6.")]


def access(subject: Subject, as_json: AsJson = False) -> None:
    """Say who has read what about a subject, for which purpose, and which readers were told of its changes.

    The last two hundred or so are here; the topic of the access log has all of them. Exits with 5 if there is none.

    [bold]Example[/]: jasmine access r-09c3f0a1b2d4e5f6 --json
    """
    parse_subject(subject)
    client: Any = redis_client(load_settings())
    partitions = int(client.hget(META, "partitions") or 0)
    raw = client.lrange(access_key(subject, partitions), 0, SHOWN_MAX - 1) if partitions else []
    found = accesses_of(subject, raw)
    if as_json:
        write_json({"subject": subject, "access": found.to_json()})
    elif found.entries:
        _show(subject, found)
    if not found.entries:
        fail(Exit.NOT_FOUND, f"nobody has read anything about {subject} yet, or no worker has copied it")


def _show(subject: str, found: Accesses) -> None:
    rows = [(one.time.astimezone(CITY_TIMEZONE), one.reader, one.purpose, one.what) for one in found.reads]
    table(f"read about {subject}", ["time", "reader", "purpose", "what"], rows)
    told = [
        (one.day, one.change, reader, at.astimezone(CITY_TIMEZONE)) for one in found.changes for reader, at in one.told
    ]
    if told:
        out.print()
        table("told of changes", ["change of", "id", "reader", "told"], told)
