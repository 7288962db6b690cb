"""`jasmine reviews` with a worker: what waits is listed, and the answer lets it count or takes it away."""

import re
from typing import Any

import pytest
import redis

from sinks.keys import access_key
from stream.cli.output import Exit
from stream.cli.standings import all_standings
from tests.stream.conftest import Deployment
from tests.stream.test_cli import NOBODY, Jasmine, a_resident, jasmine, line_of, settings  # noqa: F401 - a fixture
from tests.support.embedded_worker import until

LISTING = "court.dishonest.listed"


@pytest.fixture
def listed(
    jasmine: Jasmine,  # noqa: F811
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> str:
    """Return somebody of the tier Good whom a court has listed; both wait to be seen."""
    settings(monkeypatch, deployment.bootstrap_servers, deployment.redis_url)
    subject = a_resident(0x300 + len(request.node.name))
    lines = [
        line_of(subject),
        line_of(subject, "occupation.honour.awarded", data={"grade": "national"}),
        line_of(subject, "capability.contribution.continuous", data={"quantity": 60}),
        line_of(subject, "bravery.recognised", data={"grade": "outstanding"}),
        line_of(subject, LISTING),
    ]
    assert jasmine("publish", "-", stdin=b"".join(lines)).code == Exit.DONE
    until(lambda: bool(waiting_of(jasmine, subject)), "it waits")
    return subject


def waiting_of(jasmine: Jasmine, subject: str) -> list[Any]:  # noqa: F811
    return [one for one in jasmine("reviews", "list", "--json").json["records"] if one["subject"] == subject]


def tier_of(jasmine: Jasmine, subject: str) -> Any:  # noqa: F811
    return jasmine("lookup", subject, "--json").json["tier"]


def test_what_waits_is_listed_and_counts_once_it_is_confirmed(jasmine: Jasmine, listed: str) -> None:  # noqa: F811
    (one,) = waiting_of(jasmine, listed)
    assert (one["type"], one["waits_since"], one["tier"], one["tier_if_confirmed"]) == (
        LISTING,
        "2026-11-01",
        "good",
        "poor",
    )
    assert tier_of(jasmine, listed) == "good"
    assert re.search(r"\d+ records? waits?", jasmine("reviews", "list", "--limit", "1").out)

    answer = jasmine("reviews", "confirm", listed, one["record"], "--document", "2026-118", "--json")

    assert (answer.code, answer.json["published"]) == (Exit.DONE, "record.confirmed")
    until(lambda: tier_of(jasmine, listed) == "poor", "it counts")
    assert waiting_of(jasmine, listed) == []


def test_a_record_that_is_rejected_is_revoked(jasmine: Jasmine, listed: str) -> None:  # noqa: F811
    (one,) = waiting_of(jasmine, listed)

    answer = jasmine("reviews", "reject", listed, one["record"])

    assert answer.code == Exit.DONE
    until(lambda: not waiting_of(jasmine, listed), "it is gone")
    assert LISTING not in jasmine("explain", listed, "--json").out
    assert jasmine("reviews", "reject", listed, one["record"]).code == Exit.NOT_FOUND


def test_only_what_waits_can_be_answered(jasmine: Jasmine, listed: str) -> None:  # noqa: F811
    wrong = jasmine("reviews", "confirm", listed, "0123456789abcdef")

    assert wrong.code == Exit.NOT_FOUND
    assert "no record 0123456789abcdef" in wrong.err
    assert jasmine("reviews", "confirm", NOBODY, "0123456789abcdef").code == Exit.NOT_FOUND


def test_an_answer_that_no_event_can_carry_is_told_and_changes_nothing(jasmine: Jasmine, listed: str) -> None:  # noqa: F811
    (one,) = waiting_of(jasmine, listed)

    answer = jasmine("reviews", "confirm", listed, one["record"], "--document", "2" * 300)

    assert answer.code == Exit.REFUSED
    assert "data.document_no" in answer.err
    assert "give at most 256 characters" in answer.err
    assert waiting_of(jasmine, listed) == [one]


def test_who_is_listed_sees_that_a_desk_has_read(
    jasmine: Jasmine,  # noqa: F811
    listed: str,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JASMINE_ACCESS_LOG", "on")
    waiting_of(jasmine, listed)
    client: Any = redis.Redis.from_url(deployment.redis_url)
    (stored,) = [one for one in all_standings(client) if f"r-{one.subject:016x}" == listed]

    until(lambda: bool(client.llen(access_key(stored.partition, stored.subject))), "it is copied")

    reads = jasmine("access", listed, "--json").json["access"]
    assert {(one["reader"], one["what"]) for one in reads} == {("desk", "explanation")}
