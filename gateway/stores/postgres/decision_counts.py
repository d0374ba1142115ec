"""How many decisions there were of each kind: by minute for two days, by hour for 90."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.stores.postgres.database import AnyConnection

_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_MOST_KINDS: Final = 200
_COUNT: Final = """
    INSERT INTO decision_counts AS c (at, route, outcome, reason, n) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (at, route, outcome, reason) DO UPDATE SET n = c.n + excluded.n
"""
_COUNTS: Final = """
    SELECT route, outcome, reason, coalesce(sum(n) FILTER (WHERE at >= $2), 0)::bigint AS hour, sum(n)::bigint AS day
      FROM decision_counts WHERE at >= $1 GROUP BY route, outcome, reason
     ORDER BY (outcome = 'allow'), day DESC, route, outcome, reason LIMIT $3
"""
_TOTALS: Final = """
    SELECT outcome, coalesce(sum(n) FILTER (WHERE at >= $2), 0)::bigint AS hour, sum(n)::bigint AS day
      FROM decision_counts WHERE at >= $1 GROUP BY outcome ORDER BY day DESC, outcome
"""
_PURGE_MINUTES: Final = "DELETE FROM decision_counts WHERE at < $1"
_PURGE_HOURS: Final = "DELETE FROM decision_hours WHERE at < $1"
# From this time on only minutes know. An hour without decisions has no row, and no minutes either.
_HOURS_END: Final = f"SELECT coalesce(max(at) + {_HOUR_S}, 0) AS at FROM decision_hours"  # noqa: S608 - a constant
_ADD_HOURS: Final = f"""
    INSERT INTO decision_hours (at, route, outcome, reason, n)
    SELECT at - at % {_HOUR_S}, route, outcome, reason, sum(n)::bigint FROM decision_counts
     WHERE at >= ({_HOURS_END}) AND at < $1 GROUP BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants
_MINUTES_SINCE: Final = "(SELECT at, route, outcome, reason, n FROM decision_counts WHERE at >= $1) counted"
# Each decision is in one of the two: hours that are over, and the minutes after them.
_SINCE: Final = f"""
    (SELECT at, route, outcome, reason, n FROM decision_hours WHERE at >= $1
     UNION ALL
     SELECT c.at, c.route, c.outcome, c.reason, c.n FROM decision_counts c, ({_HOURS_END}) ended
      WHERE c.at >= greatest($1, ended.at)) counted
"""  # noqa: S608 - constants


def _kinds_of(counted: str) -> str:
    return f"""
        SELECT route, outcome, reason, sum(n)::bigint AS n FROM {counted} GROUP BY route, outcome, reason
         ORDER BY (outcome = 'allow'), n DESC, route, outcome, reason LIMIT $2
    """  # noqa: S608 - constants


def _steps_of(counted: str) -> str:
    return f"SELECT at - at % $2 AS at, outcome, sum(n)::bigint AS n FROM {counted} GROUP BY 1, 2"  # noqa: S608 - constants


_KINDS_SINCE: Final = _kinds_of(_SINCE)
_KINDS_OF_MINUTES: Final = _kinds_of(_MINUTES_SINCE)
_STEPS_SINCE: Final = _steps_of(_SINCE)
_STEPS_OF_MINUTES: Final = _steps_of(_MINUTES_SINCE)


@dataclass(frozen=True, slots=True)
class CountedKind:
    """Decisions of one kind in the last hour and in the last day."""

    route: str
    outcome: str
    reason: str
    hour: int
    day: int


@dataclass(frozen=True, slots=True)
class KindSince:
    """Decisions of one kind."""

    route: str
    outcome: str
    reason: str
    n: int


class DecisionCounts:
    """Bound to one connection. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, minute: int, counts: Mapping[tuple[str, str, str], int]) -> None:
        """In one order, so that workers wait for each other and never in a circle."""
        rows = [(minute, *kind, n) for kind, n in sorted(counts.items())]
        await self._connection.executemany(_COUNT, rows)

    async def kinds(self, now: int) -> list[CountedKind]:
        """The refused first, then the most frequent."""
        found = await self._connection.fetch(_COUNTS, now - _DAY_S, now - _HOUR_S, _MOST_KINDS)
        return [CountedKind(**row) for row in found]

    async def totals(self, now: int) -> list[tuple[str, int, int]]:
        """Outcome, in the last hour, in the last day."""
        return [tuple(row) for row in await self._connection.fetch(_TOTALS, now - _DAY_S, now - _HOUR_S)]

    async def kinds_since(self, since: int, step_s: int) -> Sequence[KindSince]:
        """As kinds. since: the beginning of a minute, or of an hour where a step is at least an hour."""
        query = _KINDS_OF_MINUTES if step_s < _HOUR_S else _KINDS_SINCE
        return [KindSince(**row) for row in await self._connection.fetch(query, since, _MOST_KINDS)]

    async def steps_since(self, since: int, step_s: int) -> Sequence[tuple[int, str, int]]:
        """When a step began, an outcome, how many. since: as kinds_since has it."""
        query = _STEPS_OF_MINUTES if step_s < _HOUR_S else _STEPS_SINCE
        return [tuple(row) for row in await self._connection.fetch(query, since, step_s)]

    async def add_hours(self, before: int) -> None:
        """Of what has minutes only. before: the beginning of an hour; what a worker still adds is of a later one."""
        await self._connection.execute(_ADD_HOURS, before)

    async def purge(self, minutes_before: int, hours_before: int) -> None:
        await self._connection.execute(_PURGE_MINUTES, minutes_before)
        await self._connection.execute(_PURGE_HOURS, hours_before)
