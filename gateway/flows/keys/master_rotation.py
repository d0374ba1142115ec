"""Owns how one master key takes the place of another: an operator's word, then the rows, while people log in.

The database says which key wraps. Each worker follows within a beat, and goes on opening what others have wrapped. So
the leader wraps until it has found nothing left twice, a beat of the workers apart.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from gateway.core.audit.key_events import KeyRotationBegun, KeyRotationDone
from gateway.core.errors import GatewayError
from gateway.flows.act import Act, Acts
from gateway.flows.policy.policy_fleet import BEAT_S, FORGOTTEN_S
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.master_keys import WRAPPED_TABLES
from gateway.stores.postgres.vault import NoMasterKey

ROUND_S: Final = BEAT_S * 2
_LIVE_S: Final = 60.0


class NotEverywhere(GatewayError):
    """A worker lacks the key; the message names all of them."""


class NothingToRotate(GatewayError):
    """The key wraps already."""


@dataclass(slots=True)
class MasterRotation:
    """operator: who acts where an operator does."""

    acts: Acts
    operator: str = ""
    _clean: str = field(default="", init=False)  # the key beside which the last round left no other

    async def begin(self, master: str = "") -> KeyRotationBegun:
        """master: an id; by default of the first key of the configuration.

        Raises NoMasterKey, NothingToRotate and NotEverywhere.
        """
        to = master or self.acts.vault.masters[0]
        if to not in self.acts.vault.masters:
            raise NoMasterKey([to])
        async with self.acts.begin(operator=self.operator) as act:
            state = await act.masters.lock()
            assert state is not None, "every command has agreed on keys before"
            if state.active == to:
                raise NothingToRotate(f"the master key {to} wraps already; put a new one first in secrets.master_keys")
            await _refuse_where_lacking(act, to)
            await act.masters.activate(to, act.now)
            event = KeyRotationBegun(None, to, state.active)
            act.record(event)
        return event

    async def follow(self) -> None:
        """Wrap with the fleet's key from now on. Raises RecordUnavailable, and NoMasterKey where it is not here."""
        async with self.acts.begin() as act:
            state = await act.masters.state()
        if state is not None:
            self.acts.vault.follow(state.active)

    async def keep_following(self) -> None:
        """Until it is cancelled. A worker without the fleet's key ends: it could open nothing that others wrap."""
        while True:
            await asyncio.sleep(BEAT_S)
            with suppress(RecordUnavailable):
                await self.follow()

    async def work(self) -> None:
        """One round of the leader's; another leader goes on where it was stopped. Raises RecordUnavailable."""
        await self.follow()
        for table in WRAPPED_TABLES:
            while await self._rewrap_some(table):
                pass
        async with self.acts.begin() as act:
            state = await act.masters.lock()
            if state is None or state.done:
                return
            left = await act.masters.has_others(state.active)
            if not left and self._clean == state.active:
                await act.masters.finish()
                act.record(KeyRotationDone(None, state.active))
            self._clean = "" if left else state.active

    async def _rewrap_some(self, table: str) -> int:
        async with self.acts.begin() as act:
            return await act.masters.rewrap(table, self.acts.vault)


async def _refuse_where_lacking(act: Act, master: str) -> None:
    found = await act.policy_workers.all(FORGOTTEN_S)
    lacking = [one for one in found if one.silent_s <= _LIVE_S and master not in one.master_ids]
    if lacking:
        names = ", ".join(f"{one.node}, worker {one.worker}" for one in lacking)
        raise NotEverywhere(f"these lack the master key {master}: {names}; add it to secrets.master_keys, and SIGHUP")
