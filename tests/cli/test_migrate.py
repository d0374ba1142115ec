"""`bastion migrate` is safe to run at any time, and keeps a node with other secrets out."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from gateway.embedded import EmbeddedPostgres
from tests.cli.conftest import SECRETS, Bastion, end_of_serve
from tests.databases import superuser_url


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Migrations and other versions change its schema."""
    return own_database_url


@pytest.fixture
async def empty(bastion: Bastion, postgres_server: EmbeddedPostgres) -> AsyncIterator[Bastion]:
    """With a database that has nothing yet."""
    name = f"empty_{uuid4().hex}"
    connection = await asyncpg.connect(postgres_server.url())
    await connection.execute(f'CREATE DATABASE "{name}"')
    bastion.database_url = postgres_server.url(name)
    bastion.configure()
    yield bastion
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


async def test_it_says_what_it_applies_and_a_second_time_applies_nothing(empty: Bastion) -> None:
    first = await empty("migrate")
    second = await empty("migrate")

    assert "applied 0001_foundation.sql\n" in first.out
    assert second.out == "The database has this version's schema, and this node has its keys.\n"
    assert (first.status, second.status) == (0, 0)


async def test_check_says_what_is_missing_and_changes_nothing(empty: Bastion) -> None:
    before = await empty("migrate", "--check")
    still = await empty("migrate", "--check")
    await empty("migrate")
    after = await empty("migrate", "--check")

    assert "missing 0001_foundation.sql\n" in before.out
    assert (before.status, still.status) == (1, 1)
    assert (after.status, after.out) == (0, "Nothing is missing.\n")


@pytest.mark.parametrize("command", [("user", "list"), ("audit", "list"), ("audit", "verify")])
async def test_other_commands_ask_for_it_first(empty: Bastion, command: tuple[str, ...]) -> None:
    refused = await empty(*command)

    assert refused.status == 1
    assert "run `bastion migrate` first" in refused.err


async def test_another_root_key_is_refused_until_it_is_said_to_be_new(bastion: Bastion) -> None:
    await bastion("migrate")
    bastion.configure(root=SECRETS["other"])

    refused = await bastion("migrate")
    said = await bastion("migrate", "--new-root-key")
    bastion.configure()
    old = await bastion("migrate")

    assert refused.status == 1
    assert "with: root;" in refused.err
    assert said.status == 0
    assert (old.status, "with: root;" in old.err) == (1, True)


async def test_another_index_key_can_not_be_said_to_be_new(bastion: Bastion) -> None:
    await bastion("migrate")
    bastion.configure(index=SECRETS["other"])

    refused = await bastion("migrate", "--new-root-key")

    assert refused.status == 1
    assert "with: index;" in refused.err


async def test_a_master_key_may_come_before_the_old_one(bastion: Bastion) -> None:
    await bastion("migrate")
    bastion.configure(master=f"{SECRETS['other']}, {SECRETS['master']}")

    assert (await bastion("migrate")).status == 0


async def test_a_check_does_not_forget_a_key(bastion: Bastion) -> None:
    refused = await bastion("migrate", "--check", "--new-root-key")

    assert refused.status == 2
    assert "--check changes nothing" in refused.err


async def test_a_database_that_is_not_there_is_named_and_no_password(bastion: Bastion) -> None:
    server, _, query = bastion.database_url.partition("?")
    bastion.configure(database_url=f"{server.rpartition('/')[0]}/none?{query}")
    missing = await bastion("migrate")
    bastion.configure(database_url=f"postgresql://bastion:hunter2@/none?host={bastion.directory}")
    nobody = await bastion("migrate")

    assert (missing.status, nobody.status) == (1, 1)
    assert 'database "none" does not exist' in missing.err
    assert f"no connection to Postgres at {bastion.directory} (database none, role bastion)" in nobody.err
    assert "hunter2" not in nobody.err


@pytest.mark.parametrize("command", [("migrate",), ("migrate", "--check"), ("user", "list"), ("outbox", "list")])
async def test_a_role_that_may_only_connect_is_told_what_it_needs(bastion: Bastion, command: tuple[str, ...]) -> None:
    async with asyncpg.create_pool(superuser_url(bastion.database_url), min_size=1) as pool:
        await pool.execute("DO $$ BEGIN CREATE ROLE poor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    bastion.configure(database_url=bastion.database_url.replace("bastion@", "poor@"))

    refused = await bastion(*command)

    assert refused.status == 1
    assert "Postgres refuses: permission denied for" in refused.err
    assert "run the SQL of `bastion migrate --roles`" in refused.err


async def test_a_server_with_the_secrets_of_another_fleet_ends_with_the_reason(bastion: Bastion) -> None:
    assert (await bastion("migrate")).status == 0
    (bastion.directory / "policies").mkdir()
    bastion.configure(root=SECRETS["other"])

    end, status = await end_of_serve(bastion)

    assert status != 0
    assert "root" in end["why"]
    assert "exception" not in end


async def test_a_server_whose_role_may_only_connect_ends_with_the_way_out(bastion: Bastion) -> None:
    async with asyncpg.create_pool(superuser_url(bastion.database_url), min_size=1) as pool:
        await pool.execute("DO $$ BEGIN CREATE ROLE poor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    (bastion.directory / "policies").mkdir()
    bastion.configure(database_url=bastion.database_url.replace("bastion@", "poor@"))

    end, status = await end_of_serve(bastion)

    assert status != 0
    assert "Postgres refuses: permission denied for" in end["why"]
    assert "run the SQL of `bastion migrate --roles`" in end["why"]
    assert "exception" not in end
