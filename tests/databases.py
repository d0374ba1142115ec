"""The databases of a test process: one that its tests share, emptied before each, and copies of its template."""

import asyncpg

from gateway.embedded import EmbeddedPostgres
from gateway.stores.postgres.migrate import migrate

TEMPLATE = "bastion_template"
SHARED = "test_shared"
# What the migrations wrote is kept beside, and every row of a table that differs from it goes. Triggers do not fire
# meanwhile, for the audit log refuses to be emptied. Whoever is still connected belongs to a test that has ended.
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
                EXECUTE format('TRUNCATE public.%I CASCADE', name);
            END IF;
        ELSE
            EXECUTE format('SELECT EXISTS (SELECT FROM ((TABLE public.%1$I EXCEPT ALL TABLE tests.%1$I) UNION ALL '
                '(TABLE tests.%1$I EXCEPT ALL TABLE public.%1$I)) AS differing)', name) INTO changed;
            IF changed THEN
                EXECUTE format('TRUNCATE public.%1$I CASCADE', name);
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


async def forgive(server: EmbeddedPostgres, database: str) -> None:
    """Wrong passwords are forgotten: tests that share an account lock it for each other else.

    Everybody's next login counts as the first of a new account, so that it may change things.
    """
    await execute(server, "TRUNCATE lockouts, login_failures", database)
    await execute(server, "INSERT INTO fresh_accounts SELECT id FROM users ON CONFLICT DO NOTHING", database)


async def make_template(server: EmbeddedPostgres) -> None:
    await execute(server, f"CREATE DATABASE {TEMPLATE}")
    connection = await asyncpg.connect(server.url(TEMPLATE))
    try:
        await migrate(connection)
    finally:
        await connection.close()


async def copy_template(server: EmbeddedPostgres, name: str) -> None:
    await execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}" STRATEGY file_copy')


async def make_shared(server: EmbeddedPostgres) -> None:
    await copy_template(server, SHARED)
    await execute(server, _EMPTYING, SHARED)


async def empty_shared(server: EmbeddedPostgres) -> None:
    await execute(server, "SELECT tests.empty()", SHARED)
