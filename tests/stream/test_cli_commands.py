"""The list of commands is made without them, and says of each what it says itself."""

import os
import subprocess
import sys
from importlib import import_module
from inspect import cleandoc

import pytest

from stream.cli.commands import COMMANDS
from stream.cli.main import main


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_of_itself_what_the_list_says(name: str) -> None:
    module = import_module(COMMANDS[name].module)
    own = module.app.info.help if hasattr(module, "app") else getattr(module, name).__doc__

    assert " ".join(cleandoc(own).split("\n\n")[0].split()) == COMMANDS[name].summary


def test_the_list_is_printed_without_the_worker_s_libraries() -> None:
    script = """
import sys
from stream.cli.main import main
sys.argv = ["jasmine", "--help"]
try:
    main()
finally:
    print("heavy:", sorted({"numba", "numpy", "faust", "confluent_kafka", "redis"} & sys.modules.keys()))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)

    assert ran.returncode == 0
    assert "heavy: []" in ran.stdout


def test_ctrl_c_while_a_command_s_libraries_are_imported_ends_it_without_a_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("stream.cli.main"), "import_module", interrupted)
    monkeypatch.setattr(sys, "argv", ["jasmine", "worker"])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["lokup"], "No such command 'lokup'. Did you mean 'lookup'?"), (["--", "doctor"], "the command comes first")],
)
def test_what_is_no_command_is_refused(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-c", "from stream.cli.main import main; main()", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert ran.returncode == 2
    assert said in ran.stderr


def test_what_a_locale_has_no_sign_for_is_no_failure() -> None:
    command = [sys.executable, "-c", "from stream.cli.main import main; main()", "types"]
    ran = subprocess.run(
        command, capture_output=True, check=False, timeout=60, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"Subject registered" in ran.stdout
