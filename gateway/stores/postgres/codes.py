"""Authorization codes: each is used once, by whoever locks it first."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.core.oauth.code import CodeContent
from gateway.core.privacy.sealing import Place
from gateway.stores.postgres.vault import Vault

# A second use is told from an unknown code for so long after the code's end; then the row goes.
KEPT_S: Final = 3600
_INSERT: Final = """
    INSERT INTO codes (hash, client, user_id, login_id, content, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
"""
_LOCK: Final = """
    SELECT client, user_id, login_id, content, expires_at, used_at, grant_id FROM codes WHERE hash = $1 FOR UPDATE
"""
_USE: Final = "UPDATE codes SET used_at = $2, grant_id = $3 WHERE hash = $1 AND used_at IS NULL"
_FORGET: Final = "DELETE FROM codes WHERE user_id = $1 AND client = $2 AND used_at IS NULL"
_FORGET_CLIENT: Final = "DELETE FROM codes WHERE client = $1 AND used_at IS NULL"
_PURGE: Final = "DELETE FROM codes WHERE expires_at < $1"


@dataclass(frozen=True, slots=True, repr=False)
class CodeRow:
    """Unix seconds; used_at 0 and grant_id b"" while it is unused."""

    client: str
    user_id: UUID
    login_id: bytes
    content: CodeContent
    expires_at: int
    used_at: int
    grant_id: bytes


class Codes:
    """Bound to one connection, so the caller's transaction is visible at the call site."""

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]", vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add(
        self, hash_: bytes, client: str, user_id: UUID, login_id: bytes, content: CodeContent, expires_at: int
    ) -> None:
        """expires_at: Unix seconds."""
        key = await self._vault.key_of(self._connection, user_id)
        sealed = key.seal(_place(user_id), {"content": content.written()})
        await self._connection.execute(_INSERT, hash_, client, user_id, login_id, sealed, expires_at)

    async def lock(self, hash_: bytes) -> CodeRow | None:
        """Held until the transaction ends: two exchanges of one code can't both win. None: there is none."""
        row = await self._connection.fetchrow(_LOCK, hash_)
        if row is None:
            return None
        key = await self._vault.key_of(self._connection, row["user_id"])
        return CodeRow(
            client=row["client"],
            user_id=row["user_id"],
            login_id=row["login_id"],
            content=CodeContent.read(key.unseal(_place(row["user_id"]), row["content"])["content"]),
            expires_at=row["expires_at"],
            used_at=row["used_at"] or 0,
            grant_id=row["grant_id"] or b"",
        )

    async def use(self, hash_: bytes, now: int, grant_id: bytes) -> None:
        """grant_id: of the grant that it became. Of a code that is locked and unused."""
        await self._connection.execute(_USE, hash_, now, grant_id)

    async def forget(self, user_id: UUID, client: str) -> None:
        """No unused code of the app becomes a grant for this person; waits for exchanges that have begun."""
        await self._connection.execute(_FORGET, user_id, client)

    async def forget_client(self, client: str) -> None:
        """As forget, for everybody."""
        await self._connection.execute(_FORGET_CLIENT, client)

    async def purge(self, now: int) -> None:
        """Deletes what nobody asks for any more."""
        await self._connection.execute(_PURGE, now - KEPT_S)


def _place(user_id: UUID) -> Place:
    return Place("codes", "content", user_id)
