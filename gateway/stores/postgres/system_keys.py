"""Keeps the keys of the installation: each is made at its first use, and is of one purpose."""

from enum import Enum
from typing import Final

from gateway.core.privacy.sealing import DataKey
from gateway.stores.postgres import locks
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

_SELECT_KEY: Final = "SELECT wrapped FROM system_keys WHERE purpose = $1"
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_INSERT_KEY: Final = "INSERT INTO system_keys (purpose, wrapped, master_id) VALUES ($1, $2, $3)"
_PLACE: Final = b"system_keys\0"


class Purpose(Enum):
    """What is sealed under a key. The values are in rows: they never change."""

    HOLDS = "holds"  # reasons of holds on everybody
    OUTBOX = "outbox"  # messages that outlive the person they are about
    REFUSALS = "refusals"  # what was refused to strangers
    CONTROLS = "controls"  # reasons of exceptions from controls


class SystemKeys:
    """Bound to one connection, in a transaction. Raises BrokenSeal for a key that no master key of ours wrapped."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def of(self, purpose: Purpose) -> DataKey:
        """Of many who ask at once for a new one, one makes it."""
        found = await self._find(purpose)
        if found is not None:
            return found
        await self._connection.execute(_LOCK, locks.SYSTEM_KEYS)
        return await self._find(purpose) or await self._make(purpose)

    async def _find(self, purpose: Purpose) -> DataKey | None:
        wrapped = await self._connection.fetchval(_SELECT_KEY, purpose.value)
        return None if wrapped is None else DataKey(self._vault.unwrap_secret(_place(purpose), wrapped))

    async def _make(self, purpose: Purpose) -> DataKey:
        key = self._vault.fresh_key()
        wrapped = self._vault.wrap_secret(_place(purpose), key.raw)
        await self._connection.execute(_INSERT_KEY, purpose.value, wrapped.token, wrapped.master_id)
        return key


def _place(purpose: Purpose) -> bytes:
    return _PLACE + purpose.value.encode()
