"""Events in files: what is an event, what is refused and why, and what cannot be read any further."""

import codecs
import csv
import io
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.identity import credit_code, resident_number
from schemas.errors import Reason, Refusal
from stream.cli.event_files import FileFormatError, Line, masked, read_csv, read_json_lines
from stream.settings import Settings

SETTINGS = Settings(pseudonym_key="a key for the tests of files")
NUMBER = resident_number(5, date(1990, 1, 1), 3)
CODE = credit_code(5, 3, legal_person=True)
HEADER = "id,source,type,subject,time,basis"
COLUMNS = ("id", "source", "type", "time")
ROW = "1,/dept/hr,subject.registered,r-0000000000005009,2026-11-01T08:30:00+08:00,{}"


def read(*lines: str) -> list[Line]:
    return list(read_csv(io.BytesIO("\n".join(lines).encode()), SETTINGS))


def why_refused(line: Line) -> str:
    assert isinstance(line.attributes, Refusal)
    return str(line.attributes)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=6, max_size=6).filter(any))
def test_a_row_is_read_as_it_was_written_or_refused(cells: list[str]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([["id", "source", "type", "subject", "time", "basis"], cells])

    (line,) = read_csv(io.BytesIO(written.getvalue().encode()), SETTINGS)

    if isinstance(line.attributes, dict):
        read_back = {**line.attributes, **line.attributes["data"]}
        assert [read_back.get(name, "") for name in HEADER.split(",")] == cells
    else:
        assert any("\n" in cell or "\r" in cell for cell in cells)


@given(st.lists(st.sampled_from([b"a", b",", b'"', b"\n", b"\r", b"\0", b"\xff", b"\xe6\x96\x87"]), max_size=20))
def test_whatever_a_csv_holds_is_read_refused_or_a_file_format_error(body: list[bytes]) -> None:
    with suppress(FileFormatError):
        list(read_csv(io.BytesIO(HEADER.encode() + b"\n" + b"".join(body)), SETTINGS))


def test_a_quote_that_is_not_closed_is_no_csv_and_names_its_line() -> None:
    with pytest.raises(FileFormatError, match=r"begins in line 3 is no CSV: .* is a quote not closed"):
        read(HEADER, ROW.format("good"), ROW.format('"open'), ROW.format("swallowed"))


def test_rows_that_a_quote_swallows_until_the_next_one_are_refused_as_one() -> None:
    swallowed = [ROW.format('"open'), ROW.format("swallowed"), '"']

    good, refused = read(HEADER, ROW.format("good"), *swallowed)

    assert isinstance(good.attributes, dict)
    assert (refused.number, refused.raw.decode()) == (3, "\n".join(swallowed))
    assert "a cell has a line break" in why_refused(refused)


def test_a_cell_that_is_longer_than_any_event_is_no_csv_and_names_its_line() -> None:
    with pytest.raises(FileFormatError, match="begins in line 2 is no CSV: field larger than field limit"):
        read(HEADER, ROW.format("x" * 200_000))


def test_lines_that_end_as_on_old_macs_are_named_as_such() -> None:
    rows = f"{HEADER}\r{ROW.format('')}\r"

    with pytest.raises(FileFormatError, match=r"^line 1 has a carriage return within it; end lines with a line feed"):
        read(rows)


@pytest.mark.parametrize("header", ["", "id,source,type,subject,subject,time"])
def test_a_header_that_does_not_say_what_a_cell_means_is_a_file_format_error(header: str) -> None:
    with pytest.raises(FileFormatError):
        read(header, ROW.format(""))


@pytest.mark.parametrize("header", [HEADER.replace(",", ";"), HEADER.replace(",", "\t"), HEADER.upper(), "sep=,"])
def test_a_header_without_the_columns_that_every_event_needs_is_said_once_with_what_to_do(header: str) -> None:
    with pytest.raises(FileFormatError, match=r"does not name id, source, type, time; .* separate them by commas"):
        read(header, ROW.format(""))


def test_rows_without_any_content_are_passed_over() -> None:
    (line,) = read(HEADER, ",,,,,", ROW.format(""), ",,,,,", "")

    assert line.number == 3


def test_json_lines_may_begin_with_a_byte_order_mark() -> None:
    (line,) = read_json_lines(io.BytesIO(codecs.BOM_UTF8 + b'{"id": "1"}\r\n'))

    assert line.attributes == {"id": "1"}


def test_of_an_identity_number_in_utf_16_nothing_is_quoted() -> None:
    line, *_ = read_json_lines(io.BytesIO(f"{NUMBER},subject.registered\n".encode("utf-16")))

    assert NUMBER not in why_refused(line).replace("\\x00", "")
    assert "(an identity number)" in why_refused(line)


def test_columns_without_a_name_may_stand_twice() -> None:
    (line,) = read(HEADER + ",,", ROW.format("") + ",,")

    assert isinstance(line.attributes, dict)


@pytest.mark.parametrize(
    "filled",
    [
        {"resident": NUMBER, "legal_person": CODE},
        {"subject": "r-0000000000005009", "resident": NUMBER},
        {"subject": "r-0000000000005009", "organisation": CODE},
    ],
    ids=" and ".join,
)
def test_a_row_about_two_subjects_is_refused_and_quotes_neither(filled: dict[str, str]) -> None:
    (line,) = read(",".join([*COLUMNS, *filled]), ",".join(["1", *["x"] * 3, *filled.values()]))

    assert why_refused(line) == f"bad_value in subject; {' and '.join(filled)} are filled: name one subject"


def test_a_refused_row_is_kept_as_it_came() -> None:
    row = ROW.format('"a, b"') + ",more"

    (line,) = read(HEADER, row)

    assert line.raw.decode() == row


@pytest.mark.parametrize("number", [NUMBER, CODE, CODE.lower(), f"{NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]}"])
@pytest.mark.parametrize("place", ["{}", "r-{}", "was '{}' there", "['{}', 1]"])
def test_what_has_the_shape_of_an_identity_number_is_masked_wherever_it_stands(number: str, place: str) -> None:
    assert masked(place.format(number)) == place.format("(an identity number)")


@pytest.mark.parametrize("text", ["r-09c3f0a1b2d4e5f6", "2026-11-01T08:30:00+08:00", "Fuzhou Library No. 12"])
def test_what_has_another_shape_is_not_masked(text: str) -> None:
    assert masked(text) == text


@given(st.integers(0, 80))
def test_of_a_number_that_is_quoted_in_part_no_birth_date_is_left(place: int) -> None:
    refusal = Refusal(Reason.BAD_VALUE, "subject", "." * place + NUMBER)

    assert NUMBER[6:12] not in masked(refusal.value)


@given(st.integers(0, 60))
def test_of_a_number_in_a_line_that_is_no_json_no_birth_date_is_quoted(place: int) -> None:
    (line,) = read_json_lines(io.BytesIO(("文" * place + NUMBER).encode()))

    assert NUMBER[6:12] not in why_refused(line)
