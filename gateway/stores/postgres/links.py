"""Links in mail: each works once, for whoever locks its person first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.core.mail.links import LinkKind
from gateway.core.privacy.sealing import Place
from gateway.stores.postgres.vault import Vault

KEPT_S: Final = 86_400
# Nobody and a person who may not come in get none, by the same statement (threats.md L5).
_INSERT: Final = """
    INSERT INTO links (hash, kind, user_id, sealed, made_at, expires_at)
    SELECT $1, $2, u.id, $4, $5, $6 FROM users u WHERE u.id = $3 AND u.state = 'active'
"""
_FIND: Final = """
    SELECT kind, user_id, sealed, made_at FROM links WHERE hash = $1 AND used_at IS NULL AND expires_at > $2
"""
_USE: Final = """
    UPDATE links SET used_at = $2, sealed = '' WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING hash
"""
_USE_ALL: Final = """
    UPDATE links SET used_at = $3, sealed = ''
     WHERE user_id = $1 AND kind = ANY($2::text[]) AND used_at IS NULL AND expires_at > $3 RETURNING hash
"""
_PURGE: Final = "DELETE FROM links WHERE expires_at < $1"


@dataclass(frozen=True, slots=True, repr=False)
class LinkRow:
    """One that still works. content: what it is about. repr is left out: it may be personal."""

    kind: LinkKind
    user_id: UUID
    content: Mapping[str, str]
    made_at: int


class Links:
    """Bound to one connection. Who uses one locks the person first."""

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]", vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add(
        self, hash_: bytes, kind: LinkKind, user_id: UUID, content: Mapping[str, str], now: int, expires_at: int
    ) -> None:
        key = await self._vault.key_of(self._connection, user_id)
        sealed = key.seal(_place(user_id), content)
        await self._connection.execute(_INSERT, hash_, kind.value, user_id, sealed, now, expires_at)

    async def find(self, hash_: bytes, now: int) -> LinkRow | None:
        """None: there is none, it was used, or it is over."""
        row = await self._connection.fetchrow(_FIND, hash_, now)
        if row is None:
            return None
        user_id: UUID = row["user_id"]
        key = await self._vault.key_of(self._connection, user_id)
        return LinkRow(LinkKind(row["kind"]), user_id, key.unseal(_place(user_id), row["sealed"]), row["made_at"])

    async def use(self, hash_: bytes, now: int) -> bool:
        """False: somebody else was first, or it is over."""
        return await self._connection.fetchval(_USE, hash_, now) is not None

    async def use_all(self, user_id: UUID, kinds: tuple[LinkKind, ...], now: int) -> frozenset[bytes]:
        """All of these kinds that still worked; none of them works after this. Their hashes."""
        rows = await self._connection.fetch(_USE_ALL, user_id, [kind.value for kind in kinds], now)
        return frozenset(row["hash"] for row in rows)

    async def purge(self, now: int) -> None:
        """Deletes what has been over for a day."""
        await self._connection.execute(_PURGE, now - KEPT_S)


def _place(user_id: UUID) -> Place:
    return Place("links", "sealed", user_id)
