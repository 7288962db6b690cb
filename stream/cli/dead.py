"""`jasmine dead`: what was refused, why, and once more."""

import base64
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Annotated, Any, NamedTuple

import typer
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from gateway.producer import kafka_properties
from schemas.codec import decode
from schemas.errors import Reason, Refusal
from sinks.dead import DeadLetter
from sinks.errors import LetterFormatError
from stream.cli.evidence import record_at, refusal_in
from stream.cli.output import AsJson, Exit, fail, out, pairs, table, tell, write_json
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
# How many are on their way before they are marked: as many would come twice if a replay were killed.
_AT_ONCE = 100
_UNANSWERED = "no answer"
# In the mark of a replayed letter: the name of the record it came again as.
_REPLAYED_AS = "replayed_as"

ReasonOption = Annotated[Reason | None, typer.Option(help="Only those refused for this reason, such as unknown_grade.")]


@app.command("list")
def list_(
    reason: ReasonOption = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to list; the newest are kept.")] = _LISTED_MAX,
    as_json: AsJson = False,
) -> None:
    """List dead letters: name, reason, field and value, and how often it was replayed.

    What was replayed is not listed any more; if it was refused again, its newest letter is.

    [bold]Example[/]: jasmine dead list --reason unknown_grade --json
    """
    letters = _letters(load_settings())
    left = letters.left(reason)
    rows = [letters.row(one) for one in left[-limit:]]
    if as_json:
        write_json(rows)
        return
    names = ("name", "reason", "field", "rejected", "remedy", "replays")
    columns = ("name", "reason", "field", "value", "remedy", "replayed")
    table(f"{len(left)} dead letters", columns, [[row[name] or "" for name in names] for row in rows])
    if len(left) > len(rows):
        out.print(f"the newest {len(rows)} of {len(left)}; --limit shows more")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Its name: topic/partition/offset of the refused record.")],
    as_json: AsJson = False,
) -> None:
    """Show one dead letter whole, with its raw bytes.

    [bold]Example[/]: jasmine dead show credit.events/2/1841
    """
    settings = load_settings()
    letters = _letters(settings)
    letter = letters.by_name.get(name)
    if letter is None:
        fail(Exit.NOT_FOUND, f"no dead letter is called {name}; see `jasmine dead list`")
    row, raw = {**letters.row(letter), _REPLAYED_AS: letters.replayed_as.get(name)}, _whole(settings, letter)
    if as_json:
        write_json({**row, "key": raw.key.decode(errors="replace"), "value": _base64(raw.value)})
        return
    pairs(name, {**row, "key": raw.key.decode(errors="replace"), "bytes": len(raw.value)})
    out.print(raw.value[:_SHOWN_BYTES_MAX].decode(errors="backslashreplace"), markup=False, soft_wrap=True)


@app.command()
def replay(
    name: Annotated[str | None, typer.Argument(help="One letter; without it all that match.")] = None,
    reason: ReasonOption = None,
    as_json: AsJson = False,
) -> None:
    """Publish dead letters again as they came, for instance after an upgrade that knows their type.

    The key is set from the event's subject where it can be read, which heals a wrong partition. Replaying twice is
    safe: the same source and id count once, and a letter is replayed once. What is refused again becomes a new letter
    in place of the one replayed, whose name is then good for the new one too.

    [bold]Example[/]: jasmine dead replay --reason unknown_type
    """
    settings = load_settings()
    chosen = _chosen(_letters(settings), name, reason)
    replay_ = _Replay(settings)
    replay_.run(chosen)
    answer = {"replayed": replay_.replayed, "failed": len(chosen) - replay_.replayed}
    write_json(answer) if as_json else pairs("Replayed", answer)
    if answer["failed"]:
        fail(Exit.AWAY, f"Kafka did not take {answer['failed']}: {replay_.failures[0]}")
    if replay_.unmarked:
        message = (
            f"{len(replay_.unmarked)} were replayed, but stay listed: topic {settings.topic_dead} did not take their "
            f"marks: {replay_.unmarked[0]}; let who replays write there, for the next replay publishes them again"
        )
        fail(Exit.AWAY, message)


@dataclass(frozen=True, slots=True)
class _Letters:
    """What the topic of dead letters says.

    Attributes:
        by_name: all letters, the oldest first.
        replayed_as: of the name of a replayed letter, the name of the record it came again as.
        came_of: the same the other way.

    """

    by_name: Mapping[str, DeadLetter]
    replayed_as: Mapping[str, str]
    came_of: Mapping[str, str]

    def left(self, reason: Reason | None) -> list[DeadLetter]:
        """Return those that were not replayed yet, which are the newest of those that were refused again."""
        return [
            one
            for one in self.by_name.values()
            if one.name not in self.replayed_as and (reason is None or one.reason == reason)
        ]

    def newest(self, name: str) -> str:
        """Return the name of the record that a letter came again as the last time, or its own."""
        return _followed(name, self.replayed_as)[0]

    def row(self, letter: DeadLetter) -> dict[str, Any]:
        """Return what is shown of a letter, without its raw bytes."""
        row = asdict(letter)
        for raw in ("key", "value", "headers"):
            del row[raw]
        return {"name": letter.name, **row, "replays": _followed(letter.name, self.came_of)[1]}


def _followed(name: str, links: Mapping[str, str]) -> tuple[str, int]:
    """Return the name at the end of links, and how many lead there."""
    steps = 0
    # A topic that was made anew gives out the same names again, and they could lead round in a circle.
    while name in links and steps < len(links):
        name = links[name]
        steps += 1
    return name, steps


def _chosen(letters: _Letters, name: str | None, reason: Reason | None) -> list[DeadLetter]:
    newest = None if name is None else letters.newest(name)
    chosen = [one for one in letters.left(reason) if newest in {None, one.name}]
    if not chosen and newest != name and newest not in letters.by_name:
        fail(Exit.NOT_FOUND, f"{name} was replayed as {newest}, which was not refused so far; see `jasmine dead list`")
    if not chosen:
        fail(Exit.NOT_FOUND, "no dead letter matches; see `jasmine dead list`")
    return chosen


class _Record(NamedTuple):
    """What is published."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass(slots=True)
class _Replay:
    """Publishes letters again, and says of each in the topic of dead letters that it was.

    That is a record without a value under the letter's own key, so that the letter is over for whoever reads the
    topic, and also for Kafka if the topic is compacted.

    Attributes:
        settings: where the topics are.
        replayed: how many Kafka has.
        failures: why it does not have others.
        unmarked: why it does not have marks of some that it has.

    """

    settings: Settings
    replayed: int = 0
    failures: list[str] = field(default_factory=list)
    unmarked: list[str] = field(default_factory=list)

    def run(self, letters: Sequence[DeadLetter]) -> None:
        """Publish letters, some at a time, until Kafka does not answer."""
        stated = kafka_properties(self.settings.kafka)
        producer = Producer({"message.max.bytes": _REPLAYED_BYTES_MAX, **stated, "log_level": 2})
        for begin in range(0, len(letters), _AT_ONCE):
            whole = [_whole(self.settings, one) for one in letters[begin : begin + _AT_ONCE]]
            self._publish(producer, {one.name: _Record(_key(one), one.value, one.headers) for one in whole})
            if _UNANSWERED in {*self.failures, *self.unmarked}:
                return

    def _publish(self, producer: Producer, records: Mapping[str, _Record]) -> None:
        places, failures = _sent(producer, self.settings.topic_events, records)
        marks = {name: _Record(name.encode(), None, [(_REPLAYED_AS, at.encode())]) for name, at in places.items()}
        self.replayed += len(places)
        self.failures += failures
        self.unmarked += _sent(producer, self.settings.topic_dead, marks)[1]


def _sent(producer: Producer, topic: str, records: Mapping[str, _Record]) -> tuple[dict[str, str], list[str]]:
    """Publish records; return where each stands that Kafka has, and why it does not have others."""
    places: dict[str, str] = {}
    failures: list[str] = []

    def heard(name: str, error: Any, message: Message) -> None:
        if error:
            failures.append(str(error))
        else:
            places[name] = f"{topic}/{message.partition()}/{message.offset()}"

    for name, one in records.items():
        producer.produce(topic, one.value, one.key, headers=[*one.headers], on_delivery=partial(heard, name))
    producer.flush(_FLUSH_S_MAX)
    return places, failures + [_UNANSWERED] * (len(records) - len(places) - len(failures))


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


def _letters(settings: Settings) -> _Letters:
    """Read the topic from its beginning to the end it has now; of a letter published twice, the first."""
    consumer = Consumer(
        {**settings.kafka, "group.id": f"jasmine-dead-{uuid.uuid4()}", "enable.auto.commit": False, "log_level": 2}
    )
    by_name: dict[str, DeadLetter] = {}
    replayed_as: dict[str, str] = {}
    came_of: dict[str, str] = {}
    strange: list[str] = []
    try:
        # Each partition is in order; all of them together are by their time alone.
        for record in sorted(_records(consumer, settings.topic_dead), key=lambda one: one.timestamp()[1]):
            if value := record.value():
                try:
                    letter = DeadLetter.unpack(value)
                except LetterFormatError:
                    strange.append(f"{record.partition()}/{record.offset()}")
                else:
                    by_name.setdefault(letter.name, letter)
            elif place := _place(record):
                name = _text(record.key())
                replayed_as[name] = place
                came_of[place] = name
    finally:
        consumer.close()
    if strange:
        tell(
            f"{len(strange)} records of {settings.topic_dead} are no letters of this release, the first at "
            f"{strange[0]}: ask with the release that wrote them, which may be a later one"
        )
    return _Letters(by_name, replayed_as, came_of)


def _place(mark: Message) -> str | None:
    """Return the name of the record that a letter came again as, by its mark."""
    # Its annotation leaves open what librdkafka gives: pairs of text and bytes.
    headers: Any = mark.headers()
    return next((_text(raw) for name, raw in headers or () if name == _REPLAYED_AS), None)


def _text(raw: Any) -> str:
    return (raw or b"").decode(errors="replace")


def _records(consumer: Consumer, topic: str) -> Iterator[Message]:
    known = consumer.list_topics(topic, timeout=_ANSWER_S_MAX).topics[topic]
    if known.error is not None:
        remedy = "JASMINE_TOPIC_DEAD says what it is called, and the first worker makes it"
        fail(Exit.AWAY, f"topic {topic}: {known.error.str()}; {remedy}")
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
        if refused := refusal_in(message):
            fail(Exit.AWAY, f"topic {topic}: {refused.str()}; let who runs this read it")
        if message.error() or partition is None or offset is None:
            continue
        if offset < ends.get(partition, 0):
            yield message
        if offset + 1 >= ends.get(partition, 0):
            ends.pop(partition, None)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
