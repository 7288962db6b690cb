"""The access log: who read what about whom, for which purpose. A read that cannot be written there is not given.

    with AccessLog({"bootstrap.servers": "kafka:9092"}, "credit.access") as log:
        lookup = Lookup.from_url(url, names, access=log.reading("transit-operator", "transit"))

Writing only puts a record into a bounded local queue, so no answer waits for Kafka. While Kafka is away the queue
fills; when it is full, reading is refused until there is room again. Of a Kafka that refuses what it is given, reading
is refused at once, until it has taken all that it refused.
"""

import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Self

from confluent_kafka import KafkaException, Producer

from gateway.answer import Answer, Recorder
from gateway.errors import AccessLogError
from gateway.producer import CLOSE_S, PURGED_S, kafka_properties, why_ended
from schemas import access
from schemas.access import Access, ChangeReceived, Purpose, StandingRead, What
from schemas.days import datetime_of
from schemas.events import CONTENT_TYPE_STRUCTURED

# The most reads that wait for Kafka: some seconds of a busy gateway's, in some megabytes.
WAITING_MAX = 100_000
_ID_BYTES = 8
# How often what Kafka refused is given to it again, in seconds.
_PROBE_S = 1.0


class AccessLog:
    """Writes to the access log, from any number of threads or tasks."""

    def __init__(
        self,
        properties: Mapping[str, Any],
        topic: str,
        *,
        waiting_max: int = WAITING_MAX,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take librdkafka's properties; it connects by itself.

        Args:
            properties: at least ``bootstrap.servers``.
            topic: of the access log.
            waiting_max: the most records that wait for Kafka.
            clock: gives the time, in seconds since the epoch.

        """
        self._properties = {
            "queue.buffering.max.messages": waiting_max,
            **kafka_properties(properties),
            # What was taken is kept until Kafka has it, or the process ends.
            "message.timeout.ms": 0,
        }
        self._producer = Producer(self._properties)
        self._lock = threading.Lock()
        # Counted here: the length of librdkafka's queue is also that of its own news, such as an unreachable broker.
        self._unheard = 0
        self._topic = topic
        self._waiting_max = waiting_max
        self._clock = clock
        # What Kafka refused, to be given to it again; bounded with the queue.
        self._refused: deque[tuple[bytes, bytes]] = deque()
        self._refusal = ""
        # Kafka has refused a record, and not taken all of them since.
        self._is_refusing = False
        # It has refused the producer for good: that one sends nothing more, whatever is granted later.
        self._is_ended = False
        self._probing = threading.Lock()
        self._probed_s = -math.inf

    def check(self) -> None:
        """Return if a read can be written.

        Raises:
            AccessLogError: it cannot, because too many wait for Kafka or Kafka refuses them.

        """
        self._serve(self._producer.poll, 0)
        if self._is_refusing:
            self._probe()
        if self.waiting >= self._waiting_max or self._is_refusing:
            raise AccessLogError(self.waiting, self._refusal)

    def write(self, one: Access) -> None:
        """Write one access; nothing is waited for.

        Raises:
            AccessLogError: it was not taken.

        """
        self.check()
        encoded = access.encode(one)
        self._produce(encoded.key, encoded.value)

    def read(
        self, subject: str, reader: str, purpose: Purpose, what: What, *, as_of: int | None, read_id: str = ""
    ) -> None:
        """Write that something about a subject was read.

        Args:
            subject: the subject id.
            reader: by whom; one that `schemas.access.check_reader` takes.
            purpose: for what.
            what: what was given.
            as_of: the log offset up to which events were in it, or None.
            read_id: names the read, where it may be written twice.

        Raises:
            AccessLogError: it was not taken; do not give what was read.

        """
        self.write(
            StandingRead(
                id=read_id or secrets.token_hex(_ID_BYTES),
                subject=subject,
                time=datetime_of(int(self._clock())),
                reader=reader,
                purpose=purpose,
                what=what,
                as_of=as_of,
            )
        )

    def received(self, subject: str, reader: str, change: str) -> None:
        """Write a reader's receipt for a change; raises what `write` does."""
        self.write(
            ChangeReceived(
                id=access.receipt_id(reader, change),
                subject=subject,
                time=datetime_of(int(self._clock())),
                reader=reader,
                change=change,
            )
        )

    def reading(self, reader: str, purpose: Purpose, what: What = "standing") -> Recorder:
        """Return what `Lookup` and `AsyncLookup` take as `access`: it writes each of their reads.

        Raises:
            Refusal: the reader's name has not the form of one.

        """
        access.check_reader(reader)

        def record(subject: str, answer: Answer) -> None:
            self.read(subject, reader, purpose, what, as_of=answer.as_of)

        return record

    @property
    def waiting(self) -> int:
        """How many records Kafka has not acknowledged."""
        return self._unheard + len(self._refused)

    def flush(self, timeout_s: float) -> int:
        """Wait until Kafka has all records, at most so long; return how many it has not."""
        if self._is_ended:
            self._begin_anew()
        self._give_again()
        self._serve(self._producer.flush, timeout_s)
        return self.waiting

    def close(self, timeout_s: float = CLOSE_S) -> int:
        """Wait as `flush` does and give up the rest; return how many those are."""
        lost = self.flush(timeout_s)
        if lost:
            self._producer.purge()
            self._serve(self._producer.flush, PURGED_S)
        return lost

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        lost = self.close()
        if lost and kind is None:
            raise AccessLogError(lost, self._refusal)

    def _produce(self, key: bytes, value: bytes) -> None:
        try:
            with self._lock:
                self._producer.produce(
                    self._topic,
                    value,
                    key,
                    headers=[("content-type", CONTENT_TYPE_STRUCTURED.encode())],
                    on_delivery=self._heard,
                )
                self._unheard += 1
        except (BufferError, KafkaException) as error:
            raise AccessLogError(self.waiting, str(error)) from error

    def _heard(self, error: Any, message: Any) -> None:
        if error is not None:
            self._failed(error, message)
        with self._lock:
            self._unheard -= 1

    def _failed(self, error: Any, message: Any) -> None:
        self._refusal = str(error)
        self._refused.append((message.key(), message.value()))
        self._is_refusing = True

    def _probe(self) -> None:
        """Give again what was refused, now and then; Kafka refuses no more once nothing is left that it has not."""
        with self._probing:
            now_s = self._clock()
            if not self.waiting and not self._is_ended:
                self._is_refusing = False
            elif not 0 <= now_s - self._probed_s < _PROBE_S:
                self._probed_s = now_s
                if self._is_ended:
                    self._begin_anew()
                self._give_again()

    def _serve(self, serve: Callable[[float], int], timeout_s: float) -> None:
        if ended := why_ended(serve, timeout_s):
            self._refusal = ended
            self._is_refusing = self._is_ended = True

    def _begin_anew(self) -> None:
        """Take another producer, and what the one before still has among what is given again."""
        why, before = self._refusal, self._producer
        before.purge()
        why_ended(before.flush, PURGED_S)
        self._refusal = why
        with self._lock:
            # Of what that one has not reported by now nothing will be heard.
            self._unheard = 0
        self._producer = Producer(self._properties)
        self._is_ended = False

    def _give_again(self) -> None:
        for _ in range(len(self._refused)):
            try:
                record = self._refused.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                self._produce(*record)
            except AccessLogError:
                self._refused.append(record)
                return
