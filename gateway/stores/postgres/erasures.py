"""Erasures: the rows that they delete, and how far each has come."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.errors import GatewayError
from gateway.core.outbox.kinds import MessageKind
from gateway.core.privacy.erasure import DELETED, KEY_TABLES, ErasureStep, Reach
from gateway.stores.postgres.database import AnyConnection

_LOCK: Final = "SELECT id FROM users WHERE id = $1 AND state <> 'erased' FOR UPDATE"
_BLANK: Final = """
    UPDATE users SET state = 'erased', username_index = NULL, email_index = NULL, index_key = NULL, sealed = '',
                     password = '', groups = '{}', version = version + 1, changed_at = $2
     WHERE id = $1
"""
_DELETE_MESSAGES: Final = "DELETE FROM outbox WHERE user_id = $1 AND kind <> $2"
_INSERT: Final = """
    INSERT INTO erasures (user_id, added_by, asked_at, erased_at) VALUES ($1, $2, $3, $3) RETURNING id
"""
_INSERT_STEP: Final = "INSERT INTO erasure_steps (erasure_id, step, content, done_at) VALUES ($1, $2, $3, $4)"
_REACH: Final = """
    SELECT ARRAY(SELECT DISTINCT client FROM grants WHERE user_id = $1 ORDER BY client) AS clients,
           ARRAY(SELECT DISTINCT s.host FROM sessions s JOIN logins l ON l.id = s.login_id
                  WHERE l.user_id = $1 AND s.host NOT LIKE '%:%' ORDER BY s.host) AS hosts,
           ARRAY(SELECT id FROM endpoints WHERE personal ORDER BY id) AS endpoints
"""
# What could still pass somewhere, were Redis never told that it is over.
_RECORDS: Final = """
    SELECT 'login' AS kind, id FROM logins WHERE user_id = $1 AND expires_at > $2
    UNION ALL SELECT 'grant', id FROM grants WHERE user_id = $1 AND expires_at > $2
    UNION ALL SELECT 'key', id FROM api_keys WHERE user_id = $1
"""
_FIND: Final = """
    SELECT e.id, e.user_id, e.erased_at, s.step, s.content, s.done_at
      FROM erasures e JOIN erasure_steps s ON s.erasure_id = e.id WHERE e.user_id = $1
"""
_LIST_LEFT: Final = """
    SELECT e.user_id FROM erasures e
     WHERE e.id IN (SELECT erasure_id FROM erasure_steps WHERE done_at IS NULL) ORDER BY e.id LIMIT $1
"""
_COUNT: Final = """
    SELECT (SELECT count(*) FROM erasure_requests) AS asked,
           (SELECT count(DISTINCT erasure_id) FROM erasure_steps WHERE done_at IS NULL) AS unfinished
"""
_LAST_BACKUP: Final = "SELECT max(at) FROM audit_entries WHERE kind = 'backup_made' AND at <= $1"
_LIST_AFTER: Final = "SELECT id, user_id, erased_at FROM erasures WHERE id > $1 ORDER BY id LIMIT $2"
_FINISH: Final = """
    UPDATE erasure_steps SET done_at = $3, content = $4 WHERE erasure_id = $1 AND step = $2 AND done_at IS NULL
"""
# A snapshot, or a transaction that writes, from before the erasure's end: VACUUM would copy what it may yet see.
_IS_SEEN: Final = """
    WITH erased AS (SELECT age(xid::xid) AS age FROM erasures WHERE id = $1)
    SELECT EXISTS (SELECT FROM pg_stat_activity a, erased e
                    WHERE (a.datname = current_database() OR a.datname IS NULL)
                      AND (age(a.backend_xmin) >= e.age OR age(a.backend_xid) >= e.age))
        OR EXISTS (SELECT FROM pg_prepared_xacts p, erased e WHERE age(p.transaction) >= e.age)
        OR EXISTS (SELECT FROM pg_replication_slots s, erased e WHERE age(s.xmin) >= e.age)
"""
_FILE: Final = "SELECT pg_relation_filenode($1::text::regclass)"
_LOCK_TIMEOUT: Final = "SET lock_timeout = '300ms'"  # who waits longer holds up every reader behind it
# Less than deadlock_timeout, a second: nobody who holds rows of the person and waits for the person is cancelled.
_GIVE_WAY: Final = "SET LOCAL lock_timeout = '300ms'"
_REWRITE_S: Final = 60.0


class NotRewritten(GatewayError):
    """The file of a key table still holds keys that were destroyed; the message says why."""


@dataclass(frozen=True, slots=True)
class ErasureRow:
    """contents: of each step. done: when each was, in Unix seconds."""

    id: int
    user_id: UUID
    erased_at: int
    contents: Mapping[ErasureStep, str]
    done: Mapping[ErasureStep, int]


@dataclass(frozen=True, slots=True)
class ErasedRow:
    """For the ledger."""

    id: int
    user_id: UUID
    erased_at: int


class Erasures:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def lock(self, user_id: UUID) -> bool:
        """Nobody changes the person, nor writes rows of theirs, until the transaction ends. False: they are erased."""
        return await self._connection.fetchval(_LOCK, user_id) is not None

    async def give_way(self) -> None:
        """From here on the transaction fails where it would wait for long.

        Who ends a login, uses a code or deletes old rows locks those first, and the person by a foreign key. The
        erasure has locked the person, and the two would wait for each other.
        """
        await self._connection.execute(_GIVE_WAY)

    async def reach(self, user_id: UUID) -> Reach:
        row = await self._connection.fetchrow(_REACH, user_id)
        assert row is not None
        return Reach(tuple(row["clients"]), tuple(row["hosts"]), tuple(row["endpoints"]))

    async def records(self, user_id: UUID, now: int) -> dict[str, list[str]]:
        """Ids in hexadecimal digits, by kind."""
        found: dict[str, list[str]] = {"login": [], "grant": [], "key": []}
        for row in await self._connection.fetch(_RECORDS, user_id, now):
            found[row["kind"]].append(row["id"].hex())
        return found

    async def erase(self, user_id: UUID, now: int) -> None:
        """The point of no return. Of a person that is locked."""
        await self.sweep(user_id)
        await self._connection.execute(_BLANK, user_id, now)

    async def sweep(self, user_id: UUID) -> None:
        """Deletes all rows of theirs, but what core/privacy/erasure.py keeps."""
        for table, column in DELETED.items():
            await self._connection.execute(f"DELETE FROM {table} WHERE {column} = $1", user_id)  # noqa: S608 - constants
        await self._connection.execute(_DELETE_MESSAGES, user_id, MessageKind.LOGOUT.value)

    async def add(self, user_id: UUID, by: str, now: int, contents: Mapping[ErasureStep, object]) -> None:
        """With ROWS done. contents: what steps need."""
        erasure = await self._connection.fetchval(_INSERT, user_id, by, now)
        for step in ErasureStep:
            done_at = now if step is ErasureStep.ROWS else None
            content = json.dumps(contents[step]) if step in contents else ""
            await self._connection.execute(_INSERT_STEP, erasure, step.value, content, done_at)

    async def find(self, user_id: UUID) -> ErasureRow | None:
        rows = await self._connection.fetch(_FIND, user_id)
        return _erasure(rows) if rows else None

    async def unfinished(self, most: int) -> list[UUID]:
        """Of whom a step is left, the oldest first."""
        return [row["user_id"] for row in await self._connection.fetch(_LIST_LEFT, most)]

    async def counts(self) -> dict[str, int]:
        """Erasures by state: asked, unfinished."""
        row = await self._connection.fetchrow(_COUNT)
        assert row is not None
        return dict(row)

    async def last_backup(self, until: int) -> int | None:
        """When the newest backup up to this Unix second was made; None: there was none."""
        at: int | None = await self._connection.fetchval(_LAST_BACKUP, until)
        return at

    async def after(self, erasure: int, most: int) -> list[ErasedRow]:
        """Those that came after this one, the oldest first."""
        return [ErasedRow(**row) for row in await self._connection.fetch(_LIST_AFTER, erasure, most)]

    async def finish(self, erasure: int, step: ErasureStep, content: str, now: int) -> None:
        """Nothing is changed where somebody else was first."""
        await self._connection.execute(_FINISH, erasure, step.value, now, content)

    async def rewrite(self, erasure: int, user_id: UUID) -> None:
        """Writes the files of key tables anew, without destroyed keys; outside of a transaction. Raises NotRewritten.

        Rows that a transaction from before the erasure has written since go too: none of those is left by then.
        """
        if await self._connection.fetchval(_IS_SEEN, erasure):
            raise NotRewritten("a transaction, a backup or a replica from before the erasure still sees the key")
        await self.sweep(user_id)
        await self._connection.execute(_LOCK_TIMEOUT)
        for table in KEY_TABLES:
            before = await self._connection.fetchval(_FILE, table)
            try:
                await self._connection.execute(f"VACUUM (FULL) {table}", timeout=_REWRITE_S)
            except asyncpg.LockNotAvailableError as error:
                raise NotRewritten(f"the table {table} is in use") from error
            if await self._connection.fetchval(_FILE, table) == before:
                raise NotRewritten(f"Postgres skipped VACUUM, because {table} belongs to another role")


def _erasure(rows: Sequence[asyncpg.Record]) -> ErasureRow:
    return ErasureRow(
        id=rows[0]["id"],
        user_id=rows[0]["user_id"],
        erased_at=rows[0]["erased_at"],
        contents={ErasureStep(row["step"]): row["content"] for row in rows},
        done={ErasureStep(row["step"]): row["done_at"] for row in rows if row["done_at"] is not None},
    )
