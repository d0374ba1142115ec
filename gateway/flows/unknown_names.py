"""Gives a name that nobody has its mark in the audit log, under a key that is destroyed after 90 days."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from gateway.core.audit.entries import Entry, Kind
from gateway.core.privacy.sealing import DataKey
from gateway.core.privacy.unknown_names import mark
from gateway.flows.transaction import transaction
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.unknown_names import UnknownNameKeys
from gateway.stores.postgres.vault import Vault

_SWEEP_EVERY_S: Final = 86400


@dataclass(slots=True)
class UnknownNames:
    """No key outlives a call in memory, so no node goes on with one that another has destroyed."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    clock_us: Callable[[], int]
    _swept_at: int = field(default=0, init=False)

    async def mark(self, name: str) -> str:
        """Raises RecordUnavailable."""
        return mark(await self._current() or await self._renewed(), name)

    async def work(self) -> None:
        """One round of the leader's: destroys a key that is over, at the latest now. Raises RecordUnavailable."""
        renewed = await self._current() is None
        if renewed:
            await self._renewed()
        now = self._now()
        if renewed or not 0 <= now - self._swept_at < _SWEEP_EVERY_S:
            async with self.pool.acquire() as connection:
                await UnknownNameKeys(connection, self.vault).sweep()
            self._swept_at = now

    async def _current(self) -> DataKey | None:
        async with transaction(self.pool) as connection:
            return await UnknownNameKeys(connection, self.vault).current(self._now())

    async def _renewed(self) -> DataKey:
        """The audit log says from when on marks are others."""
        async with transaction(self.pool) as connection:
            key, made = await UnknownNameKeys(connection, self.vault).renew(self._now())
            if made:
                entry = Entry(Kind.UNKNOWN_NAMES_RENEWED, self._now(), "gateway", None, {}, {}, "")
                await Audit(connection, self.vault).append(entry)
        return key

    def _now(self) -> int:
        return self.clock_us() // 1_000_000
