"""Figures for the console's overview. Each is bounded or has an index, so that looking costs little."""

from dataclasses import dataclass
from typing import Final

from gateway.stores.postgres.database import AnyConnection

_HOUR_S: Final = 3600
_ALL: Final = """
    SELECT (SELECT count(*) FROM logins
             WHERE ended_at IS NULL AND expires_at > $1 AND last_seen_at + idle_s > $1)::bigint AS logins,
           (SELECT count(*) FROM users)::bigint AS people,
           (SELECT count(DISTINCT who) FROM lockouts WHERE until > $1)::bigint AS locked,
           (SELECT count(*) FROM login_failures WHERE at > $2)::bigint AS failed,
           (SELECT coalesce($1 - min(e.at), 0) FROM audit_queue q JOIN audit_entries e ON e.id = q.entry_id)::bigint
               AS oldest_unlinked_s
"""


@dataclass(frozen=True, slots=True)
class FiguresNow:
    """logins: live ones. locked: people. failed: wrong passwords of the last hour."""

    logins: int
    people: int
    locked: int
    failed: int
    oldest_unlinked_s: int


class Counts:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def all(self, now: int) -> FiguresNow:
        """now: Unix seconds."""
        row = await self._connection.fetchrow(_ALL, now, now - _HOUR_S)
        assert row is not None
        return FiguresNow(**row)
