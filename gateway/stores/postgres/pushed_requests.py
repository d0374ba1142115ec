"""Requests that clients pushed (RFC 9126): opened as often as wanted, used once."""

from dataclasses import dataclass
from typing import Final

from gateway.stores.postgres.database import AnyConnection

KEPT_MINUTES: Final = 4  # as many as may wait in so many minutes may lie here unused; a browser has an hour
_INSERT: Final = f"""
    INSERT INTO pushed_requests (id_hash, client, parameters, expires_at)
    SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM (SELECT FROM pushed_requests
     WHERE used_at IS NULL AND expires_at >= $5 LIMIT $6) AS unused) < $6
       AND (SELECT count(*) FROM (SELECT FROM pushed_requests
     WHERE used_at IS NULL LIMIT $6 * {KEPT_MINUTES}) AS kept) < $6 * {KEPT_MINUTES}
    RETURNING id_hash
"""  # noqa: S608 - constants
_FIND: Final = "SELECT client, parameters, expires_at, used_at FROM pushed_requests WHERE id_hash = $1"
_USE: Final = "UPDATE pushed_requests SET used_at = $2 WHERE id_hash = $1 AND used_at IS NULL RETURNING id_hash"
_PURGE: Final = "DELETE FROM pushed_requests WHERE expires_at < $1"


@dataclass(frozen=True, slots=True, repr=False)
class PushedRow:
    """parameters: sealed. expires_at: Unix seconds."""

    client: str
    parameters: bytes
    expires_at: int
    used: bool


class PushedRequests:
    """Bound to one connection, so the caller's transaction is visible at the call site."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(
        self, id_hash: bytes, client: str, parameters: bytes, expires_at: int, *, now: int, most: int
    ) -> bool:
        """parameters: sealed. False: as many wait, or have waited lately, as may; nothing was kept (oauth.md O16)."""
        return bool(await self._connection.fetchval(_INSERT, id_hash, client, parameters, expires_at, now, most))

    async def find(self, id_hash: bytes) -> PushedRow | None:
        row = await self._connection.fetchrow(_FIND, id_hash)
        if row is None:
            return None
        return PushedRow(row["client"], row["parameters"], row["expires_at"], row["used_at"] is not None)

    async def use(self, id_hash: bytes, now: int) -> bool:
        """False: it is used already, or gone."""
        return bool(await self._connection.fetchval(_USE, id_hash, now))

    async def purge(self, before: int) -> None:
        """Deletes what expired before then."""
        await self._connection.execute(_PURGE, before)
