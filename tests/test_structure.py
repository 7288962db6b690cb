"""The shape of the source: who imports whom, how long things are, where time comes from."""

import ast
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("schemas", "scoring", "sinks", "stream", "gateway", "city")
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 700

# What a package may import of the others.
ALLOWED = {
    "schemas": set(),
    "scoring": {"schemas"},
    "sinks": {"schemas", "scoring"},
    "gateway": {"schemas", "scoring"},
    "city": {"schemas", "scoring"},
    "stream": {"schemas", "scoring", "sinks"},
    "stream.cli": {"schemas", "scoring", "sinks", "gateway", "city", "stream"},
    "stream.demo": {"schemas", "scoring", "sinks", "gateway", "city", "stream"},
}
# Compiled loops: a call would cost what the loop must not.
COMPILED = {"schemas/scanner.py", "scoring/kernel.py", "scoring/ledger.py", "scoring/resolver.py", "sinks/resp.py"}
FAUST = {"stream/transport.py", "stream/worker.py"}
# Where the time may be asked for, and why there.
CLOCKS = {
    "gateway/lookup.py": "the default of an SDK's clock argument: other people's applications have no root of ours",
    "gateway/access.py": "likewise",
    "gateway/producer.py": "likewise, monotonic: how long a publisher waits",
    "gateway/deadline.py": "a deadline is an instant of the monotonic clock",
    "gateway/citizen/serve.py": "a composition root",
    "gateway/envelope.py": "how long a request took, for a line of the log",
    "gateway/serve.py": "a composition root",
    "stream/worker.py": "a composition root",
    "stream/polls.py": "monotonic only: when the event loop's other tasks have their turn",
    "stream/transport.py": "monotonic only: pauses and intervals of its own thread",
    "stream/relay.py": "monotonic only: how long a round took, so that it rests in proportion",
    "stream/access.py": "likewise",
    "stream/warm.py": "how long compiling took, for a line of the log",
    "stream/cli/explain.py": "commands: `explain` and `suggest` are as of today",
    "stream/cli/reviews.py": "commands: a record waits today, and is answered now",
    "stream/cli/year.py": "a command: a year is over, or is not",
    "stream/cli/doctor.py": "a command: whether two clocks agree",
    "stream/cli/evidence.py": "monotonic only: how long the log is waited for",
    "stream/cli/pack_time.py": "commands: a pack holds from today, or from a day to come",
    "stream/cli/pack_impact.py": "monotonic only: how long drawing and scoring a city took",
    "stream/demo/run.py": "a composition root that shows time passing",
    "stream/demo/city_feed.py": "the demo's history ends now",
    "stream/demo/proof.py": "the demo's proof is as of now",
    "gateway/http.py": "how long a request took, for its metric",
}
_CLOCK_CALLS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "perf_counter"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
_CLOCK_NAMES = {"monotonic", "perf_counter", "time_ns"}


@cache
def modules() -> dict[str, ast.Module]:
    """Return the source as syntax trees, by path."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in paths}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


def package_of(path: str) -> str:
    first, second, *_ = [*Path(path).parts, ""]
    return f"{first}.{second}" if f"{first}.{second}" in ALLOWED else first


def offenders(wrong: Callable[[str, ast.Module], Iterator[str]]) -> list[str]:
    return [f"{path}: {what}" for path, tree in modules().items() for what in wrong(path, tree)]


def test_imports_go_one_way() -> None:
    def wrong(path: str, tree: ast.Module) -> Iterator[str]:
        own = package_of(path)
        for name in imported(tree):
            first = name.split(".")[0]
            if first in {*PACKAGES, "tests", "benchmarks", "ops"} and first not in ALLOWED[own] | {own.split(".")[0]}:
                yield f"imports {name}; {own} may import {sorted(ALLOWED[own])}"

    assert offenders(wrong) == []


def test_a_part_of_the_stream_does_not_import_its_commands_or_its_demo() -> None:
    def wrong(path: str, tree: ast.Module) -> Iterator[str]:
        if package_of(path) == "stream":
            yield from (
                name for name in imported(tree) if package_of(name.replace(".", "/")) in {"stream.cli", "stream.demo"}
            )

    assert offenders(wrong) == []


def test_faust_is_imported_at_the_edge_only() -> None:
    found = {path for path, tree in modules().items() if any(one.split(".")[0] == "faust" for one in imported(tree))}

    assert found <= FAUST


def test_scoring_and_schemas_do_no_input_or_output() -> None:
    forbidden = {"redis", "confluent_kafka", "socket", "logging", "structlog", "random", "asyncio", "threading", "time"}

    def wrong(path: str, tree: ast.Module) -> Iterator[str]:
        if package_of(path) in {"schemas", "scoring"}:
            yield from (name for name in imported(tree) if name.split(".")[0] in forbidden)

    assert offenders(wrong) == []


def test_a_card_is_read_with_the_standard_library_alone() -> None:
    tree = modules()["gateway/card.py"]

    foreign = [name for name in imported(tree) if name.split(".")[0] not in {*sys.stdlib_module_names, "gateway"}]
    assert foreign == []


def test_functions_are_short() -> None:
    def wrong(path: str, tree: ast.Module) -> Iterator[str]:
        if path in COMPILED:
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    yield f"{node.name} has {lines} lines, at most {FUNCTION_LINES_MAX} can be read at once"

    assert offenders(wrong) == []


def test_modules_are_short() -> None:
    lengths = {path: len((ROOT / path).read_text("utf-8").splitlines()) for path in modules()}

    assert {path: lines for path, lines in lengths.items() if lines > MODULE_LINES_MAX} == {}


def _asks_the_time(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return (node.value.id, node.attr) in _CLOCK_CALLS
    return (
        isinstance(node, ast.ImportFrom) and node.module == "time" and any(a.name in _CLOCK_NAMES for a in node.names)
    )


def test_time_is_an_argument_except_where_a_reason_is_given() -> None:
    found = {path for path, tree in modules().items() if any(map(_asks_the_time, ast.walk(tree)))}
    reasons = "\n".join(f"{path}: {why}" for path, why in sorted(CLOCKS.items()))
    print(reasons)  # noqa: T201 - pytest -rP shows it

    assert found - CLOCKS.keys() == set(), f"take a clock as an argument, or give a reason, as these do:\n{reasons}"
    assert CLOCKS.keys() - found == set(), "asks for no time any more: take it off the list"


def test_nothing_is_left_for_later() -> None:
    marks = ["FIX" + "ME", "TO" + "DO", "X" + "XX"]
    paths = [path for path in [*ROOT.rglob("*.py"), *ROOT.rglob("*.md")] if ROOT in path.parents]
    kept = [path for path in paths if not {".venv", ".run"} & {*path.relative_to(ROOT).parts}]

    found = [f"{path.relative_to(ROOT)}: {mark}" for path in kept for mark in marks if mark in path.read_text("utf-8")]

    assert found == []


def test_every_module_says_what_it_is() -> None:
    assert [path for path, tree in modules().items() if not ast.get_docstring(tree)] == []


def test_every_package_tells_type_checkers_of_other_programs_that_it_is_typed() -> None:
    assert [package for package in PACKAGES if not (ROOT / package / "py.typed").is_file()] == []


def test_nothing_connects_on_import() -> None:
    clients = {"Redis", "Producer", "Consumer", "AdminClient", "from_url", "Thread"}

    def wrong(path: str, tree: ast.Module) -> Iterator[str]:
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr):
                for call in ast.walk(node):
                    if isinstance(call, ast.Call):
                        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                        if name in clients:
                            yield f"line {call.lineno} makes a {name} at import"

    assert offenders(wrong) == []
