"""Brings registered clients to a worker: at its start and every few seconds, and kept while Postgres is away."""

from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.core.policy.reading.registered import RegisteredClient
from gateway.flows.policy.policies import Policies
from gateway.flows.transaction import transaction
from gateway.stores.postgres.clients import ClientRows

READ_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class RegisteredClients:
    pool: "asyncpg.Pool[asyncpg.Record]"
    policies: Policies

    async def refresh(self) -> None:
        """Disabled ones are as unknown to the worker as if they had never been. Raises RecordUnavailable."""
        await self.policies.register(await active_clients(self.pool))


async def active_clients(pool: "asyncpg.Pool[asyncpg.Record]") -> tuple[RegisteredClient, ...]:
    """Those that are not disabled. Raises RecordUnavailable."""
    async with transaction(pool) as connection:
        rows = await ClientRows(connection).active()
    return tuple(RegisteredClient(row.id, row.settings, row.secret_hash) for row in rows)
