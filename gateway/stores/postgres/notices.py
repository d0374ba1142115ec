"""Counts what people are told, so that no mailbox is flooded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.units import HOUR_S
from gateway.stores.postgres.database import AnyConnection

DAY_HOURS: Final = 24
_KEPT_HOURS: Final = 2 * DAY_HOURS
_COUNT: Final = """
    INSERT INTO notices (user_id, kind, device, hour, count, told)
    SELECT $1, $2, $3, $4::bigint, 1,
           (SELECT count(*) FROM notices n
             WHERE n.user_id = $1 AND n.told AND n.device <> $7 AND n.hour > $4::bigint - $6::bigint) < $5
    ON CONFLICT (user_id, kind, device, hour) DO UPDATE SET count = notices.count + 1
    RETURNING count, told
"""
# Its rows count in no cap and in no digest: told, and without room taken (login-defence.md X8).
_COUNT_UNCAPPED: Final = """
    INSERT INTO notices (user_id, kind, device, hour, count, told) VALUES ($1, $2, $3, $4, 1, true)
    ON CONFLICT (user_id, kind, device, hour) DO UPDATE SET count = notices.count + 1
    RETURNING count
"""
_UNCAPPED: Final = b"uncapped"
_PEOPLE_UNTOLD: Final = "SELECT DISTINCT user_id FROM notices WHERE NOT told AND hour <= $1 LIMIT $2"
_TELL: Final = """
    WITH untold AS (UPDATE notices SET told = true WHERE user_id = $1 AND NOT told RETURNING kind, count)
    SELECT kind, sum(count)::integer AS count FROM untold GROUP BY kind ORDER BY kind
"""
_PURGE: Final = "DELETE FROM notices WHERE told AND hour < $1"


@dataclass(frozen=True, slots=True)
class NoticeCount:
    """How often it was due in this hour, and whether there was room for it in the day."""

    count: int
    told: bool


class NoticeCounts:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def count(self, user_id: UUID, kind: str, device: bytes, now: int, most_a_day: int) -> NoticeCount:
        """now: Unix seconds. Another transaction that counts the same waits until this one ends."""
        row = await self._connection.fetchrow(
            _COUNT, user_id, kind, device, now // HOUR_S, most_a_day, DAY_HOURS, _UNCAPPED
        )
        assert row is not None
        return NoticeCount(row["count"], row["told"])

    async def count_uncapped(self, user_id: UUID, kind: str, now: int) -> int:
        """How often it was due in this hour. now: Unix seconds."""
        count: int = await self._connection.fetchval(_COUNT_UNCAPPED, user_id, kind, _UNCAPPED, now // HOUR_S)
        return count

    async def people_untold(self, now: int, most: int) -> list[UUID]:
        """Whom a digest is due for: some notice of theirs has waited for a day."""
        rows = await self._connection.fetch(_PEOPLE_UNTOLD, now // HOUR_S - DAY_HOURS, most)
        return [row["user_id"] for row in rows]

    async def tell(self, user_id: UUID) -> Mapping[str, int]:
        """By kind, how often what was not told was due. It is told now."""
        return {row["kind"]: row["count"] for row in await self._connection.fetch(_TELL, user_id)}

    async def purge(self, now: int) -> None:
        """Deletes what no cap looks at any more."""
        await self._connection.execute(_PURGE, now // HOUR_S - _KEPT_HOURS)
