"""Owns which master key wraps, and the rows under each of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.privacy.sealing import BrokenSeal, Wrapped
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.vault import NoMasterKey, Vault

# All tables with keys: columns `wrapped` and `master_id`. NULL in wrapped: the key was destroyed.
WRAPPED_TABLES: Final = (
    "user_keys",
    "unknown_name_keys",
    "signing_keys",
    "system_keys",
    "audit_period_keys",
    "endpoints",
)
_AT_ONCE: Final = 500
_MARK: Final = "master "
_BEGIN: Final = """
    INSERT INTO master_state (active, since) VALUES ($1, extract(epoch FROM now())::bigint) ON CONFLICT DO NOTHING
"""
_SELECT_STATE: Final = "SELECT active, since, done FROM master_state"
_LOCK_STATE: Final = f"{_SELECT_STATE} FOR UPDATE"
_ACTIVATE: Final = "UPDATE master_state SET active = $1, since = $2, done = false"
_FINISH: Final = "UPDATE master_state SET done = true"
_SELECT_SEEN: Final = "SELECT first_seen_at FROM key_checks WHERE name = $1"
_COUNT: Final = {
    table: f"SELECT master_id, count(*) AS rows FROM {table} WHERE wrapped IS NOT NULL GROUP BY master_id"  # noqa: S608 - constants
    for table in WRAPPED_TABLES
}
_HAS_OTHERS: Final = " UNION ALL ".join(
    f"(SELECT 1 FROM {table} WHERE wrapped IS NOT NULL AND master_id IS DISTINCT FROM $1 LIMIT 1)"  # noqa: S608 - constants
    for table in WRAPPED_TABLES
)
# By its place in the file, which does not change while the row is locked.
_LOCK_OTHERS: Final = {
    table: f"""
        SELECT ctid, wrapped FROM {table} WHERE wrapped IS NOT NULL AND master_id IS DISTINCT FROM $1
         LIMIT $2 FOR UPDATE SKIP LOCKED
    """  # noqa: S608 - constants
    for table in WRAPPED_TABLES
}
_REPLACE: Final = {
    table: f"UPDATE {table} SET wrapped = $2, master_id = $3 WHERE ctid = $1"  # noqa: S608 - constants
    for table in WRAPPED_TABLES
}
_LIST_MONTHS: Final = "SELECT month, destroyed_at FROM audit_period_keys ORDER BY month"
_LIST_LACKING: Final = " UNION ".join(
    f"SELECT master_id FROM {table} WHERE wrapped IS NOT NULL AND master_id <> ALL ($1::text[])"  # noqa: S608 - constants
    for table in WRAPPED_TABLES
)
_LIST_SYSTEM: Final = "SELECT purpose, made_at FROM system_keys ORDER BY purpose"


@dataclass(frozen=True, slots=True)
class MasterState:
    """active: the id of the key that wraps. since: Unix seconds. done: no row of another one is left to wrap anew."""

    active: str
    since: int
    done: bool


def master_name(master: str) -> str:
    """Of a master key's mark in key_checks. master: its id, because master keys come and go."""
    return f"{_MARK}{master}"


def masters_of(names: Iterable[str]) -> list[str]:
    """The ids of the master keys among the names of marks."""
    return [name.removeprefix(_MARK) for name in names if name.startswith(_MARK)]


class MasterRows:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def begin(self, first: str) -> None:
        """Of a new database: this key wraps."""
        await self._connection.execute(_BEGIN, first)

    async def state(self) -> MasterState | None:
        """None: no node has served since the migration."""
        row = await self._connection.fetchrow(_SELECT_STATE)
        return None if row is None else MasterState(**row)

    async def lock(self) -> MasterState | None:
        """Nobody else activates a key or finishes until the transaction ends."""
        row = await self._connection.fetchrow(_LOCK_STATE)
        return None if row is None else MasterState(**row)

    async def check(self, masters: Sequence[str]) -> None:
        """Every row says that one of these opens it, and so does the key that wraps. Raises NoMasterKey."""
        state = await self.state()
        lacking = {row["master_id"] for row in await self._connection.fetch(_LIST_LACKING, masters)}
        if state is not None and state.active not in masters:
            lacking.add(state.active)
        if lacking:
            raise NoMasterKey(sorted(lacking))

    async def activate(self, master: str, now: int) -> None:
        await self._connection.execute(_ACTIVATE, master, now)

    async def finish(self) -> None:
        await self._connection.execute(_FINISH)

    async def has_others(self, active: str) -> bool:
        """Whether a row is under another key, or does not say under which."""
        return await self._connection.fetchval(_HAS_OTHERS, active) is not None

    async def rewrap(self, table: str, vault: Vault) -> int:
        """How many rows of others were wrapped anew, of a batch. In a transaction, whose end frees them."""
        rows = await self._connection.fetch(_LOCK_OTHERS[table], vault.master, _AT_ONCE)
        fresh = [(row["ctid"], wrapped) for row in rows if (wrapped := _rewrapped(vault, row["wrapped"])) is not None]
        await self._connection.executemany(
            _REPLACE[table], [(ctid, wrapped.token, wrapped.master_id) for ctid, wrapped in fresh]
        )
        return len(fresh)

    async def counts(self) -> Mapping[str, Mapping[str, int]]:
        """By the id of the master key, "" where the row says none: how many rows of each table."""
        found: dict[str, dict[str, int]] = {}
        for table in WRAPPED_TABLES:
            for row in await self._connection.fetch(_COUNT[table]):
                found.setdefault(row["master_id"] or "", {})[table] = row["rows"]
        return found

    async def first_seen(self, master: str) -> int | None:
        """Unix seconds, or of the migration that brought this column."""
        found: int | None = await self._connection.fetchval(_SELECT_SEEN, master_name(master))
        return found

    async def months(self) -> Sequence[tuple[str, int | None]]:
        """Of the audit log, the oldest first, with the time when the key was destroyed."""
        return [(row["month"], row["destroyed_at"]) for row in await self._connection.fetch(_LIST_MONTHS)]

    async def system(self) -> Sequence[tuple[str, int]]:
        """Purposes, with the time when the key was made."""
        return [(row["purpose"], row["made_at"]) for row in await self._connection.fetch(_LIST_SYSTEM)]


def _rewrapped(vault: Vault, token: bytes) -> Wrapped | None:
    """None: no key of ours opens it. It stays as it is, and counted."""
    try:
        return vault.rewrap(token)
    except BrokenSeal:
        return None
