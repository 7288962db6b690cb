"""The real Kafka and the real Redis as objects: start, stop, kill and start again on the same data.

Each part has a folder with its data, its log and its pid file. The running server holds a lock on
the pid file, so a pid left behind by a crash or a reboot is never taken for a running server.
Standard library only: this must run before anything is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import string
import struct
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OPS_FOLDER = Path(__file__).resolve().parent
RUN_FOLDER = OPS_FOLDER.parent / ".run"
HOST = "127.0.0.1"

# Kafka starts in three seconds; a loaded two-core machine with a log to recover needs far more.
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0
# After SIGKILL only the kernel's own work is left.
KILL_TIMEOUT_S = 10.0
POLL_INTERVAL_S = 0.05
ASK_TIMEOUT_S = 1.0

JAVA_VERSION_MIN = 17
# The pause target is the one of Kafka's own start script; the heap suits a developer's machine.
JAVA_OPTIONS = ("-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")

# One frame: length, then Metadata version 1 with correlation id 1, no client id and no topics.
METADATA_REQUEST = struct.pack(">ihhihi", 14, 3, 1, 1, -1, 0)
# How the answer begins: length, correlation id, number of brokers.
METADATA_ANSWER = struct.Struct(">iii")

JAVA, MAVEN, REDIS_SERVER = f"Java {JAVA_VERSION_MIN} or newer", "Maven", "redis-server"
# The package of each program: Debian's, then Homebrew's.
PACKAGES = {
    JAVA: ("default-jre-headless", "temurin"),
    MAVEN: ("maven", "maven"),
    REDIS_SERVER: ("redis-server", "redis"),
}


class RealPartError(Exception):
    """A real part could not be started or stopped; the message says what to do."""

    exit_code = 1


class NotInstalledError(RealPartError):
    """Programs that the real parts need are not installed."""

    exit_code = 4

    def __init__(self, programs: Sequence[str]) -> None:
        """Say which `programs` are missing and how to install them."""
        debian, homebrew = (" ".join(names) for names in zip(*(PACKAGES[program] for program in programs), strict=True))
        super().__init__(
            f"Not installed: {', '.join(programs)}."
            f" Debian and Ubuntu: apt install {debian}. macOS: brew install {homebrew}."
        )


class Running(NamedTuple):
    """What the pid file says about the server that holds its lock."""

    pid: int
    port: int


class Part(ABC):
    """One server on one folder: what Kafka and Redis have in common."""

    name: ClassVar[str]
    port_default: ClassVar[int]
    variable: ClassVar[str]

    def __init__(self, data_dir: Path, port: int) -> None:
        """Describe the server with its folder below `data_dir`; nothing is started."""
        self.folder = data_dir.resolve() / self.name
        self.port = port
        self.log = self.folder / f"{self.name}.log"
        self._pid_file = self.folder / "pid"

    @property
    @abstractmethod
    def address(self) -> str:
        """What a client connects to."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server does work, and not only listens."""

    @abstractmethod
    def _ports(self) -> tuple[int, ...]:
        """Every port that the server listens on."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Prepare the folder, and compose the command to run in it."""

    @property
    def running(self) -> Running | None:
        """The process that serves this folder, whoever started it; None when there is none."""
        try:
            with self._pid_file.open() as pid_file:
                fcntl.flock(pid_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            pid_and_port = self._pid_file.read_text().split()
            if not pid_and_port:
                raise self._busy() from None
            return Running(*map(int, pid_and_port))
        return None

    def start(self) -> None:
        """Start the server unless it runs, and wait until it answers."""
        running = self.running
        if running is None:
            self._launch()
        elif running.port != self.port:
            raise RealPartError(
                f"{self.name} runs on port {running.port} already, asked was {self.port}: stop it first."
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if self.running is None:
                raise RealPartError(f"{self.name} ended while it started: see {self.log}.")
            if time.monotonic() > deadline:
                self.kill()
                raise RealPartError(
                    f"{self.name} gave no answer in {START_TIMEOUT_S:.0f} s, and was ended: see {self.log}."
                )
            time.sleep(POLL_INTERVAL_S)

    def stop(self) -> None:
        """Ask the server to end, and kill it when it takes too long."""
        if not self._ended(signal.SIGTERM, STOP_TIMEOUT_S):
            self.kill()

    def kill(self) -> None:
        """End the server as a crash would, without a chance to write anything."""
        if not self._ended(signal.SIGKILL, KILL_TIMEOUT_S):
            raise RealPartError(f"{self.name} is still there {KILL_TIMEOUT_S:.0f} s after SIGKILL: end it by hand.")

    def _launch(self) -> None:
        if programs := missing([self.name]):
            raise NotInstalledError(programs)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._pid_file.open("a+") as pid_file:
            try:
                fcntl.flock(pid_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._busy() from None
            pid_file.truncate(0)
            for port in self._ports():
                _require_free(port)
            # The shell ends at once, so the server is nobody's child: no terminal and no Python object keeps it.
            # It inherits the open pid file, and with it the lock, until it ends in whatever way.
            script = f'"$@" >>{self.log.name} 2>&1 & echo "$! {self.port}" >pid'
            subprocess.run(
                ["/bin/sh", "-c", script, "sh", *self._command()],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                pass_fds=[pid_file.fileno()],
                start_new_session=True,
                check=True,
            )

    def _busy(self) -> RealPartError:
        return RealPartError(f"Another command is starting {self.name}: try again when it is done.")

    def _ended(self, number: signal.Signals, timeout_s: float) -> bool:
        running = self.running
        if running is not None:
            # The whole group: a child of Redis that rewrites its file must not outlive it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(os.getpgid(running.pid), number)
        deadline = time.monotonic() + timeout_s
        while self.running is not None and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL_S)
        return self.running is None


class Kafka(Part):
    """One Apache Kafka node; the controller listens on the port after the broker's."""

    name = "kafka"
    port_default = 19092
    variable = "JASMINE_KAFKA_BOOTSTRAP_SERVERS"

    @property
    def bootstrap(self) -> str:
        """The bootstrap server of Kafka's clients."""
        return f"{HOST}:{self.port}"

    address = bootstrap

    def answers(self) -> bool:
        """Whether the broker is in its own list of brokers: before that no topic can be created."""
        answer = _ask(self.port, METADATA_REQUEST, METADATA_ANSWER.size)
        return len(answer) == METADATA_ANSWER.size and METADATA_ANSWER.unpack(answer)[2] > 0

    def _ports(self) -> tuple[int, ...]:
        return self.port, self.port + 1

    def _command(self) -> list[str]:
        _copy_jars()
        template = string.Template((OPS_FOLDER / "kafka" / "server.properties").read_text())
        properties = template.substitute(broker_port=self.port, controller_port=self.port + 1)
        (self.folder / "server.properties").write_text(properties)
        java = [_java(), *JAVA_OPTIONS, "-cp", f"{_jars()}/*"]
        if not (self.folder / "data" / "meta.properties").exists():
            cluster_id = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
            tool = [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}"]
            _run_logged([*tool, "--config=server.properties"], self.log, "Kafka's storage could not be formatted")
        return [*java, "kafka.Kafka", "server.properties"]


class Redis(Part):
    """One Redis server, on TCP and on the unix socket `redis.sock` in its folder."""

    name = "redis"
    port_default = 16379
    variable = "JASMINE_REDIS_URL"

    @property
    def url(self) -> str:
        """The address in the form of Redis's clients."""
        return f"redis://{HOST}:{self.port}/0"

    address = url

    def answers(self) -> bool:
        """Whether it says PONG; while it loads its file it says LOADING."""
        return _ask(self.port, b"PING\r\n", 5) == b"+PONG"

    def _ports(self) -> tuple[int, ...]:
        return (self.port,)

    def _command(self) -> list[str]:
        return ["redis-server", str(OPS_FOLDER / "redis" / "redis.conf"), "--port", str(self.port)]


PARTS: dict[str, type[Kafka | Redis]] = {"kafka": Kafka, "redis": Redis}


def missing(parts: Iterable[str] = tuple(PARTS)) -> list[str]:
    """Name the programs that must be installed before `parts` can start; Maven only until the jars are there."""
    wanted = set(parts)
    present = {
        JAVA: "kafka" not in wanted or _java_version() >= JAVA_VERSION_MIN,
        MAVEN: "kafka" not in wanted or _jars().is_dir() or shutil.which("mvn"),
        REDIS_SERVER: "redis" not in wanted or shutil.which("redis-server"),
    }
    return [program for program, is_present in present.items() if not is_present]


def _ask(port: int, request: bytes, size: int) -> bytes:
    """Send `request` and return the first `size` bytes of the answer, or fewer when there are no more."""
    try:
        with socket.create_connection((HOST, port), timeout=ASK_TIMEOUT_S) as connection:
            connection.sendall(request)
            with connection.makefile("rb") as answer:
                return answer.read(size)
    except OSError:
        return b""


def _require_free(port: int) -> None:
    with socket.socket() as listener:
        # Without this, connections that closed a moment ago would count as a listener.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise RealPartError(
                f"Port {port} cannot be used ({error.strerror}): stop what uses it, or choose another."
            ) from error


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    return f"{home}/bin/java" if home else "java"


def _java_version() -> int:
    """Return Java's major version; 0 when there is no Java that works."""
    try:
        answer = subprocess.run([_java(), "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    version = re.search(r'version "(\d+)', answer.stderr)
    return int(version[1]) if version else 0


def _jars() -> Path:
    """Return the folder of the jars, named after the pom: another version is copied into another folder."""
    pom = (OPS_FOLDER / "kafka" / "pom.xml").read_bytes()
    return RUN_FOLDER / f"kafka-jars-{hashlib.sha256(pom).hexdigest()[:12]}"


def _copy_jars() -> None:
    if _jars().is_dir():
        return
    RUN_FOLDER.mkdir(exist_ok=True)
    # Copied aside and renamed, so that a broken copy is never taken for a whole one.
    with tempfile.TemporaryDirectory(dir=RUN_FOLDER, prefix="maven-") as workplace:
        maven = ["mvn", "--batch-mode", "--quiet", f"--file={OPS_FOLDER}/kafka/pom.xml"]
        copy = [*maven, "dependency:copy-dependencies", f"-DoutputDirectory={workplace}/jars"]
        _run_logged(copy, RUN_FOLDER / "maven.log", "Maven could not copy Kafka's jars (it needs the network once)")
        # Another start may have been first: its folder is as good.
        with contextlib.suppress(OSError):
            Path(workplace, "jars").rename(_jars())


def _run_logged(command: list[str], log: Path, failure: str) -> None:
    """Run a program in its log's folder to its end."""
    with log.open("a") as output:
        done = subprocess.run(
            command, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        raise RealPartError(f"{failure}: see {log}.")
