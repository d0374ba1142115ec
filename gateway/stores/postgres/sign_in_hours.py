"""How many sign-ins there were in each hour of a week, by how they ended and by their risk score."""

from collections.abc import Sequence
from typing import Final

from gateway.stores.postgres.database import AnyConnection

_HOUR_S: Final = 3600
# A bound is where a band begins. Before there were entries of the kind session_opened, a login with a host was one.
_COUNT: Final = f"""
    INSERT INTO sign_in_hours AS h (at, outcome, band, n)
    SELECT at - at % {_HOUR_S}, kind,
           CASE WHEN score IS NULL THEN 'unscored' WHEN score >= $4 THEN 'high' WHEN score >= $3 THEN 'raised'
                ELSE 'low' END,
           count(*)
      FROM (SELECT e.at, e.kind, ((e.detail::jsonb) ->> 'score')::integer AS score FROM audit_entries e
             WHERE e.at >= $1 AND e.at < $2 AND e.kind IN ('login', 'login_failed', 'login_blocked')
               AND NOT (e.detail::jsonb) ? 'host') found
     GROUP BY 1, 2, 3
    ON CONFLICT (at, outcome, band) DO UPDATE SET n = excluded.n
"""  # noqa: S608 - a constant
_MARK: Final = """
    INSERT INTO sign_in_hours (at, outcome, band, n) VALUES ($1, 'login', 'low', 0) ON CONFLICT DO NOTHING
"""
_LAST: Final = "SELECT max(at) FROM sign_in_hours"
_LIST: Final = "SELECT at, outcome, band, n FROM sign_in_hours WHERE at >= $1 AND n > 0"
_PURGE: Final = "DELETE FROM sign_in_hours WHERE at < $1"


class SignInHours:
    """Bound to one connection. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def last(self) -> int | None:
        """The last hour that was counted, or begun. None: none was."""
        found: int | None = await self._connection.fetchval(_LAST)
        return found

    async def count(self, begin: int, end: int, bands: tuple[int, int]) -> None:
        """Again, where they were counted before. begin, end: of hours. bands: where a score is raised, and high."""
        await self._connection.execute(_COUNT, begin, end, *bands)
        await self._connection.execute(_MARK, end - _HOUR_S)

    async def list(self, since: int) -> Sequence[tuple[int, str, str, int]]:
        """The beginning of an hour, how the sign-ins ended, the band of their score, how many."""
        return [tuple(row) for row in await self._connection.fetch(_LIST, since)]

    async def purge(self, before: int) -> None:
        await self._connection.execute(_PURGE, before)
