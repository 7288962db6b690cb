"""`jasmine demo`: everything, on this machine, in two minutes."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.output import AsJson, Exit, err, fail, out, write_json
from stream.demo.run import DemoError, Plan, Result, report, run
from stream.logs import configure

# What a shell says of a process that a signal has ended.
_SIGNALLED = 128


def demo(
    residents: Annotated[int, typer.Option(help="How many people the synthetic city has.", min=10)] = 2_000,
    organisations: Annotated[int, typer.Option(help="How many organisations.", min=1)] = 100,
    rate: Annotated[float, typer.Option(help="Events a second of its day.", min=1)] = 2_000,
    seconds: Annotated[float, typer.Option(help="How long its day is shown.", min=1)] = 60,
    seed: Annotated[int, typer.Option(help="What the city is drawn from: the same seed, the same city.")] = 1,
    picture: Annotated[Path | None, typer.Option(help="Keep the last screen here, as SVG.")] = None,
    page: Annotated[bool, typer.Option(help="Serve the citizen's page, with a sign-in of one click.")] = True,
    as_json: AsJson = False,
) -> None:
    """Show it all working: a synthetic city streams live through a worker; at the end it is checked.

    Nothing has to be installed or running: the broker and the store are embedded. Exits with 1 if a check fails.

    [bold]Example[/]: jasmine demo --rate 3000 --seconds 30
    """
    # A stop from outside ends the embedded parts, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(_SIGNALLED + number))
    plan = Plan(residents, organisations, rate, seconds, seed, picture, page)
    # What the page logs must not be written into the screen.
    configure("error", "console")
    try:
        result = run(plan, err if as_json else out, _tell_json if as_json else _tell)
    except DemoError as error:
        fail(Exit.FAILED, str(error))
    if not all(proof.held for proof in result.proofs):
        raise typer.Exit(Exit.FAILED)


def _tell_json(result: Result) -> None:
    write_json(report(result))


def _tell(result: Result) -> None:
    p50, p99 = (result.freshness_ms[name] or 0.0 for name in ("p50", "p99"))
    out.print(
        f"\n[bold]{result.published:,} events in {result.seconds:.0f} s[/]; while live, half could be read "
        f"{p50:.1f} ms after they were published, 99 % after {p99:.1f} ms. What was proved:"
    )
    for proof in result.proofs:
        out.print(f" [{'green' if proof.held else 'red'}]{'✔' if proof.held else '✘'}[/] {proof.claim}: {proof.detail}")
