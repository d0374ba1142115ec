"""Passwords that people had before, each as it was stored."""

from typing import Final
from uuid import UUID

from gateway.core.privacy.sealing import Place
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

_LIST: Final = "SELECT sealed FROM password_history WHERE user_id = $1 ORDER BY id DESC LIMIT $2"
_INSERT: Final = "INSERT INTO password_history (user_id, replaced_at, sealed) VALUES ($1, $2, $3)"
_FORGET: Final = """
    DELETE FROM password_history
     WHERE user_id = $1
       AND id NOT IN (SELECT id FROM password_history WHERE user_id = $1 ORDER BY id DESC LIMIT $2)
"""


class PasswordHistory:
    """Bound to one connection, so the caller's transaction is visible at the call site."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def list(self, user_id: UUID, most: int) -> tuple[str, ...]:
        """The newest first, as users.password has them. Raises BrokenSeal for one that is another person's."""
        rows = await self._connection.fetch(_LIST, user_id, most)
        if not rows:
            return ()
        key = await self._vault.key_of(self._connection, user_id)
        return tuple(key.unseal(_place(user_id), row["sealed"])["password"] for row in rows)

    async def add(self, user_id: UUID, stored: str, keep: int, now: int) -> None:
        """Forgets all but the newest `keep`. now: Unix seconds."""
        key = await self._vault.key_of(self._connection, user_id)
        await self._connection.execute(_INSERT, user_id, now, key.seal(_place(user_id), {"password": stored}))
        await self._connection.execute(_FORGET, user_id, keep)


def _place(user_id: UUID) -> Place:
    return Place("password_history", "sealed", user_id)
