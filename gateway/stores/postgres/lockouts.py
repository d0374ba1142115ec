"""What was proven wrongly at which door, and which doors are locked."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.login.lockout import Door, Lockout, Proving
from gateway.stores.postgres.database import AnyConnection

_LOOK: Final = """
    SELECT coalesce(d.id, o.device, '') AS device, l.failed_at, l.locked_s, l.until
      FROM (SELECT $1::uuid AS user_id) person
      LEFT JOIN devices d ON d.user_id = person.user_id AND d.id = $2 AND d.last_at > $3
      LEFT JOIN lockouts o ON o.who = $4 AND o.proving = $5 AND o.device = $2 AND o.opened_until > $6
      LEFT JOIN lockouts l ON l.who = $4 AND l.proving = $5 AND l.device = coalesce(d.id, o.device, '')
"""
_FIND_SETTLED: Final = """
    SELECT failed_at, locked_s, until FROM lockouts WHERE who = $1 AND proving = $2 AND device = $3 FOR UPDATE
"""
# Also a row that was there is written, so that it is locked, and read as the one before has left it.
_HOLD: Final = """
    INSERT INTO lockouts (who, proving, device) VALUES ($1, $2, $3)
    ON CONFLICT (who, proving, device) DO UPDATE SET until = lockouts.until
    RETURNING failed_at, locked_s, until
"""
_SAVE: Final = """
    UPDATE lockouts SET failed_at = $4, locked_s = $5, until = $6 WHERE who = $1 AND proving = $2 AND device = $3
"""
_OPEN: Final = """
    INSERT INTO lockouts (who, proving, device, failed_at, opened_until) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (who, proving, device) DO UPDATE SET failed_at = $4, locked_s = 0, until = 0, opened_until = $5
"""
_LIST_LOCKED: Final = """
    SELECT who, proving, device, failed_at, locked_s, until FROM lockouts
     WHERE who = $1 AND until > $2 ORDER BY proving, device
"""
_FORGET: Final = "DELETE FROM lockouts WHERE who = $1 RETURNING who, proving, device, failed_at, locked_s, until"
_PURGE: Final = """
    DELETE FROM lockouts WHERE until <= $1 AND opened_until <= $2 AND $2 >= ALL (failed_at)
"""


@dataclass(frozen=True, slots=True)
class Lock:
    """A door and what happened there."""

    door: Door
    lockout: Lockout


class LockoutRows:
    """Bound to one connection. Of all that a transaction locks, a door comes last. Times are Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def look(
        self, user_id: UUID, device: bytes, since: int, proving: Proving, counted_for: UUID, now: int
    ) -> Lock:
        """At the door of a device, which is STRANGE unless user_id used it later than since, or opened it.

        user_id: NOBODY for a name that nobody has. counted_for: the same person, or a decoy.
        """
        row = await self._connection.fetchrow(_LOOK, user_id, device, since, counted_for, proving.value, now)
        assert row is not None
        door = Door(counted_for, proving, row["device"])
        return Lock(door, Lockout() if row["until"] is None else _lockout(row))

    async def find_settled(self, door: Door) -> Lockout:
        """Once everybody who counts there has committed; nobody else counts until the transaction ends."""
        return _lockout(await self._connection.fetchrow(_FIND_SETTLED, *_key(door)))

    async def hold(self, door: Door) -> Lockout:
        """find_settled, for who will save it."""
        return _lockout(await self._connection.fetchrow(_HOLD, *_key(door)))

    async def save(self, door: Door, lockout: Lockout) -> None:
        values = (list(lockout.failed_at), lockout.locked_s, lockout.until)
        await self._connection.execute(_SAVE, *_key(door), *values)

    async def open(self, door: Door, lockout: Lockout, until: int) -> None:
        """The device of the door, strange or known, has it for itself until then, whatever was counted there."""
        await self._connection.execute(_OPEN, *_key(door), list(lockout.failed_at), until)

    async def list_locked(self, user_id: UUID, now: int) -> list[Lock]:
        """Of a person."""
        rows = await self._connection.fetch(_LIST_LOCKED, user_id, now)
        return [_lock(row) for row in rows]

    async def forget(self, user_id: UUID) -> list[Lock]:
        """All doors of a person; what there was, locked or not."""
        rows = await self._connection.fetch(_FORGET, user_id)
        return [_lock(row) for row in rows]

    async def purge(self, over_at: int, counted_at: int) -> None:
        """Doors whose lock was over at over_at, and where nothing was counted or opened after counted_at."""
        await self._connection.execute(_PURGE, over_at, counted_at)


def _key(door: Door) -> tuple[UUID, str, bytes]:
    return door.who, door.proving.value, door.device


def _lock(row: asyncpg.Record) -> Lock:
    return Lock(Door(row["who"], Proving(row["proving"]), row["device"]), _lockout(row))


def _lockout(row: asyncpg.Record | None) -> Lockout:
    return Lockout() if row is None else Lockout(tuple(row["failed_at"]), row["locked_s"], row["until"])
