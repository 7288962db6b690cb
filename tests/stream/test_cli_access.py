"""`jasmine access` and `changes` with a worker: what commands read is written, copied, and shown."""

import json
from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, TopicPartition

from stream.cli import accesses
from stream.cli.output import Exit
from stream.embedded import PARTITIONS, free_port
from tests.stream.conftest import Deployment
from tests.stream.test_cli import Jasmine, a_resident, jasmine, line_of, settings  # noqa: F401 - a fixture
from tests.support.embedded_worker import until

NOBODY = "r-3ffffffffffffffe"


@pytest.fixture
def _logging(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, deployment.bootstrap_servers, deployment.redis_url, access_log="on")


@pytest.fixture
def known(jasmine: Jasmine, _logging: None) -> Callable[[int], str]:  # noqa: F811
    """Make a resident whom the worker knows."""

    def make(number: int) -> str:
        subject = a_resident(number)
        jasmine("publish", "-", stdin=line_of(subject))
        until(lambda: jasmine("explain", subject, "--json").code == Exit.DONE, "scored")
        return subject

    return make


@pytest.mark.slow
def test_each_command_that_reads_is_written_and_shown(jasmine: Jasmine, known: Callable[[int], str]) -> None:  # noqa: F811
    subject = known(71)
    jasmine("lookup", subject)
    jasmine("lookup", subject, "--scenario", "transit")
    jasmine("suggest", subject)

    def shown() -> list[tuple[str, str]]:
        answer = jasmine("access", subject, "--json")
        return [(one["purpose"], one["what"]) for one in answer.json["access"]] if answer.code == Exit.DONE else []

    seen = until(lambda: found if len(found := shown()) == 4 else [], "all four are copied")
    assert seen == [
        ("suggest", "suggestions"),
        ("desk", "tier"),
        ("desk", "standing"),
        ("explain", "explanation"),
    ]
    people = jasmine("access", subject).out
    assert "explanation" in people
    assert "desk" in people


def changes_in(bootstrap_servers: str) -> list[str]:
    """Return the ids of all changes published so far."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "looking", "log_level": 2})
    consumer.assign([TopicPartition("credit.changes", partition, 0) for partition in range(PARTITIONS)])
    found: list[str] = []
    while some := consumer.consume(1_000, 1.0):
        found += [json.loads(one.value() or b"{}")["id"] for one in some]
    consumer.close()
    return found


@pytest.mark.slow
def test_a_reader_that_was_told_of_a_change_is_shown_with_it(
    jasmine: Jasmine,  # noqa: F811
    known: Callable[[int], str],
    deployment: Deployment,
) -> None:
    subject = known(72)
    ids = until(
        lambda: found if subject in str(found := changes_in(deployment.bootstrap_servers)) else [],
        "the change is published",
    )
    told = jasmine("changes", "--reader", "transit-operator", "--limit", str(len({*ids})))

    assert subject in told.out

    def receipts() -> list[str]:
        found = jasmine("access", subject, "--json").json["access"]
        return [one["reader"] for one in found if one["type"] == "change.received"]

    assert until(receipts, "the receipt is copied") == ["transit-operator"]
    assert "told of changes" in jasmine("access", subject).out


@pytest.mark.usefixtures("_logging")
def test_a_reader_must_have_a_name(jasmine: Jasmine) -> None:  # noqa: F811
    answer = jasmine("changes", "--reader", "Somebody")

    assert answer.code == Exit.USAGE
    assert "such as transit-operator" in answer.err


@pytest.mark.parametrize("command", [("changes", "--reader"), ("readers", "token", "--purpose", "transit")])
@pytest.mark.parametrize("name", ["citizen", "desk"])
def test_no_reader_takes_a_name_of_the_citys_own_parts(command: tuple[str, ...], name: str, jasmine: Jasmine) -> None:  # noqa: F811
    answer = jasmine(*command, name)

    assert answer.code == Exit.USAGE
    assert "a name of the city's own parts; give another" in answer.err


@pytest.mark.usefixtures("_logging")
def test_of_whom_nothing_was_read_is_said_so(jasmine: Jasmine) -> None:  # noqa: F811
    answer = jasmine("access", NOBODY)

    assert answer.code == Exit.NOT_FOUND
    assert "nobody has read anything" in answer.err


def test_without_kafka_a_command_answers_and_warns_that_its_read_is_not_written(
    jasmine: Jasmine,  # noqa: F811
    known: Callable[[int], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject = known(73)
    monkeypatch.setenv("JASMINE_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()}")
    monkeypatch.setattr(accesses, "_FLUSH_S_MAX", 0.1)
    answer = jasmine("lookup", subject, "--json")

    assert (answer.code, answer.json["status"]) == (Exit.DONE, "scored")
    assert "this read is not in the access log" in answer.err


def test_a_log_that_is_off_is_not_waited_for(
    jasmine: Jasmine,  # noqa: F811
    known: Callable[[int], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject = known(74)
    monkeypatch.setenv("JASMINE_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("JASMINE_ACCESS_LOG", "off")

    assert jasmine("lookup", subject).err == ""
