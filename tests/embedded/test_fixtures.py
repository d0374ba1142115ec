"""The fixtures that every other test stands on."""

import asyncpg
import pytest
from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy
from redis.asyncio import Redis

from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import Entry
from gateway.core.privacy.sealing import MasterKeys
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.vault import Vault
from tests.conftest import Clock, Pool, RandomBytes
from tests.databases import superuser_url

ROWS_OF_MIGRATIONS = {"schema_migrations", "policy_wishes", "settings_head"}


async def fill(connection: "PoolConnectionProxy[Record]") -> None:
    """A row in each table that has no other trigger than the queue's, and one that a migration wrote is changed."""
    await Audit(connection, Vault(MasterKeys([b"m" * 32]), b"i" * 32, RandomBytes())).append(
        Entry(Kind.LOGOUT, 1_800_000_000, "", None, {"login": "L"}, {}, "")
    )
    await connection.execute("UPDATE policy_wishes SET wish = 7")
    await connection.execute("INSERT INTO key_checks VALUES ('name', 'value')")


@pytest.mark.parametrize("time", ["first", "second"])
async def test_each_test_finds_the_database_as_the_migrations_left_it(superuser: Pool, time: str) -> None:
    """Though the audit log lets nobody delete, and numbers its entries."""
    async with superuser.acquire() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        filled = {name for (name,) in tables if await connection.fetchval(f'SELECT EXISTS (SELECT FROM "{name}")')}
        wish = await connection.fetchval("SELECT wish FROM policy_wishes")
        await fill(connection)
        number = await connection.fetchval("SELECT id FROM audit_entries")

    assert (filled, wish, number) == (ROWS_OF_MIGRATIONS, 0, 1), time


LEFT_OPEN = list[asyncpg.Connection]()


@pytest.mark.parametrize("time", ["first", "second"])
async def test_each_test_finds_nobody_connected(database_url: str, time: str) -> None:
    """Whoever the test before left, with whatever locks, is gone."""
    connection = await asyncpg.connect(superuser_url(database_url))
    others = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    await connection.execute("BEGIN; LOCK key_checks; SELECT pg_advisory_lock(7)")
    LEFT_OPEN.append(connection)

    assert others == 1, time


async def test_the_database_of_all_tests_keeps_its_schema(superuser: Pool) -> None:
    with pytest.raises(asyncpg.RaiseError, match="own_database_url"):
        await superuser.execute("ALTER TABLE users RENAME TO away")


async def test_a_database_of_a_tests_own_is_another(database_url: str, own_database_url: str) -> None:
    connection = await asyncpg.connect(superuser_url(own_database_url))
    await connection.execute("ALTER TABLE users RENAME TO away")
    await connection.close()

    assert own_database_url != database_url


async def test_redis_starts_empty(redis: Redis) -> None:
    assert await redis.dbsize() == 0


def test_time_passes_by_hand_only(clock: Clock) -> None:
    before = clock()

    clock.advance(3)

    assert clock() - before == 3_000_000


def test_random_bytes_never_come_twice(random_bytes: RandomBytes) -> None:
    assert random_bytes(16) != random_bytes(16)
