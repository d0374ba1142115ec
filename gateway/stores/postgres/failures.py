"""Wrong passwords of the last hour, by the address and the device that they came from."""

from collections.abc import Sequence
from typing import Final

from gateway.core.units import HOUR_S
from gateway.stores.postgres.database import AnyConnection

WINDOW_S: Final = HOUR_S
_KEPT: Final = 32  # of one source; more count as so many
_COUNT: Final = """
    SELECT coalesce(max((SELECT count(*) FROM unnest(at) one WHERE one > $2)), 0)
      FROM login_failures WHERE source = ANY($1::text[])
"""
_ADD: Final = """
    INSERT INTO login_failures AS f (source, at, last_at)
    SELECT source, ARRAY[$2::bigint], $2 FROM unnest($1::text[]) AS given (source) ORDER BY source
    ON CONFLICT (source) DO UPDATE SET at = ($2 || f.at)[1:$3], last_at = $2
"""
_PURGE: Final = "DELETE FROM login_failures WHERE last_at <= $1"


class LoginFailures:
    """Bound to one connection. sources: names of core/ratelimit/slots.py. now: Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def count(self, sources: Sequence[str], now: int) -> int:
        """Of the source that has most of them."""
        return int(await self._connection.fetchval(_COUNT, list(sources), now - WINDOW_S))

    async def add(self, sources: Sequence[str], now: int) -> None:
        await self._connection.execute(_ADD, list(sources), now, _KEPT)

    async def purge(self, now: int) -> None:
        """What no count sees any more."""
        await self._connection.execute(_PURGE, now - WINDOW_S)
