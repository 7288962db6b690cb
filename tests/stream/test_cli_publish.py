"""`jasmine publish` on a broker: whatever ends it, what was read is delivered and reported, and files stay whole."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import IO

import pytest

from city.identity import resident_number
from gateway.errors import QueueFullError
from gateway.producer import Publisher
from stream.cli.event_files import Line, read_json_lines
from stream.cli.output import Exit, err
from stream.embedded import Embedded, free_port
from tests.stream.test_cli import GOOD_ROW, Jasmine, a_resident, jasmine, line_of, settings  # noqa: F401 - a fixture
from tests.support.embedded_worker import COMMAND, environment_of, until

HEADER = "id,source,type,subject,time"


@pytest.fixture(autouse=True)
def _broker(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(monkeypatch, embedded.bootstrap_servers, embedded.redis_url, topic_events="other.events")


@pytest.mark.parametrize(
    ("last", "why"), [(b"\xcc\xf5\n", "not UTF-8"), (b'"open\n', "a quote not closed"), (b"x" * 200_000, "no CSV")]
)
def test_of_a_file_that_breaks_off_all_that_stands_before_is_delivered_and_reported(
    jasmine: Jasmine,  # noqa: F811
    tmp_path: Path,
    last: bytes,
    why: str,
) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes("\n".join([HEADER, *[GOOD_ROW] * 2_000, "refused", ""]).encode() + last)

    answer = jasmine("publish", str(path), "--json")

    assert answer.code == Exit.USAGE
    assert (answer.json["delivered"], answer.json["refused"]) == (2_000, 1)
    assert why in answer.err
    assert answer.err.endswith("before that 2000 events were delivered and 0 not")


@pytest.fixture
def ends_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Let reading end with an error behind the last line."""

    def end(error: BaseException) -> None:
        def read(source: IO[bytes]) -> Iterator[Line]:
            yield from read_json_lines(source)
            raise error

        monkeypatch.setattr("stream.cli.publish.read_json_lines", read)

    return end


@pytest.mark.parametrize("error", [KeyboardInterrupt(), QueueFullError(30.0), OSError(5, "I/O error")], ids=repr)
def test_whatever_ends_it_what_was_read_is_delivered_and_reported(
    jasmine: Jasmine,  # noqa: F811
    ends_with: Callable[[BaseException], None],
    error: BaseException,
) -> None:
    ends_with(error)

    answer = jasmine("publish", "-", "--json", stdin=line_of(a_resident(1)))

    assert answer.code not in {Exit.DONE, Exit.REFUSED}
    assert answer.json["delivered"] == 1


def test_a_defect_that_ends_it_is_reported_likewise_and_shows_its_trace(
    jasmine: Jasmine,  # noqa: F811
    ends_with: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    ends_with(RuntimeError("a defect"))

    with pytest.raises(RuntimeError, match="a defect"):
        jasmine("publish", "-", "--json", stdin=line_of(a_resident(1)))

    assert json.loads(capsys.readouterr().out)["delivered"] == 1


@pytest.mark.parametrize("often", [False, True], ids=["once", "until it has ended"])
def test_sigterm_ends_the_reading_and_what_was_read_is_delivered_and_reported(
    embedded: Embedded, tmp_path: Path, *, often: bool
) -> None:
    # What is read waits in the queue of librdkafka for longer than it takes to be told to end.
    lingering = environment_of(
        embedded.bootstrap_servers, embedded.redis_url, topic_events="other.events", kafka_linger_ms="3000"
    )
    refused = tmp_path / "refused.jsonl"
    publishing = subprocess.Popen(
        [*COMMAND, "publish", "-", "--json", "--refused", str(refused)],
        env=lingering,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert publishing.stdin is not None
    publishing.stdin.write(line_of(a_resident(1)) + b"refused\n")
    publishing.stdin.flush()
    until(lambda: refused.exists() and refused.stat().st_size > 0, "both lines are read")
    publishing.send_signal(signal.SIGTERM)
    while often and publishing.poll() is None:
        publishing.send_signal(signal.SIGTERM)
        time.sleep(0.001)
    answer, _ = publishing.communicate(timeout=60)

    assert json.loads(answer)["delivered"] == 1
    assert publishing.returncode == 128 + signal.SIGTERM


def test_of_a_file_that_breaks_off_it_is_said_too_what_kafka_did_not_take(
    jasmine: Jasmine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("JASMINE_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{free_port()}")
    monkeypatch.setattr(Publisher.close, "__defaults__", (0.3,))
    path = tmp_path / "broken.csv"
    path.write_text(f'{HEADER}\n{GOOD_ROW}\n"open')

    answer = jasmine("publish", str(path), "--json")

    assert (answer.code, answer.json["failed"]) == (Exit.USAGE, 1)
    assert "did not take 1 events" in answer.err
    assert answer.err.endswith("before that 0 events were delivered and 1 not")


def test_a_disk_that_is_full_of_refused_lines_is_said_after_the_report(jasmine: Jasmine) -> None:  # noqa: F811
    lines = line_of(a_resident(1)) + b"{broken\n"

    answer = jasmine("publish", "-", "--refused", "/dev/full", "--json", stdin=lines)

    assert (answer.code, answer.json["delivered"]) == (Exit.FAILED, 1)
    assert "No space left on device; before that 1 events were delivered" in answer.err


@pytest.mark.parametrize("on_a_terminal", [False, True])
def test_a_pipe_is_read_once(
    jasmine: Jasmine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    *,
    on_a_terminal: bool,
) -> None:
    monkeypatch.setattr(err, "_force_terminal", on_a_terminal)
    reads, writes = os.pipe()
    os.write(writes, line_of(a_resident(1)) * 3)
    os.close(writes)

    answer = jasmine("publish", f"/dev/fd/{reads}")

    os.close(reads)
    assert answer.code == Exit.DONE
    assert "delivered │ 3" in answer.out


def test_refused_lines_do_not_overwrite_what_is_published(jasmine: Jasmine, tmp_path: Path) -> None:  # noqa: F811
    path, link = tmp_path / "events.jsonl", tmp_path / "link.jsonl"
    path.write_bytes(line_of(a_resident(1)))
    link.symlink_to(path)

    for refused in (path, link):
        answer = jasmine("publish", str(path), "--refused", str(refused))
        assert answer.code == Exit.USAGE
        assert "would be overwritten" in answer.err
    assert path.read_bytes() == line_of(a_resident(1))


def test_refused_lines_do_not_overwrite_what_the_shell_opened_for_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(line_of(a_resident(1)))

    with path.open("rb") as source:
        done = subprocess.run(
            [*COMMAND, "publish", "-", "--refused", str(path)], stdin=source, capture_output=True, check=False
        )

    assert done.returncode == Exit.USAGE
    assert path.read_bytes() == line_of(a_resident(1))


def test_refused_lines_that_cannot_be_written_are_said_before_anything_is_published(
    jasmine: Jasmine,  # noqa: F811
    tmp_path: Path,
) -> None:
    refused = tmp_path / "nowhere" / "refused.jsonl"

    answer = jasmine("publish", "-", "--refused", str(refused), "--json", stdin=line_of(a_resident(1)))

    assert (answer.code, answer.out) == (Exit.USAGE, "")
    assert f"--refused {refused}: No such file or directory" in answer.err


def test_standard_input_that_is_closed_is_wrong_usage() -> None:
    shell = ["sh", "-c", '"$@" <&-', "sh"]

    done = subprocess.run([*shell, *COMMAND, "publish", "-"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (Exit.USAGE, "jasmine: standard input is closed\n")


def test_a_csv_may_be_named_in_capitals(jasmine: Jasmine, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "EVENTS.CSV"
    path.write_text(f"{HEADER}\n{GOOD_ROW}\n")

    assert jasmine("publish", str(path), "--json").json["delivered"] == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_identity_number_in_place_of_a_subject_is_quoted_nowhere_and_kept_to_be_mended(
    jasmine: Jasmine,  # noqa: F811
    tmp_path: Path,
    kind: str,
) -> None:
    number = resident_number(6, date(1990, 1, 1), 1)
    row = f"1,/dept/hr,subject.registered,{number},2026-11-01T08:30:00+08:00"
    path, refused = tmp_path / f"events.{kind}", tmp_path / "refused.jsonl"
    path.write_bytes({"csv": f"{HEADER}\n{row}".encode(), "jsonl": line_of(number)}[kind])

    answer = jasmine("publish", str(path), "--refused", str(refused))

    kept = json.loads(refused.read_text())
    assert answer.code == Exit.REFUSED
    assert number not in answer.out + answer.err
    assert number not in kept["detail"]
    assert kept["record"] == {"csv": row, "jsonl": line_of(number).decode()}[kind]


def test_a_header_that_is_a_row_is_not_quoted_as_the_name_of_a_field(jasmine: Jasmine, tmp_path: Path) -> None:  # noqa: F811
    number = resident_number(6, date(1990, 1, 1), 2)
    path = tmp_path / "headless.csv"
    path.write_text(f"id,source,type,subject,time,{number}\n{GOOD_ROW},1\n")

    answer = jasmine("publish", str(path), "--json")

    assert answer.code == Exit.REFUSED
    assert number not in answer.out + answer.err
