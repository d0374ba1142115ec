"""Wrong passwords of the last hour, by the address and the device that they came from."""

from collections.abc import Sequence
from typing import Final

from gateway.core.units import HOUR_S
from gateway.stores.postgres.database import AnyConnection

WINDOW_S: Final = HOUR_S
_ADD: Final = "INSERT INTO login_failures (source, at) SELECT unnest($1::text[]), $2"
_PURGE: Final = "DELETE FROM login_failures WHERE at <= $1"


class LoginFailures:
    """Bound to one connection. sources: names of core/ratelimit/slots.py. now: Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, sources: Sequence[str], now: int) -> None:
        await self._connection.execute(_ADD, list(sources), now)

    async def purge(self, now: int) -> None:
        """What no attempt is scored by any more."""
        await self._connection.execute(_PURGE, now - WINDOW_S)
