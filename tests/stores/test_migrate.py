"""A database comes to this version's schema once, whoever starts first, and forward only."""

import asyncio

import asyncpg
import pytest

from gateway.core.keys import blind_index_key
from gateway.core.privacy.names import index_key_id
from gateway.embedded import EmbeddedPostgres
from gateway.stores.postgres.key_checks import WrongKey, agree, forget
from gateway.stores.postgres.migrate import MigrationFailed, migrate, migrations, missing
from tests.databases import superuser_url


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(url)


def test_each_migration_has_a_number_of_its_own() -> None:
    numbers = [one.number for one in migrations()]

    assert numbers == sorted(set(numbers))


async def test_four_nodes_at_once_apply_each_migration_once(postgres_server: EmbeddedPostgres) -> None:
    admin = await connect(postgres_server.url())
    await admin.execute("DROP DATABASE IF EXISTS fresh")
    await admin.execute("CREATE DATABASE fresh")
    nodes = [await connect(postgres_server.url("fresh")) for _ in range(4)]

    before = await missing(nodes[0])
    applied = await asyncio.gather(*(migrate(node) for node in nodes))
    after = await missing(nodes[0])

    assert before == [one.name for one in migrations()]
    assert sorted(name for names in applied for name in names) == before
    assert after == []
    for node in nodes:
        await node.close()
    await admin.execute("DROP DATABASE fresh")
    await admin.close()


async def test_a_migration_that_was_changed_is_named(own_database_url: str) -> None:
    connection = await connect(superuser_url(own_database_url))
    await connection.execute("UPDATE schema_migrations SET digest = 'x' WHERE number = 1")

    with pytest.raises(MigrationFailed, match="0001_foundation"):
        await migrate(connection)
    await connection.close()


async def test_a_wrong_key_is_named_and_the_right_ones_are_not(own_database_url: str) -> None:
    connection = await connect(own_database_url)
    await agree(connection, {"root": b"r", "pepper p1": b"p"})

    await agree(connection, {"root": b"r", "pepper p1": b"p", "pepper p2": b"q"})
    with pytest.raises(WrongKey, match="pepper p1") as wrong:
        await agree(connection, {"root": b"r", "pepper p1": b"x"})

    assert "root," not in str(wrong.value)
    await forget(connection, "pepper p1")
    await agree(connection, {"pepper p1": b"x"})
    await connection.close()


@pytest.mark.parametrize("table", ["users", "used_names"])
async def test_an_index_key_that_names_are_not_found_with_is_refused(own_database_url: str, table: str) -> None:
    """Also where no mark tells them apart; a row that says nothing is of an earlier version."""
    connection = await connect(own_database_url)
    insert = {
        "users": "INSERT INTO users SELECT gen_random_uuid(), 'active', $1, NULL, '', 'x', '{}', 1, 1, 1, $2",
        "used_names": "INSERT INTO used_names SELECT $1, NULL, 1, $2",
    }[table]
    ours, others = b"k" * 32, b"o" * 32
    for number, key in enumerate([None, index_key_id(blind_index_key(ours))]):
        await connection.execute(insert, bytes([number]) * 32, key)

    await agree(connection, {"index": ours})
    await forget(connection, "index")
    with pytest.raises(WrongKey, match=f"found with the index key {index_key_id(blind_index_key(ours))}"):
        await agree(connection, {"index": others})

    assert await connection.fetchval("SELECT count(*) FROM key_checks") == 0
    await agree(connection, {"index": ours})
    await connection.close()
