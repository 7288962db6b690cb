"""The store that the tests of this folder share."""

from tests.support.redis_server import client, valkey_server

__all__ = ["client", "valkey_server"]
