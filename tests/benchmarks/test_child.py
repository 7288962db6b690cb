"""Children are real processes here: one that is not there, one that says no word, one whose parent is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.child import Child, run
from benchmarks.errors import BenchmarkError

SILENT = "import sys; sys.stdin.readline()"
TALKING = """
from benchmarks.child import follow_parent, say, wait_to_go

follow_parent()
wait_to_go()
say("done", answer=42)
"""
# The child writes to where its parent does, and so tells when it has ended.
PARENT = f"""
import subprocess, sys, time

subprocess.Popen([sys.executable, "-c", {TALKING!r}], stdin=subprocess.PIPE)
time.sleep(60)
"""


class Scripted(Child):
    """A child that runs a line of Python in place of a module."""

    def __init__(self, script: str, log: Path) -> None:
        super().__init__("scripted", environment=os.environ, log=log)
        self._command = [sys.executable, "-c", script]


def test_what_a_child_says_comes_back_when_it_is_let_go(tmp_path: Path) -> None:
    with Scripted(TALKING, tmp_path / "log") as child:
        child.expect("ready", 20)
        child.go()

        assert child.expect("done", 20) == {"answer": 42}
        child.ended()


def test_silence_is_an_error_in_time(tmp_path: Path) -> None:
    with (
        Scripted(SILENT, tmp_path / "log") as child,
        pytest.raises(BenchmarkError, match="did not say 'done' within 0 s"),
    ):
        child.expect("done", 0.2)


def test_another_word_is_an_error(tmp_path: Path) -> None:
    with Scripted(TALKING, tmp_path / "log") as child, pytest.raises(BenchmarkError, match="not 'done'"):
        child.expect("done", 20)


def test_an_end_too_early_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"No module named benchmarks\.processes\.nothing"):
        run("nothing", environment=os.environ, log=tmp_path / "log", within_s=20)


def test_a_child_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert "ready" in parent.stdout.readline()

        os.kill(parent.pid, signal.SIGKILL)

        # The end of the pipe is the end of all that write to it.
        assert parent.communicate(timeout=20)[0] == ""
