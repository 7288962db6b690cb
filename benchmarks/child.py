"""Processes that tell what they find in lines of JSON; whoever waits for one waits for so long and no longer."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.errors import BenchmarkError

_END_S_MAX = 20.0
_SHOWN_LINES = 15
_SAID_BYTES_MAX = 64
_GO = threading.Event()

Said = dict[str, Any]


def say(word: str, **values: object) -> None:
    """Tell whoever started this process; called by the child."""
    sys.stdout.write(json.dumps({"said": word, **values}) + "\n")
    sys.stdout.flush()


def wait_to_go() -> None:
    """Wait until whoever started this process says `go`; called by the child when all is prepared."""
    say("ready")
    _GO.wait()


def follow_parent() -> None:
    """Hear `go`, and end with whoever started this process, however that one ends; called by the child at first."""
    threading.Thread(target=_listen, daemon=True).start()


def _listen() -> None:
    # Not by `sys.stdin`: what a thread holds of it cannot be given up when the process ends.
    while os.read(sys.stdin.fileno(), _SAID_BYTES_MAX):
        _GO.set()
    # The other end is closed by the parent's end at the latest. A worker left alone would disturb the next run.
    os.kill(os.getpid(), signal.SIGKILL)


class Child:
    """One process of `benchmarks.processes`; it ends with the `with` block."""

    def __init__(self, name: str, *arguments: object, environment: Mapping[str, str], log: Path) -> None:
        """Prepare it; `log` takes what it writes to standard error."""
        self._name = name
        self._command = [sys.executable, "-m", "benchmarks.processes", name, *map(str, arguments)]
        self._environment = environment
        self._log = log
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._process: subprocess.Popen[str]
        self._reader: threading.Thread

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as errors:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(self._environment),
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def expect(self, word: str, within_s: float) -> Said:
        """Return the next line, which must say `word`.

        Raises:
            BenchmarkError: it ended, said something else, or said nothing for so long.

        """
        ends_s = time.monotonic() + within_s
        try:
            line = self._lines.get(timeout=max(ends_s - time.monotonic(), 0))
        except queue.Empty:
            raise self._error(f"did not say {word!r} within {within_s:.0f} s") from None
        if line is None:
            raise self._error(f"ended with code {self._process.wait()} before it said {word!r}")
        said: Said = json.loads(line)
        if said.pop("said", None) != word:
            raise self._error(f"said {line.strip()!r}, not {word!r}")
        return said

    def go(self) -> None:
        """Let it begin what it has said it is ready for."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Ask it to end by SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def ended(self) -> None:
        """Wait until it has ended well.

        Raises:
            BenchmarkError: it did not end, or not well.

        """
        try:
            code = self._process.wait(_END_S_MAX)
        except subprocess.TimeoutExpired:
            raise self._error(f"did not end within {_END_S_MAX:.0f} s") from None
        if code:
            raise self._error(f"ended with code {code}")

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _error(self, what: str) -> BenchmarkError:
        last = self._log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
        return BenchmarkError("\n".join([f"the process {self._name} {what}; the end of {self._log}:", *last]))


def run(name: str, *arguments: object, environment: Mapping[str, str], log: Path, within_s: float) -> Said:
    """Run a process that says `done` once; return what it said with it."""
    with Child(name, *arguments, environment=environment, log=log) as child:
        said = child.expect("done", within_s)
        child.ended()
    return said


def cpu_s() -> float:
    """Return the processor time this process has used, in seconds."""
    times = os.times()
    return times.user + times.system
