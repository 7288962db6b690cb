"""How commands write to the access log, and the log that settings describe."""

from collections.abc import Mapping

from gateway.access import AccessLog
from schemas.access import CITIZEN, DESK, Purpose, What, check_reader
from schemas.errors import Refusal
from stream.cli.output import Exit, err, fail
from stream.settings import Settings

# How long a command that has answered waits for Kafka to have its read, in seconds.
_FLUSH_S_MAX = 5.0


def check_reader_name(name: str) -> None:
    """End the command if no reader of a deployment can have this name."""
    try:
        check_reader(name)
    except Refusal as refusal:
        fail(Exit.USAGE, f"reader was {name!r}: {refusal.remedy}")
    if name in {CITIZEN, DESK}:
        fail(Exit.USAGE, f"reader was {name!r}: it is a name of the city's own parts; give another")


def access_log_of(settings: Settings) -> AccessLog | None:
    """Return the access log, or None where it is off."""
    if settings.access_log == "off":
        return None
    return AccessLog({**settings.kafka, "log_level": 2}, settings.topic_access)


def record(settings: Settings, subject: str, purpose: Purpose, what: What, *, as_of: int | None) -> None:
    """Write that this desk has read something, and wait a little for Kafka to have it; warn if it has not.

    Who sits at this machine can read Redis without this command too, so the answer does not depend on it.
    """
    record_all(settings, {subject: as_of}, purpose, what)


def record_all(settings: Settings, read: Mapping[str, int | None], purpose: Purpose, what: What) -> None:
    """Write, as `record` does, that something about several subjects was read, by the offsets up to which it was."""
    log = access_log_of(settings)
    if log is None:
        return
    for subject, as_of in read.items():
        log.read(subject, DESK, purpose, what, as_of=as_of)
    if lost := log.close(_FLUSH_S_MAX):
        err.print(
            f"[bold yellow]jasmine:[/] {'this read is' if len(read) == 1 else f'{lost} reads are'} not in the access "
            f"log: Kafka did not take it within {_FLUSH_S_MAX:.0f} s; `jasmine doctor` says more",
            soft_wrap=True,
        )
