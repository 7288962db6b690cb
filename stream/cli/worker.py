"""`jasmine worker` and `jasmine gateway`: the two processes of a deployment."""

import typer
import uvloop

from gateway.serve import serve
from scoring.pack import load_pack
from stream.cli.output import Exit, fail
from stream.logs import configure
from stream.settings import load_settings
from stream.worker import Worker


def worker() -> None:
    """Score events: read them from Kafka, keep standings in Redis, publish changes.

    It waits for parts that are away, and stops gracefully on SIGTERM or Ctrl-C.

    [bold]Example[/]: JASMINE_PSEUDONYM_KEY_FILE=key JASMINE_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 jasmine worker
    """
    settings = load_settings()
    configure(settings.log_level, settings.log_format)
    try:
        scorer = Worker(settings)
    except OSError as error:
        fail(Exit.FAILED, f"metrics port {settings.metrics_port}: {error.strerror}; set JASMINE_METRICS_PORT, 0 is any")
    uvloop.run(scorer.run())


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
