"""The topics: made where they are missing, and never changed, because a subject's partition must not move."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from time import sleep
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # no __all__ there
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from stream.settings import Settings

_ANSWER_S_MAX = 10.0
_LEADERS_S_MAX = 1.0
_LOOKS_MAX, _LOOK_PAUSE_S = 40, 0.05
# What a broker answers about a partition that was just made, or that just moved to another broker.
_NOT_YET = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.FENCED_LEADER_EPOCH,
}
# A dead letter carries a whole record in base64 beside its reason; Kafka's default of 1 MiB would refuse the largest.
DEAD_BYTES_MAX = 2 * 1024 * 1024
# Who read what is kept for five years at least.
_ACCESS_RETENTION_MS = 5 * 366 * 86_400_000


class TopicsError(Exception):
    """Kafka does not answer or refuses; the message says what to do."""


class TopicMismatchError(Exception):
    """Two topics do not belong together; the message says what to do. Waiting does not help."""


class _Admin(AdminClient):
    """An admin client that says why it has no connection: librdkafka tells that, such as a wrong password, apart."""

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self._heard = ""
        properties: dict[str, Any] = {**kafka, "log_level": 2, "error_cb": self._hear}
        super().__init__(properties)

    def list_topics(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().list_topics(*arguments, **options)
        except KafkaException as error:
            self.poll(0)
            if not self._heard:
                raise
            said = error.args[0]
            raise KafkaException(KafkaError(said.code(), f"{said.str()}: {self._heard}")) from error

    def _hear(self, error: KafkaError) -> None:
        # That all brokers are away follows from what was said of each.
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's own name for it
            self._heard = error.str()


def admin_client(kafka: Mapping[str, str]) -> AdminClient:
    """Return an admin client; it connects on first use."""
    return _Admin(kafka)


def ensure_topics(admin: AdminClient, settings: Settings) -> int:
    """Create the topics that are missing; return how many partitions the events have.

    Raises:
        TopicsError: Kafka does not answer or refuses.

    """
    keep = {"retention.ms": "-1"}
    many = settings.partitions
    wanted: dict[str, tuple[int, dict[str, str]]] = {
        settings.topic_events: (many, keep),
        settings.topic_changes: (many, {}),
        settings.topic_dead: (many, {**keep, "max.message.bytes": str(DEAD_BYTES_MAX)}),
        # Announcements have one order.
        settings.topic_packs: (1, keep),
    }
    try:
        known = admin.list_topics(timeout=_ANSWER_S_MAX).topics
        _create(admin, settings.replication, {name: of for name, of in wanted.items() if name not in known})
        partitions = _partitions(admin, settings.topic_events)
        if settings.topic_access not in known:
            # As many as there are of events, also where those were made by somebody else.
            kept_ms = {"retention.ms": str(_ACCESS_RETENTION_MS)}
            _create(admin, settings.replication, {settings.topic_access: (partitions, kept_ms)})
            _partitions(admin, settings.topic_access)
    except (KafkaException, TimeoutError) as error:
        reason = error.args[0].str() if isinstance(error, KafkaException) else "no answer to the creation of topics"
        raise TopicsError(f"Kafka at {settings.kafka['bootstrap.servers']}: {reason}") from error
    return partitions


def check_access_topic(admin: AdminClient, settings: Settings, partitions: int) -> int:
    """Return the number of the access log's partitions, which is that of the events.

    Raises:
        TopicMismatchError: it is not.
        TopicsError: Kafka does not answer.

    """
    try:
        there = _partitions(admin, settings.topic_access)
    except KafkaException as error:
        raise TopicsError(f"topic {settings.topic_access}: {error.args[0].str()}") from error
    if there != partitions:
        raise TopicMismatchError(
            f"topic {settings.topic_access} has {there} partitions, {settings.topic_events} has {partitions}: both "
            "are keyed by subject and need the same number; copy it into a new topic and set JASMINE_TOPIC_ACCESS"
        )
    return there


def bytes_max_of(admin: AdminClient, topic: str, answer_s_max: float) -> int | None:
    """Return how large a record a topic takes; None where it is missing, or Kafka does not say."""
    asked = ConfigResource(ResourceType.TOPIC, topic)
    try:
        (answer,) = admin.describe_configs([asked], request_timeout=answer_s_max).values()
        return int(answer.result(timeout=answer_s_max)["max.message.bytes"].value)
    except (KafkaException, TimeoutError):
        return None


def _create(admin: AdminClient, replication: int, wanted: Mapping[str, tuple[int, Mapping[str, str]]]) -> None:
    missing = [
        NewTopic(name, partitions, replication, config={**config}) for name, (partitions, config) in wanted.items()
    ]
    for name, future in admin.create_topics(missing).items() if missing else ():
        _created(name, future)


def _partitions(admin: AdminClient, name: str) -> int:
    """Return how many partitions a topic has; one that was just made is not told of everywhere for a moment."""
    for look in range(_LOOKS_MAX):
        if look:
            sleep(_LOOK_PAUSE_S)
        topic = admin.list_topics(name, timeout=_ANSWER_S_MAX).topics[name]
        if topic.error is None and topic.partitions:
            return len(topic.partitions)
    raise TopicsError(f"topic {name} is not there yet: {topic.error}")


def _created(name: str, future: Any) -> None:
    try:
        future.result(timeout=_ANSWER_S_MAX)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            # One that this user may not see counts as missing.
            remedy = "let this user make it, or describe it if it is there"
            said = f"topic {name} cannot be made: {error.args[0].str()}; {remedy}"
            raise KafkaException(KafkaError(error.args[0].code(), said)) from error


def log_starts(admin: AdminClient, topic: str, partitions: Sequence[int]) -> dict[int, int]:
    """Return the lowest offset that each partition still holds.

    Raises:
        TopicsError: Kafka does not answer.

    """
    return _offsets(admin, topic, partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]


def log_ends(admin: AdminClient, topic: str, partitions: Sequence[int]) -> dict[int, int]:
    """Return the offset that each partition's next record will have.

    Raises:
        TopicsError: Kafka does not answer.

    """
    return _offsets(admin, topic, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]


def _offsets(admin: AdminClient, topic: str, partitions: Sequence[int], spec: OffsetSpec) -> dict[int, int]:
    asked = {TopicPartition(topic, partition): spec for partition in partitions}
    failure: Exception | None = None
    for look in range(_LOOKS_MAX):
        if look:
            sleep(_LOOK_PAUSE_S)
        try:
            answers = admin.list_offsets(asked, request_timeout=_ANSWER_S_MAX)
            return {one.partition: future.result(timeout=_ANSWER_S_MAX).offset for one, future in answers.items()}
        except (KafkaException, TimeoutError) as error:
            failure = error
            _look_at_leaders(admin, topic)
            if isinstance(error, TimeoutError) or error.args[0].code() not in _NOT_YET:
                break
    # A timeout has no words of its own.
    raise TopicsError(f"offsets of topic {topic}: {str(failure) or 'no answer'}") from failure


def _look_at_leaders(admin: AdminClient, topic: str) -> None:
    """Let the client learn who leads now: after an election it goes on for minutes to ask by what it knew before."""
    with suppress(KafkaException):
        admin.list_topics(topic, timeout=_LEADERS_S_MAX)


class ReadableEnds:
    """The offset behind the last record that can be read, by partition.

    A log's end alone does not tell: transactions leave marks behind their records, and what is not committed cannot be
    read. So where a reader does not move although it is below the end, a look is taken at what is there.
    """

    def __init__(self, admin: AdminClient, settings: Settings, on_error: Callable[[Exception], None]) -> None:
        self._admin = admin
        self._topic = settings.topic_events
        self._on_error = on_error
        self._properties = {
            **settings.kafka,
            "group.id": settings.group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 2,
        }
        # As (partition, offset, end): who was below the end at the last call, and who of them had nothing to read.
        self._below: set[tuple[int, int, int]] = set()
        self._holes: set[tuple[int, int, int]] = set()

    def of(self, applied: Mapping[int, int]) -> dict[int, int]:
        """Return the ends for a reader that stands at these offsets; none while Kafka does not answer or refuses.

        For who stands nowhere there is one, which says that Kafka answers.
        """
        try:
            ends = log_ends(self._admin, self._topic, list(applied) or [0])
            below = {(one, offset, ends[one]) for one, offset in applied.items() if offset < ends[one]}
            unmoved, self._below = below & self._below, below
            self._holes = {one for one in unmoved if one in self._holes or not self._has_record(one[0], one[1])}
        except TopicsError as error:
            self._on_error(error)
            return {}
        return ends | {partition: offset for partition, offset, _ in self._holes}

    def _has_record(self, partition: int, offset: int) -> bool:
        with closing(Consumer(self._properties)) as consumer:
            consumer.assign([TopicPartition(self._topic, partition, offset)])
            first = consumer.poll(_ANSWER_S_MAX)
        if first is None:
            raise TopicsError(f"records of topic {self._topic}: no answer")
        error = first.error()
        # Only an end says that there is nothing: of a topic that may not be read there is no telling.
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - as the library spells it
            raise TopicsError(f"records of topic {self._topic}: {error.str()}")
        return error is None
