"""The clients that settings describe."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stream.settings import Settings


def redis_client(settings: Settings) -> redis.Redis:
    """Return a client whose calls fail at once; who calls decides about waiting."""
    return redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=settings.store_timeout_s,
        socket_connect_timeout=settings.store_timeout_s,
        retry=Retry(NoBackoff(), 0),
    )
