"""Who is to be erased, and when."""

from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import asyncpg

from gateway.core.privacy.erasure import ErasureReason
from gateway.stores.postgres.database import AnyConnection

# A person changes nothing about what an operator has decided, nor begins their own wait anew.
_INSERT: Final = """
    INSERT INTO erasure_requests (user_id, own, reason, asked_at, due_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (user_id) DO UPDATE SET own = false, reason = $3, asked_at = $4, due_at = $5 WHERE NOT $2
    RETURNING user_id
"""
_FIND: Final = "SELECT user_id, own, reason, asked_at, due_at FROM erasure_requests WHERE user_id = $1"
_LIST: Final = "SELECT user_id, own, reason, asked_at, due_at FROM erasure_requests ORDER BY due_at, user_id"
_LIST_DUE: Final = """
    SELECT user_id, own, reason, asked_at, due_at FROM erasure_requests r
     WHERE due_at <= $1 AND (NOT own OR $2)
       AND NOT EXISTS (SELECT FROM holds h WHERE (h.user_id = r.user_id OR h.user_id IS NULL) AND h.lifted_at IS NULL
                          AND (h.ends_at IS NULL OR h.ends_at > $1))
     ORDER BY due_at LIMIT $3
"""
_LOCK_DUE: Final = """
    SELECT user_id, own, reason, asked_at, due_at FROM erasure_requests WHERE user_id = $1 AND due_at <= $2 FOR UPDATE
"""
_DELETE: Final = """
    DELETE FROM erasure_requests WHERE user_id = $1 AND (own OR NOT $2) AND asked_at = coalesce($3, asked_at)
    RETURNING user_id
"""


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """own: the person asked. Unix seconds."""

    user_id: UUID
    own: bool
    reason: ErasureReason
    asked_at: int
    due_at: int


class ErasureRequests:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, user_id: UUID, reason: ErasureReason, now: int, due_at: int, *, own: bool) -> bool:
        """False: a person asks, and there is a request already."""
        return await self._connection.fetchval(_INSERT, user_id, own, reason, now, due_at) is not None

    async def find(self, user_id: UUID) -> ErasureRequest | None:
        row = await self._connection.fetchrow(_FIND, user_id)
        return None if row is None else _request(row)

    async def due(self, now: int, most: int, *, also_own: bool) -> list[ErasureRequest]:
        """The oldest first, without those under a hold. also_own: those of people too, not only what operators have
        decided.
        """
        return [_request(row) for row in await self._connection.fetch(_LIST_DUE, now, also_own, most)]

    async def lock_due(self, user_id: UUID, now: int) -> ErasureRequest | None:
        """Nobody takes it back until the transaction ends. None: it was taken back."""
        row = await self._connection.fetchrow(_LOCK_DUE, user_id, now)
        return None if row is None else _request(row)

    async def withdraw(self, user_id: UUID, *, own: bool, asked_at: int | None = None) -> bool:
        """own: only what the person asked for. asked_at: only that request. False: there is none."""
        return await self._connection.fetchval(_DELETE, user_id, own, asked_at) is not None

    async def list(self) -> list[ErasureRequest]:
        """The next that is due first."""
        return [_request(row) for row in await self._connection.fetch(_LIST)]


def _request(row: asyncpg.Record) -> ErasureRequest:
    reason = cast("ErasureReason", row["reason"])
    return ErasureRequest(row["user_id"], row["own"], reason, row["asked_at"], row["due_at"])
