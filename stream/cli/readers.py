"""`jasmine readers`: who may ask over HTTP."""

from typing import Annotated

import typer
import yaml

from gateway.readers import PURPOSES, entry_for, new_token
from stream.cli.accesses import check_reader_name
from stream.cli.output import AsJson, Exit, err, fail, out, write_json

app = typer.Typer(help="Who may ask over HTTP: readers, their tokens and purposes.")


@app.callback()
def readers() -> None:
    """Keep the name of the one command."""


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="The reader's name, such as transit-operator.")],
    purpose: Annotated[list[str], typer.Option(help="What it may ask for; may be given more than once.")],
    as_json: AsJson = False,
) -> None:
    """Make a token for a reader, and the lines about it for the file that JASMINE_READERS names.

    The token is shown once and kept nowhere: the file has its digest. To replace one, add the new digest beside the
    old, restart the gateway, give the reader the new token, and take the old digest out.

    [bold]Example[/]: jasmine readers token transit-operator --purpose transit
    """
    check_reader_name(name)
    if unknown := sorted({*purpose} - {*PURPOSES}):
        fail(Exit.USAGE, f"no purpose is called {unknown[0]}; there are {', '.join(PURPOSES)}")
    made = new_token()
    entry = entry_for(name, sorted({*purpose}), made)
    if as_json:
        write_json({"token": made, "entry": entry})
        return
    err.print("for the reader, and for nobody else:")
    out.print(made, markup=False, soft_wrap=True)
    err.print("for the file that JASMINE_READERS names:")
    out.print(yaml.safe_dump(entry, sort_keys=False), markup=False, soft_wrap=True, end="")
