"""`jasmine changes`: print changes as they come, and leave receipts that a reader was told of them."""

import contextlib
from dataclasses import asdict
from typing import Annotated

import typer

from gateway.changes import RECORDS_MAX, Change, Subscriber
from stream.cli.accesses import access_log_of, check_reader_name
from stream.cli.output import write_json
from stream.settings import load_settings


def changes(
    reader: Annotated[str, typer.Option(help="Whose receipts these are, e.g. transit-operator.")],
    group: Annotated[str, typer.Option(help="The consumer group; the reader's own if not given.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="End after so many changes; 0 never ends.")] = 0,
) -> None:
    """Print each change of a tier or of entitlements as a line of JSON, and write a receipt for it.

    The subject is shown that the reader was told, and when. A change may be printed again after a failure, with the
    same id; with the receipts it is never left out.

    [bold]Example[/]: jasmine changes --reader transit-operator | update-my-cache
    """
    settings = load_settings()
    check_reader_name(reader)
    log = access_log_of(settings)
    properties = {**settings.kafka, "log_level": 2}
    printed = 0

    def show(change: Change) -> None:
        nonlocal printed
        write_json(asdict(change))
        printed += 1

    subscriber = Subscriber(properties, reader, log, topic=settings.topic_changes, group=group)
    with subscriber, contextlib.suppress(KeyboardInterrupt):
        while not limit or printed < limit:
            subscriber.step(show, records_max=min(limit - printed, RECORDS_MAX) if limit else RECORDS_MAX)
