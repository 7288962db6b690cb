"""`jasmine publish`: events from a file or standard input to Kafka, each checked before it is sent."""

import csv
import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.producer import Delivery, Publisher
from schemas.errors import Reason, Refusal
from schemas.events import SPEC_VERSION
from schemas.subjects import IdentityNumberError, Pseudonymiser
from stream.cli.output import AsJson, Exit, err, fail, table, write_json
from stream.settings import Settings, load_settings

_ENVELOPE = frozenset({"id", "source", "type", "subject", "time", "specversion"})
_REPORTED_MAX = 20
_Line = tuple[int, bytes, dict[str, Any] | Refusal]


def publish(
    path: Annotated[str, typer.Argument(help="A .jsonl or .csv file, or - for JSON Lines on standard input.")],
    refused: Annotated[Path | None, typer.Option(help="Write refused lines here as JSON, with the reason.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish events: each is checked before it is sent, sent with idempotence, and its delivery reported.

    JSON Lines hold one structured CloudEvent a line. A CSV's header names id, source, type, subject and time, and any
    fields of data; instead of subject it may have resident, legal_person or organisation: an identity number, which
    is turned into a pseudonym here and goes no further. Publishing a file again is safe: the same source and id count
    once. Exits with 6 if a line was refused.

    [bold]Example[/]: jasmine publish events.jsonl --refused refused.jsonl
    """
    settings = load_settings()
    reasons: Counter[str] = Counter()
    problems: list[dict[str, Any]] = []
    failed: list[Delivery] = []
    with ExitStack() as stack:
        source = _open(path, stack)
        kept = stack.enter_context(refused.open("wb")) if refused else None
        publisher = Publisher(settings.kafka, settings.topic_events, on_delivery=lambda one: _note(one, failed))
        for number, raw, attributes in _progress(_lines(path, source, settings), path, as_json):
            try:
                if isinstance(attributes, Refusal):
                    raise attributes
                publisher.publish_attributes(attributes)
            except Refusal as refusal:
                reasons[refusal.reason] += 1
                problem = {"line": number, "reason": refusal.reason, "field": refusal.field, "detail": str(refusal)}
                problems.append(problem) if len(problems) < _REPORTED_MAX else None
                if kept:
                    kept.write(orjson.dumps({**problem, "record": raw.decode(errors="replace")}) + b"\n")
        report = publisher.close()
    answer = {
        "delivered": report.delivered,
        "failed": report.failed,
        "refused": sum(reasons.values()),
        "reasons": dict(reasons),
        "problems": problems,
    }
    write_json(answer) if as_json else _show(answer)
    if failed:
        fail(Exit.FAILED, f"{len(failed)} events were not delivered: {failed[0].error}; publish the file again")
    if reasons:
        raise typer.Exit(Exit.REFUSED)


def _note(delivery: Delivery, failed: list[Delivery]) -> None:
    if delivery.error:
        failed.append(delivery)


def _open(path: str, stack: ExitStack) -> IO[bytes]:
    if path == "-":
        return typer.get_binary_stream("stdin")
    try:
        return stack.enter_context(Path(path).open("rb"))
    except OSError as error:
        fail(Exit.USAGE, f"{path}: {error.strerror}")


def _progress(lines: Iterator[_Line], path: str, quiet: bool) -> Iterator[_Line]:
    """Show how far it is; of a file also how much is left, by a count of its lines."""
    total = None
    if path != "-":
        with Path(path).open("rb") as counted:
            total = sum(1 for _ in counted)
    columns = (TextColumn("publishing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task("publishing", total=total)
        for line in lines:
            yield line
            progress.advance(task)


def _lines(path: str, source: IO[bytes], settings: Settings) -> Iterator[_Line]:
    if path.endswith(".csv"):
        yield from _csv_lines(source, settings)
        return
    for number, raw in enumerate(source, start=1):
        if raw.strip():
            yield number, raw, _parsed(raw)


def _parsed(raw: bytes) -> dict[str, Any] | Refusal:
    try:
        attributes = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return Refusal(Reason.NOT_JSON, "", raw[:40].decode(errors="replace"), str(error))
    return attributes if isinstance(attributes, dict) else Refusal(Reason.NOT_JSON, "", "", "give an object a line")


def _csv_lines(source: IO[bytes], settings: Settings) -> Iterator[_Line]:
    texts = (raw.decode("utf-8-sig" if number == 0 else "utf-8") for number, raw in enumerate(source))
    reader = csv.DictReader(texts)
    pseudonymiser: Pseudonymiser | None = None
    for row in itertools.chain(reader):
        raw = orjson.dumps({name: value for name, value in row.items() if name not in _IDENTITY})
        if pseudonymiser is None and _IDENTITY & set(row):
            pseudonymiser = settings.pseudonymiser
        try:
            yield reader.line_num, raw, _attributes(row, pseudonymiser)
        except IdentityNumberError as error:
            yield reader.line_num, raw, Refusal(Reason.BAD_VALUE, "subject", "", str(error))


_IDENTITY = frozenset({"resident", "legal_person", "organisation"})


def _attributes(row: dict[str, str], pseudonymiser: Pseudonymiser | None) -> dict[str, Any]:
    stated = {name: value for name, value in row.items() if name and value}
    attributes: dict[str, Any] = {"specversion": SPEC_VERSION}
    attributes |= {name: value for name, value in stated.items() if name in _ENVELOPE}
    for kind in _IDENTITY & set(stated):
        assert pseudonymiser is not None  # noqa: S101 - made by the caller for such a column
        attributes["subject"] = getattr(pseudonymiser, kind)(stated[kind])
    data: dict[str, Any] = {
        name: value for name, value in stated.items() if name not in _ENVELOPE and name not in _IDENTITY
    }
    if data.get("quantity", "").isascii() and data.get("quantity", "").isdigit():
        data["quantity"] = int(data["quantity"])
    return {**attributes, "data": data}


def _show(answer: dict[str, Any]) -> None:
    rows = [(name, answer[name]) for name in ("delivered", "failed", "refused")]
    table("Published", ("events", "count"), rows)
    if answer["problems"]:
        table("Refused", ("line", "why"), ((one["line"], one["detail"]) for one in answer["problems"]))
    if answer["refused"] > len(answer["problems"]):
        err.print(f"... and {answer['refused'] - len(answer['problems'])} more; --refused FILE keeps all of them")
