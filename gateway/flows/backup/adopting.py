"""Makes a database safe that was brought back without `bastion restore`: from a snapshot, a base backup, an archive."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.core.audit.chain import GENESIS, Head
from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.restore import Restore
from gateway.flows.act import Act, Acts, RedisBehind
from gateway.flows.backup.closing import Again, Closing, remembered, sweep_redis
from gateway.flows.backup.restore import RestoreRefused, RestoreReport
from gateway.flows.privacy.erasure import NodeFiles
from gateway.flows.transaction import transaction
from gateway.stores.files.checkpoints import files_below, public_key_files, read_checkpoints, read_public_keys
from gateway.stores.files.ledger import Erased, LedgerLine, read_ledger
from gateway.stores.postgres.audit import Chain
from gateway.stores.redis.decisions import Functions

ADOPTED: Final = "adopted"
_ALL: Final = 2**31


@dataclass(frozen=True, slots=True)
class _Kept:
    """The newest checkpoint that the log still has: what was taken away before is taken away in it."""

    head: Head
    time: int


@dataclass(frozen=True, slots=True)
class Adopting:
    """node: whose checkpoints tell that the log is shorter. operator: who acts."""

    acts: Acts
    node: NodeFiles
    tag_key: bytes
    functions: Functions
    operator: str

    async def adopt(self, ledger: Path | None) -> RestoreReport:
        """ledger None: none. Raises RestoreRefused, LedgerUnusable, CheckpointsUnusable, OSError, RecordUnavailable."""
        keys = read_public_keys(public_key_files(self.node.directory))
        lines = () if ledger is None else read_ledger(ledger, keys)
        kept = await self._kept(
            [one for file in files_below(self.node.directory) if file.exists() for one in read_checkpoints(file, keys)]
        )
        again, restore = Again(0, 0), None
        with suppress(RedisBehind):  # as in a restore
            async with self.acts.begin(operator=self.operator) as act:
                await _refuse_older(act, ledger, lines)
                restore = await asyncio.to_thread(remembered, self.node, keys, kept.head, self.acts.clock(), ADOPTED)
                again = await Closing(act, self.tag_key, self.operator).close(restore, lines, kept.time)
        assert isinstance(restore, Restore)
        return RestoreReport(restore, again, await sweep_redis(self.functions))

    async def _kept(self, seen: Sequence[Checkpoint]) -> _Kept:
        """Raises RestoreRefused where nothing is lost."""
        newest_first = sorted(seen, key=lambda one: (one.time, one.position), reverse=True)
        async with transaction(self.acts.pool) as connection:
            chain = Chain(connection)
            if not newest_first or not await chain.lacks(
                newest_first[0].position, newest_first[0].head, newest_first[0].time
            ):
                raise RestoreRefused("the audit log has all that checkpoints know of: there is nothing to adopt")
            for one in newest_first:
                if await chain.at(one.position) == Head(one.position, one.head):
                    return _Kept(Head(one.position, one.head), one.time)
        return _Kept(Head(0, GENESIS), 0)


async def _refuse_older(act: Act, ledger: Path | None, lines: Sequence[LedgerLine]) -> None:
    """Raises RestoreRefused."""
    erased = sum(isinstance(one, Erased) for one in lines)
    known = len(await act.erasures.after(0, _ALL))
    if ledger is not None and erased < known:
        raise RestoreRefused(
            f"{ledger}: has {erased} erasures, and the database knows of {known}: it is older, or of another"
            " installation"
        )
