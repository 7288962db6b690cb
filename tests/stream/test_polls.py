"""Polls from one thread to the event loop of another."""

import asyncio
import time
from functools import partial
from itertools import count

import pytest

from stream import polls as hand_over
from stream.polls import Poll, Polls

DEADLINE_S = 20.0


def numbered_poll(number: int) -> Poll:
    return Poll("topic", [], {0: number})


async def numbers_of(polls: Polls, many: int) -> list[int]:
    return [(await anext(polls)).starts[0] for _ in range(many)]


def test_polls_come_in_the_order_in_which_another_thread_puts_them() -> None:
    async def scenario() -> list[int]:
        polls = Polls(asyncio.get_running_loop())

        def put() -> None:
            for number in range(300):
                # Some are waited for in place, and for some the event loop has to be woken.
                if number % 30 == 0:
                    time.sleep(2 * hand_over._IN_PLACE_MS / 1000)
                polls.put(numbered_poll(number))
                if number % 7 == 0:
                    polls.poll_side.tell()

        putting = asyncio.create_task(asyncio.to_thread(put))
        async with asyncio.timeout(DEADLINE_S):
            numbers = await numbers_of(polls, 300)
            await putting
        return numbers

    assert asyncio.run(scenario()) == list(range(300))


def test_who_is_to_read_on_is_told_before_the_event_loop_waits_or_has_other_work() -> None:
    async def told_by_asking(*ready: Poll) -> bool:
        polls = Polls(asyncio.get_running_loop())
        for poll in ready:
            polls.put(poll)
        await numbers_of(polls, len(ready) - 1)
        polls.loop_side.owe()
        asking = asyncio.create_task(anext(polls))
        await asyncio.sleep(0)
        told = polls.poll_side.wait(0)
        polls.put(numbered_poll(9))
        await asking
        return told

    async def scenario() -> list[bool]:
        return [await told_by_asking(numbered_poll(0)), await told_by_asking(numbered_poll(0), numbered_poll(1))]

    assert asyncio.run(scenario()) == [True, True]


def test_other_tasks_have_their_turn_while_polls_keep_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def scenario() -> None:
        polls = Polls(asyncio.get_running_loop())
        for number in range(100):
            polls.put(numbered_poll(number))
        other = asyncio.create_task(take_turns())
        await numbers_of(polls, 100)
        other.cancel()

    # Each look at the clock a millisecond after the last one.
    monkeypatch.setattr(hand_over, "monotonic", partial(next, count(0, 0.001)))
    asyncio.run(scenario())
    assert 5 <= turns <= 20
