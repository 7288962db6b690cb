"""Logs: one line an event of the program's life, in one form, without a subject or a value of an event."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from stream.logs import configure, get_logger
from tests.support.events import RESIDENT
from tests.support.fake_kafka import FakeLog
from tests.support.scorers import Scorer


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    chatty = {name: logging.getLogger(name).level for name in ("faust", "mode", "stream")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, one in chatty.items():
        logging.getLogger(name).setLevel(one)
    structlog.reset_defaults()


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_a_line_is_json_with_level_name_time_and_what_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")

    get_logger("jasmine.test").info("parts are there", partitions=4)

    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "parts are there", "level": "info", "logger": "jasmine.test", "partitions": 4}


def test_a_librarys_line_has_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")

    logging.getLogger("a.library").warning("said %s", "something")

    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("said something", "warning", "a.library")


def test_an_errors_trace_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")

    try:
        _ = 1 / 0
    except ZeroDivisionError:
        get_logger("jasmine.test").exception("failed")

    (line,) = lines(capsys)
    assert "ZeroDivisionError" in line["exception"]


def test_the_trace_of_an_error_that_the_program_tells_itself_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json", (LookupError,))

    for error in (KeyError("told"), ValueError("not told")):
        logging.getLogger("faust.agents.actor").error("Crashed reason=%r", error, exc_info=error)

    assert [line["event"] for line in lines(capsys)] == ["Crashed reason=ValueError('not told')"]


def test_less_severe_lines_are_left_out_and_fausts_chatter_is_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure("warning", "json")
    get_logger("jasmine.test").info("not written")
    get_logger("jasmine.test").warning("written")
    configure("info", "json")
    logging.getLogger("faust.app").info("not written")
    logging.getLogger("stream.worker").info("not written")

    assert [line["event"] for line in lines(capsys)] == ["written"]


def test_for_people_a_line_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "console")

    get_logger("jasmine.test").info("parts are there", partitions=4)

    assert "parts are there" in capsys.readouterr().err


def test_applying_events_writes_no_line_with_a_subject_or_a_value(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    log = FakeLog()
    log.publish("subject.registered")
    log.publish("library.closed", id="an id of an event")
    log.append(b"{ a value of an event", key=RESIDENT.encode())
    scorer = Scorer(log, client)
    scorer.work()
    client.flushall()
    log.publish("library.loan.overdue")
    scorer.take_over()
    scorer.work_off()

    told = [line for line in caplog.text.splitlines() if RESIDENT[2:] in line or "of an event" in line]
    assert told == []
