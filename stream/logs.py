"""Structured logs, a line an event of the program's life. No subject, no value of an event ever stands in one."""

import logging
import sys
from typing import Literal

import structlog

Level = Literal["debug", "info", "warning", "error"]


def configure(level: Level, form: Literal["json", "console"], told: tuple[type[Exception], ...] = ()) -> None:
    """Send the program's logs and those of its libraries to standard error, in one form.

    Args:
        level: the lowest that is written.
        form: of each line.
        told: errors that the program says in one line when it ends by them; Faust's traces of these are left out.

    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    handler.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], told)))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Faust tells about its own parts, under the names of our modules too, at every rebalance; ours are "jasmine.".
    # Authlib and its client would write what passes between the page and the provider.
    for chatty in ("faust", "mode", "stream", "authlib", "httpx2", "httpcore2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger; values are given by name."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
