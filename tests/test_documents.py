"""What an operator can set, see or meet is in the documents."""

import ast
from pathlib import Path

import pytest

from gateway.citizen.errors import CitizenError
from gateway.producer import event_of
from schemas.errors import Reason
from scoring.pack import DEFAULT_PACK, load_pack
from scoring.packtools.scenario import load_scenarios
from scoring.packtools.trial import try_pack
from stream.cli.output import Exit
from stream.metrics import Metrics
from stream.settings import PREFIX, Settings
from stream.worker import EXIT_STALLED

ROOT = Path(__file__).resolve().parent.parent
WHERE = "docs/operations.md is the place for it"


@pytest.fixture(scope="module")
def documents() -> str:
    """README and all of docs, as one text."""
    return "\n".join(path.read_text("utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))])


def missing(names: list[str], text: str) -> list[str]:
    return [name for name in names if f"`{name}" not in text and f"{name}`" not in text]


def test_every_setting_is_documented(documents: str) -> None:
    names = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]

    assert missing(names, documents) == [], WHERE


def test_every_documented_setting_exists(documents: str) -> None:
    rows = [line.split("`")[1] for line in documents.splitlines() if line.startswith(f"| `{PREFIX}")]
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {f"{PREFIX}KAFKA_*"}

    assert rows
    assert {*rows} - known == set(), WHERE


def test_every_setting_is_documented_with_its_default() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text("utf-8")
    rows = {
        line.split("`")[1]: line.split("|")[2].strip()
        for line in operations.splitlines()
        if line.startswith(f"| `{PREFIX}")
    }
    defaults = {
        f"{PREFIX}{name.upper()}": str(field.default).removesuffix(".0")
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, str | int | float)
    }
    wrong = {name: (rows.get(name), default) for name, default in defaults.items() if rows.get(name) != default}

    assert wrong == {}, WHERE


def test_every_metric_is_documented(documents: str) -> None:
    families = [*Metrics().registry.collect()]
    names = [family.name + ("_total" if family.type == "counter" else "") for family in families]

    assert missing(names, documents) == [], WHERE


def test_every_reason_of_refusal_is_documented(documents: str) -> None:
    assert missing([*Reason], documents) == [], WHERE


def test_every_refusal_of_the_citizens_page_is_documented(documents: str) -> None:
    def kinds(of: type[CitizenError]) -> list[str]:
        return [of.kind] + [kind for one in of.__subclasses__() for kind in kinds(one)]

    abstract = {"", "act-refused", "sign-in-failed", "bad-request"}
    found = [kind for kind in kinds(CitizenError) if kind not in abstract]
    assert len(found) > 10
    assert missing(found, documents) == [], "docs/citizen.md is the place for it"


def test_every_exit_code_is_documented(documents: str) -> None:
    (line,) = [line for line in documents.splitlines() if line.startswith("0 done")]
    codes = [int(part.split()[0]) for part in line.rstrip(".").split(" · ")]

    assert codes == [*Exit, EXIT_STALLED], WHERE


def test_the_event_that_the_readme_publishes_is_one() -> None:
    code = (ROOT / "README.md").read_text("utf-8").split("import Publisher\n")[1].split("```")[0]
    stated = code.split("event = ")[1].split("with Publisher")[0]

    assert event_of(ast.literal_eval(stated)).type.name == "library.loan.overdue"


def test_the_shipped_pack_has_the_scenarios_that_the_document_counts() -> None:
    tried = try_pack(load_pack(), load_scenarios(DEFAULT_PACK / "scenarios"))
    packs = (ROOT / "docs" / "packs.md").read_text("utf-8")

    assert f"The shipped pack has {tried.scenarios};" in packs
    assert f"{tried.scenarios} scenarios, {tried.expectations} expectations: " in packs
