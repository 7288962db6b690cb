"""`jasmine worker`: the process that scores."""

import uvloop

from sinks.errors import StoreError
from stream.cli.output import AsJsonLog, Exit, fail
from stream.logs import configure
from stream.settings import load_settings
from stream.transport import TransportError
from stream.worker import Worker


def worker(as_json: AsJsonLog = False) -> None:
    """Score events: read them from Kafka, keep standings in Redis, publish changes.

    It waits for parts that are away, and stops gracefully on SIGTERM or Ctrl-C.

    [bold]Example[/]: JASMINE_PSEUDONYM_KEY_FILE=key JASMINE_KAFKA_BOOTSTRAP_SERVERS=kafka:9092 jasmine worker
    """
    settings = load_settings()
    configure(settings.log_level, "json" if as_json else settings.log_format, (StoreError, TransportError))
    try:
        scorer = Worker(settings)
    except OSError as error:
        where = f"metrics at {settings.metrics_host} port {settings.metrics_port}"
        remedy = "set JASMINE_METRICS_HOST or JASMINE_METRICS_PORT, 0 is any port"
        fail(Exit.FAILED, f"{where}: {error.strerror}; {remedy}")
    uvloop.run(scorer.run())
