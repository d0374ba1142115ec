"""Accounts that nobody uses: whom a rule of retention would take, and who was told. Times are Unix seconds."""

from typing import Final
from uuid import UUID

from gateway.core.privacy.retention import Leaver
from gateway.stores.postgres.database import AnyConnection

# Without people under a hold. used_at NULL: never. $1: now.
_PEOPLE: Final = """
    SELECT u.id, u.state, u.created_at, t.told_at,
           greatest((SELECT used_at FROM account_uses a WHERE a.user_id = u.id),
                    (SELECT max(greatest(l.created_at, l.last_seen_at)) FROM logins l WHERE l.user_id = u.id),
                    (SELECT max(g.last_used_at) FROM grants g WHERE g.user_id = u.id),
                    (SELECT max(k.last_used_at) FROM api_keys k WHERE k.user_id = u.id)) AS used_at,
           u.state = 'active' AND EXISTS (SELECT FROM admin_roles r WHERE r.user_id = u.id AND r.role = 'owner'
                                             AND r.until IS NULL) AS is_owner
      FROM users u LEFT JOIN inactivity_notices t ON t.user_id = u.id
     WHERE u.state <> 'erased'
       AND NOT EXISTS (SELECT FROM holds h WHERE h.lifted_at IS NULL AND (h.ends_at IS NULL OR h.ends_at > $1)
                          AND (h.user_id IS NULL OR h.user_id = u.id))
"""
_NEVER_USED: Final = f"""
    SELECT id, is_owner FROM ({_PEOPLE}) p
     WHERE used_at IS NULL AND created_at <= $2 AND ($3::uuid IS NULL OR id = $3) ORDER BY created_at, id
"""  # noqa: S608 - constants
# Who has used it since they were told is told anew. Who is disabled already can only be erased.
_INACTIVE: Final = f"""
    SELECT id, is_owner FROM ({_PEOPLE}) p
     WHERE greatest(created_at, used_at) <= least($2::bigint, told_at - 1) AND told_at <= $4
       AND (state = 'active' OR $5) AND ($3::uuid IS NULL OR id = $3) ORDER BY greatest(created_at, used_at), id
"""  # noqa: S608 - constants
_UNTOLD: Final = f"""
    SELECT id, is_owner FROM ({_PEOPLE}) p
     WHERE greatest(created_at, used_at) <= $2 AND (told_at IS NULL OR told_at <= greatest(created_at, used_at))
       AND (state = 'active' OR $4) AND ($3::uuid IS NULL OR id = $3) ORDER BY greatest(created_at, used_at), id
"""  # noqa: S608 - constants
_TELL: Final = """
    INSERT INTO inactivity_notices (user_id, told_at) VALUES ($1, $2)
    ON CONFLICT (user_id) DO UPDATE SET told_at = excluded.told_at
"""
_FORGET: Final = "DELETE FROM inactivity_notices WHERE user_id = $1"
_COUNT_PEOPLE: Final = "SELECT count(*) FROM users WHERE state <> 'erased'"


class Leavers:
    """Bound to one connection. Each list has who has been away for longest first. of: only this person."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def count_people(self) -> int:
        return int(await self._connection.fetchval(_COUNT_PEOPLE))

    async def never_used(self, until: int, now: int, of: UUID | None = None) -> list[Leaver]:
        """Accounts that are as old as until."""
        return await self._list(_NEVER_USED, now, until, of)

    async def inactive(
        self, until: int, told_until: int, now: int, of: UUID | None = None, *, also_disabled: bool
    ) -> list[Leaver]:
        """Whose last use is as old as until, and who were told when it was told_until, or before."""
        return await self._list(_INACTIVE, now, until, of, told_until, also_disabled)

    async def untold(self, until: int, now: int, of: UUID | None = None, *, also_disabled: bool) -> list[Leaver]:
        """Whose last use is as old as until, and who were not told since."""
        return await self._list(_UNTOLD, now, until, of, also_disabled)

    async def tell(self, user_id: UUID, now: int) -> None:
        await self._connection.execute(_TELL, user_id, now)

    async def forget(self, user_id: UUID) -> None:
        """Whoever enables the account again gives them as long as everybody has."""
        await self._connection.execute(_FORGET, user_id)

    async def _list(self, statement: str, *values: object) -> list[Leaver]:
        return [Leaver(row["id"], row["is_owner"]) for row in await self._connection.fetch(statement, *values)]
