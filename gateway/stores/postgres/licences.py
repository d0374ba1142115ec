"""Keeps the licence that was installed, and counts what it speaks of."""

from typing import Final

from gateway.stores.postgres.database import AnyConnection

_INSERT: Final = "INSERT INTO licences (text, installed_by, installed_at) VALUES ($1, $2, $3)"
_SELECT_NEWEST: Final = "SELECT text FROM licences ORDER BY id DESC LIMIT 1"
_COUNT_SEATS: Final = "SELECT count(DISTINCT user_id) FROM logins WHERE created_at >= $1"
_SELECT_NEWEST_AT: Final = "SELECT at FROM audit_entries ORDER BY id DESC LIMIT 1"


class Licences:
    """Bound to one connection. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def install(self, text: str, by: str, now: int) -> None:
        """In the place of the one before."""
        await self._connection.execute(_INSERT, text, by, now)

    async def installed(self) -> str | None:
        text: str | None = await self._connection.fetchval(_SELECT_NEWEST)
        return text

    async def seats(self, since: int) -> int:
        """How many people have logged in since then."""
        return int(await self._connection.fetchval(_COUNT_SEATS, since))

    async def newest_entry_at(self) -> int:
        """When the audit log was last written to; 0: never."""
        return int(await self._connection.fetchval(_SELECT_NEWEST_AT) or 0)
