"""`jasmine gateway`: the process that answers over HTTP."""

import typer

from gateway.errors import ListeningError
from gateway.readers import Readers
from gateway.serve import serve
from scoring.pack import load_pack
from stream.cli.accesses import access_log_of
from stream.cli.output import AsJsonLog, Exit, fail
from stream.logs import configure
from stream.settings import load_settings


def gateway(
    access_log: bool = typer.Option(True, help="Write a line a request, without its subject."),
    as_json: AsJsonLog = False,
) -> None:
    """Serve lookups over HTTP, for payment gateways: /v1/subjects/{subject}/standing, /openapi.json, /ready.

    A request names who asks and what for, in the headers Jasmine-Reader and Jasmine-Purpose; both are written to the
    access log. JASMINE_ACCESS_LOG=off writes nothing. Where JASMINE_READERS names the readers, each needs a token:
    `jasmine readers token` makes one.

    [bold]Example[/]: JASMINE_REDIS_URL=redis://redis:6379/0 JASMINE_GATEWAY_PORT=8080 jasmine gateway
    """
    settings = load_settings()
    configure(settings.log_level, "json" if as_json else settings.log_format)
    pack = load_pack(settings.pack)
    readers = None if settings.readers is None else Readers.from_file(settings.readers)
    reads = access_log_of(settings)
    address = settings.gateway_host, settings.gateway_port
    try:
        serve(settings.redis_url, pack, *address, reads=reads, readers=readers, access_log=access_log)
    except ListeningError as error:
        fail(Exit.FAILED, f"{error}; set JASMINE_GATEWAY_HOST or JASMINE_GATEWAY_PORT, 0 is any free port")
