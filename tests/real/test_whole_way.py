"""From Kafka to a payment gateway's answer, through workers on real parts."""

import json
import signal
import subprocess
from collections import Counter
from pathlib import Path

import httpx
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from city.render import Published
from gateway.evaluate import names_of
from gateway.lookup import Lookup
from schemas.codec import decode, encode_binary
from schemas.errors import Refusal
from schemas.subjects import format_subject
from tests.real.deployment import COMMAND, Deployment, produce, until

pytest_plugins = ["tests.support.real_parts"]
pytestmark = pytest.mark.real


def test_all_of_a_city_s_past_is_applied_once_and_can_be_looked_up(
    deployment: Deployment, past: list[Published], tmp_path: Path
) -> None:
    deployment.publish(past)
    worker = deployment.start().wait_ready()
    truth = deployment.hold()

    expected = Counter(str(published.expect) for published in past)
    followers = sum(published.reaches for published in past)
    assert followers == len(truth.follows) > 0
    expected["scored"] += followers
    assert worker.metric("credit_events_total", outcome="scored") == expected.pop("scored")
    assert worker.metric("credit_events_total", outcome="skipped") == expected.pop("duplicate") == truth.repeated
    assert Counter(str(reason) for reason, _ in truth.refused.values()) == expected
    published = len(truth.refused) + len(deployment.changes()) + followers
    until(lambda: worker.metric("credit_outbox_published_total") == published, "what was published is counted")

    subjects = [format_subject(subject) for _, subject in truth.ledgers]
    with Lookup.from_url(deployment.redis.url, names_of(deployment.pack), timeout_s=5.0) as lookup:
        answers = {subject: lookup.lookup(subject) for subject in subjects}
    assert sum(answer.score is not None for answer in answers.values()) > 250
    assert gateway_says(deployment, subjects[:20], tmp_path) == {
        subject: answers[subject].tier for subject in subjects[:20]
    }
    assert worker.stop() == 0


HEADERS = {"Jasmine-Reader": "transit-operator", "Jasmine-Purpose": "transit"}


def gateway_says(deployment: Deployment, subjects: list[str], folder: Path) -> dict[str, str | None]:
    """Start a gateway, ask it for tiers over HTTP, and stop it."""
    log = folder / "gateway.log"
    environment = deployment.environment(gateway_port=0)
    with log.open("wb") as output:
        process = subprocess.Popen([*COMMAND, "gateway"], env=environment, stdout=output, stderr=output)
    try:
        until(lambda: "listening" in log.read_text(), "the gateway listens")
        listening = next(line for line in map(json.loads, log.read_text().splitlines()) if "port" in line)
        address = f"http://127.0.0.1:{listening['port']}/v1/subjects"
        answers = {
            subject: httpx.get(
                f"{address}/{subject}/standing", params={"scenario": "transit"}, headers=HEADERS, timeout=10.0
            )
            for subject in subjects
        }
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    return {subject: answer.raise_for_status().json()["tier"] for subject, answer in answers.items()}


def test_what_was_committed_before_a_graceful_stop_is_published(deployment: Deployment, past: list[Published]) -> None:
    worker = deployment.start(poll_records_max=20).wait_ready()
    feed = deployment.feed(past, per_second=10_000)
    until(lambda: deployment.applied() > 3_000, "some thousand events are applied")

    assert worker.stop() == 0

    assert deployment.waiting() == 0
    feed.end()


def test_binary_and_structured_events_and_those_of_transactions_are_applied_alike(
    deployment: Deployment, past: list[Published]
) -> None:
    worker = deployment.start(stall_s_max=3).wait_ready()
    producer = deployment.producer(**{"transactional.id": deployment.topic})
    producer.init_transactions(20)
    for number in range(40):
        producer.begin_transaction()
        for published in past[100 * number : 100 * number + 100]:
            produce(producer, deployment.topic, as_binary(published) if number % 2 else published)
        producer.flush(20)
        producer.abort_transaction(20) if number % 5 == 4 else producer.commit_transaction(20)

    truth = deployment.hold()

    assert sum(truth.nexts.values()) > 4_000
    # Behind the last record of every partition stands the end of a transaction, which nobody ever reads.
    with pytest.raises(subprocess.TimeoutExpired):
        worker.process.wait(7)
    assert worker.metric("credit_lag_events") == 0


def as_binary(published: Published) -> Published:
    """Return the same event in CloudEvents' binary mode; a broken one stays as it is."""
    try:
        encoded = encode_binary(decode(published.value, [*published.headers]))
    except Refusal:
        return published
    return Published(published.key, encoded.value, tuple(encoded.headers), published.expect)


def test_a_store_that_was_filled_from_fewer_partitions_is_refused(
    deployment: Deployment, past: list[Published]
) -> None:
    deployment.publish(past[:1_000])
    assert deployment.start().wait_ready().stop() == 0
    add_partitions(deployment, 6)

    worker = deployment.start()

    assert worker.wait() == 1
    assert "the store was filled from 4 partitions, the topic has 6" in worker.said
    assert "Traceback" not in worker.said


def test_partitions_that_are_added_under_a_worker_stop_it(deployment: Deployment, past: list[Published]) -> None:
    worker = deployment.start(kafka_topic_metadata_refresh_interval_ms=500).wait_ready()
    deployment.publish(past[:1_000])
    deployment.hold()
    add_partitions(deployment, 6)

    assert worker.wait() == 1
    assert "the store was filled from 4 partitions, the topic has 6" in worker.said


def add_partitions(deployment: Deployment, count: int) -> None:
    admin = AdminClient({"bootstrap.servers": deployment.kafka.bootstrap})
    for future in admin.create_partitions([NewPartitions(deployment.topic, count)]).values():
        future.result(20)
