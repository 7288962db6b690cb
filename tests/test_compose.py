"""ops/compose.yaml against what it starts: settings, commands, ports and health checks that exist."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.settings import PREFIX, Settings

OPS = Path(__file__).resolve().parent.parent / "ops"
IMAGE = (OPS / "Dockerfile").read_text("utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((OPS / "compose.yaml").read_text("utf-8"))["services"]
OURS = [name for name, one in SERVICES.items() if "build" in one]
# Whose host and port each process listens on.
LISTENS = {"worker": "metrics", "gateway": "gateway", "citizen": "citizen"}


def command_of(name: str) -> list[str]:
    """Return what a service runs: its own command, or the image's."""
    stated: list[str] = SERVICES[name].get("command") or re.findall(r'"([^"]+)"', IMAGE.splitlines()[-1])
    return stated


def health_of(name: str) -> str:
    """Return what a service's health check runs: its own, or the image's."""
    checked = SERVICES[name].get("healthcheck")
    return " ".join(checked["test"]) if checked else IMAGE.partition("HEALTHCHECK")[2]


def test_each_of_our_processes_is_a_service() -> None:
    assert {*OURS} == {*LISTENS}


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_there_is(name: str) -> None:
    program, command = command_of(name)

    assert (program, command) == ("jasmine", name)
    assert find_spec(f"stream.cli.{command}") is not None


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_given_settings_that_there_are(name: str) -> None:
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    given = {one for one in SERVICES[name]["environment"] if not one.startswith(f"{PREFIX}KAFKA_")}

    assert given - known == set()


@pytest.mark.parametrize("name", OURS)
def test_a_service_listens_and_is_looked_after_on_its_own_port(name: str) -> None:
    port = Settings.model_fields[f"{LISTENS[name]}_port"].default

    assert SERVICES[name]["environment"][f"{PREFIX}{LISTENS[name].upper()}_HOST"] == "0.0.0.0"  # noqa: S104 - in a container
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"http://127.0.0.1:{port}/ready" in health_of(name)


def test_a_service_waits_for_others_that_can_be_healthy() -> None:
    for one in SERVICES.values():
        for other, how in one.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert other in OURS or "healthcheck" in SERVICES[other]


def test_the_page_is_given_all_that_a_sign_in_needs() -> None:
    oidc = {name for name in Settings.model_fields if name.startswith("oidc_") and not name.endswith("_file")}
    needed = {*oidc, "session_key", "pseudonym_key", "citizen_url"}

    assert {f"{PREFIX}{one.upper()}" for one in needed} <= {*SERVICES["citizen"]["environment"]}


def test_prometheus_asks_each_process_that_has_metrics() -> None:
    scraped = yaml.safe_load((OPS / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    targets = {target for job in scraped for one in job["static_configs"] for target in one["targets"]}

    with_metrics = {"worker", "gateway"}
    assert targets == {f"{one}:{Settings.model_fields[f'{LISTENS[one]}_port'].default}" for one in with_metrics}
