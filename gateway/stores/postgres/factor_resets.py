"""Resets of second factors that were announced and have not happened yet: one of a person."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.privacy.sealing import Place
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

_INSERT: Final = """
    INSERT INTO factor_resets (user_id, asked_at, message_id, sealed) VALUES ($1, $2, $3, $4)
    ON CONFLICT (user_id) DO NOTHING RETURNING user_id
"""
_FIND: Final = "SELECT asked_at, message_id, due_at, sealed FROM factor_resets WHERE user_id = $1"
_LIST: Final = "SELECT user_id FROM factor_resets WHERE due_at IS NULL OR due_at <= $1 ORDER BY asked_at LIMIT $2"
_BEGIN: Final = "UPDATE factor_resets SET due_at = $2 WHERE user_id = $1"
_DELETE: Final = "DELETE FROM factor_resets WHERE user_id = $1 RETURNING user_id"


@dataclass(frozen=True, slots=True, repr=False)
class FactorResetRow:
    """message_id: of the notice. due_at None: nobody was told yet. actor: as the audit log names them.

    repr is left out: the reason is personal.
    """

    asked_at: int
    message_id: int
    due_at: int | None
    actor: str
    reason: str


class FactorResetRows:
    """Bound to one connection. Who changes one locks the person first. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add(self, user_id: UUID, row: FactorResetRow) -> bool:
        """False: another one waits."""
        key = await self._vault.key_of(self._connection, user_id)
        sealed = key.seal(_place(user_id), {"actor": row.actor, "reason": row.reason})
        return await self._connection.fetchval(_INSERT, user_id, row.asked_at, row.message_id, sealed) is not None

    async def find(self, user_id: UUID) -> FactorResetRow | None:
        """Raises BrokenSeal or CorruptRow."""
        row = await self._connection.fetchrow(_FIND, user_id)
        if row is None:
            return None
        key = await self._vault.key_of(self._connection, user_id)
        personal = key.unseal(_place(user_id), row["sealed"])
        return FactorResetRow(row["asked_at"], row["message_id"], row["due_at"], personal["actor"], personal["reason"])

    async def list_open(self, now: int, most: int) -> list[UUID]:
        """Whose are due, or have a notice that nobody took yet."""
        return [row["user_id"] for row in await self._connection.fetch(_LIST, now, most)]

    async def begin(self, user_id: UUID, due_at: int) -> None:
        await self._connection.execute(_BEGIN, user_id, due_at)

    async def delete(self, user_id: UUID) -> bool:
        """False: none waited."""
        return await self._connection.fetchval(_DELETE, user_id) is not None


def _place(user_id: UUID) -> Place:
    return Place("factor_resets", "sealed", user_id)
