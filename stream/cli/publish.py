"""`jasmine publish`: events from a file or standard input to Kafka, each checked before it is sent."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.producer import Delivery, Publisher
from schemas.errors import Refusal
from stream.cli.event_files import FileFormatError, Line, read_csv, read_json_lines
from stream.cli.output import AsJson, Exit, err, fail, table, write_json
from stream.settings import Settings, load_settings

_REPORTED_MAX = 20


def publish(
    path: Annotated[str, typer.Argument(help="A .jsonl or .csv file, or - for JSON Lines on standard input.")],
    refused: Annotated[Path | None, typer.Option(help="Write refused lines here as JSON, with the reason.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish events: each is checked before it is sent, sent with idempotence, and its delivery reported.

    JSON Lines hold one structured CloudEvent a line. A CSV's header names id, source, type, subject and time, and any
    fields of data, linked_subjects with spaces between them; instead of subject it may have resident, legal_person or
    organisation: an identity number, which is turned into a pseudonym here and goes no further, and of such a file no
    refused value is quoted. Publishing a file again is safe: the same source and id count once. Exits with 6 if a line
    was refused.

    [bold]Example[/]: jasmine publish events.jsonl --refused refused.jsonl
    """
    settings = load_settings()
    reasons: Counter[str] = Counter()
    problems: list[dict[str, Any]] = []
    failed: list[Delivery] = []
    with ExitStack() as stack:
        source = _open(path, stack)
        kept = stack.enter_context(refused.open("wb")) if refused else None
        # What librdkafka would say of each broker it cannot reach is said once, at the end.
        quiet = {**settings.kafka, "log_level": 2}
        publisher = Publisher(quiet, settings.topic_events, on_delivery=lambda one: _note(one, failed))
        for line in _progress(_lines(path, source, settings), path, as_json):
            try:
                if isinstance(line.attributes, Refusal):
                    raise line.attributes
                publisher.publish_attributes(line.attributes)
            except Refusal as refusal:
                reasons[refusal.reason] += 1
                problem = _problem(line, refusal)
                problems.append(problem) if len(problems) < _REPORTED_MAX else None
                if kept:
                    kept.write(orjson.dumps({**problem, "record": line.raw.decode(errors="replace")}) + b"\n")
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
        where = f"Kafka at {settings.kafka['bootstrap.servers']}"
        remedy = "publish the file again; `jasmine doctor` says what can be reached"
        fail(Exit.AWAY, f"{where} did not take {len(failed)} events: {failed[0].error}; {remedy}")
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


def _progress(lines: Iterator[Line], path: str, quiet: bool) -> Iterator[Line]:
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


def _lines(path: str, source: IO[bytes], settings: Settings) -> Iterator[Line]:
    read = 0
    try:
        for line in read_csv(source, settings) if path.endswith(".csv") else read_json_lines(source):
            read += 1
            yield line
    except FileFormatError as error:
        fail(Exit.USAGE, f"{path}: {error}" + ("; what stands before that was published" if read else ""))


def _problem(line: Line, refusal: Refusal) -> dict[str, Any]:
    """Describe a refused line; where it may hold an identity number its values are not quoted."""
    told = refusal if line.quotable else Refusal(refusal.reason, refusal.field, "", refusal.remedy)
    return {"line": line.number, "reason": refusal.reason, "field": refusal.field, "detail": str(told)}


def _show(answer: dict[str, Any]) -> None:
    rows = [(name, answer[name]) for name in ("delivered", "failed", "refused")]
    table("Published", ("events", "count"), rows)
    if answer["problems"]:
        table("Refused", ("line", "why"), ((one["line"], one["detail"]) for one in answer["problems"]))
    if answer["refused"] > len(answer["problems"]):
        err.print(f"... and {answer['refused'] - len(answer['problems'])} more; --refused FILE keeps all of them")
