"""All rows of one person, opened, for the copy that they get."""

from typing import Any, Final
from uuid import UUID

import asyncpg

from gateway.core.base64url import b64
from gateway.core.privacy.erasure import OF_PERSON
from gateway.core.privacy.export import SHOWN
from gateway.core.privacy.sealing import DataKey, Place
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

_SEALED: Final = "sealed"
_MOST_ROWS: Final = 100_000


class OwnData:
    """Bound to one connection. Raises BrokenSeal or CorruptRow for a row that is not ours."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def counts(self, user_id: UUID) -> dict[str, int]:
        """How many rows each table has."""
        return {
            table: await self._connection.fetchval(
                f"SELECT count(*) FROM {table} WHERE {OF_PERSON[table]} = $1",  # noqa: S608 - constants
                user_id,
            )
            for table in SHOWN
        }

    async def rows(self, user_id: UUID) -> dict[str, list[dict[str, Any]]]:
        """By table."""
        key = await self._vault.key_of(self._connection, user_id)
        found = {}
        for table, columns in SHOWN.items():
            rows = await self._connection.fetch(
                f"SELECT {', '.join(columns)} FROM {table} WHERE {OF_PERSON[table]} = $1 LIMIT {_MOST_ROWS}",  # noqa: S608 - constants
                user_id,
            )
            found[table] = [_opened(table, user_id, key, row) for row in rows]
        return found


def _opened(table: str, user_id: UUID, key: DataKey, row: asyncpg.Record) -> dict[str, Any]:
    """What is sealed stands beside the other columns."""
    opened: dict[str, Any] = {}
    for name, value in row.items():
        if name == _SEALED:
            opened |= key.unseal(Place(table, _SEALED, user_id), value)
        else:
            opened[name] = b64(value) if isinstance(value, bytes) else value
    return opened
