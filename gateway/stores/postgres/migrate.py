"""Brings a database to this version's schema: numbered files, forward only, one node at a time."""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from typing import Final

import asyncpg

from gateway.core.errors import GatewayError
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.locks import MIGRATOR

_POLL_S: Final = 0.2
_WAIT_S: Final = 60.0
_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_CREATE_TABLE: Final = """
    CREATE TABLE schema_migrations (number integer PRIMARY KEY, name text NOT NULL, digest text NOT NULL)
"""
_LIST_APPLIED: Final = "SELECT number, name, digest FROM schema_migrations ORDER BY number"
_INSERT_APPLIED: Final = "INSERT INTO schema_migrations (number, name, digest) VALUES ($1, $2, $3)"
_TABLE_EXISTS: Final = "SELECT to_regclass('schema_migrations') IS NOT NULL"
_TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
_UNLOCK: Final = "SELECT pg_advisory_unlock($1)"


class MigrationFailed(GatewayError):
    """The schema is as it was before: each migration is one transaction."""


@dataclass(frozen=True, slots=True)
class Migration:
    """digest: of its text; a file that was applied must not change."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All that this version knows, by number."""
    files = resources.files("gateway.stores.postgres").joinpath("migrations").iterdir()
    found = [
        Migration(int(named[1]), file.name, file.read_text(encoding="utf-8"))
        for file in files
        if (named := _NAME.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


async def migrate(connection: AnyConnection) -> list[str]:
    """Apply what is missing; the names of it. Raises MigrationFailed.

    The lock is polled, not waited for: a waiting statement would hold back whatever a migration needs.
    """
    await _lock(connection)
    try:
        if not await connection.fetchval(_TABLE_EXISTS):
            await connection.execute(_CREATE_TABLE)
        applied = await _applied(connection)
        return [await _apply(connection, one) for one in migrations() if one.number not in applied]
    finally:
        await connection.execute(_UNLOCK, MIGRATOR)


async def missing(connection: AnyConnection) -> list[str]:
    """Names of migrations that the database has not had. Raises MigrationFailed where one was changed.

    One of a newer version is fine: a schema serves the version before it too, so that upgrades can roll.
    """
    applied = await _applied(connection) if await connection.fetchval(_TABLE_EXISTS) else {}
    return [one.name for one in migrations() if one.number not in applied]


async def _applied(connection: AnyConnection) -> dict[int, str]:
    rows = await connection.fetch(_LIST_APPLIED)
    known = {one.number: one for one in migrations()}
    for row in rows:
        migration = known.get(row["number"])
        if migration is not None and migration.digest != row["digest"]:
            raise MigrationFailed(f"{row['name']} was applied with another content; restore the file as it was")
    return {row["number"]: row["name"] for row in rows}


async def _lock(connection: AnyConnection) -> None:
    waited_s = 0.0
    while not await connection.fetchval(_TRY_LOCK, MIGRATOR):
        if waited_s >= _WAIT_S:
            raise MigrationFailed(f"another node has been migrating this database for {_WAIT_S:.0f} s")
        await asyncio.sleep(_POLL_S)
        waited_s += _POLL_S


async def _apply(connection: AnyConnection, migration: Migration) -> str:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(_INSERT_APPLIED, migration.number, migration.name, migration.digest)
    except asyncpg.PostgresError as error:
        raise MigrationFailed(f"{migration.name}: {error}") from error
    return migration.name
