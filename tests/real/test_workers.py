"""Workers that are killed, stopped, frozen and added while events flow."""

import random
import signal
import time

import pytest

from city.render import Published
from tests.real.deployment import SESSION_TIMEOUT_MS, Deployment, until

pytest_plugins = ["tests.support.real_parts"]
pytestmark = [pytest.mark.real, pytest.mark.slow]

# Small batches: many moments to be caught in.
SMALL = {"poll_records_max": 50}


def test_a_worker_killed_again_and_again_in_mid_batch_loses_nothing_and_repeats_nothing(
    deployment: Deployment, day: list[Published]
) -> None:
    chooser = random.Random(4)
    feed = deployment.feed(day, per_second=500)
    for _ in range(4):
        worker = deployment.start(**SMALL)
        before = deployment.applied()
        until(lambda before=before: deployment.applied() > before, "the next worker goes on")  # type: ignore[misc]  # mypy finds no type for such a default
        time.sleep(chooser.uniform(0.0, 1.0))
        worker.kill()
    deployment.start(**SMALL)
    feed.end()

    deployment.hold()


def test_workers_that_come_and_go_while_events_flow_apply_each_event_once(
    deployment: Deployment, day: list[Published]
) -> None:
    feed = deployment.feed(day, per_second=500)
    first = deployment.start(**SMALL).wait_ready()
    second = deployment.start(**SMALL).wait_ready()
    until(lambda: second.metric("credit_events_total") > 100, "the second worker has work")
    first.kill()
    third = deployment.start(**SMALL).wait_ready()
    until(lambda: third.metric("credit_events_total") > 100, "the third worker has work")
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
    feed = deployment.feed(day, per_second=500)
    stale = deployment.start(**SMALL).wait_ready()
    other = deployment.start(**SMALL).wait_ready()
    for _ in range(3):
        until(lambda: stale.metric("credit_events_total") > 0, "the worker that will be stale has work")
        stale.send(signal.SIGSTOP)
        held = len(other.logged("partitions assigned"))
        until(lambda held=held: len(other.logged("partitions assigned")) > held, "the other takes over")  # type: ignore[misc]  # mypy finds no type for such a default
        before = deployment.applied()
        until(lambda before=before: deployment.applied() > before + 300, "the other goes on")  # type: ignore[misc]  # mypy finds no type for such a default
        back = len(stale.logged("partitions assigned"))
        stale.send(signal.SIGCONT)
        until(lambda back=back: len(stale.logged("partitions assigned")) > back, "the frozen one is back in its group")  # type: ignore[misc]  # mypy finds no type for such a default
    feed.end()

    deployment.hold()

    assert stale.logged("partitions revoked")
    assert stale.process.poll() is None


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
