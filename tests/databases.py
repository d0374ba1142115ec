"""The databases of a test process: one that its tests share, emptied before each, and copies of its template.

Each belongs to `bastion_owner`, who migrates it, and is served by `bastion`. The superuser is `postgres`.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from gateway.embedded import EmbeddedPostgres
from gateway.stores.postgres.migrate import migrate
from gateway.stores.postgres.roles import OWNER, SERVING, Roles, set_up

TEMPLATE = "bastion_template"
SHARED = "test_shared"
# What the migrations wrote is kept beside, and every row of a table that differs from it goes. Triggers do not fire
# meanwhile, for the audit log refuses to be emptied. Whoever is still connected belongs to a test that has ended.
# TRUNCATE makes new files, which takes ten times as long as a few deletions, but it leaves no dead rows.
_EMPTYING = """
CREATE SCHEMA tests;
DO $$
DECLARE
    name text;
    filled boolean;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO filled;
        IF filled THEN
            EXECUTE format('CREATE TABLE tests.%I AS TABLE public.%I', name, name);
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION tests.clear(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF pg_relation_size(format('public.%I', name)::regclass) < 1000000 THEN
        EXECUTE format('DELETE FROM public.%I', name);
    ELSE
        EXECUTE format('TRUNCATE public.%I CASCADE', name);
    END IF;
END $$;
CREATE FUNCTION tests.empty() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
DECLARE
    name text;
    changed boolean;
BEGIN
    PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        IF to_regclass(format('tests.%I', name)) IS NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO changed;
            IF changed THEN
                PERFORM tests.clear(name);
            END IF;
        ELSE
            EXECUTE format('SELECT EXISTS (SELECT FROM ((TABLE public.%1$I EXCEPT ALL TABLE tests.%1$I) UNION ALL '
                '(TABLE tests.%1$I EXCEPT ALL TABLE public.%1$I)) AS differing)', name) INTO changed;
            IF changed THEN
                PERFORM tests.clear(name);
                EXECUTE format('INSERT INTO public.%1$I TABLE tests.%1$I', name);
            END IF;
        END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
       FROM pg_sequences WHERE last_value IS NOT NULL;
END $$;
CREATE FUNCTION tests.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a test that changes the schema (%) needs own_database_url', TG_TAG;
END $$;
CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION tests.refuse();
"""


async def execute(server: EmbeddedPostgres, statement: str, database: str = "postgres") -> None:
    connection = await asyncpg.connect(server.url(database))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def tampering(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """To the pool's database, as a superuser who goes around the triggers."""
    url = pool._connect_args[0]  # type: ignore[attr-defined]  # that it was made with
    connection = await asyncpg.connect(superuser_url(url))
    try:
        await connection.execute("SET session_replication_role = replica")
        yield connection
    finally:
        await connection.close()


async def forgive(server: EmbeddedPostgres, database: str) -> None:
    """Wrong passwords are forgotten: tests that share an account lock it for each other else.

    Everybody's next login counts as the first of a new account, so that it may change things.
    """
    await execute(server, "TRUNCATE lockouts, login_failures", database)
    await execute(server, "INSERT INTO fresh_accounts SELECT id FROM users ON CONFLICT DO NOTHING", database)


def serving_url(server: EmbeddedPostgres, database: str) -> str:
    return server.url(database, SERVING)


def superuser_url(url: str) -> str:
    """Of the same database. url: of any role of ours."""
    return re.sub(r"//[a-z_]+@", "//postgres@", url)


def urls_of(server: EmbeddedPostgres, database: str) -> dict[str, str]:
    """As a node of its own gets them."""
    return {
        "BASTION_DATABASE_URL": serving_url(server, database),
        "BASTION_DATABASE_OWNER_URL": server.url(database, OWNER),
    }


async def create(server: EmbeddedPostgres, name: str) -> None:
    """Empty, with its roles."""
    await execute(server, f'CREATE DATABASE "{name}"')
    await set_up(server.url(name), Roles())


async def make_template(server: EmbeddedPostgres) -> None:
    await execute(server, f"CREATE DATABASE {TEMPLATE}")
    await prepare(server, TEMPLATE)


async def prepare(server: EmbeddedPostgres, database: str) -> None:
    """An empty one gets its roles and all migrations."""
    await set_up(server.url(database), Roles())
    connection = await asyncpg.connect(server.url(database, OWNER))
    try:
        await migrate(connection)
        await connection.execute(Roles().grants())
    finally:
        await connection.close()


async def copy_template(server: EmbeddedPostgres, name: str) -> None:
    """What belongs to a database and not to what is in it, Postgres does not copy."""
    await execute(server, f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{TEMPLATE}" STRATEGY file_copy')
    await execute(server, f'REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC')


async def copy_files(server: EmbeddedPostgres, source: str, copy: str) -> None:
    """As a snapshot of the disk does. Nobody may be connected meanwhile; a pool connects anew when it is used."""
    others = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{source}'"
    await execute(server, f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS false')
    await execute(server, others)
    await execute(server, f'CREATE DATABASE "{copy}" TEMPLATE "{source}" STRATEGY file_copy')
    await execute(server, f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS true')


async def make_shared(server: EmbeddedPostgres) -> None:
    await copy_template(server, SHARED)
    await execute(server, _EMPTYING, SHARED)


async def empty_shared(server: EmbeddedPostgres) -> None:
    await execute(server, "SELECT tests.empty()", SHARED)
