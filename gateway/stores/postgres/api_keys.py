"""API keys: what a person's scripts come in by, until it expires, rests or ends."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.privacy.sealing import Place
from gateway.core.units import DAY_S
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

KEYS_OF_PERSON: Final = 25
KEPT_S: Final = 7 * DAY_S
_COLUMNS: Final = """
    k.id, k.user_id, k.sealed, k.hash, k.scope, k.hosts, k.networks, k.created_at, k.expires_at, k.last_used_at,
    k.rests_at, k.ended_at, d.wrapped
"""
_FROM: Final = "FROM api_keys k LEFT JOIN user_keys d ON d.user_id = k.user_id"
_FIND: Final = f"SELECT {_COLUMNS} {_FROM} WHERE k.id = $1"
# What it is asked for each time that a live copy is due.
_CONFIRM: Final = """
    UPDATE api_keys SET last_used_at = greatest(last_used_at, $2) WHERE id = $1 AND ended_at IS NULL
"""
# Rows that refer to the person may be written meanwhile: who ends their logins does so without holding them.
_HOLD_PERSON: Final = "SELECT id FROM users WHERE id = $1 AND state = 'active' FOR NO KEY UPDATE"
_COUNT: Final = """
    SELECT count(*) FROM api_keys WHERE user_id = $1 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
"""
_INSERT: Final = """
    INSERT INTO api_keys (id, user_id, sealed, hash, scope, hosts, networks, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_LIST: Final = f"""
    SELECT {_COLUMNS} {_FROM}
     WHERE ($1::uuid IS NULL OR k.user_id = $1) AND k.ended_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)
     ORDER BY k.created_at DESC, k.id
"""
_PAGE: Final = f"""
    SELECT {_COLUMNS} {_FROM}
     WHERE k.ended_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
       AND ($2::bigint IS NULL OR (k.created_at, k.id) < ($2, $3))
     ORDER BY k.created_at DESC, k.id DESC LIMIT $4
"""
_END: Final = "UPDATE api_keys SET ended_at = $3, ended_why = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id"
_REST: Final = """
    UPDATE api_keys SET rests_at = coalesce(rests_at, $2) WHERE user_id = $1 AND ended_at IS NULL RETURNING id
"""
_WAKE: Final = """
    UPDATE api_keys SET rests_at = NULL WHERE id = $1 AND user_id = $2 AND ended_at IS NULL AND rests_at IS NOT NULL
    RETURNING id
"""
_PURGE: Final = "DELETE FROM api_keys WHERE ended_at < $1 OR expires_at < $1"


@dataclass(frozen=True, slots=True, repr=False)
class NewApiKey:
    """scopes, hosts: sorted. expires_at: Unix seconds, None: never. repr is left out: the name is personal."""

    id: bytes
    user_id: UUID
    name: str
    hash: bytes
    scopes: tuple[str, ...]
    hosts: tuple[str, ...]
    networks: tuple[str, ...]
    expires_at: int | None


@dataclass(frozen=True, slots=True, repr=False)
class ApiKeyRow:
    """Times are Unix seconds; None: not so, or not yet. repr is left out: the name is personal."""

    id: bytes
    user_id: UUID
    name: str
    hash: bytes
    scopes: tuple[str, ...]
    hosts: tuple[str, ...]
    networks: tuple[str, ...]
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    rests_at: int | None
    ended: bool

    def lives(self, now: int) -> bool:
        """Also where it rests."""
        return not self.ended and (self.expires_at is None or self.expires_at > now)


class ApiKeyRows:
    """Bound to one connection, so the caller's transaction is visible at the call site. now: Unix seconds."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add(self, key: NewApiKey, now: int) -> bool:
        """False: the person is not active, or has as many as one may have. Holds the person until the end."""
        if not await self._connection.fetchval(_HOLD_PERSON, key.user_id):
            return False
        if await self._connection.fetchval(_COUNT, key.user_id, now) >= KEYS_OF_PERSON:
            return False
        data_key = await self._vault.key_of(self._connection, key.user_id)
        sealed = data_key.seal(_place(key.user_id), {"name": key.name})
        await self._connection.execute(
            _INSERT,
            key.id,
            key.user_id,
            sealed,
            key.hash,
            list(key.scopes),
            list(key.hosts),
            list(key.networks),
            now,
            key.expires_at,
        )
        return True

    async def find(self, key_id: bytes) -> ApiKeyRow | None:
        """Also one that has ended."""
        row = await self._connection.fetchrow(_FIND, key_id)
        return None if row is None else self._row(row)

    async def confirm(self, key_id: bytes, now: int) -> None:
        """It is used now."""
        await self._connection.execute(_CONFIRM, key_id, now)

    async def list_live(self, user_id: UUID | None, now: int) -> list[ApiKeyRow]:
        """The newest first, also those that rest. user_id None: of everybody."""
        return [self._row(row) for row in await self._connection.fetch(_LIST, user_id, now)]

    async def page_live(self, after: tuple[int, bytes] | None, limit: int, now: int) -> list[ApiKeyRow]:
        """Of everybody, the newest first. after: created_at and id of the last of the page before."""
        at, key_id = (None, None) if after is None else after
        return [self._row(row) for row in await self._connection.fetch(_PAGE, now, at, key_id, limit)]

    async def end(self, key_id: bytes, why: str, now: int) -> bool:
        """False: it had ended before, or never was."""
        return await self._connection.fetchval(_END, key_id, why, now) is not None

    async def rest(self, user_id: UUID, now: int) -> list[bytes]:
        """All of a person: their ids, also of those that rested before, because Redis may not have heard."""
        return [row["id"] for row in await self._connection.fetch(_REST, user_id, now)]

    async def wake(self, key_id: bytes, user_id: UUID) -> bool:
        """False: it is not theirs, or did not rest."""
        return await self._connection.fetchval(_WAKE, key_id, user_id) is not None

    async def purge(self, now: int) -> None:
        """Deletes what has been over for a week."""
        await self._connection.execute(_PURGE, now - KEPT_S)

    def _row(self, row: asyncpg.Record) -> ApiKeyRow:
        data_key = self._vault.open(row["user_id"], row["wrapped"])
        return ApiKeyRow(
            id=row["id"],
            user_id=row["user_id"],
            name=data_key.unseal(_place(row["user_id"]), row["sealed"])["name"],
            hash=row["hash"],
            scopes=tuple(row["scope"]),
            hosts=tuple(row["hosts"]),
            networks=tuple(row["networks"]),
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            last_used_at=row["last_used_at"],
            rests_at=row["rests_at"],
            ended=row["ended_at"] is not None,
        )


def _place(user_id: UUID) -> Place:
    return Place("api_keys", "sealed", user_id)
