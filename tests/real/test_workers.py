"""Workers that are killed, stopped, frozen and added while events flow."""

import random
import signal
import time

import pytest

from city.render import Published
from tests.real.deployment import SESSION_TIMEOUT_MS, Deployment, until, until_above

pytest_plugins = ["tests.support.real_parts"]
pytestmark = [pytest.mark.real, pytest.mark.slow]

# Small batches: many moments to be caught in.
SMALL = {"poll_records_max": 50}


def test_a_worker_killed_again_and_again_in_mid_batch_loses_nothing_and_repeats_nothing(
    deployment: Deployment, day: list[Published]
) -> None:
    chooser = random.Random(4)
    feed = deployment.feed(day, per_second=300)
    for _ in range(4):
        worker = deployment.start(**SMALL)
        until_above(deployment.applied, deployment.applied(), "the next worker goes on")
        time.sleep(chooser.uniform(0.0, 1.0))
        worker.kill()
    deployment.start(**SMALL)
    feed.end()

    deployment.hold()


def test_workers_that_come_and_go_while_events_flow_apply_each_event_once(
    deployment: Deployment, day: list[Published]
) -> None:
    feed = deployment.feed(day, per_second=300)
    first = deployment.start(**SMALL).wait_ready()
    second = deployment.start(**SMALL).wait_ready()
    until_above(second.applied, 100, "the second worker has work")
    first.kill()
    third = deployment.start(**SMALL).wait_ready()
    until_above(third.applied, 100, "the third worker has work")
    assert second.stop() == 0
    feed.end()

    deployment.hold()

    # Given up in order, a partition goes on where it stood: only what the killed one had in hand may be sought.
    assert second.logged("partitions revoked")
    assert third.logged("partitions assigned")
    assert not second.logged("the store lost partitions; replaying them")


def test_a_frozen_worker_that_wakes_after_another_took_over_writes_nothing_wrong(
    deployment: Deployment, day: list[Published]
) -> None:
    tiny = {"poll_records_max": 10}
    stale = deployment.start(**tiny).wait_ready()
    other = deployment.start(**tiny).wait_ready()
    for begin in range(0, 18_000, 6_000):
        until(lambda: len(stale.held()) == len(other.held()) == 2, "each worker holds two partitions")
        before, lost = stale.applied(), len(stale.logged("partitions revoked"))
        # A backlog, so that it is frozen with a batch in its hands.
        deployment.publish(day[begin : begin + 6_000])
        until_above(stale.applied, before, "the worker that will be stale has work")
        stale.send(signal.SIGSTOP)
        until(lambda: len(other.held()) == 4, "the other takes over")
        until_above(deployment.applied, deployment.applied() + 100, "the other goes on")
        stale.send(signal.SIGCONT)
        until_above(lambda: len(stale.logged("partitions revoked")), lost, "the frozen one knows that it lost all")

    deployment.hold()

    # Whether it was frozen between its load and its commit is chance; that such a commit is void is held by
    # tests/sinks/test_store.py (a writer that slept through another one's whole batch).
    assert stale.logged("partitions revoked")
    assert stale.process.poll() is None


def test_a_worker_of_another_store_waits_until_the_group_is_left_to_it(
    deployment: Deployment, day: list[Published]
) -> None:
    deployment.publish(day[:2_000])
    first = deployment.start().wait_ready()
    other = deployment.start(redis_url=deployment.redis.url.removesuffix("/0") + "/1")
    until(lambda: len(other.logged("a part is away; waiting for it")) > 0, "the other says that it waits")

    deployment.hold()
    assert first.held() == {0, 1, 2, 3}
    assert "writes to another store" in other.logged("a part is away; waiting for it")[-1]["error"]
    assert not other.logged("partitions assigned")
    assert first.stop() == 0
    until(lambda: other.held() == {0, 1, 2, 3}, "the other has the group to itself")


def test_a_worker_that_waits_longer_than_its_group_allows_goes_on_afterwards(
    deployment: Deployment, day: list[Published]
) -> None:
    """Kafka expels who does not ask for records; a worker that waits for its store asks for none."""
    patience = {"kafka_max_poll_interval_ms": SESSION_TIMEOUT_MS + 500, **SMALL}
    deployment.publish(day[:2_000])
    first = deployment.start(**patience).wait_ready()
    until(lambda: deployment.applied() > 0, "the first worker is at work")
    second = deployment.start(**patience)
    until(lambda: len(second.logged("parts are there")) > 0, "the second worker joins")
    deployment.redis.kill()
    deployment.publish(day[2_000:4_000])
    time.sleep(3 * SESSION_TIMEOUT_MS / 1000)
    deployment.redis.start()

    deployment.hold()
    deployment.publish(day[4_000:6_000])
    deployment.hold()
    assert [worker.process.poll() for worker in (first, second)] == [None, None]
