"""The subscriber: each change is handled, then its receipt is written, and only then is it done."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from gateway.changes import Change, Subscriber, change_of
from gateway.errors import AccessLogError, ChangeFormatError
from schemas.errors import Refusal
from tests.gateway.city import OTHER, RESIDENT
from tests.support.fake_kafka import FakeConsumer, FakeLog


class FakeReceipts:
    """Takes receipts, and has those that were flushed; full or not acknowledged when told so."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, str]] = []
        self.acknowledged: list[tuple[str, str, str]] = []
        self.is_full = False
        self.is_away = False

    def received(self, subject: str, reader: str, change: str) -> None:
        if self.is_full:
            raise AccessLogError(3)
        self.taken.append((subject, reader, change))

    def flush(self, timeout_s: float) -> int:
        if self.is_away:
            return len(self.taken)
        self.acknowledged += self.taken
        self.taken = []
        return 0


def a_change(offset: int, subject: str = RESIDENT, **changes: Any) -> bytes:
    data = {
        "day": "2026-11-24",
        "tier": "good",
        "tier_before": None,
        "entitlements": ["transit_discount"],
        "entitlements_before": [],
    }
    event = {"id": f"0/{offset}/20781/{subject}", "type": "standing.changed", "subject": subject, "data": data}
    return orjson.dumps({**event, **changes})


class Following:
    """A subscriber of a log of changes."""

    def __init__(self, *values: bytes, log: FakeLog | None = None, consumer: FakeConsumer | None = None) -> None:
        self.log = log or FakeLog()
        for value in values:
            self.log.append(value, key=RESIDENT.encode())
        self.consumer = consumer or FakeConsumer(self.log)
        self.receipts = FakeReceipts()
        self.handled: list[Change] = []
        receipts: Any = self.receipts
        self.subscriber = Subscriber({}, "metro", receipts)
        joined: Any = self.consumer
        self.consumer.subscribe([])
        self.subscriber._consumer = joined

    def step(self, handle: Callable[[Change], None] | None = None) -> int:
        return self.subscriber.step(handle or self.handled.append)

    @property
    def done(self) -> int:
        return sum(self.consumer.committed.values())


def test_a_change_is_handled_with_all_that_it_says() -> None:
    following = Following(a_change(7))
    following.step()

    (change,) = following.handled
    assert (change.subject, change.tier, change.tier_before) == (RESIDENT, "good", None)
    assert (change.day.isoformat(), change.entitlements) == ("2026-11-24", ("transit_discount",))


@pytest.mark.parametrize(("stated", "under_review"), [({"under_review": True}, True), ({}, False)])
def test_a_review_desk_hears_of_what_waits_for_it(stated: dict[str, bool], *, under_review: bool) -> None:
    event = orjson.loads(a_change(7))
    event["data"] |= stated

    assert change_of(orjson.dumps(event)).under_review is under_review


def test_after_it_was_handled_its_receipt_is_written_and_then_it_is_done() -> None:
    following = Following(a_change(7), a_change(8))

    def handle(_: Change) -> None:
        assert following.receipts.taken == []
        assert following.done == 0

    assert following.step(handle) == 2
    assert [change for _, _, change in following.receipts.acknowledged] == [
        f"0/7/20781/{RESIDENT}",
        f"0/8/20781/{RESIDENT}",
    ]
    assert following.done == 2


def test_a_repetition_is_neither_handled_nor_acknowledged_again() -> None:
    following = Following(a_change(7), a_change(7))
    following.step()

    assert len(following.handled) == len(following.receipts.acknowledged) == 1
    assert following.done == 2


def test_a_change_whose_handling_fails_has_no_receipt_and_is_handled_again() -> None:
    following = Following(a_change(7), a_change(8), a_change(9))

    def handle(change: Change) -> None:
        if "/8/" in change.id:
            raise OSError("the cache is away")

    with pytest.raises(OSError, match="the cache is away"):
        following.step(handle)
    assert following.done == len(following.receipts.acknowledged) == 1

    following.step()
    assert [change.id.split("/")[1] for change in following.handled] == ["8", "9"]
    assert following.done == 3


def test_without_an_acknowledged_receipt_a_change_is_not_done() -> None:
    following = Following(a_change(7))
    following.receipts.is_away = True
    with pytest.raises(AccessLogError):
        following.step()
    assert following.done == 0

    following.receipts.is_away = False
    following.step()
    assert (following.done, len(following.handled), len(following.receipts.acknowledged)) == (1, 1, 1)


def test_receipts_that_were_not_taken_are_written_by_the_next_step() -> None:
    following = Following(a_change(7), a_change(8))
    following.receipts.is_full = True
    with pytest.raises(AccessLogError):
        following.step()

    following.receipts.is_full = False
    following.step()
    assert len(following.receipts.acknowledged) == following.done == 2


def test_a_reader_that_starts_anew_goes_on_behind_what_is_done() -> None:
    first = Following(a_change(7))
    first.step()
    second = Following(a_change(8, OTHER), log=first.log, consumer=first.consumer)
    second.step()

    assert [change.subject for change in second.handled] == [OTHER]


def test_the_group_that_refuses_a_commit_tells_the_changes_again_to_the_next_owner() -> None:
    following = Following(a_change(7))
    following.consumer.fails_at = 2
    following.step()

    assert (following.done, len(following.handled)) == (0, 1)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        a_change(7, type="dead.letter"),
        a_change(7, subject="350102199003076543"),
        a_change(7, data={"day": "2026-11-24"}),
    ],
)
def test_what_is_no_change_is_named_as_such(value: bytes | None) -> None:
    with pytest.raises(ChangeFormatError, match="no change of a standing"):
        change_of(value)


def test_a_reader_must_have_a_name() -> None:
    with pytest.raises(Refusal, match="such as transit-operator"):
        Subscriber({}, "Somebody", None)


def test_leaving_the_block_leaves_the_group() -> None:
    following = Following()
    with following.subscriber:
        pass

    assert following.consumer.is_closed
