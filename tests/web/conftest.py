"""What tests of the web need: a decision listener that serves."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from gateway.web.forward_auth.listener import Listener
from tests.conftest import Pool
from tests.deciding import deciding
from tests.web.served import Served


@pytest.fixture
async def served(pool: Pool, redis: Redis, redis_url: str, short_directory: Path) -> AsyncIterator[Served]:
    await redis.ping()
    path = short_directory / f"{uuid4().hex[:8]}.sock"
    async with deciding(pool, redis_url, int(time.time())) as here:
        listener = Listener(here.decisions.start, ())
        server = await asyncio.get_running_loop().create_unix_server(listener, path)
        yield Served(path, listener, here)
        server.close()
        await listener.drain(1)
