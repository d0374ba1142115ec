"""Registered clients: those that a command adds, and no policy file declares."""

from dataclasses import dataclass
from typing import Final, Literal

import asyncpg

from gateway.stores.postgres.database import AnyConnection

ClientState = Literal["active", "disabled"]
_COLUMNS: Final = "id, state, version, settings, secret_hash, created_at, changed_at"
_INSERT: Final = """
    INSERT INTO clients (id, state, version, settings, secret_hash, created_at, changed_at)
    VALUES ($1, 'active', 1, $2, $3, $4, $4) ON CONFLICT (id) DO NOTHING RETURNING version
"""
_SELECT_ALL: Final = f"SELECT {_COLUMNS} FROM clients ORDER BY id"  # noqa: S608 - constants
_SELECT_ACTIVE: Final = f"SELECT {_COLUMNS} FROM clients WHERE state = 'active' ORDER BY id"  # noqa: S608 - constants
# As Python compares text, whatever the collation of the database is: declared clients are sorted in between.
_SELECT_PAGE: Final = f"""
    SELECT {_COLUMNS} FROM clients WHERE id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT $2
"""  # noqa: S608 - constants
_LOCK: Final = f"SELECT {_COLUMNS} FROM clients WHERE id = $1 FOR UPDATE"  # noqa: S608 - constants
_HOLD: Final = "SELECT id FROM clients WHERE id = $1 AND state = 'active' FOR SHARE"
_CHANGE: Final = """
    UPDATE clients SET settings = $2, secret_hash = $3, state = $4, version = version + 1, changed_at = $5
     WHERE id = $1
"""


@dataclass(frozen=True, slots=True, repr=False)
class ClientRow:
    """settings: JSON. secret_hash None: it has no secret. Times are Unix seconds."""

    id: str
    state: ClientState
    version: int
    settings: str
    secret_hash: bytes | None
    created_at: int
    changed_at: int


class ClientRows:
    """Bound to one connection, so the caller's transaction is visible at the call site."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, client_id: str, settings: str, secret_hash: bytes | None, now: int) -> bool:
        """False: the id is taken, and nothing changed."""
        return await self._connection.fetchval(_INSERT, client_id, settings, secret_hash, now) is not None

    async def all(self) -> list[ClientRow]:
        """By id."""
        return [_client(row) for row in await self._connection.fetch(_SELECT_ALL)]

    async def page(self, after: str, limit: int) -> list[ClientRow]:
        """By id. after: the last of the page before, "" for the first."""
        return [_client(row) for row in await self._connection.fetch(_SELECT_PAGE, after, limit)]

    async def active(self) -> list[ClientRow]:
        """By id."""
        return [_client(row) for row in await self._connection.fetch(_SELECT_ACTIVE)]

    async def lock(self, client_id: str) -> ClientRow | None:
        """Waits for those that hold it. None: there is none."""
        row = await self._connection.fetchrow(_LOCK, client_id)
        return None if row is None else _client(row)

    async def hold(self, client_id: str) -> bool:
        """Nobody disables it before the transaction ends. False: it is disabled."""
        return await self._connection.fetchval(_HOLD, client_id) is not None

    async def change(self, changed: ClientRow, now: int) -> None:
        """Writes settings, secret_hash and state. Of a client that is locked."""
        await self._connection.execute(_CHANGE, changed.id, changed.settings, changed.secret_hash, changed.state, now)


def _client(row: asyncpg.Record) -> ClientRow:
    return ClientRow(**row)
