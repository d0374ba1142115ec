"""Lets timed work run on one worker of the fleet at a time, whoever holds the advisory lock."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog

from gateway.core.errors import GatewayError
from gateway.flows.transaction import GONE
from gateway.stores.postgres.locks import LEADER

_TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
_STILL_THERE: Final = "SELECT 1"
_CANDIDATE_S: Final = 2.0
_HEARTBEAT_S: Final = 1.0
_COMPLAIN_EVERY_S: Final = 60.0
_LOG: Final = structlog.stdlib.get_logger("gateway.leader")


@dataclass(frozen=True, slots=True)
class Job:
    """Timed work. work: one round, which does no harm beside the next leader's; cancelled after most_s seconds."""

    name: str
    work: Callable[[], Awaitable[None]]
    every_s: float = 1.0
    most_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Leader:
    """While this worker leads, each job is a task of its own: one that fails or hangs does not hold up the others.

    The lock belongs to a connection of its own: when that is lost, all jobs are cancelled, and another worker leads.
    failed: hears the name of a job whose round failed or hung. took: hears the name of a job and how many microseconds
    its round took, also one that failed or hung.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    jobs: Sequence[Job]
    failed: Callable[[str], None]
    took: Callable[[str, int], None]
    heartbeat_s: float = _HEARTBEAT_S

    async def run(self) -> None:
        """Until it is cancelled; Postgres may come and go."""
        while True:
            with suppress(*GONE, GatewayError):
                await self._lead_if_free()
            await asyncio.sleep(_CANDIDATE_S)

    async def _lead_if_free(self) -> None:
        async with self.pool.acquire() as connection:
            if not await connection.fetchval(_TRY_LOCK, LEADER):
                return
            _LOG.info("leads timed work")
            jobs = [asyncio.create_task(self._repeat(job)) for job in self.jobs]
            try:
                while True:
                    await connection.fetchval(_STILL_THERE)
                    await asyncio.sleep(self.heartbeat_s)
            finally:
                for task in jobs:
                    task.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)

    async def _repeat(self, job: Job) -> None:
        complained_at, loop = float("-inf"), asyncio.get_running_loop()
        while True:
            begun_at = loop.time()
            try:
                async with asyncio.timeout(job.most_s):
                    await job.work()
            except Exception as error:  # noqa: BLE001 - whatever a job raises, the others and its next round go on
                self.failed(job.name)
                if loop.time() - complained_at >= _COMPLAIN_EVERY_S:
                    complained_at = loop.time()
                    _complain(job, error)
            self.took(job.name, int((loop.time() - begun_at) * 1_000_000))
            await asyncio.sleep(job.every_s)


def _complain(job: Job, error: Exception) -> None:
    if isinstance(error, TimeoutError):
        _LOG.error("timed work hangs, and was begun anew", job=job.name, after_s=job.most_s)
    elif isinstance(error, GatewayError):
        _LOG.warning("timed work failed, and is tried again", job=job.name, why=str(error))
    else:
        _LOG.error("timed work failed, and is tried again", job=job.name, exc_info=error)
