"""`jasmine publish`: events from a file or standard input to Kafka, each checked before it is sent."""

import io
import os
import signal
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.producer import Delivery, Publisher, Report
from schemas.errors import Refusal
from stream.cli.event_files import FileFormatError, Line, masked, read_csv, read_json_lines
from stream.cli.output import AsJson, Exit, err, fail, table, tell, write_json
from stream.settings import Settings, load_settings

_REPORTED_MAX = 20
# What a shell says of a process that a signal has ended.
_SIGNALLED = 128


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
    was refused, and with 2 if the file cannot be read to its end; what stands before that is sent and reported.

    [bold]Example[/]: jasmine publish events.jsonl --refused refused.jsonl
    """
    settings = load_settings()
    failed: list[Delivery] = []
    broken: tuple[Exit, str] | None = None
    with ExitStack() as stack:
        source = _open(path, stack)
        refusals = _Refusals(_kept(refused, source, stack))
        # What librdkafka would say of each broker it cannot reach is said once, at the end.
        quiet = {**settings.kafka, "log_level": 2}
        stack.enter_context(_sigterm_exits())
        publisher = Publisher(quiet, settings.topic_events, on_delivery=lambda one: _note(one, failed))
        try:
            with closing(_progress(_lines(path, source, settings), path, as_json)) as lines:
                for line in lines:
                    _publish(line, publisher, refusals)
        except FileFormatError as error:
            broken = Exit.USAGE, f"{path}: {error}"
        except OSError as error:
            broken = Exit.FAILED, str(error)
        finally:
            # Whatever ended it, Ctrl-C or SIGTERM: what waits in librdkafka's queue would be lost with the process.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            report = publisher.close()
            answer = refusals.answer(report)
            write_json(answer) if as_json else _show(answer)
            if failed:
                _tell_failed(failed, settings)
    if broken:
        code, what = broken
        fail(code, f"{what}; before that {report.delivered} events were delivered and {report.failed} not")
    if failed:
        raise typer.Exit(Exit.AWAY)
    if refusals.reasons:
        raise typer.Exit(Exit.REFUSED)


@contextmanager
def _sigterm_exits() -> Iterator[None]:
    """Let SIGTERM end what is within by SystemExit; from then on it is ignored, until the process has ended."""
    told = []

    def end(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        told.append(number)
        sys.exit(_SIGNALLED + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if not told:
            signal.signal(signal.SIGTERM, before)


class _Refusals:
    """What was refused: counted by reason, the first of it described, and all of it kept if asked for."""

    def __init__(self, kept: IO[bytes] | None) -> None:
        self.reasons: Counter[str] = Counter()
        self._problems: list[dict[str, Any]] = []
        self._kept = kept

    def note(self, line: Line, refusal: Refusal) -> None:
        problem = _problem(line, refusal)
        self.reasons[refusal.reason] += 1
        if len(self._problems) < _REPORTED_MAX:
            self._problems.append(problem)
        if self._kept:
            # The record is not masked: who mends it needs it as it came, and the file is theirs.
            self._kept.write(orjson.dumps({**problem, "record": line.raw.decode(errors="replace")}) + b"\n")

    def answer(self, report: Report) -> dict[str, Any]:
        return {
            "delivered": report.delivered,
            "failed": report.failed,
            "refused": self.reasons.total(),
            "reasons": dict(self.reasons),
            "problems": self._problems,
        }


def _publish(line: Line, publisher: Publisher, refusals: _Refusals) -> None:
    try:
        if isinstance(line.attributes, Refusal):
            raise line.attributes
        publisher.publish_attributes(line.attributes)
    except Refusal as refusal:
        refusals.note(line, refusal)


def _note(delivery: Delivery, failed: list[Delivery]) -> None:
    if delivery.error:
        failed.append(delivery)


def _tell_failed(failed: list[Delivery], settings: Settings) -> None:
    where = f"Kafka at {settings.kafka['bootstrap.servers']}"
    remedy = "publish the file again; `jasmine doctor` says what can be reached"
    tell(f"{where} did not take {len(failed)} events: {failed[0].error}; {remedy}")


def _open(path: str, stack: ExitStack) -> IO[bytes]:
    if path == "-" and sys.stdin is None:
        fail(Exit.USAGE, "standard input is closed")
    if path == "-":
        return typer.get_binary_stream("stdin")
    try:
        return stack.enter_context(Path(path).open("rb"))
    except OSError as error:
        fail(Exit.USAGE, f"{path}: {error.strerror}")


def _kept(refused: Path | None, source: IO[bytes], stack: ExitStack) -> IO[bytes] | None:
    if refused is None:
        return None
    try:
        if refused.is_file() and _is_read_from(source, refused):
            fail(Exit.USAGE, f"--refused {refused} is what is to be published, and would be overwritten")
        # Unbuffered, for a disk that is full shows while it can still be reported.
        return stack.enter_context(refused.open("wb", buffering=0))
    except OSError as error:
        fail(Exit.USAGE, f"--refused {refused}: {error.strerror}")


def _is_read_from(source: IO[bytes], path: Path) -> bool:
    """Whether a stream reads a file, under this name or another, through the shell or not."""
    try:
        return os.path.samestat(os.fstat(source.fileno()), path.stat())
    except io.UnsupportedOperation:  # a stream without a file
        return False


def _progress(lines: Iterator[Line], path: str, quiet: bool) -> Generator[Line, None, None]:
    """Show how far it is; of a file also how much is left, by a count of its lines."""
    shown = err.is_terminal and not quiet
    # A pipe under a name can be read once only, and whoever counts its lines has them.
    total = _count(Path(path)) if shown and path != "-" and Path(path).is_file() else None
    columns = (TextColumn("publishing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not shown) as progress:
        task = progress.add_task("publishing", total=total)
        for line in lines:
            yield line
            progress.advance(task)


def _count(path: Path) -> int:
    with path.open("rb") as counted:
        return sum(1 for _ in counted)


def _lines(path: str, source: IO[bytes], settings: Settings) -> Iterator[Line]:
    return read_csv(source, settings) if path.lower().endswith(".csv") else read_json_lines(source)


def _problem(line: Line, refusal: Refusal) -> dict[str, Any]:
    """Describe a refused line; an identity number, or what may be one, is not quoted."""
    field = masked(refusal.field)
    told = Refusal(refusal.reason, field, masked(refusal.value) if line.quotable else "", masked(refusal.remedy))
    return {"line": line.number, "reason": refusal.reason, "field": field, "detail": str(told)}


def _show(answer: dict[str, Any]) -> None:
    rows = [(name, answer[name]) for name in ("delivered", "failed", "refused")]
    table("Published", ("events", "count"), rows)
    if answer["problems"]:
        table("Refused", ("line", "why"), ((one["line"], one["detail"]) for one in answer["problems"]))
    if answer["refused"] > len(answer["problems"]):
        err.print(f"... and {answer['refused'] - len(answer['problems'])} more; --refused FILE keeps all of them")
