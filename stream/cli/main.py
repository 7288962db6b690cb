"""The commands, and what becomes of an error that reaches the top."""

import errno
import io
import os
import re
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Annotated, Any

import typer

from stream.cli.commands import COMMANDS
from stream.cli.output import Exit, tell

# What is said of a write by a disk that is full.
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# What a shell says of a process that Ctrl-C has ended; Typer says the same.
_INTERRUPTED = 128 + signal.SIGINT
# How librdkafka names a property that it does not take.
_PROPERTY = re.compile(r'configuration property[^"]*"([a-z.]+)"|`([a-z.]+)` must be set')


def main() -> None:
    """Run a command, or list all of them."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    _write_what_can_be_shown()
    try:
        (_app_of(asked) if asked in COMMANDS else _list_of_all())()
    except KeyboardInterrupt:
        # Within a command it is Typer's; this one came while its libraries were imported, and nothing was begun.
        sys.exit(_INTERRUPTED)
    except Exception as error:
        if wrong := _wrong_property(error):
            tell(wrong)
            sys.exit(Exit.SETTINGS)
        if isinstance(error, OSError) and error.errno in _UNWRITABLE:
            _give_up_output()
            tell(f"not all could be written: {error.strerror}")
            sys.exit(Exit.FAILED)
        for kind, code, text in _known():
            if isinstance(error, kind):
                tell(text.format(error))
                sys.exit(code)
        raise


def _write_what_can_be_shown() -> None:
    """Let a question mark stand for what the locale has no sign for: half of what is said here is Chinese."""
    # Where it is closed it is None.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _app_of(name: str) -> typer.Typer:
    """Return the app of one command: only that one is imported, for the worker's libraries take seconds."""
    app = _app()
    module = import_module(COMMANDS[name].module)
    if hasattr(module, "app"):
        app.add_typer(module.app, name=name)
    else:
        app.command(name)(getattr(module, name))
    return app


def _list_of_all() -> typer.Typer:
    """Return an app that lists the commands, and runs none."""
    app = _app()
    app.callback()(_itself)
    for name, command in COMMANDS.items():
        app.command(name, help=command.summary)(_comes_first)
    return app


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"jasmine {import_module('importlib.metadata').version('jasmine-scorer')}")
        raise typer.Exit


def _itself(
    version: Annotated[
        bool, typer.Option("--version", help="Say which release this is.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None: ...


def _comes_first() -> None:
    message = "the command comes first; `jasmine --help` lists all"
    raise typer.BadParameter(message)


def _app() -> typer.Typer:
    app = typer.Typer(
        name="jasmine",
        help="Jasmine (茉莉分): the real-time credit scorer for a city. Settings come from JASMINE_ variables.",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    # With a single command Typer would leave out its name; a callback keeps it.
    app.callback()(lambda: None)
    return app


def _give_up_output() -> None:
    """Let standard output lead nowhere: at the end Python would try once more to write what is left, and say so."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _wrong_property(error: Exception) -> str | None:
    """Return which variable is wrong and why, if a Kafka property is that the publisher or librdkafka does not take."""
    if isinstance(error, import_module("gateway.errors").PropertyError):
        return f"{_variable_of(str(error).split()[0])}: {error}"
    kafka: Any = import_module("confluent_kafka")
    if not isinstance(error, kafka.KafkaException):
        return None
    said = error.args[0].str()
    if not (named := _PROPERTY.search(said)):
        return None
    return f"{_variable_of(named[1] or named[2])}: {said}; librdkafka's own documentation lists its properties"


def _variable_of(name: str) -> str:
    return "JASMINE_KAFKA_" + name.replace(".", "_").upper()


def _known() -> Iterator[tuple[type[Exception], Exit, str]]:
    """Yield what is known to go wrong, its exit code and how it is said; the rest is a defect and shows its trace."""
    yield import_module("stream.settings").SettingsError, Exit.SETTINGS, "{}"
    yield import_module("scoring.pack").PackError, Exit.SETTINGS, "{}"
    yield import_module("scoring.lines").FileError, Exit.SETTINGS, "{}"
    yield import_module("sinks.errors").StoreUnavailableError, Exit.AWAY, "Redis: {}"
    yield import_module("sinks.errors").StoreError, Exit.FAILED, "{}"
    yield import_module("gateway.errors").StoreEmptyError, Exit.AWAY, "{}"
    away = "; {} says where it is, `jasmine doctor` more"
    redis = "Redis: {}" + away.format("JASMINE_REDIS_URL")
    yield import_module("gateway.errors").StandingUnavailableError, Exit.AWAY, redis
    yield import_module("gateway.errors").SubjectFormatError, Exit.USAGE, "{}"
    yield import_module("gateway.errors").GatewayError, Exit.FAILED, "{}"
    yield import_module("redis").RedisError, Exit.AWAY, redis
    kafka = "Kafka: {}" + away.format("JASMINE_KAFKA_BOOTSTRAP_SERVERS")
    yield import_module("confluent_kafka").KafkaException, Exit.AWAY, kafka
    yield import_module("stream.topics").TopicsError, Exit.AWAY, kafka
    yield import_module("stream.topics").TopicMismatchError, Exit.FAILED, "{}"
    yield import_module("stream.group").GroupMismatchError, Exit.FAILED, "{}"
    yield import_module("stream.transport").TransportError, Exit.FAILED, "{}"
