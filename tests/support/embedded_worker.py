"""A worker in a process of its own, as a deployment runs it, on the embedded broker."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from stream.embedded import free_port
from stream.settings import PREFIX

KEY = "a key for the tests of the worker"
# A mock cluster waits 3 s before a group's first assignment, Faust 1 s; the first start compiles for half a minute.
READY_S_MAX = 90.0
DEADLINE_S = 15.0
COMMAND = [sys.executable, "-c", "from stream.cli import main; main()"]


def until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Wait until a condition holds, and return what it said."""
    ends_s = time.monotonic() + deadline_s
    while not (holds := condition()):
        if time.monotonic() > ends_s:
            raise AssertionError(f"not within {deadline_s:.0f} s: {what}")
        time.sleep(0.02)
    return holds


def environment_of(bootstrap_servers: str, redis_url: str, **settings: str) -> dict[str, str]:
    """Return the environment of a deployment, without what the tests' own may say."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    stated = {
        "kafka_bootstrap_servers": bootstrap_servers,
        "redis_url": redis_url,
        "pseudonym_key": KEY,
        "metrics_port": str(free_port()),
        "store_timeout_s": "1",
        **settings,
    }
    return inherited | {PREFIX + name.upper(): value for name, value in stated.items()}


class WorkerProcess:
    """A running `jasmine worker`."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, command: Sequence[str] = (*COMMAND, "worker")
    ) -> None:
        self.environment = dict(environment)
        self._log = log
        self._written = log.open("wb")
        self._process = subprocess.Popen([*command], env=self.environment, stdout=self._written, stderr=self._written)

    def ready(self) -> tuple[int, str]:
        """Return what /ready says; 0 while nobody answers."""
        return self._get("/ready")

    def until_ready(self) -> None:
        """Wait until it has partitions."""
        until(lambda: self.ready()[0] == 200 or self.ended, f"the worker is ready\n{self.log}", READY_S_MAX)
        assert not self.ended, self.log

    def metric(self, name: str, **labels: str) -> float:
        """Return a sample, the sum of those that have the labels."""
        _, text = self._get("/metrics")
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    @property
    def applied(self) -> float:
        """How many events have had their outcome."""
        return self.metric("credit_events_total")

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    @property
    def log(self) -> str:
        """All that it has written."""
        return self._log.read_text(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of its log."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def told(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Return the lines with an event and some fields."""
        return [one for one in self.lines() if one["event"] == event and fields.items() <= one.items()]

    def wait(self, deadline_s: float = DEADLINE_S) -> int:
        """Wait until it ends by itself; return its exit code."""
        return self._process.wait(deadline_s)

    def stop(self) -> tuple[int, float]:
        """Ask it to stop; return its exit code and how long it took, in seconds."""
        began_s = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(DEADLINE_S)
        return code, time.monotonic() - began_s

    def close(self) -> None:
        """Let nothing of it remain."""
        if not self.ended:
            self._process.kill()
            self._process.wait(DEADLINE_S)
        self._written.close()

    def _get(self, path: str) -> tuple[int, str]:
        port = int(self.environment[f"{PREFIX}METRICS_PORT"])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()
