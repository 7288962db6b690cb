"""Redis and Kafka that go away, come back, and come back with less."""

import os
import signal
from pathlib import Path

import pytest

from city.render import Published
from ops.real import Redis
from tests.real.deployment import Deployment, until, until_above

pytest_plugins = ["tests.support.real_parts"]
pytestmark = [pytest.mark.real, pytest.mark.slow]

AWAY = "a part is away; waiting for it"


def cut(redis: Redis, count: int) -> None:
    """Take the last bytes off the append-only file of a stopped Redis, as a machine that crashes does."""
    file = max(Path(redis.folder, "appendonlydir").glob("*.incr.aof"))
    assert file.stat().st_size > count
    with file.open("r+b") as log:
        log.truncate(file.stat().st_size - count)


def test_a_redis_that_is_killed_and_comes_back_is_waited_for(deployment: Deployment, day: list[Published]) -> None:
    feed = deployment.feed(day, per_second=500)
    worker = deployment.start().wait_ready()
    until(lambda: deployment.applied() > 1_000, "a thousand events are applied")

    deployment.redis.kill()

    until(lambda: {line["part"] for line in worker.logged(AWAY)} == {"redis"}, "the worker says what it waits for")
    until(lambda: not worker.is_ready(), "the worker is not ready")
    deployment.redis.start()
    feed.end()
    deployment.hold()
    until(worker.is_ready, "the worker is ready again")


def test_a_redis_that_lost_its_last_second_gets_it_back_from_the_log(
    deployment: Deployment, day: list[Published]
) -> None:
    feed = deployment.feed(day, per_second=500)
    worker = deployment.start().wait_ready()
    until(lambda: deployment.applied() > 1_500, "some events are applied")

    deployment.redis.kill()
    cut(deployment.redis, 100_000)
    deployment.redis.start()
    feed.end()

    deployment.hold(changes=False)
    assert worker.logged("log and store stand apart; reading again")


def test_a_redis_that_lost_its_last_second_gets_it_back_although_no_event_comes(
    deployment: Deployment, past: list[Published]
) -> None:
    worker = deployment.start().wait_ready()
    deployment.publish(past[:4_000])
    deployment.hold()

    deployment.redis.kill()
    cut(deployment.redis, 200_000)
    deployment.redis.start()

    until(lambda: len(worker.logged("log and store stand apart; reading again")) > 0, "the worker notices")
    deployment.hold(changes=False)


def test_a_redis_that_was_emptied_is_filled_again_from_the_log_s_beginning(
    deployment: Deployment, day: list[Published]
) -> None:
    feed = deployment.feed(day, per_second=500)
    first = deployment.start().wait_ready()
    second = deployment.start().wait_ready()
    until_above(second.applied, 100, "the second worker has work")

    deployment.client.flushall()
    feed.end()
    deployment.hold(changes=False)
    assert first.logged("the store lost partitions; replaying them")
    assert second.logged("the store lost partitions; replaying them")

    # And once more, while no event comes.
    deployment.client.flushall()
    deployment.hold(changes=False)


def test_a_worker_that_starts_before_redis_and_kafka_waits_for_both(
    deployment: Deployment, past: list[Published]
) -> None:
    deployment.publish(past[:2_000])
    deployment.redis.kill()
    deployment.kafka.kill()
    worker = deployment.start()
    until(lambda: {line["part"] for line in worker.logged(AWAY)} == {"kafka"}, "the worker waits for Kafka")
    deployment.kafka.start()
    until(lambda: worker.logged(AWAY)[-1]["part"] == "redis", "the worker waits for Redis")
    deployment.redis.start()

    deployment.hold()
    assert worker.wait_ready().stop() == 0


def test_a_worker_that_waits_for_kafka_can_be_stopped(deployment: Deployment) -> None:
    deployment.kafka.kill()
    worker = deployment.start()
    until(lambda: len(worker.logged(AWAY)) > 0, "the worker waits for Kafka")

    assert worker.stop() == 0


def test_a_worker_that_waits_for_a_frozen_redis_can_be_stopped(deployment: Deployment, day: list[Published]) -> None:
    feed = deployment.feed(day, per_second=500)
    worker = deployment.start().wait_ready()
    until(lambda: deployment.applied() > 100, "some events are applied")
    running = deployment.redis.running
    assert running
    os.kill(running.pid, signal.SIGSTOP)
    try:
        until(lambda: len(worker.logged(AWAY)) > 0, "the worker waits for Redis")
        assert worker.stop() == 0
    finally:
        os.kill(running.pid, signal.SIGCONT)
        feed.end()


def test_a_kafka_that_is_killed_and_comes_back_is_waited_for(deployment: Deployment, day: list[Published]) -> None:
    feed = deployment.feed(day, per_second=500)
    workers = [deployment.start().wait_ready(), deployment.start().wait_ready()]
    until(lambda: deployment.applied() > 1_000, "a thousand events are applied")

    deployment.kafka.kill()

    until(lambda: any(line["part"] == "kafka" for line in workers[0].logged(AWAY)), "the worker says what it waits for")
    deployment.kafka.start()
    feed.end()
    deployment.hold()
    assert [worker.process.poll() for worker in workers] == [None, None]
