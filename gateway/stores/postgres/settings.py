"""What was changed while Bastion runs, and by which revision a worker sees that something was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.stores.postgres.database import AnyConnection

# Also the order in which two changes happen: the row of the head is locked until the transaction ends.
_NEXT: Final = "UPDATE settings_head SET revision = revision + 1 RETURNING revision"
_REVISION: Final = "SELECT revision FROM settings_head"
_LIST: Final = "SELECT key, value, until, revision, changed_at, changed_by FROM settings ORDER BY key"
_FIND: Final = "SELECT key, value, until, revision, changed_at, changed_by FROM settings WHERE key = $1 FOR UPDATE"
_PUT: Final = """
    INSERT INTO settings (key, value, until, revision, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (key) DO UPDATE
    SET value = excluded.value, until = excluded.until, revision = excluded.revision,
        changed_at = excluded.changed_at, changed_by = excluded.changed_by
"""
_HOLDS: Final = "SELECT EXISTS (SELECT FROM settings WHERE key = $1 AND (until IS NULL OR until > $2))"
_DELETE: Final = "DELETE FROM settings WHERE key = $1 RETURNING value"
_EXPIRED: Final = """
    SELECT key, value, until, revision, changed_at, changed_by FROM settings WHERE until <= $1 ORDER BY key FOR UPDATE
"""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """until: Unix seconds, None: until it is changed again. changed_by: as the audit log names who acts."""

    key: str
    value: str
    until: int | None
    revision: int
    changed_at: int
    changed_by: str

    def holds(self, now: int) -> bool:
        """now: Unix seconds."""
        return self.until is None or self.until > now


def read_row(kept: Mapping[str, object]) -> SettingRow | None:
    """Of what a node kept in a file; None where that is none."""
    key, value, until = kept.get("key"), kept.get("value"), kept.get("until")
    if not isinstance(key, str) or not isinstance(value, str) or not isinstance(until, int | None):
        return None
    return SettingRow(key, value, until, 0, 0, "")


class SettingRows:
    """Bound to one connection."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def revision(self) -> int:
        return int(await self._connection.fetchval(_REVISION))

    async def next_revision(self) -> int:
        """Of the change that this transaction makes; another one waits until it ends."""
        return int(await self._connection.fetchval(_NEXT))

    async def list(self) -> list[SettingRow]:
        """Also those whose time is over."""
        return [SettingRow(**row) for row in await self._connection.fetch(_LIST)]

    async def find(self, key: str) -> SettingRow | None:
        """Locked until the transaction ends."""
        row = await self._connection.fetchrow(_FIND, key)
        return None if row is None else SettingRow(**row)

    async def holds(self, key: str, now: int) -> bool:
        """Whether it is set. now: Unix seconds."""
        return bool(await self._connection.fetchval(_HOLDS, key, now))

    async def put(self, row: SettingRow) -> None:
        await self._connection.execute(
            _PUT, row.key, row.value, row.until, row.revision, row.changed_at, row.changed_by
        )

    async def delete(self, key: str) -> str | None:
        """The value that it had."""
        found: str | None = await self._connection.fetchval(_DELETE, key)
        return found

    async def expired(self, now: int) -> Sequence[SettingRow]:
        """Those whose time is over, locked until the transaction ends."""
        return [SettingRow(**row) for row in await self._connection.fetch(_EXPIRED, now)]
