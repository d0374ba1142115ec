"""What tests of the web need: a decision listener that serves."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from gateway.core.session.tokens import Token
from gateway.web.forward_auth.listener import Listener
from tests.conftest import Pool
from tests.deciding import deciding
from tests.web.oauth_house import House, house_at
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


@pytest.fixture
async def house(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[House]:
    """The endpoints for apps."""
    await redis.ping()
    async with house_at(pool, redis_url, int(time.time())) as house:
        yield house


@pytest.fixture
async def login(house: House) -> Token:
    """Of the house's person."""
    return await house.here.log_in()
