"""The command line: help with an example, exit codes that mean something, and JSON for machines."""

import base64
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from city.identity import credit_code, resident_number
from gateway.producer import Publisher
from gateway.readers import Readers, digest_of
from schemas.catalogue import EVENT_TYPES
from schemas.errors import Reason, Refusal
from schemas.partitioner import partition_of
from schemas.subjects import Pseudonymiser
from scoring.pack import DEFAULT_PACK
from sinks.dead import RAW_BYTES_MAX, DeadLetter
from stream.cli.commands import COMMANDS
from stream.cli.main import main
from stream.cli.output import Exit, out
from stream.embedded import free_port
from tests.stream.conftest import Deployment
from tests.support.embedded_worker import COMMAND, KEY, environment_of, until
from tests.support.events import value_of
from tests.support.fake_kafka import FakeRecord
from tests.support.records import shipped

BORN = date(1990, 1, 1)
NOBODY = "r-3fffffffffffffff"
GROUPS = {
    "dead": ("list", "show", "replay"),
    "pack": ("lint", "show", "diff", "test", "impact", "activate", "shadow", "rollback", "timeline"),
    "readers": ("token",),
    "reviews": ("list", "confirm", "reject"),
    "year": ("close",),
}
INVOCATIONS = [[one] for one in COMMANDS if one not in GROUPS]
INVOCATIONS += [[group, one] for group, commands in GROUPS.items() for one in commands]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Jasmine = Callable[..., Answer]


@pytest.fixture
def jasmine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Jasmine:
    """Run a command in this process, as the shell would."""

    def run(*arguments: str, stdin: bytes = b"") -> Answer:
        monkeypatch.setattr(sys, "argv", ["jasmine", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Answer(code, captured.out, " ".join(captured.err.split()))

    return run


def settings(monkeypatch: pytest.MonkeyPatch, bootstrap_servers: str, redis_url: str, **changes: str) -> None:
    # Each command would wait half a second for the access log; who tests that turns it on.
    stated = {"access_log": "off", **changes}
    for name, value in environment_of(bootstrap_servers, redis_url, **stated).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def _at_work(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, deployment.bootstrap_servers, deployment.redis_url)


@pytest.fixture
def _away(monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, f"127.0.0.1:{free_port()}", f"redis://127.0.0.1:{free_port()}/0")


def a_resident(number: int) -> str:
    return f"r-{0x5000 + number:016x}"


def line_of(subject: str, type_name: str = "subject.registered", **changes: Any) -> bytes:
    stated = {"id": f"{type_name} of {subject}", "subject": subject, "time": "2026-11-01T08:30:00+08:00", **changes}
    return value_of(type_name, **stated) + b"\n"


# Without any part.


@pytest.mark.parametrize("command", INVOCATIONS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(jasmine: Jasmine, command: list[str]) -> None:
    answer = jasmine(*command, "--help")

    assert answer.code == Exit.DONE
    assert "Example" in answer.out
    assert f"jasmine {' '.join(command)}" in " ".join(answer.out.replace("│", " ").split())


def test_without_a_command_all_are_listed(jasmine: Jasmine) -> None:
    answer = jasmine()

    assert [command for command in COMMANDS if command not in answer.out] == []


def test_a_release_names_itself(jasmine: Jasmine) -> None:
    answer = jasmine("--version")

    assert (answer.code, answer.out) == (Exit.DONE, f"jasmine {version('jasmine-scorer')}\n")


def test_a_command_that_does_not_exist_is_wrong_usage(jasmine: Jasmine) -> None:
    assert jasmine("score").code == Exit.USAGE


def test_types_are_the_catalogue(jasmine: Jasmine) -> None:
    answer = jasmine("types", "--json")

    assert answer.code == Exit.DONE
    assert [one["type"] for one in answer.json] == [one.name for one in EVENT_TYPES]


def test_types_for_people_name_every_type(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "_width", 200)

    shown = jasmine("types").out

    assert [one.name for one in EVENT_TYPES if one.name not in shown or one.chinese not in shown] == []


@pytest.mark.usefixtures("_away")
@pytest.mark.parametrize("kind", ["resident", "legal_person", "organisation"])
def test_a_pseudonym_is_made_of_a_number_on_standard_input(jasmine: Jasmine, kind: str) -> None:
    pseudonymiser = Pseudonymiser(KEY.encode())
    number, expected = {
        "resident": (one := resident_number(1, BORN, 1), pseudonymiser.resident(one)),
        "legal_person": (one := credit_code(1, 2, legal_person=True), pseudonymiser.legal_person(one)),
        "organisation": (one := credit_code(1, 2, legal_person=False), pseudonymiser.organisation(one)),
    }[kind]

    answer = jasmine("pseudonym", "-", "--kind", kind, stdin=number.encode() + b"\n")

    assert (answer.code, answer.out) == (Exit.DONE, expected + "\n")


@pytest.mark.usefixtures("_away")
def test_a_wrong_number_is_refused_without_being_repeated(jasmine: Jasmine) -> None:
    wrong = resident_number(1, BORN, 1)[:-1] + "x"

    answer = jasmine("pseudonym", "-", stdin=wrong.encode())

    assert answer.code == Exit.REFUSED
    assert wrong not in answer.out + answer.err


@pytest.mark.usefixtures("_away")
def test_a_kind_that_does_not_exist_is_wrong_usage(jasmine: Jasmine) -> None:
    answer = jasmine("pseudonym", "-", "--kind", "robot")

    assert answer.code == Exit.USAGE
    assert "resident, legal_person, organisation" in answer.err


@pytest.mark.usefixtures("_away")
def test_a_wrong_setting_is_named(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JASMINE_PARTITIONS", "none")

    answer = jasmine("lookup", NOBODY)

    assert answer.code == Exit.SETTINGS
    assert answer.err.startswith("jasmine: JASMINE_PARTITIONS: was 'none'")


@pytest.mark.usefixtures("_away")
def test_a_pack_that_is_not_there_is_named(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JASMINE_PACK", str(tmp_path / "nowhere"))

    answer = jasmine("lookup", NOBODY)

    assert answer.code == Exit.SETTINGS
    assert "nowhere" in answer.err


@pytest.mark.usefixtures("_away")
@pytest.mark.parametrize("command", ["lookup", "explain"])
def test_a_redis_that_is_away_is_said_so(jasmine: Jasmine, command: str) -> None:
    answer = jasmine(command, NOBODY)

    assert answer.code == Exit.AWAY
    assert answer.err.startswith("jasmine: Redis: ")
    assert "refused" in answer.err
    assert "JASMINE_REDIS_URL says where it is, `jasmine doctor` more" in answer.err


@pytest.mark.usefixtures("_away")
def test_the_doctor_says_what_is_away_and_how_to_get_it(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.cli.doctor._ANSWER_S_MAX", 0.3)

    answer = jasmine("doctor", "--json")

    found = {one["what"]: one for one in answer.json}
    assert answer.code == Exit.AWAY
    assert (found["kafka"]["state"], found["redis"]["state"], found["settings"]["state"]) == ("wrong", "wrong", "ok")
    assert "JASMINE_KAFKA_BOOTSTRAP_SERVERS" in found["kafka"]["remedy"]
    assert "JASMINE_REDIS_URL" in found["redis"]["remedy"]


def test_a_file_that_is_not_there_is_wrong_usage(jasmine: Jasmine, tmp_path: Path) -> None:
    answer = jasmine("publish", str(tmp_path / "nowhere.jsonl"))

    assert answer.code == Exit.USAGE
    assert "No such file" in answer.err


@pytest.mark.usefixtures("_away")
def test_a_kafka_that_is_away_is_said_once_with_what_to_do(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Publisher.close, "__defaults__", (0.3,))

    answer = jasmine("publish", "-", stdin=line_of(NOBODY))

    assert answer.code == Exit.AWAY
    assert re.search(r"Kafka at 127\.0\.0\.1:\d+ did not take 1 events: .*; publish the file again; ", answer.err)


@pytest.mark.usefixtures("_away")
@pytest.mark.parametrize(("name", "value"), [("NO_SUCH", "1"), ("SESSION_TIMEOUT_MS", "soon")])
def test_a_kafka_property_that_is_none_is_named_by_its_variable(
    jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"JASMINE_KAFKA_{name}", value)

    answer = jasmine("publish", "-", stdin=line_of(NOBODY))

    assert answer.code == Exit.SETTINGS
    assert answer.err.startswith(f"jasmine: JASMINE_KAFKA_{name}: ")


@pytest.mark.usefixtures("_away")
@pytest.mark.parametrize("name", ["ACKS", "REQUEST_REQUIRED_ACKS"])
def test_a_kafka_property_that_would_lose_events_is_named_by_its_variable(
    jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"JASMINE_KAFKA_{name}", "0")

    answer = jasmine("publish", "-", stdin=line_of(NOBODY))

    assert answer.code == Exit.SETTINGS
    assert answer.err.startswith(f"jasmine: JASMINE_KAFKA_{name}: ")
    assert "was '0': it must be 'all'" in answer.err


@pytest.mark.usefixtures("_away")
def test_a_kafka_property_that_does_not_go_with_others_is_named_by_its_variable(
    jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JASMINE_KAFKA_RETRIES", "0")

    answer = jasmine("publish", "-", stdin=line_of(NOBODY))

    assert answer.code == Exit.SETTINGS
    assert answer.err.startswith("jasmine: JASMINE_KAFKA_RETRIES: ")


@pytest.mark.parametrize("arguments", [("types",), ("types", "--json"), ("--help",)], ids=" ".join)
def test_an_answer_that_the_disk_does_not_take_is_a_failure_in_one_line(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)

    assert done.returncode == Exit.FAILED
    assert done.stderr.decode() == "jasmine: not all could be written: No space left on device\n"


def test_an_address_of_redis_that_is_none_is_named_by_every_command(
    jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JASMINE_REDIS_URL", "http://redis")

    for command in (("lookup", NOBODY), ("explain", NOBODY), ("worker",), ("gateway",), ("dead", "list")):
        answer = jasmine(*command)
        assert (answer.code, answer.err[:27]) == (Exit.SETTINGS, "jasmine: JASMINE_REDIS_URL:")
    assert jasmine("doctor", "--json").code == Exit.SETTINGS


def test_the_doctor_names_a_misspelt_variable(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.cli.doctor._deployment", lambda _: ())
    monkeypatch.setenv("JASMINE_PARTITION", "8")

    found = {one["what"]: one for one in jasmine("doctor", "--json").json}

    assert found["JASMINE_PARTITION"]["remedy"] == "write JASMINE_PARTITIONS, or unset it"


@pytest.fixture
def _pack_out_of_reach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The deployment's own pack loads, and has a tier that nobody can reach."""
    folder = tmp_path / "pack"
    shutil.copytree(DEFAULT_PACK, folder)
    head = (folder / "pack.yaml").read_text("utf-8")
    (folder / "pack.yaml").write_text(head.replace("from: 850}", "from: 950}"), "utf-8")
    monkeypatch.setenv("JASMINE_PACK", str(folder))


@pytest.mark.usefixtures("_away", "_pack_out_of_reach")
def test_a_worker_does_not_start_with_a_pack_that_has_errors(jasmine: Jasmine) -> None:
    answer = jasmine("worker")

    assert answer.code == Exit.SETTINGS
    assert re.search(r"pack\.yaml:\d+: outstanding: ", answer.err.replace("\n", " "))


@pytest.mark.usefixtures("_pack_out_of_reach")
def test_the_doctor_lints_the_pack(jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.cli.doctor._ANSWER_S_MAX", 0.1)

    found = {one["what"]: one for one in jasmine("doctor", "--json").json}

    assert found["pack"]["state"] == "wrong"
    assert re.search(r"pack\.yaml:\d+: outstanding: ", found["pack"]["detail"])


def test_the_newest_dead_letters_are_those_of_the_latest_time_in_any_partition(
    jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def letter(at_ms: int, partition: int) -> FakeRecord:
        refusal = Refusal(Reason.NOT_JSON)
        packed = DeadLetter.of(
            refusal, topic="credit.events", partition=partition, offset=0, key=None, value=b"", headers=None
        ).pack()
        return FakeRecord(raw=packed, raw_key=None, at_partition=partition, at_offset=0, at_ms=at_ms)

    # As partitions are read: one after the other.
    read = [letter(30, 0), letter(10, 1), letter(40, 2), letter(20, 3)]
    monkeypatch.setattr("stream.cli.dead._records", lambda *_: iter(read))

    listed = jasmine("dead", "list", "--limit", "2", "--json").json

    assert [one["name"] for one in listed] == ["credit.events/0/0", "credit.events/2/0"]


@pytest.mark.parametrize("asked", [("--reason", "unheard_of"), ("--limit", "0")])
def test_dead_letters_that_cannot_be_are_wrong_usage(jasmine: Jasmine, asked: tuple[str, str]) -> None:
    assert jasmine("dead", "list", *asked).code == Exit.USAGE


@pytest.mark.parametrize("name", ["gateway", "citizen"])
def test_a_port_that_is_taken_is_named_with_its_variable(
    jasmine: Jasmine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("JASMINE_OIDC_ISSUER", "http://localhost:1")
    monkeypatch.setenv("JASMINE_SESSION_KEY", KEY)
    monkeypatch.setenv("JASMINE_PSEUDONYM_KEY", KEY)
    monkeypatch.setenv("JASMINE_ACCESS_LOG", "off")
    monkeypatch.setattr("stream.cli.gateway.configure", lambda *_: None)
    monkeypatch.setattr("stream.cli.citizen.configure", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv(f"JASMINE_{name.upper()}_PORT", str(port))
        answer = jasmine(name)

    assert answer.code == Exit.FAILED
    assert f"127.0.0.1 port {port}: Address already in use" in answer.err
    assert f"JASMINE_{name.upper()}_PORT" in answer.err


# With a worker.


@pytest.mark.usefixtures("_at_work")
def test_the_doctor_finds_a_deployment_in_order(jasmine: Jasmine) -> None:
    answer = jasmine("doctor", "--json")

    found = {one["what"]: one for one in answer.json}
    assert answer.code == Exit.DONE
    assert [found[one]["state"] for one in ("settings", "pack", "kafka", "redis")] == ["ok"] * 4
    assert "4 partitions" in found["kafka"]["detail"]
    assert "filled" in found["redis"]["detail"]


@pytest.mark.usefixtures("_at_work")
def test_json_lines_are_published_and_can_be_looked_up_and_explained(jasmine: Jasmine, tmp_path: Path) -> None:
    subject = a_resident(1)
    path = tmp_path / "events.jsonl"
    path.write_bytes(line_of(subject) + b"\n" + line_of(subject, "library.loan.overdue"))

    published = jasmine("publish", str(path), "--json")
    until(lambda: jasmine("lookup", subject, "--json").json.get("score") not in {None, shipped().base_points}, "scored")

    found = jasmine("lookup", subject, "--json").json
    explained = jasmine("explain", subject, "--json").json
    assert (published.code, published.json["delivered"], published.json["refused"]) == (Exit.DONE, 2, 0)
    assert (found["status"], found["score"], found["tier"]) == ("scored", explained["score"], explained["tier"])
    assert {one["type"] for one in explained["contributions"]} == {"library.loan.overdue"}
    points = [one["points"] for one in explained["contributions"] + explained["limits"]]
    assert explained["base"] + sum(points) == explained["score"]


@pytest.mark.usefixtures("_at_work")
def test_an_explanation_can_be_of_another_day_and_for_people(jasmine: Jasmine) -> None:
    subject = a_resident(2)
    jasmine("publish", "-", stdin=line_of(subject))
    until(lambda: jasmine("lookup", subject).code == Exit.DONE, "known")

    before = jasmine("explain", subject, "--at", "2026-10-31", "--json").json
    shown = jasmine("explain", subject)

    assert (before["score"], before["tier"], before["day"]) == (None, None, "2026-10-31")
    assert subject in shown.out
    assert str(shipped().base_points) in shown.out


@pytest.mark.usefixtures("_at_work")
def test_standard_input_is_published_and_what_is_refused_is_reported_and_kept(jasmine: Jasmine, tmp_path: Path) -> None:
    subject = a_resident(3)
    kept = tmp_path / "refused.jsonl"
    lines = [line_of(subject), b"{broken\n", b"[1]\n", line_of(subject, "library.closed"), line_of("nobody")]

    answer = jasmine("publish", "-", "--refused", str(kept), "--json", stdin=b"".join(lines))

    refused = [json.loads(line) for line in kept.read_text().splitlines()]
    assert answer.code == Exit.REFUSED
    assert (answer.json["delivered"], answer.json["refused"]) == (1, 4)
    assert answer.json["reasons"] == {"not_json": 2, "unknown_type": 1, "bad_value": 1}
    assert [(one["line"], one["reason"], one["field"]) for one in refused] == [
        (2, "not_json", ""),
        (3, "not_json", ""),
        (4, "unknown_type", "type"),
        (5, "bad_value", "subject"),
    ]
    assert refused[0]["record"] == "{broken\n"


@pytest.mark.usefixtures("_at_work")
def test_a_csv_with_identity_numbers_is_published_under_pseudonyms_only(
    jasmine: Jasmine, tmp_path: Path, deployment: Deployment
) -> None:
    pseudonymiser = Pseudonymiser(KEY.encode())
    person, company = resident_number(2, BORN, 7), credit_code(2, 7, legal_person=True)
    wrong = person[:-1] + ("0" if person[-1] != "0" else "1")
    rows = [
        "id,source,type,resident,legal_person,time,quantity,grade",
        f"csv-1,/dept/hr,subject.registered,{person},,2026-11-01T08:30:00+08:00,,",
        f"csv-2,/dept/hr,capability.contribution.continuous,{person},,2026-11-01T08:30:00+08:00,12,",
        f"csv-3,/dept/hr,subject.registered,,{company},2026-11-01T08:30:00+08:00,,",
        f"csv-4,/dept/hr,subject.registered,{wrong},,2026-11-01T08:30:00+08:00,,",
    ]
    path, kept = tmp_path / "people.csv", tmp_path / "refused.jsonl"
    path.write_text("\ufeff" + "\n".join(rows), "utf-8")

    answer = jasmine("publish", str(path), "--refused", str(kept), "--json")

    assert answer.code == Exit.REFUSED
    assert (answer.json["delivered"], answer.json["reasons"]) == (3, {"bad_value": 1})
    subjects = [pseudonymiser.resident(person), pseudonymiser.legal_person(company)]
    until(lambda: [jasmine("lookup", one).code for one in subjects] == [Exit.DONE] * 2, "both are known")
    until(lambda: jasmine("explain", subjects[0], "--json").json["score"] == shipped().base_points + 12, "12 months")
    said = answer.out + answer.err + kept.read_text() + deployment.worker.log
    assert [number for number in (person, company, wrong) if number in said] == []


@pytest.mark.usefixtures("_at_work")
def test_a_file_that_is_published_again_counts_once(jasmine: Jasmine, deployment: Deployment) -> None:
    subject = a_resident(4)
    skipped = deployment.worker.metric("credit_events_total", outcome="skipped")
    for _ in range(2):
        assert jasmine("publish", "-", stdin=line_of(subject)).code == Exit.DONE

    until(lambda: deployment.worker.metric("credit_events_total", outcome="skipped") == skipped + 1, "once skipped")


@pytest.mark.usefixtures("_at_work")
def test_a_closed_year_rewards_who_was_clean_and_counts_once(jasmine: Jasmine, tmp_path: Path) -> None:
    clean, late = a_resident(71), a_resident(72)
    path = tmp_path / "events.jsonl"
    since = {"time": "2020-01-01T08:30:00+08:00"}
    path.write_bytes(
        line_of(clean, **since)
        + line_of(late, **since)
        + line_of(late, "library.loan.overdue", time="2025-06-01T08:30:00+08:00")
    )
    assert jasmine("publish", str(path)).code == Exit.DONE
    until(lambda: jasmine("explain", late, "--json").code == Exit.DONE, "both are scored")

    counted = jasmine("year", "close", "2025", "--dry-run", "--json")
    closed = [jasmine("year", "close", "2025", "--json") for _ in range(2)]

    assert counted.json["clean"] >= 1
    assert counted.json["published"] == 0
    assert [one.code for one in closed] == [Exit.DONE] * 2
    before = shipped().base_points
    until(lambda: jasmine("lookup", clean, "--json").json["score"] == before + 10, "the clean year is rewarded once")
    assert jasmine("lookup", late, "--json").json["score"] == before


def test_a_year_that_is_not_over_cannot_be_closed(jasmine: Jasmine) -> None:
    answer = jasmine("year", "close", "2100")

    assert answer.code == Exit.USAGE
    assert "2100 can be closed from 2101-01-16 on" in answer.err


@pytest.mark.usefixtures("_at_work")
def test_a_lookup_answers_a_scenario_with_no_more_than_a_gateway_may_know(jasmine: Jasmine) -> None:
    subject = a_resident(5)
    jasmine("publish", "-", stdin=line_of(subject))
    until(lambda: jasmine("lookup", subject).code == Exit.DONE, "known")

    answer = jasmine("lookup", subject, "--scenario", "transit", "--json")

    assert answer.code == Exit.DONE
    assert "score" not in answer.json
    # Where the pack has no perk a gateway is answered, too.
    assert jasmine("lookup", subject, "--scenario", "education", "--json").json["entitlements"] == []
    assert jasmine("lookup", subject, "--scenario", "gambling").code == Exit.USAGE


@pytest.mark.usefixtures("_at_work")
@pytest.mark.parametrize("command", ["lookup", "explain"])
def test_a_subject_of_whom_nothing_was_published_is_not_found(jasmine: Jasmine, command: str) -> None:
    assert jasmine(command, NOBODY).code == Exit.NOT_FOUND


@pytest.mark.usefixtures("_at_work")
@pytest.mark.parametrize("command", ["lookup", "explain"])
def test_what_is_no_subject_is_refused_without_a_trace(jasmine: Jasmine, command: str) -> None:
    answer = jasmine(command, "somebody")

    assert answer.code == Exit.USAGE
    assert answer.err.startswith("jasmine: ")


GOOD_ROW = "csv-9,/dept/hr,subject.registered,r-0000000000005009,2026-11-01T08:30:00+08:00"


@pytest.mark.usefixtures("_at_work")
def test_a_row_with_more_cells_than_its_header_is_refused(jasmine: Jasmine, tmp_path: Path) -> None:
    path = tmp_path / "shifted.csv"
    path.write_text(f"id,source,type,subject,time\n{GOOD_ROW},one,more\n{GOOD_ROW}\n")

    answer = jasmine("publish", str(path), "--json")

    assert answer.code == Exit.REFUSED
    assert (answer.json["delivered"], answer.json["refused"]) == (1, 1)


@pytest.mark.usefixtures("_at_work")
def test_a_csv_names_linked_subjects_with_spaces_between_them(jasmine: Jasmine, tmp_path: Path) -> None:
    people, company = [a_resident(81), a_resident(82)], "l-4000000000006002"
    rows = [f"{number},/dept/court,org.dishonest.listed,{company},2026-11-01T08:30:00+08:00" for number in "12"]
    path = tmp_path / "listed.csv"
    path.write_text(
        f"id,source,type,subject,time,linked_subjects\n{rows[0]},{' '.join(people)}\n{rows[1]},{people[0]} {company}\n"
    )

    answer = jasmine("publish", str(path), "--json")

    assert (answer.code, answer.json["delivered"]) == (Exit.REFUSED, 1)
    assert f"bad_value in data.linked_subjects: was '{company}'" in answer.json["problems"][0]["detail"]
    until(lambda: [jasmine("explain", one, "--json").code for one in people] == [Exit.DONE] * 2, "both are reached")


@pytest.mark.usefixtures("_at_work")
def test_a_shifted_row_with_an_identity_number_is_copied_nowhere(jasmine: Jasmine, tmp_path: Path) -> None:
    number = resident_number(3, BORN, 0)
    path, refused = tmp_path / "shifted.csv", tmp_path / "refused.jsonl"
    path.write_text(
        "id,source,type,time,resident\n"
        f"a,/dept/hr,subject.registered,{number}\n"
        f"{number},/dept/hr,subject.registered,{number},{number}\n"
    )

    answer = jasmine("publish", str(path), "--refused", str(refused))

    assert answer.code == Exit.REFUSED
    assert number not in answer.out + answer.err + refused.read_text()


@pytest.mark.usefixtures("_at_work")
def test_a_csv_that_is_not_utf_8_is_said_so(jasmine: Jasmine, tmp_path: Path) -> None:
    path = tmp_path / "gbk.csv"
    path.write_bytes(f"id,source,type,subject,time,basis\n{GOOD_ROW},\u6761\u4f8b\n".encode("gbk"))

    answer = jasmine("publish", str(path))

    assert answer.code == Exit.USAGE
    assert "UTF-8" in answer.err


# Dead letters.


@pytest.fixture
def dead(deployment: Deployment, jasmine: Jasmine, _at_work: None, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A good event in another subject's partition: its subject, and the dead letter's name."""
    subject = f"r-{0x6000 + zlib.crc32(request.node.name.encode()) % 0x1000:016x}"
    wrong = (partition_of(subject, 4) + 1) % 4
    placed: list[str] = []
    producer = Producer({"bootstrap.servers": deployment.bootstrap_servers, "log_level": 2})
    producer.produce(
        "credit.events",
        line_of(subject).strip(),
        subject,
        wrong,
        on_delivery=lambda _, message: placed.append(f"credit.events/{message.partition()}/{message.offset()}"),
        headers=[("trace", b"\x01")],
    )
    assert producer.flush(5) == 0

    def listed() -> bool:
        return any(one["name"] == placed[0] for one in jasmine("dead", "list", "--json").json)

    until(listed, "it is listed")
    return subject, placed[0]


def test_dead_letters_are_listed_by_reason(jasmine: Jasmine, dead: tuple[str, str]) -> None:
    subject, name = dead

    listed = jasmine("dead", "list", "--reason", "wrong_partition", "--json")
    others = jasmine("dead", "list", "--reason", "conflict", "--json")
    shown = jasmine("dead", "list", "--limit", "1")

    (letter,) = [one for one in listed.json if one["name"] == name]
    assert (letter["reason"], letter["field"], letter["rejected"]) == ("wrong_partition", "subject", subject)
    assert name not in [one["name"] for one in others.json]
    assert "dead letters" in shown.out


def test_a_dead_letter_is_shown_with_its_bytes(jasmine: Jasmine, dead: tuple[str, str]) -> None:
    subject, name = dead

    shown = jasmine("dead", "show", name, "--json").json
    text = jasmine("dead", "show", name).out

    assert shown["key"] == subject
    assert json.loads(base64.b64decode(shown["value"]))["subject"] == subject
    assert '"specversion"' in text.replace("\n", "")


def test_a_dead_letter_is_replayed_to_where_it_belongs(jasmine: Jasmine, dead: tuple[str, str]) -> None:
    subject, name = dead
    assert jasmine("lookup", subject).code == Exit.NOT_FOUND

    answer = jasmine("dead", "replay", name, "--json")

    assert (answer.code, answer.json) == (Exit.DONE, {"replayed": 1, "failed": 0})
    until(lambda: jasmine("lookup", subject).code == Exit.DONE, "it is scored")


@pytest.mark.usefixtures("_at_work")
def test_a_record_too_large_for_its_letter_is_shown_and_replayed_from_the_log(
    deployment: Deployment, jasmine: Jasmine
) -> None:
    value = b"x" * (RAW_BYTES_MAX + 1)
    placed: list[str] = []
    properties = {"bootstrap.servers": deployment.bootstrap_servers, "message.max.bytes": 2 * len(value)}
    producer = Producer({**properties, "log_level": 2})
    producer.produce(
        "credit.events",
        value,
        on_delivery=lambda _, message: placed.append(f"credit.events/{message.partition()}/{message.offset()}"),
    )
    assert producer.flush(5) == 0
    until(lambda: len(_oversized(jasmine)) == 1, "it is listed")

    shown = jasmine("dead", "show", placed[0], "--json").json
    answer = jasmine("dead", "replay", placed[0], "--json")

    assert shown["left_in_log"]
    assert base64.b64decode(shown["value"]) == value
    assert (answer.code, answer.json) == (Exit.DONE, {"replayed": 1, "failed": 0})
    until(lambda: placed[0] not in _oversized(jasmine) and _oversized(jasmine), "it was refused again, as one letter")
    assert len(_oversized(jasmine)) == 1


def _oversized(jasmine: Jasmine) -> list[str]:
    return [one["name"] for one in jasmine("dead", "list", "--reason", "oversized", "--json").json]


@pytest.mark.usefixtures("_at_work")
def test_a_letter_that_is_not_there_is_not_found(jasmine: Jasmine) -> None:
    assert jasmine("dead", "show", "credit.events/0/999999").code == Exit.NOT_FOUND
    assert jasmine("dead", "replay", "--reason", "ledger_full").code == Exit.NOT_FOUND


# The demo.


@pytest.mark.slow
def test_the_demo_proves_what_it_claims() -> None:
    arguments = ["demo", "--residents", "60", "--organisations", "5", "--rate", "200", "--seconds", "3", "--json"]

    done = subprocess.run([*COMMAND, *arguments], capture_output=True, timeout=300, check=False)

    assert done.returncode == Exit.DONE, done.stderr.decode()
    report = json.loads(done.stdout)
    assert report["proofs"]
    assert [one for one in report["proofs"] if not one["held"]] == []
    assert report["published"] > 600


# Readers.


def test_a_token_is_made_with_the_lines_for_the_file(jasmine: Jasmine, tmp_path: Path) -> None:
    made = jasmine("readers", "token", "library", "--purpose", "culture", "--purpose", "desk", "--json").json
    shown = jasmine("readers", "token", "library", "--purpose", "culture")

    path = tmp_path / "readers.yaml"
    path.write_text(shown.out.partition("\n")[2])
    Readers.from_file(path).check(shown.out.partition("\n")[0], "library", "culture", "culture")
    assert made["entry"] == {"library": {"purposes": ["culture", "desk"], "tokens": [digest_of(made["token"])]}}


@pytest.mark.parametrize("arguments", [("Library", "--purpose", "culture"), ("library", "--purpose", "explain")])
def test_a_reader_or_a_purpose_that_cannot_be_is_refused(jasmine: Jasmine, arguments: tuple[str, ...]) -> None:
    assert jasmine("readers", "token", *arguments).code == Exit.USAGE
