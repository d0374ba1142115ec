"""Postgres itself refuses what the serving role must not do; what a role may do follows from the schema."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import Entry
from gateway.core.privacy.sealing import MasterKeys
from gateway.embedded import EmbeddedPostgres
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.master_keys import WRAPPED_TABLES
from gateway.stores.postgres.migrate import migrate
from gateway.stores.postgres.roles import BACKUP, OWNER, SERVING, Roles, overreach, set_up
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool, RandomBytes
from tests.databases import execute, serving_url, superuser_url

APPEND_ONLY = frozenset(
    {
        "audit_entries",
        "audit_links",
        "erasures",
        "retention_runs",
        "control_results",
        "control_exceptions",
        "retention_approvals",
        "consent_documents",
        "consent_records",
        "consent_retired",
    }
)
READ, APPEND, CHANGE = {"SELECT"}, {"SELECT", "INSERT"}, {"SELECT", "INSERT", "UPDATE", "DELETE"}
_TABLES = """
    SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner,
           array(SELECT may FROM unnest($2::text[]) AS may WHERE has_table_privilege($1, c.oid, may)) AS may
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""
_RIGHTS = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
_DOORS = [
    "UPDATE {} SET {} = 1",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "ALTER TABLE {} ADD COLUMN more text",
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "DROP TRIGGER {0}_append_only ON {0}",
    "ALTER TABLE {} OWNER TO bastion",
    "DROP TABLE {}",
    "CREATE RULE away AS ON INSERT TO {} DO INSTEAD NOTHING",
    "CREATE TRIGGER away BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE INDEX away ON {} ({})",
]
_OTHER_DOORS = [
    "SET ROLE bastion_owner",
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "DROP FUNCTION audit_is_append_only CASCADE",
    "CREATE TABLE mine (n integer)",
    "CREATE TEMPORARY TABLE mine (n integer)",
    "UPDATE schema_migrations SET digest = 'x'",
    "DELETE FROM schema_migrations",
    "ALTER ROLE bastion SUPERUSER",
    "CREATE ROLE mine",
]


@pytest.fixture
async def fresh(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The name of a database with its roles and nothing else."""
    name = f"roles_{uuid4().hex}"
    await execute(postgres_server, f'CREATE DATABASE "{name}"')
    await set_up(postgres_server.url(name), Roles())
    yield name
    await execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def bring_up(server: EmbeddedPostgres, name: str) -> None:
    """As `bastion migrate` does it."""
    connection = await asyncpg.connect(server.url(name, OWNER))
    await migrate(connection)
    await connection.execute(Roles().grants())
    await connection.close()


async def use(url: str) -> None:
    """An entry in the log, and the sweep of a key table, which Postgres refuses with a mere warning."""
    warned: list[str] = []
    vault = Vault(MasterKeys([b"m" * 32]), b"i" * 32, RandomBytes())
    async with asyncpg.create_pool(url, min_size=0) as pool, pool.acquire() as connection:

        def hear(_connection: object, message: object) -> None:
            warned.append(str(message))

        connection.add_log_listener(hear)
        try:
            async with connection.transaction():
                await Audit(connection, vault).append(
                    Entry(Kind.LOGOUT, 1_800_000_000, "", None, {"login": "L"}, {}, "")
                )
            for table in WRAPPED_TABLES:
                await connection.execute(f"VACUUM (FULL) {table}")
            overreaching = await overreach(connection)
        finally:
            connection.remove_log_listener(hear)
    assert (warned, overreaching) == ([], "")


async def test_the_serving_role_has_of_each_table_what_its_kind_says(pool: Pool) -> None:
    """Who adds a table finds here whether its rights are what its migration means."""
    for row in await pool.fetch(_TABLES, SERVING, _RIGHTS):
        if row["name"] in WRAPPED_TABLES:
            assert row["owner"] == SERVING, row["name"]
            continue
        expected = APPEND if row["name"] in APPEND_ONLY else READ if row["name"] == "schema_migrations" else CHANGE
        assert (row["owner"], set(row["may"])) == (OWNER, expected), row["name"]


async def test_tables_with_keys_are_those_with_a_wrapped_column(pool: Pool) -> None:
    found = await pool.fetch("SELECT DISTINCT table_name FROM information_schema.columns WHERE column_name = 'wrapped'")

    assert {name for (name,) in found} == set(WRAPPED_TABLES)


async def test_the_backup_role_reads_every_table_and_changes_none(pool: Pool) -> None:
    assert {tuple(row["may"]) for row in await pool.fetch(_TABLES, BACKUP, _RIGHTS)} == {("SELECT",)}


@pytest.mark.parametrize("table", ["audit_entries", "audit_links"])
@pytest.mark.parametrize("statement", _DOORS)
async def test_postgres_refuses_the_serving_role_every_change_of_the_log(
    own_database_url: str, table: str, statement: str
) -> None:
    column = "at" if table == "audit_entries" else "position"
    connection = await asyncpg.connect(own_database_url)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement.format(table, column))
    await connection.close()


@pytest.mark.parametrize("statement", _OTHER_DOORS)
async def test_postgres_refuses_the_serving_role_every_way_around(own_database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(own_database_url)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()


async def test_a_grant_to_itself_gives_nothing(own_database_url: str) -> None:
    """Postgres calls it a success, with a warning."""
    connection = await asyncpg.connect(own_database_url)
    connection.add_log_listener(lambda _connection, _message: None)

    await connection.execute("GRANT UPDATE, DELETE ON audit_entries TO bastion")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM audit_entries")
    await connection.close()


async def test_a_new_database_is_migrated_by_its_owner_and_served(
    postgres_server: EmbeddedPostgres, fresh: str
) -> None:
    await bring_up(postgres_server, fresh)

    await use(serving_url(postgres_server, fresh))


async def test_a_database_whose_server_owned_it_gets_the_roles_while_it_is_served(
    postgres_server: EmbeddedPostgres,
) -> None:
    """The role keeps its name; the connection that it has open goes on."""
    name, served = f"old_{uuid4().hex}", f"served_{uuid4().hex[:8]}"
    await execute(postgres_server, f"CREATE ROLE {served} LOGIN")
    await execute(postgres_server, f'CREATE DATABASE "{name}" OWNER {served}')
    connection = await asyncpg.connect(postgres_server.url(name, served))
    await migrate(connection)
    owned = await overreach(connection)

    for _ in range(2):
        await set_up(postgres_server.url(name), Roles(serving=served))
        assert await connection.fetchval("SELECT count(*) FROM audit_entries") == 0
    await connection.close()
    await use(postgres_server.url(name, served))
    owner = await asyncpg.connect(postgres_server.url(name, OWNER))
    await owner.execute("ALTER TABLE user_keys ADD COLUMN next_version text; CREATE TABLE next_version (n integer)")
    await owner.execute(Roles(serving=served).grants())
    await owner.close()
    await use(postgres_server.url(name, served))

    assert owned == "owns audit_entries, audit_links"
    await execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')
    await execute(postgres_server, f"REVOKE {served} FROM {OWNER}")
    await execute(postgres_server, f"DROP ROLE {served}")


async def test_each_way_to_change_the_log_is_named(own_database_url: str) -> None:
    admin = await asyncpg.connect(superuser_url(own_database_url))
    serving = await asyncpg.connect(own_database_url)

    right = await overreach(serving)
    super_ = await overreach(admin)
    await admin.execute("GRANT UPDATE (actor), DELETE ON audit_entries TO bastion")
    granted = await overreach(serving)
    await admin.execute("ALTER TABLE audit_links OWNER TO bastion")
    owned = await overreach(serving)
    await admin.close()
    await serving.close()

    assert right == ""
    assert super_ == "is a superuser"
    assert granted == "may DELETE audit_entries, UPDATE audit_entries"
    assert owned == "owns audit_links"
