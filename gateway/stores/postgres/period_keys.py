"""Keeps the keys of the months of the audit log: each is made at its first use, and stays away once destroyed."""

from collections.abc import Collection
from typing import Final

import asyncpg

from gateway.core.privacy.periods import Period, month_after, month_of
from gateway.core.privacy.sealing import DataKey
from gateway.stores.postgres import locks
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import Vault

# is_own: written by this transaction, which may still fail.
_COLUMNS: Final = "month, wrapped, coalesce(xmin = pg_current_xact_id_if_assigned()::xid, false) AS is_own"
_SELECT_MONTH: Final = f"SELECT {_COLUMNS} FROM audit_period_keys WHERE month = $1"  # noqa: S608 - constants
_SELECT_NEWEST: Final = f"SELECT {_COLUMNS} FROM audit_period_keys ORDER BY month DESC LIMIT 1"  # noqa: S608 - constants
_SELECT_LAST: Final = "SELECT max(month) FROM audit_period_keys"
_LIST_MONTHS: Final = f"SELECT {_COLUMNS} FROM audit_period_keys WHERE month = ANY($1::text[]) AND wrapped IS NOT NULL"  # noqa: S608 - constants
_LIST_SINCE: Final = f"""
    SELECT {_COLUMNS} FROM audit_period_keys WHERE wrapped IS NOT NULL AND month >= $1 ORDER BY month
"""  # noqa: S608 - constants
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_INSERT_MONTH: Final = "INSERT INTO audit_period_keys (month, wrapped, master_id) VALUES ($1, $2, $3)"
_PLACE: Final = b"audit_period_keys\0"


class PeriodKeys:
    """Bound to one connection, in a transaction. Raises BrokenSeal for a key that no master key of ours wrapped."""

    def __init__(self, connection: AnyConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def of(self, at: int) -> Period:
        """What an entry of that time is sealed under: its month, or the newest one where that is destroyed."""
        month, remembered = month_of(at), self._vault.period
        if remembered is not None and remembered.month == month:
            return remembered
        return await self._find(month) or await self._make(month)

    async def opened(self, months: Collection[str]) -> dict[str, Period]:
        """Those of them that are not destroyed."""
        rows = await self._connection.fetch(_LIST_MONTHS, list(months)) if months else []
        return {row["month"]: self._open(row) for row in rows}

    async def kept_since(self, month: str) -> list[Period]:
        """This one and all after it that are not destroyed."""
        return [self._open(row) for row in await self._connection.fetch(_LIST_SINCE, month)]

    async def _find(self, month: str) -> Period | None:
        """None: neither the month nor, where it is destroyed, the newest one has a key."""
        row = await self._connection.fetchrow(_SELECT_MONTH, month)
        if row is not None and row["wrapped"] is None:
            row = await self._connection.fetchrow(_SELECT_NEWEST)
        if row is None or row["wrapped"] is None:
            return None
        period = self._open(row)
        remembered = self._vault.period
        if not row["is_own"] and (remembered is None or remembered.month < period.month):
            self._vault.period = period
        return period

    async def _make(self, month: str) -> Period:
        """Of many who ask at once one makes it; the others wait until its transaction has ended."""
        await self._connection.execute(_LOCK, locks.PERIOD_KEYS)
        found = await self._find(month)
        if found is not None:
            return found
        if await self._connection.fetchrow(_SELECT_MONTH, month) is not None:  # it is destroyed, and so is the newest
            month = month_after(await self._connection.fetchval(_SELECT_LAST))
        key = self._vault.fresh_key()
        wrapped = self._vault.wrap_secret(_place(month), key.raw)
        await self._connection.execute(_INSERT_MONTH, month, wrapped.token, wrapped.master_id)
        return Period(month, key)

    def _open(self, row: asyncpg.Record) -> Period:
        return Period(row["month"], DataKey(self._vault.unwrap_secret(_place(row["month"]), row["wrapped"])))


def _place(month: str) -> bytes:
    return _PLACE + month.encode()
