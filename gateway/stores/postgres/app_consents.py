"""What people have let apps do: rows are only added, and the latest counts."""

from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID

from gateway.stores.postgres.database import AnyConnection

_LATEST: Final = """
    SELECT scope, withdrawn FROM app_consents WHERE user_id = $1 AND client = $2 AND resource = $3
     ORDER BY id DESC LIMIT 1
"""
_INSERT: Final = """
    INSERT INTO app_consents (user_id, client, scope, resource, at, withdrawn) VALUES ($1, $2, $3, $4, $5, false)
"""
_WITHDRAW: Final = """
    INSERT INTO app_consents (user_id, client, scope, resource, at, withdrawn)
    SELECT user_id, client, scope, resource, $3, true
      FROM (SELECT DISTINCT ON (resource) * FROM app_consents WHERE user_id = $1 AND client = $2
             ORDER BY resource, id DESC) AS latest
     WHERE NOT withdrawn
    RETURNING resource
"""
# A registered client that is disabled stays the same one.
_WITHDRAW_OF_OTHERS: Final = """
    INSERT INTO app_consents (user_id, client, scope, resource, at, withdrawn)
    SELECT user_id, client, scope, resource, $2, true
      FROM (SELECT DISTINCT ON (user_id, client, resource) * FROM app_consents AS a
             WHERE NOT (a.client = ANY($1::text[])) AND NOT EXISTS (SELECT FROM clients c WHERE c.id = a.client)
             ORDER BY user_id, client, resource, id DESC) AS latest
     WHERE NOT withdrawn LIMIT $3
    RETURNING resource
"""


class AppConsents:
    """Bound to one connection, so the caller's transaction is visible at the call site."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def scopes(self, user_id: UUID, client: str, resource: str) -> frozenset[str]:
        """What the person has let the client do there and not withdrawn since."""
        row = await self._connection.fetchrow(_LATEST, user_id, client, resource)
        return frozenset() if row is None or row["withdrawn"] else frozenset(row["scope"])

    async def give(self, user_id: UUID, client: str, resource: str, scopes: Iterable[str], at: int) -> None:
        """scopes: all that the client may do from now on. at: Unix seconds."""
        await self._connection.execute(_INSERT, user_id, client, sorted(scopes), resource, at)

    async def withdraw(self, user_id: UUID, client: str, at: int) -> bool:
        """For all resources. False: there was nothing to withdraw."""
        return bool(await self._connection.fetch(_WITHDRAW, user_id, client, at))

    async def withdraw_of_others(self, clients: Collection[str], at: int, most: int) -> int:
        """Of all people, for clients that are neither among these nor registered. How many there were, at most most."""
        return len(await self._connection.fetch(_WITHDRAW_OF_OTHERS, list(clients), at, most))
