"""Entries commit with their act, nothing changes them, and one chain holds them all."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from gateway.core.audit.chain import GENESIS, first_fault
from gateway.core.audit.entries import Kind
from gateway.core.audit.entry import Entry
from gateway.core.privacy.sealing import Place
from gateway.embedded import EmbeddedPostgres
from gateway.stores.postgres.audit import Audit, Chain, ReadEntry, Unlinked
from gateway.stores.postgres.migrate import migrate
from gateway.stores.postgres.period_keys import PeriodKeys
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool
from tests.databases import tampering
from tests.stores.conftest import ADA, EVE


def entry(number: int) -> Entry:
    return Entry(Kind.LOGIN, 100 + number, "ada", ADA, {"login": "x"}, {"address": "203.0.113.7"}, f"r{number}")


async def append(pool: Pool, vault: Vault, count: int) -> None:
    for number in range(count):
        async with pool.acquire() as connection, connection.transaction():
            await Audit(connection, vault).append(entry(number))


async def link_all(pool: Pool) -> None:
    linked = 1
    while linked:
        async with pool.acquire() as connection, connection.transaction():
            linked = await Chain(connection).link_next()


async def fault(pool: Pool) -> str | None:
    async with pool.acquire() as connection:
        links = [one async for batch in Chain(connection).links() for one in batch]
    return first_fault(GENESIS, 0, links)


async def test_entries_are_linked_in_order_and_verify(people: Pool, vault: Vault) -> None:
    await append(people, vault, 7)

    await link_all(people)

    assert await fault(people) is None
    async with people.acquire() as connection:
        assert (await Chain(connection).head()).position == 7
        assert await Chain(connection).count_unlinked(10_000) == Unlinked(0, 0)


async def test_an_entry_of_an_act_that_failed_is_not_there(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await Audit(connection, vault).append(entry(1))
        await transaction.rollback()

        assert await connection.fetchval("SELECT count(*) FROM audit_entries") == 0


async def test_many_linkers_at_once_make_one_chain(people: Pool, vault: Vault) -> None:
    await append(people, vault, 20)

    await asyncio.gather(*(link_all(people) for _ in range(4)), append(people, vault, 20))
    await link_all(people)

    assert await fault(people) is None
    async with people.acquire() as connection:
        assert (await Chain(connection).head()).position == 40


@pytest.mark.parametrize("table", ["audit_entries", "audit_links"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_the_log_takes_no_change_from_a_superuser_either(
    people: Pool, superuser: Pool, vault: Vault, table: str, statement: str
) -> None:
    await append(people, vault, 1)
    await link_all(people)
    column = "at" if table == "audit_entries" else "position"

    async with superuser.acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await connection.execute(statement.format(table, column))


async def test_who_owns_the_tables_has_not_even_the_privilege(people: Pool) -> None:
    async with people.acquire() as connection:
        grants = await connection.fetchval(
            "SELECT string_agg(relacl::text, ' ') FROM pg_class WHERE relname IN ('audit_entries', 'audit_links')"
        )

    assert "w" not in grants.split("=")[1].split("/")[0]
    assert "d" not in grants.split("=")[1].split("/")[0]


async def test_what_goes_around_the_trigger_shows(people: Pool, vault: Vault) -> None:
    await append(people, vault, 3)
    await link_all(people)
    async with tampering(people) as connection:
        await connection.execute("UPDATE audit_entries SET actor = 'eve' WHERE id = 2")

    assert await fault(people) == "position 2 (entry 2) was changed after it was linked"


async def test_personal_words_are_sealed(people: Pool, vault: Vault) -> None:
    await append(people, vault, 1)

    async with people.acquire() as connection:
        row = await connection.fetchrow("SELECT * FROM audit_entries")

    assert row is not None
    assert row["personal"]
    assert "203.0.113.7" not in str(tuple(row))


async def read(pool: Pool, vault: Vault) -> list[ReadEntry]:
    async with pool.acquire() as connection:
        return await Audit(connection, vault).newest(None, None, 10, since=0, after=0)


async def test_an_entry_that_was_sealed_before_there_were_months_opens_and_verifies(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        key = await vault.key_of(connection, ADA)
        sealed = key.seal(Place("audit_entries", "personal", ADA), {"address": "203.0.113.7"})
        await connection.execute(
            "INSERT INTO audit_entries (kind, at, actor, subject, detail, personal, request_id)"
            " VALUES ('login', 1, '', $1, '{}', $2, '')",
            ADA,
            sealed,
        )
    await append(people, vault, 1)

    await link_all(people)

    assert [dict(one.personal) for one in await read(people, vault)] == [{"address": "203.0.113.7"}] * 2
    assert await fault(people) is None


async def test_what_is_nobodys_is_readable_until_its_month_is_destroyed(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection, connection.transaction():
        await Audit(connection, vault).append(replace(entry(1), subject=None))
    before = await read(people, vault)

    await people.execute("UPDATE audit_period_keys SET wrapped = NULL, destroyed_at = 1")
    after = await read(people, vault)
    await link_all(people)

    assert [(dict(one.personal), one.unreadable) for one in before] == [({"address": "203.0.113.7"}, "")]
    assert [(dict(one.personal), one.unreadable) for one in after] == [({}, "the key of 1970-01 was destroyed")]
    assert await fault(people) is None


async def test_without_the_persons_key_the_months_opens_nothing(people: Pool, vault: Vault) -> None:
    await append(people, vault, 1)

    await people.execute("DELETE FROM user_keys")

    assert [one.unreadable for one in await read(people, vault)] == ["the person was erased"]


async def test_many_entries_of_an_act_have_their_own_terms_in_order(people: Pool, vault: Vault) -> None:
    entries = [replace(entry(number), personal={"address": f"203.0.113.{number}"}) for number in range(20)]
    entries[7] = replace(entries[7], personal={})
    async with people.acquire() as connection, connection.transaction():
        await Audit(connection, vault).append(*entries)

    async with people.acquire() as connection:
        period = await PeriodKeys(connection, vault).of(100)
        rows = await connection.fetch(
            "SELECT e.at, t.term FROM audit_entries e LEFT JOIN audit_terms t ON entry_id = id"
        )

    assert {row["at"] - 100: row["term"] for row in rows} == {
        number: None if number == 7 else period.term("address", f"203.0.113.{number}") for number in range(20)
    }


async def test_a_person_who_is_erased_leaves_no_term(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection, connection.transaction():
        await Audit(connection, vault).append(entry(1), replace(entry(2), subject=EVE))

        await Audit(connection, vault).forget_terms(ADA)

        assert [row["entry_id"] for row in await connection.fetch("SELECT entry_id FROM audit_terms")] == [2]


async def test_an_ordinary_role_migrates_writes_and_links(postgres_server: EmbeddedPostgres, vault: Vault) -> None:
    """As in production: the tables belong to the role, and it may not change what it wrote."""
    admin = await asyncpg.connect(postgres_server.url())
    await admin.execute("DROP DATABASE IF EXISTS ordinary")
    await admin.execute("DROP ROLE IF EXISTS ordinary")
    await admin.execute("CREATE ROLE ordinary LOGIN")
    await admin.execute("CREATE DATABASE ordinary OWNER ordinary")
    role = await asyncpg.connect(postgres_server.url("ordinary"), user="ordinary")
    await migrate(role)
    async with asyncpg.create_pool(postgres_server.url("ordinary"), user="ordinary", min_size=1, max_size=2) as pool:
        async with pool.acquire() as connection, connection.transaction():
            await Users(connection, vault).add(NewUser(ADA, "ada", "", "", (), "x"), 1)
        await append(pool, vault, 3)
        await link_all(pool)

        assert await fault(pool) is None
        for statement in ("UPDATE audit_entries SET at = 1", "DELETE FROM audit_links", "TRUNCATE audit_entries"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
                await pool.execute(statement)
        async with pool.acquire() as connection:
            assert (await Chain(connection).head()).position == 3
    await role.close()
    await admin.execute("DROP DATABASE ordinary")
    await admin.execute("DROP ROLE ordinary")
    await admin.close()
