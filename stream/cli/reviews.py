"""`jasmine reviews`: what waits for a person to look at it, and the answer."""

import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from gateway.producer import Publisher
from schemas.catalogue import CONFIRMED, REVOKED, EventType
from schemas.codec import decode
from schemas.days import CITY_TIMEZONE, date_of, datetime_of, day_of
from schemas.errors import Refusal
from schemas.events import CreditEvent, Data
from schemas.subjects import format_subject
from scoring.pack import Pack
from scoring.worklist import Waiting, waiting
from stream.cli.accesses import record, record_all
from stream.cli.evidence import record_at
from stream.cli.holding import pack_holding
from stream.cli.output import AsJson, Exit, err, fail, out, table, write_json
from stream.cli.standings import Stored, all_standings, standing_of
from stream.clients import redis_client
from stream.settings import Settings, load_settings

app = typer.Typer(help="What waits for a person before it counts, and the answer.", no_args_is_help=True)

_SOURCE = f"/dept/{CONFIRMED.publisher}"
_LISTED_MAX = 100

Subject = Annotated[str, typer.Argument(help="A subject id, such as r-09c3f0a1b2d4e5f6.")]
RecordId = Annotated[str, typer.Argument(help="The record's id, as `jasmine reviews list` shows it.")]
Document = Annotated[str, typer.Option(help="The number of the document that says why.")]


@dataclass(frozen=True, slots=True)
class _Found:
    """A record that waits, and whose standing it is in."""

    stored: Stored
    waiting: Waiting

    def as_json(self) -> dict[str, Any]:
        record = self.waiting.record
        return {
            "subject": format_subject(self.stored.subject),
            "record": f"{record.record:016x}",
            "type": record.rule.type,
            "grade": record.grade.label,
            "waits_since": date_of(record.start).isoformat(),
            "tier": self.waiting.tier,
            "tier_if_confirmed": self.waiting.confirmed_tier,
            "offset": record.offset,
        }


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="The most to list; those that wait longest come first.")] = (
        _LISTED_MAX
    ),
    as_json: AsJson = False,
) -> None:
    """List the records that wait for a person, those first that wait longest. It looks at every standing.

    Each subject that is listed is shown, in the access log, that a desk has read about it.

    [bold]Example[/]: jasmine reviews list --limit 20 --json
    """
    settings = load_settings()
    today = _today()
    found = _all_waiting(settings, pack_holding(settings, today), today)
    shown = sorted(found, key=lambda one: (one.waiting.record.start, one.stored.subject))[:limit]
    rows = [one.as_json() for one in shown]
    if as_json:
        write_json({"waiting": len(found), "records": rows})
    else:
        columns = ("subject", "record", "type", "grade", "waits_since", "tier", "tier_if_confirmed")
        table(
            f"{len(found)} {'record waits' if len(found) == 1 else 'records wait'}",
            columns,
            [[row[name] for name in columns] for row in rows],
        )
    read = {format_subject(one.stored.subject): one.stored.card.as_of for one in shown}
    record_all(settings, read, "desk", "explanation")


@app.command()
def confirm(subject: Subject, record_id: RecordId, document: Document = "", as_json: AsJson = False) -> None:
    """Let a record count from today on: somebody has looked at it, and it is right.

    [bold]Example[/]: jasmine reviews confirm r-09c3f0a1b2d4e5f6 5f0c1d2e3a4b5c6d --document 2026-118
    """
    _answer(CONFIRMED, subject, record_id, document, as_json=as_json)


@app.command()
def reject(subject: Subject, record_id: RecordId, document: Document = "", as_json: AsJson = False) -> None:
    """Revoke a record that should not be there, for all time.

    [bold]Example[/]: jasmine reviews reject r-09c3f0a1b2d4e5f6 5f0c1d2e3a4b5c6d --document 2026-119
    """
    _answer(REVOKED, subject, record_id, document, as_json=as_json)


def _answer(event_type: EventType, subject: str, record_id: str, document: str, *, as_json: bool) -> None:
    settings = load_settings()
    today = _today()
    stored = standing_of(settings, subject)
    records = waiting(stored.facts, today, pack_holding(settings, today))
    one = next((each for each in records if f"{each.record.record:016x}" == record_id.lower()), None)
    record(settings, subject, "desk", "explanation", as_of=stored.card.as_of)
    if one is None:
        fail(Exit.NOT_FOUND, f"no record {record_id} of {subject} waits for a person; see `jasmine reviews list`")
    event = _event(settings, event_type, stored, one, document)
    publisher = Publisher(settings.kafka, settings.topic_events)
    try:
        publisher.publish(event)
    except Refusal as refusal:
        fail(Exit.REFUSED, f"the answer was not published: {refusal}")
    if publisher.close().failed:
        fail(Exit.AWAY, "Kafka did not acknowledge the answer: give it again; if both arrive, the first counts")
    if as_json:
        write_json({"published": event.type.name, "id": event.id, "subject": subject, "record": record_id.lower()})
    else:
        out.print(f"[green]published[/]: {event.type.name} about {one.record.rule.type} of {subject}", soft_wrap=True)


def _event(settings: Settings, event_type: EventType, stored: Stored, one: Waiting, document: str) -> CreditEvent:
    """Return the answer to a record, which names the record's event as the log has it."""
    message = record_at(settings, settings.topic_events, stored.partition, one.record.offset)
    if message is None:
        place = f"{settings.topic_events}/{stored.partition}/{one.record.offset}"
        fail(Exit.NOT_FOUND, f"{place} is no longer in the log, so nothing can name its event; ask its publisher")
    # Its annotation leaves open what librdkafka gives: pairs of text and bytes.
    headers: Any = message.headers()
    about = decode(message.value(), headers)
    return CreditEvent(
        # Of two answers to a record the first in the log counts; the other is a conflict, and refused.
        id=f"review-{event_type.name}-{one.record.record:016x}",
        source=_SOURCE,
        type=event_type,
        subject=about.subject,
        time=datetime_of(int(time.time())).astimezone(CITY_TIMEZONE),
        # Whom the act of an organisation has reached, the answer reaches, too.
        data=Data(
            record_source=about.source,
            record_id=about.id,
            document_no=document,
            linked_subjects=about.data.linked_subjects,
        ),
    )


def _all_waiting(settings: Settings, pack: Pack, today: int) -> list[_Found]:
    found: dict[int, list[_Found]] = {}
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,} standings read, {task.fields[found]:,} with something that waits"),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as progress:
        task = progress.add_task("reading", total=None, found=0)
        for number, stored in enumerate(all_standings(redis_client(settings)), 1):
            state = stored.card.at(today)
            # Of a day that the card says nothing of any more, the ledger does.
            if state is None or state.under_review:
                waits = [_Found(stored, one) for one in waiting(stored.facts, today, pack)]
                found |= {stored.subject: waits} if waits else {}
            progress.update(task, completed=number, found=len(found))
    return [one for waits in found.values() for one in waits]


def _today() -> int:
    return day_of(int(time.time()))
