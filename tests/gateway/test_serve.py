"""The lookup service as a process."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.gateway.city import NOBODY, RESIDENT, City, an_event

HEADERS = {"Jasmine-Reader": "transit-operator", "Jasmine-Purpose": "transit"}
SCRIPT = """
import sys
import structlog
from gateway.access import AccessLog
from gateway.serve import serve
from scoring.pack import load_pack

structlog.configure(processors=[structlog.processors.JSONRenderer()])
reads = AccessLog({"bootstrap.servers": sys.argv[2], "log_level": 2}, "credit.access")
serve(sys.argv[1], load_pack(), "127.0.0.1", 0, reads=reads)
print("returned")
"""


@contextmanager
def served(redis_url: str, kafka: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A service, and where it listens."""
    command = [sys.executable, "-W", "error", "-u", "-c", SCRIPT, redis_url, kafka]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            listening = json.loads(process.stdout.readline())
            yield f"http://{listening['host']}:{listening['port']}", process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_service_answers_until_a_signal_and_then_returns_to_its_caller(
    number: signal.Signals, valkey: str, kafka: str, city: City
) -> None:
    city.happen(an_event(RESIDENT, "subject.registered"))

    with served(valkey, kafka) as (address, process):
        responses = [
            httpx.get(f"{address}/v1/subjects/{subject}/standing", params={"scenario": "transit"}, headers=HEADERS)
            for subject in (RESIDENT, NOBODY)
        ]
        process.send_signal(number)
        process.wait(timeout=20)
        assert process.stdout is not None
        # By the same reader as its first line: `communicate` would miss what that one has read ahead.
        *lines, last = process.stdout.read().splitlines()

    assert [response.status_code for response in responses] == [200, 404]
    assert process.returncode == 0
    warning, *events = [json.loads(line)["event"] for line in lines]
    assert "set JASMINE_READERS" in warning
    assert events == ["request", "request", "ended"]
    assert last == "returned"
    assert RESIDENT not in "".join(lines)
