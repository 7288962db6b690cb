"""The commands, and what becomes of an error that reaches the top."""

import sys

import redis
import typer
from confluent_kafka import KafkaException

from gateway.errors import GatewayError, StandingUnavailableError
from scoring.pack import PackError
from sinks.errors import StoreError, StoreUnavailableError
from stream.cli import dead, demo, doctor, publish, subject, types, worker
from stream.cli.output import Exit, err
from stream.settings import SettingsError
from stream.topics import TopicsError
from stream.transport import TransportError

app = typer.Typer(
    name="jasmine",
    help="Jasmine (茉莉分): the real-time credit scorer for a city. Settings come from JASMINE_ variables.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(worker.worker)
app.command()(worker.gateway)
app.command()(publish.publish)
app.command()(subject.lookup)
app.command()(subject.explain)
app.command()(subject.pseudonym)
app.command()(types.types)
app.add_typer(dead.app, name="dead")
app.command()(doctor.doctor)
app.command()(demo.demo)

# What is known to go wrong, with the code it ends with; anything else is a defect, and shows its trace.
_KNOWN: dict[type[Exception], Exit] = {
    SettingsError: Exit.SETTINGS,
    PackError: Exit.SETTINGS,
    StoreUnavailableError: Exit.AWAY,
    StandingUnavailableError: Exit.AWAY,
    TopicsError: Exit.AWAY,
    KafkaException: Exit.AWAY,
    redis.RedisError: Exit.AWAY,
    StoreError: Exit.FAILED,
    GatewayError: Exit.FAILED,
    TransportError: Exit.FAILED,
}


def _text(error: Exception) -> str:
    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str()}; JASMINE_KAFKA_BOOTSTRAP_SERVERS says where it is, `jasmine doctor` more"
    if isinstance(error, redis.RedisError):
        return f"Redis: {error}; JASMINE_REDIS_URL says where it is, `jasmine doctor` more"
    return str(error)


def main() -> None:
    """Run a command."""
    try:
        app()
    except tuple(_KNOWN) as error:
        err.print("[bold red]jasmine:[/]", _text(error), soft_wrap=True)
        sys.exit(next(code for kind, code in _KNOWN.items() if isinstance(error, kind)))
