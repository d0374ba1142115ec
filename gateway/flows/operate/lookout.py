"""Looks what of the outbox is due and wakes those who deliver it: one question for all deliveries of a worker."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.core.outbox.kinds import MessageKind
from gateway.flows.operate.delivery import Delivery
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.postgres.outbox import Outbox

_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Lookout:
    """In one worker. A delivery that is not woken looks for itself, but seldom."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    deliveries: Sequence[Delivery]
    every_s: float = _EVERY_S

    async def run(self) -> None:
        """Until it is cancelled; Postgres may come and go."""
        while True:
            due = await self._due()
            for delivery in self.deliveries:
                if delivery.kind in due:
                    delivery.wake()
            await asyncio.sleep(self.every_s)

    async def _due(self) -> set[MessageKind]:
        """Of all kinds where Postgres does not say: each delivery then finds out why, and complains."""
        kinds = {delivery.kind for delivery in self.deliveries}
        try:
            async with transaction(self.pool) as connection:
                return await Outbox(connection).due(kinds)
        except RecordUnavailable:
            return set()
        except Exception:  # noqa: BLE001 - such as a privilege that lacks
            return kinds
