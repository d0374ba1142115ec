"""Figures for the console's overview and for operators. Each counts MOST rows at most, so that looking costs little."""

from dataclasses import dataclass
from typing import Final

from gateway.stores.postgres.database import AnyConnection

MOST: Final = 100_000
_HOUR_S: Final = 3600
_ALL: Final = f"""
    SELECT (SELECT count(*) FROM (
               SELECT 1 FROM logins
                WHERE ended_at IS NULL AND expires_at > $1 AND last_seen_at + idle_s > $1
                LIMIT {MOST}) AS found)::bigint
               AS logins,
           (SELECT count(*) FROM (SELECT 1 FROM users WHERE state <> 'erased' LIMIT {MOST}) AS found)::bigint
               AS people,
           (SELECT count(DISTINCT who) FROM (SELECT who FROM lockouts WHERE until > $1 LIMIT {MOST}) AS found)::bigint
               AS locked,
           (SELECT count(*) FROM (SELECT 1 FROM login_failures WHERE at > $2 LIMIT {MOST}) AS found)::bigint AS failed,
           coalesce($1 - (SELECT e.at FROM audit_queue q JOIN audit_entries e ON e.id = q.entry_id
                           ORDER BY q.entry_id LIMIT 1), 0)::bigint AS oldest_unlinked_s
"""  # noqa: S608 - constants

_COUNT_BEYOND_MAIL: Final = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM users u
         WHERE u.state = 'active' AND NOT ($1::boolean AND u.email_index IS NOT NULL)
           AND NOT EXISTS (SELECT FROM totp t WHERE t.user_id = u.id AND t.confirmed_at IS NOT NULL)
           AND NOT EXISTS (SELECT FROM passkeys p WHERE p.user_id = u.id AND p.suspended_at IS NULL)
         LIMIT {MOST}) AS found
"""  # noqa: S608 - a constant


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

    async def beyond_mail(self, *, with_mail: bool) -> int:
        """Active people without a second factor; with_mail: only those who have no address either."""
        return int(await self._connection.fetchval(_COUNT_BEYOND_MAIL, with_mail))
