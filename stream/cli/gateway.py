"""`jasmine gateway`: the process that answers over HTTP."""

import typer

from gateway.serve import serve
from scoring.pack import load_pack
from stream.logs import configure
from stream.settings import load_settings


def gateway(
    access_log: bool = typer.Option(True, help="Write a line a request, without its subject."),
) -> None:
    """Serve lookups over HTTP, for payment gateways: /v1/subjects/{subject}/standing, /openapi.json, /ready.

    [bold]Example[/]: JASMINE_REDIS_URL=redis://redis:6379/0 JASMINE_GATEWAY_PORT=8080 jasmine gateway
    """
    settings = load_settings()
    configure(settings.log_level, settings.log_format)
    pack = load_pack(settings.pack)
    serve(settings.redis_url, pack, settings.gateway_host, settings.gateway_port, access_log=access_log)
