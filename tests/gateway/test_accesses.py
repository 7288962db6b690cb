"""What a subject sees of the access log: who has read what, and who knows of a change."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.accesses import Told, accesses_of
from schemas.access import Access, ChangeReceived, Purpose, StandingRead, kept_of, receipt_id
from schemas.days import NEVER, date_of
from tests.gateway.city import RESIDENT, TODAY

BEGIN = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def a_read(minute: int, reader: str, as_of: int | None, purpose: Purpose = "transit") -> StandingRead:
    return StandingRead(
        id=f"{minute}", subject=RESIDENT, time=at(minute), reader=reader, purpose=purpose, what="tier", as_of=as_of
    )


def a_receipt(minute: int, reader: str, as_of: int, day: int = TODAY) -> ChangeReceived:
    change = f"0/{as_of}/{day}/{RESIDENT}"
    return ChangeReceived(
        id=receipt_id(reader, change), subject=RESIDENT, time=at(minute), reader=reader, change=change
    )


def stored(*accesses: Access) -> list[bytes]:
    """Return what Redis answers: the last first."""
    return [kept_of(one) for one in reversed(accesses)]


def test_reads_are_seen_the_last_first() -> None:
    before = accesses_of(RESIDENT, stored(a_read(1, "library", 3)))
    seen = accesses_of(RESIDENT, stored(a_read(1, "library", 3), a_read(2, "metro", 4)))

    assert [(one.reader, one.time) for one in seen.reads] == [("metro", at(2)), ("library", at(1))]
    assert seen.last != before.last


def test_what_was_written_twice_is_seen_once() -> None:
    seen = accesses_of(RESIDENT, stored(a_read(1, "metro", 3), a_read(1, "metro", 3), *[a_receipt(5, "metro", 7)] * 2))

    assert len(seen.reads) == 1
    assert [change.told for change in seen.changes] == [[("metro", at(5))]]


@pytest.mark.parametrize("strange", [b'["standing.dreamt"]', b'["standing.read","1"]', b"[]", b"{}", b"\xff"])
def test_an_entry_of_a_later_release_is_left_to_that_release(strange: bytes) -> None:
    assert len(accesses_of(RESIDENT, [strange, *stored(a_read(1, "metro", 3))]).reads) == 1


def test_each_change_has_who_was_told_of_it_the_last_change_first() -> None:
    receipts = (a_receipt(1, "metro", 7), a_receipt(2, "library", 7), a_receipt(3, "metro", 9, TODAY + 1))
    (later, earlier) = accesses_of(RESIDENT, stored(*receipts)).changes

    assert (later.day, later.told) == (date_of(TODAY + 1), [("metro", at(3))])
    assert (earlier.as_of, earlier.told) == (7, [("library", at(2)), ("metro", at(1))])


@pytest.mark.parametrize("day", [NEVER + 1, 99_999_999_999])
def test_a_receipt_for_a_day_that_no_calendar_has_is_left_out(day: int) -> None:
    (change,) = accesses_of(RESIDENT, stored(a_receipt(1, "metro", 7, day), a_receipt(2, "metro", 8, NEVER))).changes

    assert (change.as_of, change.day) == (8, date_of(NEVER))


def test_of_a_repair_those_know_who_were_told_since_or_have_read_since() -> None:
    repaired = 20
    seen = accesses_of(
        RESIDENT,
        stored(
            a_read(0, "citizen", 5, "page"),
            a_read(1, "metro", 5),
            a_read(2, "library", 6),
            a_read(3, "bank", 19),
            a_read(4, "museum", None),
            a_receipt(5, "metro", 19),
            a_receipt(6, "metro", repaired),
            a_receipt(7, "metro", repaired + 4),
            a_read(8, "library", repaired),
        ),
    )

    assert seen.told_since(repaired) == Told([("metro", at(6))], ["bank"])


def test_for_machines_an_entry_is_what_was_written() -> None:
    (read,) = accesses_of(RESIDENT, stored(a_read(1, "metro", 3))).to_json()

    assert read == {
        "type": "standing.read",
        "id": "1",
        "time": "2026-11-24T02:01:00Z",
        "reader": "metro",
        "purpose": "transit",
        "what": "tier",
        "as_of": 3,
    }
