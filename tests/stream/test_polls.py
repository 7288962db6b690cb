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
                    time.sleep(2 * hand_over._IN_PLACE_S)
                polls.put(numbered_poll(number))

        putting = asyncio.create_task(asyncio.to_thread(put))
        async with asyncio.timeout(DEADLINE_S):
            numbers = await numbers_of(polls, 300)
            await putting
        return numbers

    assert asyncio.run(scenario()) == list(range(300))


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
