"""User names that were somebody's: nobody else gets one for three years, because apps know people by it (ui.md X7)."""

from typing import Final
from uuid import UUID

from gateway.core.privacy.names import USED_NAME_S
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

_INDEX_OF: Final = "SELECT username_index FROM users WHERE id = $1"
_PURGE: Final = "DELETE FROM used_names WHERE used_at <= $1"
_PUT: Final = """
    INSERT INTO used_names (hash, holder, used_at, index_key) VALUES ($1, $2, $3, $4)
    ON CONFLICT (hash) DO UPDATE
       SET holder = excluded.holder, used_at = excluded.used_at, index_key = excluded.index_key
"""
_IS_OTHERS: Final = """
    SELECT EXISTS (SELECT FROM used_names WHERE hash = $1 AND holder IS DISTINCT FROM $2 AND used_at > $3)
"""
_FORGET_HOLDER: Final = "UPDATE used_names SET holder = NULL WHERE holder = $1"
_FREE: Final = "DELETE FROM used_names WHERE hash = $1"


class UsedNames:
    """Bound to one connection. index: the blind index of a user name."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def is_others(self, index: bytes, user_id: UUID, now: int) -> bool:
        """Whether somebody else had it, or the person who had it was erased."""
        holder, since = self._vault.used_holder(user_id), now - USED_NAME_S
        return bool(await self._connection.fetchval(_IS_OTHERS, self._vault.used_name(index), holder, since))

    async def give_up(self, user_id: UUID, now: int, *, for_index: bytes | None = None) -> None:
        """The name that the person has at this moment; they may have it again. for_index: the one that replaces it."""
        index = await self._connection.fetchval(_INDEX_OF, user_id)
        if index == for_index:
            return
        await self._connection.execute(_PURGE, now - USED_NAME_S)
        hashes = (self._vault.used_name(index), self._vault.used_holder(user_id))
        await self._connection.execute(_PUT, *hashes, now, self._vault.index_id)

    async def give_up_all(self, user_id: UUID, now: int) -> None:
        """Of somebody who is being erased: no row tells any more whose the names were."""
        await self.give_up(user_id, now)
        await self._connection.execute(_FORGET_HOLDER, self._vault.used_holder(user_id))

    async def free(self, index: bytes) -> None:
        await self._connection.execute(_FREE, self._vault.used_name(index))
