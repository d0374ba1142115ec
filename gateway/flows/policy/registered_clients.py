"""Brings registered clients to a worker: at its start and every few seconds, and kept while Postgres is away."""

from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.core.policy.reading.registered import RegisteredClient
from gateway.flows.policy.policies import Policies
from gateway.flows.transaction import transaction
from gateway.stores.postgres.clients import Clients

READ_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class RegisteredClients:
    pool: "asyncpg.Pool[asyncpg.Record]"
    policies: Policies

    async def refresh(self) -> None:
        """Disabled ones are as unknown to the worker as if they had never been. Raises RecordUnavailable."""
        async with transaction(self.pool) as connection:
            rows = await Clients(connection).active()
        await self.policies.register(tuple(RegisteredClient(row.id, row.settings, row.secret_hash) for row in rows))
