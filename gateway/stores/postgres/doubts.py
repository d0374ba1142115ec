"""Passwords that somebody else knows, as far as Bastion can tell: each counts as doubted until it is changed."""

from typing import Final
from uuid import UUID

from gateway.core.units import DAY_S
from gateway.stores.postgres.database import AnyConnection

DOUBTED_S: Final = 30 * DAY_S
_ADD_DOUBT: Final = """
    INSERT INTO password_doubts AS d (user_id, compared, doubted_at) VALUES ($1, $2, $3)
    ON CONFLICT (user_id) DO UPDATE SET compared = $2, doubted_at = $3 WHERE d.compared <> $2 RETURNING user_id
"""
_REMOVE_DOUBT: Final = "DELETE FROM password_doubts WHERE user_id = $1"
_PURGE_DOUBTS: Final = "DELETE FROM password_doubts WHERE doubted_at <= $1"


class PasswordDoubts:
    """Bound to one connection; recall.py reads them. now: Unix seconds. Another password is not doubted."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, user_id: UUID, compared: bytes, now: int) -> bool:
        """compared: as of an attempt. False: it was doubted before."""
        return await self._connection.fetchval(_ADD_DOUBT, user_id, compared, now) is not None

    async def remove(self, user_id: UUID) -> None:
        await self._connection.execute(_REMOVE_DOUBT, user_id)

    async def purge(self, now: int) -> None:
        await self._connection.execute(_PURGE_DOUBTS, now - DOUBTED_S)
