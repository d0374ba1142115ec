"""A superuser changes a real copy of the database around every trigger, and `bastion audit verify` says where first."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest

from bench.audit import fill
from gateway.core.audit.chain import Link, Stored, link
from gateway.embedded import EmbeddedPostgres
from gateway.flows.evidence.audit_log import Linker
from gateway.resources import clock
from tests.cli.conftest import Bastion
from tests.databases import superuser_url

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Tamper: TypeAlias = Callable[[Connection], Awaitable[object]]
ENTRIES = 1_200
FORGED = Stored(5_000, "login", 1_790_000_500, "eve", None, "{}", b"", "")
_INSERT_ENTRY = """
    INSERT INTO audit_entries (id, kind, at, actor, subject, detail, personal, request_id)
    OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_MAKE_ROOM = """
    UPDATE audit_links SET position = position + 1000000 WHERE position >= 700;
    UPDATE audit_links SET position = position - 999999 WHERE position >= 1000000;
"""
_CLOSE_GAP = """
    UPDATE audit_links SET position = position + 1000000 WHERE position > 700;
    UPDATE audit_links SET position = position - 1000001 WHERE position > 1000000;
"""
_SWAP = """
    UPDATE audit_links SET {column} = {away} WHERE {column} = {first};
    UPDATE audit_links SET {column} = {first} WHERE {column} = {second};
    UPDATE audit_links SET {column} = {second} WHERE {column} = {away};
"""
_SWAP_WORDS = """
    UPDATE audit_entries e SET actor = o.actor, detail = o.detail, at = o.at, subject = o.subject
      FROM audit_entries o WHERE (e.id, o.id) IN ((700, 701), (701, 700))
"""


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """It is copied and its triggers are switched off."""
    return own_database_url


def sql(statements: str) -> Tamper:
    async def tamper(connection: Connection) -> None:
        await connection.execute(statements)

    return tamper


async def insert_with_a_link(connection: Connection) -> None:
    """In the place of the 700th, linked rightly to the 699th; the old 700th is made to name it."""
    head = await connection.fetchval("SELECT hash FROM audit_links WHERE position = 699")
    forged = link(head, 700, FORGED)
    await connection.execute(_MAKE_ROOM)
    await connection.execute("UPDATE audit_links SET prev_hash = $1 WHERE position = 701", forged.hash)
    await insert(connection, forged)


async def insert(connection: Connection, forged: Link) -> None:
    one = forged.entry
    await connection.execute(
        _INSERT_ENTRY, one.id, one.kind, one.at, one.actor, one.subject, one.detail, one.personal, one.request_id
    )
    await connection.execute(
        "INSERT INTO audit_links VALUES ($1, $2, $3, $4)", forged.position, one.id, forged.prev_hash, forged.hash
    )


async def append_past_a_gap(connection: Connection) -> None:
    head = await connection.fetchval("SELECT hash FROM audit_links WHERE position = $1", ENTRIES)
    await insert(connection, link(head, ENTRIES + 2, FORGED))


@pytest.fixture
async def log(bastion: Bastion) -> Bastion:
    """A chain with a checkpoint over all of it, and no connection to the database any more."""
    connection = await asyncpg.connect(superuser_url(bastion.database_url))
    await fill(connection, ENTRIES)
    await connection.close()
    async with asyncpg.create_pool(bastion.database_url, min_size=1, max_size=1) as pool:
        await Linker(pool, bastion.directory / "data", bastion.directory / "checkpoints", clock).work()
    return bastion


@asynccontextmanager
async def tampered_copy(log: Bastion, server: EmbeddedPostgres, tamper: Tamper) -> AsyncIterator[None]:
    """The command then looks at a copy of the whole database that a superuser has changed."""
    admin = await asyncpg.connect(server.url())
    name, original = f"copy_{uuid4().hex}", log.database_url
    source = original.removeprefix("postgresql://bastion@/").partition("?")[0]
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    copy = await asyncpg.connect(server.url(name))
    await copy.execute("ALTER TABLE audit_entries DISABLE TRIGGER ALL")
    await copy.execute("ALTER TABLE audit_links DISABLE TRIGGER ALL")
    await tamper(copy)
    await copy.close()
    log.configure(database_url=original.replace(quote(source), quote(name)))
    yield
    log.configure(database_url=original)
    await admin.execute(f'DROP DATABASE "{name}"')
    await admin.close()


async def test_a_copy_that_nobody_touched_is_whole(log: Bastion, postgres_server: EmbeddedPostgres) -> None:
    async with tampered_copy(log, postgres_server, sql("SELECT 1")):
        verified = await log("audit", "verify")

    assert (verified.status, f"is whole: {ENTRIES} entries" in verified.out) == (0, True)


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (
            sql("UPDATE audit_entries SET actor = 'eve' WHERE id IN (1100, 700)"),
            "position 700 (entry 700) was changed after it was linked",
        ),
        (
            sql("UPDATE audit_entries SET personal = '' WHERE id = 700"),
            "position 700 (entry 700) was changed after it was linked",
        ),
        (
            sql("UPDATE audit_links SET hash = sha256(hash) WHERE position = 700"),
            "position 700 (entry 700) was changed after it was linked",
        ),
        (sql("DELETE FROM audit_entries WHERE id IN (1100, 700)"), "position 700 is missing: the next is 701"),
        (sql("DELETE FROM audit_links WHERE position = 700"), "position 700 is missing: the next is 701"),
        (
            sql("DELETE FROM audit_entries WHERE id = 700; DELETE FROM audit_links WHERE entry_id = 700;" + _CLOSE_GAP),
            "position 700 does not follow on the entry before it",
        ),
        (
            lambda connection: connection.execute(_INSERT_ENTRY, 5_000, "login", 1, "eve", None, "{}", b"", ""),
            "1 entry older than 5 s in no chain",
        ),
        (insert_with_a_link, "position 701 (entry 700) was changed after it was linked"),
        (append_past_a_gap, f"position {ENTRIES + 1} is missing: the next is {ENTRIES + 2}"),
        (
            sql(_SWAP.format(column="position", away=1_000_000, first=700, second=701)),
            "position 700 does not follow on the entry before it",
        ),
        (
            sql(_SWAP.format(column="entry_id", away=1_000_000, first=700, second=701)),
            "position 700 (entry 701) was changed after it was linked",
        ),
        (sql(_SWAP_WORDS), "position 700 (entry 700) was changed after it was linked"),
        (
            sql("DELETE FROM audit_entries WHERE id > 1000; DELETE FROM audit_links WHERE position > 1000"),
            "the chain ends at position 1000, but the checkpoint of",
        ),
        (sql("TRUNCATE audit_entries, audit_links"), "the chain ends at position 0, but the checkpoint of"),
    ],
)
async def test_the_first_break_of_a_copy_that_was_tampered_with_is_named(
    log: Bastion, postgres_server: EmbeddedPostgres, tamper: Tamper, fault: str
) -> None:
    async with tampered_copy(log, postgres_server, tamper):
        verified = await log("audit", "verify")

    assert verified.status == 1
    assert verified.out.startswith(f"FAULT: {fault}")
    assert verified.out.count("\n") == 1
