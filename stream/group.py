"""The consumer group: its workers share the partitions, so all of them have to write to the same store.

Kafka shows of each member the client id. A worker's says which store it works for, unless the operator has set one.
"""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

_ANSWER_S_MAX = 2.0
_MARK = "jasmine-store-"


class GroupMismatchError(Exception):
    """A worker of another store is in the group; the message says what to do."""

    def __init__(self, group: str, host: str) -> None:
        super().__init__(
            f"the worker at {host} is in group {group} too, and writes to another store: each store would get a part "
            "of the events. Give the workers of each store a group of their own by JASMINE_GROUP, or stop that worker"
        )


def properties_in(group: str, generation: str, kafka: Mapping[str, str]) -> dict[str, str]:
    """Return librdkafka's properties of a member that works for the store of a generation."""
    return {"client.id": f"{_MARK}{generation}", **kafka, "group.id": group}


def check_group(admin: AdminClient, group: str, generation: str) -> str:
    """Return the group's name if no member is known to work for another store.

    What cannot be known is let through: Kafka does not answer, does not let this user see the group, or the operator
    has set client ids.

    Raises:
        GroupMismatchError: one does.

    """
    try:
        (answer,) = admin.describe_consumer_groups([group], request_timeout=_ANSWER_S_MAX).values()
        described: Any = answer.result(timeout=_ANSWER_S_MAX)
    except (KafkaException, TimeoutError):
        return group
    for member in described.members:
        if member.client_id.startswith(_MARK) and member.client_id != f"{_MARK}{generation}":
            raise GroupMismatchError(group, member.host.removeprefix("/"))
    return group
