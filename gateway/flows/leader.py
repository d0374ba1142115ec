"""Lets timed work run on one worker of the fleet at a time, whoever holds the advisory lock."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog

from gateway.core.errors import GatewayError
from gateway.flows.transaction import GONE

_LOCK: Final = 0x626173_6C656164  # "baslead"
_TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
_STILL_THERE: Final = "SELECT 1"
_CANDIDATE_S: Final = 2.0
_LOG: Final = structlog.stdlib.get_logger("gateway.leader")


@dataclass(frozen=True, slots=True)
class Leader:
    """work: one round of everything that is timed; called about every_s seconds while this worker leads.

    The lock belongs to a connection of its own: when that is lost, another worker leads.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    work: Callable[[], Awaitable[None]]
    every_s: float = 1.0

    async def run(self) -> None:
        """Until it is cancelled; Postgres may come and go."""
        while True:
            with suppress(*GONE, GatewayError):
                await self._lead_if_free()
            await asyncio.sleep(_CANDIDATE_S)

    async def _lead_if_free(self) -> None:
        async with self.pool.acquire() as connection:
            if not await connection.fetchval(_TRY_LOCK, _LOCK):
                return
            _LOG.info("leads timed work")
            while True:
                await connection.fetchval(_STILL_THERE)
                await self.work()
                await asyncio.sleep(self.every_s)
