"""The log of announced packs: read whole before the first event, then for as long as the worker runs."""

from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.announcements import Announcement, AnnouncementError
from scoring.announced import Announced
from scoring.pack import PackError
from stream.settings import Settings
from stream.topics import TopicsError

# One partition gives the announcements one order.
PARTITION = 0
_ANSWER_S_MAX = 10.0


class Said(NamedTuple):
    """One record of the log.

    Attributes:
        offset: where it stands.
        value: its bytes, or None.

    """

    offset: int
    value: bytes | None


class RefusedAnnouncement(NamedTuple):
    """An announcement that changes nothing: where it stands, and why."""

    offset: int
    reason: str


class AnnouncementLog:
    """Reads the log of announcements from its start."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topic_packs
        self._consumer: Consumer | None = None
        self._found: list[Said] = []
        self._properties = {
            **settings.kafka,
            # Librdkafka wants a name; what has been read is not kept in Kafka.
            "group.id": f"{settings.group}-packs",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "log_level": 2,
        }

    def read(self) -> list[Said]:
        """Return what is there up to the log's end, and was not returned before.

        Raises:
            TopicsError: Kafka does not answer; call again.

        """
        place = TopicPartition(self._topic, PARTITION)
        try:
            _, end = self._consuming().get_watermark_offsets(place, timeout=_ANSWER_S_MAX)
        except KafkaException as error:
            raise TopicsError(f"topic {self._topic}: {error.args[0].str()}") from error
        # Behind the last record Kafka would wait for another before it tells that this is the end.
        return self._until(_ANSWER_S_MAX, end) if end else []

    def more(self, wait_s: float) -> list[Said]:
        """Return what has come since, waiting so long for it; raises what `read` does."""
        return self._until(wait_s, None)

    def close(self) -> None:
        """Read no more."""
        if self._consumer is not None:
            self._consumer.close()

    def _consuming(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(self._properties)
            self._consumer.assign([TopicPartition(self._topic, PARTITION, 0)])
        return self._consumer

    def _until(self, wait_s: float, end: int | None) -> list[Said]:
        """Read up to an offset, which must be reached, or to the log's end, or for as long as is waited."""
        while end is None or not self._found or self._found[-1].offset + 1 < end:
            message = self._consuming().poll(wait_s)
            if message is None:
                if end is not None:
                    raise TopicsError(f"topic {self._topic}: no answer within {wait_s:.0f} s")
                break
            error = message.error()
            if error is None:
                self._found.append(Said(message.offset() or 0, message.value()))
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - as the library spells it
                # It may tell once more of an end that was read up to before.
                if self._found or end is not None:
                    break
            # Nothing is kept in the group, so no right to it is needed.
            elif error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
                raise TopicsError(f"topic {self._topic}: {error.str()}")
        found, self._found = self._found, []
        return found


def fold(announced: Announced, said: list[Said]) -> tuple[Announced, list[RefusedAnnouncement]]:
    """Return what holds after more announcements, and those of them that are wrong and change nothing."""
    refused: list[RefusedAnnouncement] = []
    for one in said:
        try:
            announced = announced.followed_by(Announcement.from_bytes(one.value))
        except (AnnouncementError, PackError) as error:
            refused.append(RefusedAnnouncement(one.offset, str(error)))
    return announced, refused
