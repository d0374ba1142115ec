"""Ids that count once in the whole fleet, also after Redis has lost its memory (threats.md R3)."""

from typing import Final

from gateway.stores.postgres.database import AnyConnection

LATE_S: Final = 600  # by how much the clock of a node that judges age may be behind that of the one that purges
_INSERT_ID: Final = """
    INSERT INTO used_ids (kind, client, hash, until) VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind, client, hash) DO NOTHING RETURNING until
"""
_DELETE_OVER: Final = "DELETE FROM used_ids WHERE until < $1"


class UsedIds:
    """Bound to one connection, so the caller's transaction is visible at the call site."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def use(self, kind: str, client: str, id_hash: bytes, until: int) -> bool:
        """False: it was used before. Of two at once the second waits for the first one's transaction.

        id_hash: SHA-256. until: Unix seconds, when the id is refused for its age anyhow.
        """
        return await self._connection.fetchval(_INSERT_ID, kind, client, id_hash, until) is not None

    async def purge(self, now: int) -> None:
        """Forgets those that every node refuses for their age."""
        await self._connection.execute(_DELETE_OVER, now - LATE_S)
