"""Tokens for the console's API: made by commands, and asked for at each call."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.admin.acts import AdminRole
from gateway.core.admin.tokens import TokenTerms
from gateway.core.policy.networks import NetworkSet
from gateway.core.units import DAY_S, MINUTE_S
from gateway.stores.postgres.database import AnyConnection

TOKENS_OF_PERSON: Final = 25
_KEPT_S: Final = 7 * DAY_S
_COLUMNS: Final = "id, user_id, hash, role, networks, created_at, expires_at, last_used_at, revoked_at"
_FIND: Final = f"SELECT {_COLUMNS} FROM admin_tokens WHERE id = $1"  # noqa: S608 - constants
_HOLD: Final = f"{_FIND} FOR SHARE"
# A call a minute writes; the others would rewrite the row for nothing.
_USE: Final = f"""
    UPDATE admin_tokens SET last_used_at = $2
     WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2::bigint - {MINUTE_S})
"""  # noqa: S608 - constants
_INSERT: Final = """
    INSERT INTO admin_tokens (id, user_id, hash, role, networks, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_COUNT: Final = "SELECT count(*) FROM admin_tokens WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2"
_LIST: Final = f"""
    SELECT {_COLUMNS} FROM admin_tokens WHERE revoked_at IS NULL AND expires_at > $1 ORDER BY created_at, id
"""  # noqa: S608 - constants
_REVOKE: Final = "UPDATE admin_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id"
_REVOKE_ALL: Final = "UPDATE admin_tokens SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL"
_PURGE: Final = "DELETE FROM admin_tokens WHERE revoked_at < $1 OR expires_at < $1"


@dataclass(frozen=True, slots=True)
class NewAdminToken:
    """hash: of the text. networks: as str() writes them. expires_at: Unix seconds."""

    id: bytes
    user_id: UUID
    hash: bytes
    role: AdminRole
    networks: tuple[str, ...]
    expires_at: int


@dataclass(frozen=True, slots=True)
class AdminTokenRow:
    """Times are Unix seconds; None: not yet."""

    id: bytes
    user_id: UUID
    hash: bytes
    terms: TokenTerms
    created_at: int
    last_used_at: int | None


class AdminTokenRows:
    """Bound to one connection. now: Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, token: NewAdminToken, now: int) -> bool:
        """False: the person has as many as one may have. The caller holds the person's role."""
        if await self._connection.fetchval(_COUNT, token.user_id, now) >= TOKENS_OF_PERSON:
            return False
        networks = list(token.networks)
        values = (token.id, token.user_id, token.hash, token.role.value, networks, now, token.expires_at)
        await self._connection.execute(_INSERT, *values)
        return True

    async def find(self, token_id: bytes) -> AdminTokenRow | None:
        """Also one that is over."""
        row = await self._connection.fetchrow(_FIND, token_id)
        return None if row is None else _token(row)

    async def hold(self, token_id: bytes) -> AdminTokenRow | None:
        """As find(). Nobody revokes it until the transaction ends."""
        row = await self._connection.fetchrow(_HOLD, token_id)
        return None if row is None else _token(row)

    async def use(self, token_id: bytes, now: int) -> None:
        """It is used now."""
        await self._connection.execute(_USE, token_id, now)

    async def list(self, now: int) -> Sequence[AdminTokenRow]:
        """Those that are not over, the oldest first."""
        return [_token(row) for row in await self._connection.fetch(_LIST, now)]

    async def revoke(self, token_id: bytes, now: int) -> bool:
        """False: it was before, or never was."""
        return await self._connection.fetchval(_REVOKE, token_id, now) is not None

    async def revoke_all(self, user_id: UUID, now: int) -> None:
        await self._connection.execute(_REVOKE_ALL, user_id, now)

    async def purge(self, now: int) -> None:
        """Deletes what has been over for a week."""
        await self._connection.execute(_PURGE, now - _KEPT_S)


def _token(row: asyncpg.Record) -> AdminTokenRow:
    networks = NetworkSet.of(ip_network(one) for one in row["networks"])
    terms = TokenTerms(AdminRole(row["role"]), networks, row["expires_at"], row["revoked_at"] is not None)
    return AdminTokenRow(row["id"], row["user_id"], row["hash"], terms, row["created_at"], row["last_used_at"])
