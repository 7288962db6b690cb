"""The doctor: whether a topic of dead letters that somebody else has made takes the largest of them."""

import pytest
from confluent_kafka import KafkaError

from stream.cli.doctor import Finding, _dead_letters
from stream.topics import DEAD_BYTES_MAX
from tests.support.fake_kafka import FakeAdmin


def found(admin: FakeAdmin) -> list[Finding]:
    return [*_dead_letters(admin, "credit.dead")]  # type: ignore[arg-type]  # a fake


def test_a_topic_that_takes_smaller_records_than_the_largest_letter_is_told_with_what_to_do() -> None:
    (finding,) = found(FakeAdmin({"credit.dead": 4}))

    assert (finding.what, finding.state) == ("dead letters", "missing")
    assert finding.detail.startswith("credit.dead takes records of 1048588 bytes")
    assert finding.remedy.endswith(f"--topic credit.dead --add-config max.message.bytes={DEAD_BYTES_MAX}")


@pytest.mark.parametrize(
    "admin",
    [
        FakeAdmin({"credit.dead": 4}, bytes_max=DEAD_BYTES_MAX),
        FakeAdmin({"credit.dead": 4}, {"credit.dead": KafkaError.TOPIC_AUTHORIZATION_FAILED}),
        FakeAdmin({}),
    ],
    ids=["takes them", "does not say", "is made by the first worker"],
)
def test_of_any_other_topic_nothing_is_said(admin: FakeAdmin) -> None:
    assert found(admin) == []
