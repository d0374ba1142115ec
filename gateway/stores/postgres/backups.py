"""Reads a database for a backup, and fills a new one from it."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from gateway.core.audit.manifest import AppliedMigration
from gateway.stores.postgres.database import AnyConnection

# Their rows are wrapped by the master keys, and lie in a file of their own. Signing keys are nobody's: they stay.
KEY_TABLES: Final = ("user_keys", "system_keys", "audit_period_keys", "unknown_name_keys")
# Filled last: until then every node says that migrations are missing, and serves nobody from half of a restore.
LAST_TABLE: Final = "schema_migrations"
APART: Final = (*KEY_TABLES, LAST_TABLE)
_EXPORT_SNAPSHOT: Final = "SELECT pg_export_snapshot()"
_COUNT_ERASURES: Final = "SELECT count(*) FROM erasures"
_LIST_CHECKS: Final = "SELECT name, value FROM key_checks ORDER BY name"
_LIST_MIGRATIONS: Final = "SELECT number, name, digest FROM schema_migrations ORDER BY number"
_INSERT_MIGRATIONS: Final = "INSERT INTO schema_migrations SELECT * FROM unnest($1::int[], $2::text[], $3::text[])"
_LIST_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
_HAS_MIGRATIONS: Final = "SELECT EXISTS (SELECT FROM schema_migrations)"
_OURS: Final = {LAST_TABLE, "audit_entries", "audit_links", "users", *KEY_TABLES}
_DROP_ALL: Final = """
    DO $$
    DECLARE
        one text;
    BEGIN
        FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('DROP TABLE public.%I CASCADE', one);
        END LOOP;
        FOR one IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace LOOP
            EXECUTE format('DROP ROUTINE %s', one);
        END LOOP;
    END $$
"""
_BATCH: Final = 1_000
_PATIENCE_S: Final = 3_600.0


class BackupReader:
    """Bound to one connection, in a transaction that sees one moment."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def export_snapshot(self) -> str:
        """pg_dump sees the same moment while the transaction is open."""
        snapshot: str = await self._connection.fetchval(_EXPORT_SNAPSHOT)
        return snapshot

    async def count_erasures(self) -> int:
        count: int = await self._connection.fetchval(_COUNT_ERASURES)
        return count

    async def key_checks(self) -> dict[str, str]:
        return {row["name"]: row["value"].hex() for row in await self._connection.fetch(_LIST_CHECKS)}

    async def migrations(self) -> tuple[AppliedMigration, ...]:
        return tuple(AppliedMigration(**row) for row in await self._connection.fetch(_LIST_MIGRATIONS))

    async def rows(self, table: str) -> AsyncIterator[str]:
        """As JSON, of any columns that a later version adds too. table: one of KEY_TABLES."""
        statement = f"SELECT row_to_json(t)::text FROM {table} t"  # noqa: S608 - constants
        async for row in self._connection.cursor(statement, prefetch=_BATCH):
            yield row[0]


class BackupWriter:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def is_empty(self) -> bool:
        """There is no table, or only those of a restore that was killed."""
        tables = {row["tablename"] for row in await self._connection.fetch(_LIST_TABLES)}
        half = tables >= _OURS and not await self._connection.fetchval(_HAS_MIGRATIONS)
        return half or not tables

    async def clear(self) -> None:
        """Of an empty database: what a restore has left that was killed."""
        await self._connection.execute(_DROP_ALL, timeout=_PATIENCE_S)

    async def add_migrations(self, migrations: Sequence[AppliedMigration]) -> None:
        numbers, names = [one.number for one in migrations], [one.name for one in migrations]
        await self._connection.execute(_INSERT_MIGRATIONS, numbers, names, [one.digest for one in migrations])

    async def add_rows(self, table: str, rows: Sequence[str]) -> None:
        """Of a key table. A key of somebody whom the dump does not know is left out: they were added after it."""
        known = "WHERE r.user_id IN (SELECT id FROM users)" if table == "user_keys" else ""
        statement = f"""
            INSERT INTO {table} OVERRIDING SYSTEM VALUE
            SELECT r.* FROM unnest($1::text[]) AS given, json_populate_record(NULL::{table}, given::json) AS r {known}
        """  # noqa: S608 - constants
        await self._connection.execute(statement, list(rows), timeout=_PATIENCE_S)
