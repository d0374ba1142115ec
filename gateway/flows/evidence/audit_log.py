"""Links the audit log, and judges whether it is whole."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.core.audit.chain import Head
from gateway.core.audit.checkpoint import Checkpoint
from gateway.core.audit.restore import Restore
from gateway.core.audit.walk import Walk
from gateway.core.errors import GatewayError
from gateway.flows.transaction import transaction
from gateway.stores.files.checkpoints import FILE_NAME, Checkpoints, CheckpointsUnusable, SignedLine
from gateway.stores.postgres.audit import Chain

LATE_S: Final = 5
_LOOKS: Final = 20
_LOOK_S: Final = 0.1
_MOST_BATCHES: Final = 200
_COMPLAIN_EVERY_S: Final = 60
_LOG: Final = structlog.stdlib.get_logger("gateway.audit_log")


class CheckpointLost(GatewayError):
    """The log has not what this node's newest checkpoint saw: the database is an older one; the message says what to
    do (X1).
    """


async def refuse_lost(pool: "asyncpg.Pool[asyncpg.Record]", directory: Path, data_dir: Path) -> None:
    """Raises CheckpointLost, RecordUnavailable, CheckpointsUnusable and OSError."""
    seen = await asyncio.to_thread(_newest, directory, data_dir)
    if seen is None:
        return
    async with transaction(pool) as connection:
        lost = await Chain(connection).lacks(seen.position, seen.head, seen.time)
    if lost:
        raise CheckpointLost(
            f"the audit log lacks position {seen.position}, which this node's newest checkpoint saw: the database is an"
            " older copy or another one. Shut down all nodes and run `bastion restore --adopt --ledger FILE`"
        )


def _newest(directory: Path, data_dir: Path) -> Checkpoint | None:
    return Checkpoints.open(directory, data_dir).last() if (directory / FILE_NAME).exists() else None


@dataclass(slots=True)
class Linker:
    """work() is one round; any number of them at once, in the whole fleet, makes one chain.

    clock: Unix seconds. checkpoint_dir None: no checkpoints are written. publish: gets the line of each that is
    written, again until it takes it; and first the newest that was written before, because whoever led until now may
    not have come to it. announce: hears the key that signs, before its first checkpoint is published. waited: hears of
    each round how many seconds the oldest entry had waited.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    data_dir: Path
    checkpoint_dir: Path | None
    clock: Callable[[], int]
    publish: Callable[[SignedLine], Awaitable[None]] | None = None
    announce: Callable[[Ed25519PublicKey], Awaitable[None]] | None = None
    waited: Callable[[int], None] = lambda _seconds: None
    _is_announced: bool = field(default=False, init=False)
    _checkpoints: Checkpoints | None = field(default=None, init=False)
    _complained_at: int = field(default=0, init=False)
    _unpublished: deque[SignedLine] = field(default_factory=deque, init=False)

    async def work(self) -> None:
        """Links what waits, then signs a checkpoint if one is due. Raises RecordUnavailable.

        A checkpoint that can't be written is logged and does not stop the linking.
        """
        await self.link_all()
        if self.checkpoint_dir is None:
            return
        try:
            await refuse_lost(self.pool, self.checkpoint_dir, self.data_dir)
            async with transaction(self.pool) as connection:
                head = await Chain(connection).head()
            await asyncio.to_thread(self._write_if_due, self.checkpoint_dir, head, self.clock())
        except (OSError, CheckpointsUnusable, CheckpointLost) as error:
            self._complain(str(error))
            return
        await self._announce_once()
        while self._unpublished:
            if self.publish is not None:
                await self.publish(self._unpublished[0])
            self._unpublished.popleft()

    async def link_all(self) -> int:
        """Links the committed entries that wait and counts them; each batch is a transaction of its own.

        Where more come all the time it ends all the same, and the next round goes on.
        """
        linked = 0
        async with transaction(self.pool) as connection:
            oldest_at = await Chain(connection).oldest_waiting()
        if oldest_at is not None:
            self.waited(max(0, self.clock() - oldest_at))
        for _ in range(_MOST_BATCHES):
            async with transaction(self.pool) as connection:
                batch = await Chain(connection).link_next()
            if not batch:
                break
            linked += batch
        return linked

    def _complain(self, error: str) -> None:
        now = self.clock()
        if not 0 <= now - self._complained_at < _COMPLAIN_EVERY_S:
            self._complained_at = now
            _LOG.error("no checkpoint of the audit log could be written", error=error)

    async def _announce_once(self) -> None:
        if self.announce is not None and self._checkpoints is not None and not self._is_announced:
            await self.announce(self._checkpoints.key.public_key())
            self._is_announced = True

    def _write_if_due(self, directory: Path, head: Head, now: int) -> None:
        """What is written is to be published, also where the one who waits for this was cancelled."""
        lines = []
        if self._checkpoints is None:
            self._checkpoints = Checkpoints.open(directory, self.data_dir)
            lines.append(self._checkpoints.newest())
        lines.append(self._checkpoints.write_if_due(head, now))
        self._unpublished.extend(line for line in lines if line is not None)


async def count_waiting(pool: "asyncpg.Pool[asyncpg.Record]") -> int:
    """Committed entries that no link holds yet. Raises RecordUnavailable."""
    async with transaction(pool) as connection:
        return await Chain(connection).count_waiting()


@dataclass(frozen=True, slots=True)
class Verification:
    """position and head: how far the chain was followed. newest: of the checkpoints, None without any.

    fault None: whole. late: entries of more than LATE_S seconds that no link holds. begun: the position before the
    first that was looked at. announced: keys of checkpoints that entries tell of, with the position of the entry.
    restored: restores that the chain went through. lost: checkpoints that these explain.
    """

    position: int
    head: bytes
    checkpoints: int
    newest: Checkpoint | None
    late: int
    fault: str | None
    begun: int = 0
    announced: Mapping[str, int] = field(default_factory=dict)
    restored: tuple[Restore, ...] = ()
    lost: tuple[Checkpoint, ...] = ()


async def verify(
    pool: "asyncpg.Pool[asyncpg.Record]",
    now: int,
    checkpoints: Sequence[Checkpoint] = (),
    progress: Callable[[int, int], None] = lambda _position, _of: None,
    restores: Sequence[Restore] = (),
) -> Verification:
    """Follows the whole chain and changes nothing. checkpoints: read before, so that none is newer than the chain.

    now: Unix seconds. progress: hears the position that was reached, and the last one as it was at the beginning.
    Holds a few hundred entries at a time, however many there are. Raises RecordUnavailable.
    """
    walk = Walk(checkpoints, restores)
    async with transaction(pool) as connection:
        chain = Chain(connection)
        claimed = await chain.head()
        async for links in chain.links():
            if not walk.goes_on(links):
                break
            progress(walk.position, claimed.position)
        unlinked = await chain.count_unlinked(now - LATE_S)
        behind = bool(unlinked.late) and not unlinked.overtaken and await _advances(chain)
    found = walk.fault or walk.cut_off() or _gone(walk, claimed)
    return verdict_of(walk, unlinked.late, found or (None if behind else _late(unlinked.late)))


def verdict_of(walk: Walk, late: int, fault: str | None) -> Verification:
    """late: as Verification has it."""
    return Verification(
        position=walk.position,
        head=walk.head,
        checkpoints=len(walk.compared),
        newest=max(walk.compared, key=lambda one: one.position, default=None),
        late=late,
        fault=fault,
        begun=walk.begun,
        announced=walk.announced,
        restored=tuple(walk.restored),
        lost=tuple(walk.lost),
    )


def _gone(walk: Walk, claimed: Head) -> str | None:
    """claimed: the head as the table of links had it before."""
    if claimed.position > walk.position:
        return f"position {claimed.position} is linked, but its entry is gone"
    return None


async def _advances(chain: Chain) -> bool:
    """Whether a linker is at work: in a storm of entries it is behind, and that is no fault."""
    before = await chain.head()
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK_S)
        if (await chain.head()).position > before.position:
            return True
    return False


def _late(late: int) -> str | None:
    if not late:
        return None
    entries = "entry" if late == 1 else "entries"
    return f"{late} {entries} older than {LATE_S} s in no chain: no gateway runs to link them, or links were removed"
