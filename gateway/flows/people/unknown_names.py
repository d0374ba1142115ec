"""Gives a name that nobody has its mark in the audit log, under a key that is destroyed after 90 days."""

from dataclasses import dataclass, field
from typing import Final

from gateway.core.audit.settings_events import UnknownNamesRenewed
from gateway.core.privacy.sealing import DataKey
from gateway.core.privacy.unknown_names import mark
from gateway.core.units import DAY_S
from gateway.flows.act import Acts
from gateway.stores.postgres.unknown_names import UnknownNameKeys

_SWEEP_EVERY_S: Final = DAY_S


@dataclass(slots=True)
class UnknownNames:
    """No key outlives a call in memory, so no node goes on with one that another has destroyed."""

    acts: Acts
    _swept_at: int = field(default=0, init=False)

    async def mark(self, name: str) -> str:
        """Raises RecordUnavailable."""
        return mark(await self._current() or await self._renewed(), name)

    async def work(self) -> None:
        """One round of the leader's: destroys a key that is over, at the latest now. Raises RecordUnavailable."""
        renewed = await self._current() is None
        if renewed:
            await self._renewed()
        now = self.acts.clock()
        if renewed or not 0 <= now - self._swept_at < _SWEEP_EVERY_S:
            async with self.acts.pool.acquire() as connection:
                await UnknownNameKeys(connection, self.acts.vault).sweep()
            self._swept_at = now

    async def _current(self) -> DataKey | None:
        async with self.acts.begin() as act:
            return await act.unknown_names.current(act.now)

    async def _renewed(self) -> DataKey:
        """The audit log says from when on marks are others."""
        async with self.acts.begin() as act:
            key, made = await act.unknown_names.renew(act.now)
            if made:
                act.record(UnknownNamesRenewed(None))
        return key
