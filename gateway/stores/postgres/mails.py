"""Mail in the outbox: sealed under the key of the person that it is for, and empty once it was sent."""

from typing import Final
from uuid import UUID

from gateway.core.outbox.kinds import MessageKind
from gateway.core.privacy.sealing import NOBODY, Place
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.outbox import Claimed, Outbox
from gateway.stores.postgres.system_keys import Purpose, SystemKeys
from gateway.stores.postgres.vault import Vault

_FIELD: Final = "mail"


class Mails:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add(self, kind: MessageKind, user_id: UUID, text: str, now: int, worth_s: float) -> int | None:
        """It leaves once the transaction is committed. kind: the lane. worth_s: for how long it is tried. Its id.

        For NOBODY the same is done, and nothing leaves (threats.md L5).
        """
        key = await self._vault.key_of(self._connection, user_id)
        sealed = key.seal(_place(user_id), {_FIELD: text})
        is_real = user_id != NOBODY
        return await Outbox(self._connection).add_numbered(
            kind if is_real else MessageKind.VOID,
            f"person/{user_id}",
            now,
            sealed,
            user_id=user_id if is_real else None,
            worth_s=worth_s,
        )

    async def add_farewell(self, text: str, now: int, worth_s: float) -> None:
        """To somebody who has no key any more: an erasure of their rows leaves it alone (evidence.md X10)."""
        key = await SystemKeys(self._connection, self._vault).of(Purpose.OUTBOX)
        sealed = key.seal(_place(NOBODY), {_FIELD: text})
        await Outbox(self._connection).add(MessageKind.NOTICE, "person/erased", now, sealed, worth_s=worth_s)

    async def open(self, claimed: Claimed) -> str:
        """Raises CorruptRow or BrokenSeal."""
        if claimed.user_id is None:
            key = await SystemKeys(self._connection, self._vault).of(Purpose.OUTBOX)
        else:
            key = await self._vault.key_of(self._connection, claimed.user_id)
        return key.unseal(_place(claimed.user_id or NOBODY), claimed.sealed)[_FIELD]


def _place(user_id: UUID) -> Place:
    return Place("outbox", "sealed", user_id)
