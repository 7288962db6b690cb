"""Start, stop and watch a real Kafka and a real Redis on this machine, without Docker."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ops.parts import PARTS, RUN_FOLDER, Kafka, NotInstalledError, Part, RealPartError, Redis, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Kafka", "NotInstalledError", "RealPartError", "Redis", "main", "missing", "start_kafka", "start_redis"]

EXIT_NOT_RUNNING = 3
EXIT_CODES = "exit codes: 0 done, 1 failed, 2 wrong usage, 3 a part does not run (status), 4 a program is not installed"


def start_kafka(data_dir: Path, port: int = Kafka.port_default) -> Kafka:
    """Start a Kafka with its data below `data_dir`, and return when it answers."""
    kafka = Kafka(data_dir, port)
    kafka.start()
    return kafka


def start_redis(data_dir: Path, port: int = Redis.port_default) -> Redis:
    """Start a Redis with its data below `data_dir`, and return when it answers."""
    redis = Redis(data_dir, port)
    redis.start()
    return redis


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _start(parts: list[Part]) -> int:
    if programs := missing(part.name for part in parts if part.running is None):
        raise NotInstalledError(programs)
    for part in parts:
        word = "started" if part.running is None else "already runs"
        part.start()
        _say(f"# {part.name} {word}; log: {part.log}")
    for part in parts:
        _say(f"{part.variable}={part.address}")
    return 0


def _stop(parts: list[Part]) -> int:
    for part in parts:
        word = "was not running" if part.running is None else "stopped"
        part.stop()
        _say(f"{part.name} {word}")
    return 0


def _status(parts: list[Part], *, as_json: bool) -> int:
    states = [_state(part) for part in parts]
    if as_json:
        _say(json.dumps(states, indent=2))
    else:
        for state in states:
            _say("{part}: {state}, pid {pid}, {address}, log {log}".format_map(state))
    return 0 if all(state["state"] == "answers" for state in states) else EXIT_NOT_RUNNING


def _state(part: Part) -> dict[str, object]:
    running = part.running
    word = "stopped" if running is None else "answers" if part.answers() else "silent"
    pid = running.pid if running else None
    return {"part": part.name, "state": word, "pid": pid, "address": part.address, "log": str(part.log)}


def _chosen_parts(options: argparse.Namespace) -> list[Part]:
    """Return the parts in question; without a port option a running part keeps the port it has."""
    parts: list[Part] = []
    for name in options.parts:
        port = getattr(options, f"{name}_port")
        part = PARTS[name](options.data, port or PARTS[name].port_default)
        if port is None and part.running:
            part.port = part.running.port
        parts.append(part)
    return parts


def _part_names(text: str) -> list[str]:
    names = text.split(",")
    if not set(names) <= set(PARTS):
        raise argparse.ArgumentTypeError(f"the parts are {','.join(PARTS)}; was {text!r}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops.real", description=(__doc__ or "").partition("\n")[0], epilog=EXIT_CODES
    )
    parser.add_argument("command", choices=("start", "stop", "status"))
    parser.add_argument("--parts", type=_part_names, default=list(PARTS), help="default: kafka,redis")
    parser.add_argument("--data", type=Path, default=RUN_FOLDER, metavar="DIR", help="of data and logs; default: .run")
    for name, part in PARTS.items():
        parser.add_argument(f"--{name}-port", type=int, metavar="PORT", help=f"default: {part.port_default}")
    parser.add_argument("--json", action="store_true", help="status as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        parts = _chosen_parts(options)
        if options.command == "status":
            return _status(parts, as_json=options.json)
        return _start(parts) if options.command == "start" else _stop(parts)
    except RealPartError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"{error}: check the rights and the space of {options.data}.\n")
        return RealPartError.exit_code


if __name__ == "__main__":
    sys.exit(main())
