"""`jasmine dead`: what was refused, why, and once more."""

import base64
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from operator import itemgetter
from typing import Annotated, Any

import typer
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.codec import decode
from schemas.errors import Reason, Refusal
from sinks.dead import DeadLetter
from stream.cli.evidence import record_at
from stream.cli.output import AsJson, Exit, fail, out, pairs, table, write_json
from stream.settings import Settings, load_settings

app = typer.Typer(
    help="Dead letters: events that were refused, with reason, field and source offset.\n\n"
    "[bold]Example[/]: jasmine dead list --limit 20"
)

_ANSWER_S_MAX = 10.0
_FLUSH_S_MAX = 60.0
_SHOWN_BYTES_MAX = 4_000
_LISTED_MAX = 100
# Librdkafka's own highest: whether a record is too large is for the topic that has taken it once to say.
_REPLAYED_BYTES_MAX = 1_000_000_000

ReasonOption = Annotated[Reason | None, typer.Option(help="Only those refused for this reason, such as unknown_grade.")]


@app.command("list")
def list_(
    reason: ReasonOption = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to list; the newest are kept.")] = _LISTED_MAX,
    as_json: AsJson = False,
) -> None:
    """List dead letters: name, reason, field and value.

    [bold]Example[/]: jasmine dead list --reason unknown_grade --json
    """
    letters = _letters(load_settings(), reason)
    shown = letters[-limit:]
    if as_json:
        write_json([_row(letter) for letter in shown])
        return
    columns = ("name", "reason", "field", "value", "remedy")
    rows = [(one.name, one.reason, one.field, one.rejected, one.remedy) for one in shown]
    table(f"{len(letters)} dead letters", columns, rows)
    if len(letters) > len(shown):
        out.print(f"the newest {len(shown)} of {len(letters)}; --limit shows more")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Its name: topic/partition/offset of the refused record.")],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter whole, with its raw bytes.

    [bold]Example[/]: jasmine dead show credit.events/2/1841
    """
    settings = load_settings()
    letter = next((one for one in _letters(settings, None) if one.name == name), None)
    if letter is None:
        fail(Exit.NOT_FOUND, f"no dead letter is called {name}; see `jasmine dead list`")
    row, raw = _row(letter), _whole(settings, letter)
    if as_json:
        write_json({**row, "key": raw.key.decode(errors="replace"), "value": _base64(raw.value)})
        return
    pairs(name, {**row, "key": raw.key.decode(errors="replace"), "bytes": len(raw.value)})
    out.print(raw.value[:_SHOWN_BYTES_MAX].decode(errors="backslashreplace"), markup=False)


@app.command()
def replay(
    name: Annotated[str | None, typer.Argument(help="One letter; without it all that match.")] = None,
    reason: ReasonOption = None,
    as_json: AsJson = False,
) -> None:
    """Publish dead letters again as they came, for instance after an upgrade that knows their type.

    The key is set from the event's subject where it can be read, which heals a wrong partition. Replaying twice is
    safe: the same source and id count once. What is refused again becomes a new letter.

    [bold]Example[/]: jasmine dead replay --reason unknown_type
    """
    settings = load_settings()
    letters = [one for one in _letters(settings, reason) if name is None or one.name == name]
    if not letters:
        fail(Exit.NOT_FOUND, "no dead letter matches; see `jasmine dead list`")
    properties = {"enable.idempotence": True, "partitioner": "murmur2_random", "message.max.bytes": _REPLAYED_BYTES_MAX}
    producer = Producer({**properties, **settings.kafka, "log_level": 2})
    failures: list[str] = []
    for one in letters:
        letter = _whole(settings, one)
        producer.produce(
            settings.topic_events,
            letter.value,
            _key(letter),
            headers=[*letter.headers],
            on_delivery=lambda error, _: failures.append(str(error)) if error else None,
        )
        producer.poll(0)
    waiting = producer.flush(_FLUSH_S_MAX)
    answer = {"replayed": len(letters) - len(failures) - waiting, "failed": len(failures) + waiting}
    write_json(answer) if as_json else pairs("Replayed", answer)
    if answer["failed"]:
        fail(Exit.AWAY, f"Kafka did not take {answer['failed']}: {failures[0] if failures else 'no answer'}")


def _key(letter: DeadLetter) -> bytes:
    try:
        return decode(letter.value, [*letter.headers]).subject.encode()
    except Refusal:
        return letter.key


def _whole(settings: Settings, letter: DeadLetter) -> DeadLetter:
    """Return a letter with its raw bytes: of a record that was too large for a letter they stand in the log alone."""
    if not letter.left_in_log:
        return letter
    message = record_at(settings, letter.topic, letter.partition, letter.offset)
    if message is None:
        fail(Exit.NOT_FOUND, f"{letter.name} was too large for its letter, and is no longer in the log")
    # Its annotation leaves open what librdkafka gives: pairs of text and bytes.
    headers: Any = message.headers()
    return letter.with_raw(message.key(), message.value(), headers)


def _letters(settings: Settings, reason: Reason | None) -> list[DeadLetter]:
    """Read the topic from its beginning to the end it has now, the oldest first; of a letter published twice, once."""
    consumer = Consumer(
        {**settings.kafka, "group.id": f"jasmine-dead-{uuid.uuid4()}", "enable.auto.commit": False, "log_level": 2}
    )
    try:
        letters: dict[str, DeadLetter] = {}
        # Each partition is in order; all of them together are by their time alone.
        for _, value in sorted(_values(consumer, settings.topic_dead), key=itemgetter(0)):
            letter = DeadLetter.unpack(value)
            if reason is None or letter.reason == reason:
                letters.setdefault(letter.name, letter)
        return list(letters.values())
    finally:
        consumer.close()


def _values(consumer: Consumer, topic: str) -> Iterator[tuple[int, bytes]]:
    """Yield the time of each record, in milliseconds since the epoch, and its value."""
    known = consumer.list_topics(topic, timeout=_ANSWER_S_MAX).topics[topic]
    ends: dict[int, int] = {}
    starts: list[TopicPartition] = []
    for partition in known.partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_ANSWER_S_MAX)
        if low < high:
            ends[partition] = high
            starts.append(TopicPartition(topic, partition, low))
    consumer.assign(starts)
    while ends:
        message = consumer.poll(_ANSWER_S_MAX)
        if message is None:
            fail(Exit.AWAY, f"topic {topic}: no answer within {_ANSWER_S_MAX:.0f} s")
        partition, offset = message.partition(), message.offset()
        if message.error() or partition is None or offset is None:
            continue
        if offset < ends.get(partition, 0) and (value := message.value()):
            yield message.timestamp()[1], value
        if offset + 1 >= ends.get(partition, 0):
            ends.pop(partition, None)


def _row(letter: DeadLetter) -> dict[str, Any]:
    row = asdict(letter)
    for raw in ("key", "value", "headers"):
        del row[raw]
    return {"name": letter.name, **row}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
