"""Closes all doors of a database that was brought back: what had ended since would be open again otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.core.audit.admin_events import RoleRevoked
from gateway.core.audit.chain import Head
from gateway.core.audit.evidence_events import Restored
from gateway.core.audit.key_events import SigningKeyRetired
from gateway.core.audit.restore import Restore, restore_id, sign_restore
from gateway.core.audit.taken import CLOCKS_S, TakenAway
from gateway.core.errors import StoreUnavailable
from gateway.flows.act import Act
from gateway.flows.backup.take_again import TakingAgain
from gateway.flows.oauth.back_channel import tell_apps
from gateway.flows.privacy.erasure import NodeFiles, take_away
from gateway.stores.files.checkpoints import files_below, read_checkpoints, signing_key
from gateway.stores.files.ledger import Erased, LedgerLine
from gateway.stores.files.restores import remember_restore
from gateway.stores.redis.decisions import Functions
from gateway.stores.redis.sweep import sweep

_WHY: Final = "restored"


@dataclass(frozen=True, slots=True)
class Again:
    """erased: people who were erased again. taken: what else was there again, and was taken away again."""

    erased: int
    taken: int


@dataclass(frozen=True, slots=True)
class Closing:
    """act: the transaction from which on the database is served."""

    act: Act
    tag_key: bytes
    operator: str

    async def close(self, restore: Restore, ledger: Sequence[LedgerLine], since: int) -> Again:
        """since: Unix seconds; the database has what was taken away before."""
        act = self.act
        await tell_apps(act, await act.restores.live_logins())
        for key in await act.restores.end_all(act.now):
            act.record(SigningKeyRetired(None, key.kid, key.alg, _WHY, act.now))
        erased = await self._erase_again([one for one in ledger if isinstance(one, Erased)])
        lost = [one for one in ledger if isinstance(one, TakenAway) and one.at >= since - CLOCKS_S]
        taken = await TakingAgain(act, self.tag_key).all(lost)
        for one in await act.restores.rest_roles():
            act.record(RoleRevoked(one.user_id, one.role, _WHY))
        kept, until = restore.kept.position, restore.lost.position
        act.record(Restored(None, restore.id, restore.backup, kept, until, erased, taken))
        return Again(erased, taken)

    async def _erase_again(self, erased: Sequence[Erased]) -> int:
        """Nobody whom the ledger names comes back. Whom the backup does not know, or knows as erased, stays so."""
        again = 0
        for one in erased:
            if await self.act.erasures.lock(one.user_id):
                await take_away(self.act, self.tag_key, one.user_id, "other", self.operator)
                again += 1
        return again


def remembered(node: NodeFiles, keys: Mapping[str, Ed25519PublicKey], kept: Head, now: int, backup: str) -> Restore:
    """Its record is on the disk before the database can be served. Raises OSError and CheckpointsUnusable."""
    key = signing_key(node.directory, node.data_dir)
    seen = [one for file in files_below(node.directory) for one in read_checkpoints(file, dict(keys))]
    lost = max([kept, *(Head(one.position, one.head) for one in seen)], key=lambda one: one.position)
    restore = Restore(kept, lost, now, backup)
    jws = sign_restore(key, restore)
    remember_restore(node.directory, jws)
    return replace(restore, id=restore_id(jws))


async def sweep_redis(functions: Functions) -> int | None:
    """Redis away is no failure: it has nothing that Postgres does not confirm within a minute."""
    try:
        return await sweep(functions)
    except StoreUnavailable:
        return None
