"""The producer SDK for asyncio: an event is in the log when `publish` returns."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any, Self

from confluent_kafka import KafkaException, Producer

from gateway.errors import PublisherClosedError, PublishingError, QueueFullError, UndeliveredError
from gateway.producer import (
    CLOSE_S,
    PURGED_S,
    QUEUE_WAIT_S,
    Delivery,
    checked,
    delivery_of,
    event_of,
    kafka_properties,
    why_ended,
)
from schemas.codec import Encoded
from schemas.events import CreditEvent

_POLL_S = 0.1
_FULL_S = 0.01

_Waiting = asyncio.Future[Delivery]


class AsyncPublisher:
    """Publishes events, from any number of tasks of the event loop it was entered in."""

    def __init__(self, properties: Mapping[str, Any], topic: str, *, queue_wait_s: float = QUEUE_WAIT_S) -> None:
        """Take librdkafka's properties; the arguments are those of `Publisher`."""
        self._properties = kafka_properties(properties)
        self._producer = Producer(self._properties)
        self._topic = topic
        self._queue_wait_s = queue_wait_s
        self._waiting: set[_Waiting] = set()
        self._served: list[tuple[_Waiting, Delivery]] = []
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        # The producer that Kafka has refused for good: it sends nothing more, whatever is granted later.
        self._ended: Producer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def publish(self, event: CreditEvent) -> Delivery:
        """Publish one event; return where in the log it is.

        Raises:
            Refusal: no worker would take it.
            QueueFullError: the local queue stayed full.
            PublishingError: librdkafka cannot go on.
            UndeliveredError: Kafka did not acknowledge it.
            PublisherClosedError: the publisher is closed, or not entered.
            RuntimeError: another event loop runs here than the one it was entered in.

        """
        if self._thread is None or self._ending.is_set():
            raise PublisherClosedError
        if (loop := asyncio.get_running_loop()) is not self._loop:
            raise RuntimeError("publish in the event loop that the publisher was entered in, or make one for this loop")
        encoded = checked(event)
        waiting: _Waiting = loop.create_future()
        await self._enqueue(event, encoded, waiting)
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)
        delivery = await waiting
        if delivery.error:
            message = f"event {event.id} of {event.source} was not acknowledged: {delivery.error}; publish it again"
            raise UndeliveredError(message)
        return delivery

    async def publish_attributes(self, attributes: Mapping[str, Any]) -> Delivery:
        """Publish the event with these CloudEvents attributes; raises what `publish` does."""
        return await self.publish(event_of(attributes))

    async def close(self, timeout_s: float = CLOSE_S) -> None:
        """Wait for what is under way, at most so long, and give up the rest."""
        self._ending.set()
        if self._thread is None:
            return
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=timeout_s)
        if self._waiting:
            self._producer.purge()
            await asyncio.wait(self._waiting, timeout=PURGED_S)
        thread, self._thread = self._thread, None
        await asyncio.to_thread(thread.join)

    async def __aenter__(self) -> Self:
        self._loop = loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._serve, args=(loop,), name="publisher", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _enqueue(self, event: CreditEvent, encoded: Encoded, waiting: _Waiting) -> None:
        def on_delivery(error: Any, message: Any) -> None:
            self._served.append((waiting, delivery_of(event, error, message)))

        if self._producer is self._ended:
            self._producer = Producer(self._properties)
        ends = asyncio.get_running_loop().time() + self._queue_wait_s
        while True:
            try:
                self._producer.produce(
                    self._topic, encoded.value, encoded.key, headers=[*encoded.headers], on_delivery=on_delivery
                )
            except BufferError:
                if asyncio.get_running_loop().time() >= ends:
                    raise QueueFullError(self._queue_wait_s) from None
                await asyncio.sleep(_FULL_S)
            except KafkaException as error:
                message = f"the event was not taken: {error}"
                raise PublishingError(message) from error
            else:
                return

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for acknowledgements, and hand those of one poll to the event loop together."""
        while not self._ending.is_set() or len(self._producer):
            # The event loop may take another meanwhile, whose events are not to be given up.
            producer = self._producer
            if why_ended(producer.poll, _POLL_S):
                # What waits is sent no more, and whoever awaits it is to hear that.
                producer.purge()
                why_ended(producer.flush, PURGED_S)
                self._ended = producer
            if self._served:
                served, self._served = self._served, []
                loop.call_soon_threadsafe(_resolve, served)


def _resolve(served: list[tuple[_Waiting, Delivery]]) -> None:
    for waiting, delivery in served:
        if not waiting.done():
            waiting.set_result(delivery)
