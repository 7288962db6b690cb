"""A real Kafka and a real Redis for the tests of a session, on free ports and folders of their own.

A test module that wants them says `pytest_plugins = ["tests.support.real_parts"]`. Where a part is not installed its
tests are skipped with the reason; JASMINE_REQUIRE_REAL=1 makes that a failure.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops.parts import Part
from ops.real import Kafka, NotInstalledError, Redis, missing

HOST = "127.0.0.1"
# Below it a broker refuses a session timeout; its default of 6 s would be the pause after every kill.
SESSION_TIMEOUT_MS_MIN = 1_000


class QuickKafka(Kafka):
    """A Kafka that lets a group notice within seconds that a member is dead."""

    def _command(self) -> list[str]:
        command = super()._command()
        with (self.folder / "server.properties").open("a") as properties:
            properties.write(f"group.min.session.timeout.ms={SESSION_TIMEOUT_MS_MIN}\n")
        return command


def free_port(width: int = 1) -> int:
    """Return a port that is free now, as are the `width - 1` ports after it."""
    while True:
        with socket.socket() as found:
            found.bind((HOST, 0))
            first = int(found.getsockname()[1])
        with suppress(OSError, OverflowError):
            for port in range(first, first + width):
                with socket.socket() as tried:
                    tried.bind((HOST, port))
            return first


def _running(part: Part) -> Iterator[None]:
    if programs := missing([part.name]):
        reason = str(NotInstalledError(programs))
        if os.environ.get("JASMINE_REQUIRE_REAL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        part.start()
        yield
    finally:
        part.stop()


@pytest.fixture(scope="session")
def _parts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts")


@pytest.fixture(scope="session")
def real_kafka(_parts_folder: Path) -> Iterator[Kafka]:
    """A running Kafka; who kills it starts it again."""
    kafka = QuickKafka(_parts_folder, free_port(width=2))
    for _ in _running(kafka):
        yield kafka


@pytest.fixture(scope="session")
def real_redis(_parts_folder: Path) -> Iterator[Redis]:
    """A running Redis; who kills it starts it again."""
    redis = Redis(_parts_folder, free_port())
    for _ in _running(redis):
        yield redis
