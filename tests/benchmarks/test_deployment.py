"""Where benchmarks keep what they store."""

import pytest
import redis

from benchmarks.deployment import DATABASE, with_database


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379",
        "redis://127.0.0.1:6379/0",
        "rediss://user:word@redis.example:6379/3?ssl_cert_reqs=none",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=2",
    ],
)
def test_benchmarks_use_a_database_of_their_own_at_any_address(url: str) -> None:
    assert _place(with_database(url)) == {**_place(url), "db": DATABASE}


def _place(url: str) -> dict[str, object]:
    stated = redis.Redis.from_url(url).connection_pool.connection_kwargs
    return {name: stated.get(name) for name in ("host", "port", "path", "username", "password", "ssl_cert_reqs", "db")}
