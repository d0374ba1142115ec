"""What stores need to work on a real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib import resources
from uuid import UUID

import pytest
from redis.asyncio import Redis

from gateway.core.privacy.sealing import MasterKeys
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.functions.library import Library
from gateway.stores.redis.pipeline import Pipeline
from tests.conftest import Pool, RandomBytes
from tests.stores.live import NOW, Server

ADA, EVE = UUID(int=1), UUID(int=2)


@pytest.fixture
def vault(random_bytes: RandomBytes) -> Vault:
    return Vault(MasterKeys([b"m" * 32]), b"i" * 32, random_bytes)


@pytest.fixture
async def people(pool: Pool, vault: Vault) -> Pool:
    """ada and eve are in the database."""
    async with pool.acquire() as connection, connection.transaction():
        users = Users(connection, vault)
        await users.add(NewUser(ADA, "ada", "Ada Lovelace", "ada@example.org", ("staff", "ops"), "secret"), 100)
        await users.add(NewUser(EVE, "eve", "", "", (), "secret"), 101)
    return pool


@pytest.fixture
async def server(redis: Redis, redis_url: str) -> AsyncIterator[Server]:
    text = resources.files("gateway.stores.redis.functions").joinpath("bastion.lua").read_text("utf-8")
    real = "local t = redis.call('TIME')"
    assert text.count(real) == 1
    held = "local v = redis.call('GET', 'now') local t = {string.sub(v, 1, -7), string.sub(v, -6)}"
    pipeline = Pipeline(redis_url, 1)
    task = asyncio.create_task(pipeline.run())
    await pipeline.ready()
    server = Server(pipeline, redis, Library.of(text.replace(real, held)))
    await server.set_time(NOW)
    yield server
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
