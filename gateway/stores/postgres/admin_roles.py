"""Who has a role in the console, and in which logins it is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.admin.acts import AdminRole
from gateway.stores.postgres import locks
from gateway.stores.postgres.database import AnyConnection

_OF: Final = """
    SELECT r.role FROM admin_roles r JOIN users u ON u.id = r.user_id
     WHERE r.user_id = $1 AND (r.until IS NULL OR r.until > $2) AND u.state = 'active'
"""
# Those who act on each other at once would wait for each other in another order than that of their ids.
_LOCK_BOTH: Final = "SELECT id FROM users WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"
_HOLD: Final = f"{_OF} FOR SHARE"
_FIND: Final = """
    SELECT r.user_id, r.role, r.until, u.state FROM admin_roles r JOIN users u ON u.id = r.user_id
     WHERE r.user_id = $1 AND (r.until IS NULL OR r.until > $2)
"""
_LIST: Final = """
    SELECT r.user_id, r.role, r.until, u.state FROM admin_roles r JOIN users u ON u.id = r.user_id
     WHERE r.until IS NULL OR r.until > $1 ORDER BY r.granted_at, r.user_id
"""
_PUT: Final = """
    INSERT INTO admin_roles (user_id, role, until, granted_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, until = excluded.until, granted_at = excluded.granted_at
"""
_DELETE: Final = "DELETE FROM admin_roles WHERE user_id = $1 RETURNING role"
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_COUNT_OWNERS: Final = """
    SELECT count(*) FROM admin_roles r JOIN users u ON u.id = r.user_id
     WHERE r.role = 'owner' AND r.until IS NULL AND u.state = 'active'
"""
_ENTER: Final = """
    INSERT INTO consoles (login_id, user_id, entered_at, seen_at, network) VALUES ($1, $2, $3, $3, $4)
    ON CONFLICT (login_id) DO UPDATE
    SET entered_at = excluded.entered_at, seen_at = excluded.seen_at, network = excluded.network
"""
_IS_OPEN: Final = """
    login_id = $1 AND entered_at > $2::bigint - $3::bigint AND seen_at > $2::bigint - $4::bigint
       AND ($5::text IS NULL OR network = $5)
       AND EXISTS (SELECT FROM logins l WHERE l.id = $1 AND l.ended_at IS NULL)
"""
_SEE: Final = f"UPDATE consoles SET seen_at = greatest(seen_at, $2) WHERE {_IS_OPEN} RETURNING user_id"  # noqa: S608 - a constant
_FIND_OPEN: Final = f"SELECT user_id FROM consoles WHERE {_IS_OPEN}"  # noqa: S608 - a constant
_LEAVE: Final = "DELETE FROM consoles WHERE login_id = $1"
_LEAVE_ALL: Final = "DELETE FROM consoles WHERE user_id = $1"
_INSIDE: Final = """
    SELECT c.user_id, c.entered_at, c.seen_at FROM consoles c JOIN logins l ON l.id = c.login_id
     WHERE c.seen_at > $1 AND l.ended_at IS NULL ORDER BY c.seen_at DESC
"""
_PURGE: Final = "DELETE FROM consoles WHERE seen_at < $1"


@dataclass(frozen=True, slots=True)
class RoleRow:
    """until: Unix seconds, None: no end. is_active: the person is not disabled."""

    user_id: UUID
    role: AdminRole
    until: int | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class ConsoleTerms:
    """How long a console is open. network None: at any address."""

    session_s: int
    idle_s: int
    network: str | None


@dataclass(frozen=True, slots=True)
class Inside:
    """Who is in. Times are Unix seconds."""

    user_id: UUID
    entered_at: int
    seen_at: int


class AdminRoles:
    """Bound to one connection. now: Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def of(self, user_id: UUID, now: int) -> AdminRole | None:
        """None also for one that is over, and for a person who is disabled."""
        found = await self._connection.fetchval(_OF, user_id, now)
        return None if found is None else AdminRole(found)

    async def hold(self, user_id: UUID, now: int) -> AdminRole | None:
        """As of(). Nobody takes the role, or disables the person, until the transaction ends."""
        found = await self._connection.fetchval(_HOLD, user_id, now)
        return None if found is None else AdminRole(found)

    async def lock_both(self, *user_ids: UUID) -> None:
        """Whoever acts on somebody, and that person, before either is locked in another way."""
        await self._connection.execute(_LOCK_BOTH, user_ids)

    async def find(self, user_id: UUID, now: int) -> RoleRow | None:
        """Also that of a person who is disabled: it is theirs again once they are enabled. None: none, or over."""
        row = await self._connection.fetchrow(_FIND, user_id, now)
        return None if row is None else _role(row)

    async def list(self, now: int) -> list[RoleRow]:
        """The oldest first, without those that are over."""
        return [_role(row) for row in await self._connection.fetch(_LIST, now)]

    async def put(self, user_id: UUID, role: AdminRole, until: int | None, now: int) -> None:
        """The only one that the person has."""
        await self._connection.execute(_PUT, user_id, role.value, until, now)

    async def delete(self, user_id: UUID) -> AdminRole | None:
        """The role that it was, also one that was over."""
        found = await self._connection.fetchval(_DELETE, user_id)
        return None if found is None else AdminRole(found)

    async def lock_owners(self) -> None:
        """Whoever may make an owner vanish waits here: before it locks anybody."""
        await self._connection.execute(_LOCK, locks.OWNERS)

    async def count_owners(self) -> int:
        """Those who may act, and whose role has no end."""
        return int(await self._connection.fetchval(_COUNT_OWNERS))

    async def enter(self, login_id: bytes, user_id: UUID, network: str, now: int) -> None:
        """network: a keyed digest of where the person is."""
        await self._connection.execute(_ENTER, login_id, user_id, now, network)

    async def see(self, login_id: bytes, terms: ConsoleTerms, now: int) -> bool:
        """A page was asked for. False: no console is open in this login any more, or not from there."""
        found = await self._connection.fetchval(_SEE, login_id, now, terms.session_s, terms.idle_s, terms.network)
        return found is not None

    async def is_open(self, login_id: bytes, terms: ConsoleTerms, now: int) -> bool:
        """As see(), and nobody was seen."""
        found = await self._connection.fetchval(_FIND_OPEN, login_id, now, terms.session_s, terms.idle_s, terms.network)
        return found is not None

    async def leave(self, login_id: bytes) -> None:
        await self._connection.execute(_LEAVE, login_id)

    async def leave_all(self, user_id: UUID) -> None:
        await self._connection.execute(_LEAVE_ALL, user_id)

    async def inside(self, since: int) -> Sequence[Inside]:
        """Those who were seen after since, the latest first."""
        return [Inside(**row) for row in await self._connection.fetch(_INSIDE, since)]

    async def purge(self, before: int) -> None:
        """Those that were last seen before."""
        await self._connection.execute(_PURGE, before)


def _role(row: asyncpg.Record) -> RoleRow:
    return RoleRow(row["user_id"], AdminRole(row["role"]), row["until"], row["state"] == "active")
