"""Writes entries of acts that change nothing else: all that wait in one transaction, one group after the other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import asyncpg

from gateway.core.audit.entry import Entry
from gateway.core.errors import GatewayError, StoreOutage
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.vault import Vault

MOST_WAITING: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Waiting:
    entry: Entry
    done: "asyncio.Future[None]"

    def ends(self, error: Exception | None) -> None:
        """Whoever waited may have been cancelled."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


_Group: TypeAlias = Sequence[_Waiting]


@dataclass(slots=True)
class Appending:
    """One for a worker: two writers would be slower than one that takes all who wait."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    _waiting: list[_Waiting] = field(default_factory=list)
    _writer: "asyncio.Task[None] | None" = None

    async def append(self, entry: Entry) -> None:
        """Returns once it is committed. Of a caller who is cancelled meanwhile it is written all the same.

        Raises RecordUnavailable, also where too many wait, and what Audit.append raises.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise RecordUnavailable(f"{MOST_WAITING} entries wait for Postgres already")
        waiting = _Waiting(entry, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await waiting.done

    async def _write(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._end(group)
        finally:
            self._writer = None

    async def _end(self, group: _Group) -> None:
        """Each hears what became of its entry, whatever happens to the writer."""
        try:
            error = await self._commit(group)
            if error is not None and not isinstance(error, StoreOutage) and len(group) > 1:
                for one in group:  # somebody's key is gone: that is no fault of the others
                    one.ends(await self._commit([one]))
            for one in group:
                one.ends(error)
        finally:
            for one in group:
                one.ends(RecordUnavailable("the entry was not written"))

    async def _commit(self, group: _Group) -> GatewayError | None:
        try:
            async with transaction(self.pool) as connection:
                await Audit(connection, self.vault).append(*(one.entry for one in group))
        except GatewayError as error:
            return error
        return None
