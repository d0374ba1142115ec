"""Documents with keys that clients publish at a URL, and which node may fetch one next."""

from dataclasses import dataclass
from typing import Final

from gateway.stores.postgres.database import AnyConnection

_CLAIM: Final = """
    INSERT INTO client_jwks AS known (client, uri, tried_at, settled) VALUES ($1, $2, $3, false)
    ON CONFLICT (client, uri) DO UPDATE SET tried_at = $3, settled = false WHERE known.tried_at <= $4
    RETURNING client
"""
_FIND: Final = "SELECT document, fetched_at, tried_at, settled FROM client_jwks WHERE client = $1 AND uri = $2"
_KEEP: Final = """
    UPDATE client_jwks SET document = $3, fetched_at = tried_at, settled = true WHERE client = $1 AND uri = $2
"""
_FAIL: Final = "UPDATE client_jwks SET settled = true WHERE client = $1 AND uri = $2"
_PURGE: Final = "DELETE FROM client_jwks WHERE tried_at < $1"


@dataclass(frozen=True, slots=True)
class JwksRow:
    """document "": none was ever fine, and fetched_at is 0. Times are Unix seconds."""

    document: str
    fetched_at: int
    tried_at: int
    settled: bool


class ClientJwks:
    """Bound to one connection, so the caller's transaction is visible at the call site."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def claim(self, client: str, uri: str, now: int, pause_s: int) -> bool:
        """The caller is to fetch, and to keep or fail. False: a node began to less than pause_s ago.

        Of two at once one is told so.
        """
        return await self._connection.fetchval(_CLAIM, client, uri, now, now - pause_s) is not None

    async def find(self, client: str, uri: str) -> JwksRow | None:
        row = await self._connection.fetchrow(_FIND, client, uri)
        if row is None:
            return None
        return JwksRow(row["document"] or "", row["fetched_at"] or 0, row["tried_at"], row["settled"])

    async def keep(self, client: str, uri: str, document: str) -> None:
        """What was fetched, as of the claim."""
        await self._connection.execute(_KEEP, client, uri, document)

    async def fail(self, client: str, uri: str) -> None:
        """The document of before stays."""
        await self._connection.execute(_FAIL, client, uri)

    async def purge(self, before: int) -> None:
        """Deletes what nobody has fetched since."""
        await self._connection.execute(_PURGE, before)
