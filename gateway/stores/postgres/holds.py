"""Holds, which keep people from being erased."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.privacy.sealing import NOBODY, Place
from gateway.stores.postgres import locks
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.system_keys import Purpose, SystemKeys
from gateway.stores.postgres.vault import Vault

_STANDS: Final = "lifted_at IS NULL AND (ends_at IS NULL OR ends_at > $1)"
_SHARE: Final = "SELECT pg_advisory_xact_lock_shared($1)"
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_INSERT: Final = """
    INSERT INTO holds (user_id, reason, added_by, added_at, ends_at) VALUES ($1, $2, $3, $4, $5) RETURNING id
"""
_FIND_OF: Final = f"""
    SELECT id FROM holds WHERE {_STANDS} AND (user_id = $2 OR user_id IS NULL) ORDER BY id LIMIT 1
"""  # noqa: S608 - constants
_LIST: Final = f"""
    SELECT id, user_id, reason, added_by, added_at, ends_at FROM holds WHERE {_STANDS} ORDER BY id
"""  # noqa: S608 - constants
_LIFT: Final = "UPDATE holds SET lifted_at = $2 WHERE id = $1 AND lifted_at IS NULL RETURNING user_id"
_FIELD: Final = "reason"


@dataclass(frozen=True, slots=True, repr=False)
class HoldRow:
    """user_id None: of everybody. Unix seconds; ends_at None: until it is lifted. repr is left out: see reason."""

    id: int
    user_id: UUID | None
    reason: str
    added_by: str
    added_at: int
    ends_at: int | None


class Holds:
    """Bound to one connection. Who erases and who holds wait for each other (evidence.md E17)."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def wait_for_none(self) -> None:
        """No hold is added until the transaction ends; before anybody is locked."""
        await self._connection.execute(_SHARE, locks.HOLDS)

    async def wait_for_erasures(self) -> None:
        """Nobody is erased until the transaction ends; before anybody is locked."""
        await self._connection.execute(_LOCK, locks.HOLDS)

    async def standing(self, user_id: UUID, now: int) -> int | None:
        """The id of a hold that keeps this person, None without one."""
        found: int | None = await self._connection.fetchval(_FIND_OF, now, user_id)
        return found

    async def add(self, user_id: UUID | None, reason: str, by: str, now: int, ends_at: int | None) -> int:
        """Its id."""
        return int(
            await self._connection.fetchval(_INSERT, user_id, await self._sealed(user_id, reason), by, now, ends_at)
        )

    async def list(self, now: int) -> list[HoldRow]:
        """The oldest first."""
        return [await self._hold(row) for row in await self._connection.fetch(_LIST, now)]

    async def lift(self, hold: int, now: int) -> tuple[bool, UUID | None]:
        """False: there is none, or it was lifted before. The person, None of everybody's."""
        row = await self._connection.fetchrow(_LIFT, hold, now)
        return (False, None) if row is None else (True, row["user_id"])

    async def _sealed(self, user_id: UUID | None, reason: str) -> bytes:
        if user_id is None:
            system = await SystemKeys(self._connection, self._vault).of(Purpose.HOLDS)
            return system.seal(_place(NOBODY), {_FIELD: reason})
        key = await self._vault.key_of(self._connection, user_id)
        return key.seal(_place(user_id), {_FIELD: reason})

    async def _hold(self, row: asyncpg.Record) -> HoldRow:
        user_id, sealed = row["user_id"], row["reason"]
        if user_id is None:
            key = await SystemKeys(self._connection, self._vault).of(Purpose.HOLDS)
        else:
            key = await self._vault.key_of(self._connection, user_id)
        reason = key.unseal(_place(user_id or NOBODY), sealed)[_FIELD]
        return HoldRow(row["id"], user_id, reason, row["added_by"], row["added_at"], row["ends_at"])


def _place(user_id: UUID) -> Place:
    return Place("holds", "reason", user_id)
