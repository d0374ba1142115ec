"""Keeps the key of the marks for names that nobody has, one at a time (threats.md D4)."""

from typing import Final

from gateway.core.privacy.sealing import BrokenSeal, DataKey
from gateway.core.privacy.unknown_names import KEY_OWNER, is_over
from gateway.stores.postgres import locks
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

_SELECT_NEWEST: Final = "SELECT begun_at, wrapped FROM unknown_name_keys ORDER BY id DESC LIMIT 1"
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_DELETE_ALL: Final = "DELETE FROM unknown_name_keys"
_INSERT_KEY: Final = "INSERT INTO unknown_name_keys (begun_at, wrapped, master_id) VALUES ($1, $2, $3)"
# A deleted row's bytes stay in the table's file until then.
_SWEEP: Final = "VACUUM unknown_name_keys"


class UnknownNameKeys:
    """Bound to one connection. now: Unix seconds."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def current(self, now: int) -> DataKey | None:
        """None: there is none, it is over, or it is wrapped with a master key that has gone."""
        row = await self._connection.fetchrow(_SELECT_NEWEST)
        if row is None or is_over(row["begun_at"], now):
            return None
        try:
            return self._vault.open(KEY_OWNER, row["wrapped"])
        except BrokenSeal:
            return None

    async def renew(self, now: int) -> tuple[DataKey, bool]:
        """The current one, and whether it was made now and those before it deleted. Of many who ask one makes it."""
        await self._connection.execute(_LOCK, locks.UNKNOWN_NAME_KEYS)
        found = await self.current(now)
        if found is not None:
            return found, False
        key, wrapped = self._vault.fresh(KEY_OWNER)
        await self._connection.execute(_DELETE_ALL)
        await self._connection.execute(_INSERT_KEY, now, wrapped.token, wrapped.master_id)
        return key, True

    async def sweep(self) -> None:
        """Overwrites what was deleted. Outside of a transaction."""
        await self._connection.execute(_SWEEP)
