"""What stores need to work on a real database."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from redis.asyncio import Redis

from gateway.core.privacy.sealing import MasterKeys
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool, RandomBytes
from tests.stores.live import Server, serving

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
    async with serving(redis, redis_url) as server:
        yield server
