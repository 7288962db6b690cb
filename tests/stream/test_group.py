"""The consumer group: no worker joins one whose members write to another store."""

from collections.abc import Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream.group import GroupMismatchError, check_group, properties_in

MINE, OTHER = "a" * 32, "b" * 32


class FakeAdmin:
    """An admin client of a cluster whose one group has these members, by their client ids, or that fails."""

    def __init__(self, *client_ids: str, failure: Exception | None = None) -> None:
        self._members = [SimpleNamespace(client_id=one, host="/10.0.0.5") for one in client_ids]
        self._failure = failure

    def describe_consumer_groups(self, groups: Sequence[str], request_timeout: float) -> dict[str, Future[Any]]:
        assert request_timeout > 0
        future: Future[Any] = Future()
        if self._failure is None:
            future.set_result(SimpleNamespace(members=self._members))
        else:
            future.set_exception(self._failure)
        return dict.fromkeys(groups, future)


def checked(admin: FakeAdmin) -> str:
    return check_group(admin, "scorers", MINE)  # type: ignore[arg-type]  # a fake


def client_id_of(generation: str) -> str:
    return properties_in("scorers", generation, {})["client.id"]


def test_members_that_write_to_the_same_store_are_no_strangers() -> None:
    assert checked(FakeAdmin()) == "scorers"
    assert checked(FakeAdmin(client_id_of(MINE), client_id_of(MINE))) == "scorers"


def test_a_member_that_writes_to_another_store_is_named_with_what_to_do() -> None:
    with pytest.raises(GroupMismatchError) as refused:
        checked(FakeAdmin(client_id_of(MINE), client_id_of(OTHER)))

    assert str(refused.value) == (
        "the worker at 10.0.0.5 is in group scorers too, and writes to another store: each store would get a part of "
        "the events. Give the workers of each store a group of their own by JASMINE_GROUP, or stop that worker"
    )


def test_of_a_member_with_a_client_id_of_the_operators_nothing_is_known() -> None:
    assert properties_in("scorers", MINE, {"client.id": "team-7"}) == {"client.id": "team-7", "group.id": "scorers"}
    assert checked(FakeAdmin("team-7", "rdkafka")) == "scorers"


@pytest.mark.parametrize(
    "failure", [KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)), TimeoutError()], ids=repr
)
def test_a_group_that_kafka_does_not_show_is_taken_as_it_is(failure: Exception) -> None:
    assert checked(FakeAdmin(failure=failure)) == "scorers"
