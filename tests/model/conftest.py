"""A real server for the twin to agree with."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.stores.live import Server, serving


@pytest.fixture
async def server(redis: Redis, redis_url: str) -> AsyncIterator[Server]:
    async with serving(redis, redis_url) as server:
        yield server
