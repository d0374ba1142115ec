"""Ends of many sessions at once: what was asked for, how far it is, and the next ones of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.admin.emergency import WhoseSessions
from gateway.core.login.account_acts import AccountAct
from gateway.stores.postgres.database import AnyConnection

ENDED_WHY: Final = AccountAct.EMERGENCY.value
_COLUMNS: Final = """
    id, chosen, named, hosts, until, kept_login, kept_user, begun_by, begun_at, ended_at, logins, grants, keys, done,
    told_to
"""
_INSERT: Final = """
    INSERT INTO emergencies (chosen, named, hosts, until, kept_login, kept_user, begun_by, begun_at, logins, grants,
                             keys)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id
"""
_LIST: Final = f"SELECT {_COLUMNS} FROM emergencies ORDER BY id DESC LIMIT $1"  # noqa: S608 - constants
# The next leader may begin while the one before has not noticed yet that it leads no more.
_HOLD: Final = f"""
    SELECT {_COLUMNS} FROM emergencies WHERE ended_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants
_LOGINS: Final = """
    FROM logins l JOIN users u ON u.id = l.user_id
   WHERE l.ended_at IS NULL AND l.expires_at > $1 AND l.created_at <= $2
     AND ($3 = '' OR $3 = ANY(u.groups)) AND l.id IS DISTINCT FROM $5
     AND ($4::text[] IS NULL OR EXISTS (SELECT FROM sessions s WHERE s.login_id = l.id AND s.host = ANY($4)))
"""
_COUNT_LOGINS: Final = f"SELECT count(*) {_LOGINS}"
_NEXT_LOGINS: Final = f"SELECT l.id, l.user_id {_LOGINS} ORDER BY l.created_at DESC, l.id LIMIT $6"
_KEYS: Final = """
    SELECT k.user_id FROM api_keys k JOIN users u ON u.id = k.user_id
     WHERE k.ended_at IS NULL AND k.rests_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
       AND k.created_at <= $2 AND ($3 = '' OR $3 = ANY(u.groups)) AND k.user_id IS DISTINCT FROM $4
"""
_GRANTS: Final = """
    SELECT g.user_id FROM grants g JOIN users u ON u.id = g.user_id
     WHERE g.kind = 'offline' AND g.ended_at IS NULL AND g.expires_at > $1
       AND g.created_at <= $2 AND ($3 = '' OR $3 = ANY(u.groups)) AND g.user_id IS DISTINCT FROM $4
"""
# Of logins that wait for a second step; what somebody begins after it goes on.
_ATTEMPTS: Final = """
    SELECT a.user_id FROM attempts a JOIN users u ON u.id = a.user_id
     WHERE a.expires_at > $1 AND a.expires_at <= $2 + 600 AND ($3 = '' OR $3 = ANY(u.groups))
       AND a.user_id IS DISTINCT FROM $4
"""
_COUNT_KEYS: Final = f"SELECT count(*) FROM ({_KEYS}) found"  # noqa: S608 - constants
_COUNT_GRANTS: Final = f"SELECT count(*) FROM ({_GRANTS}) found"  # noqa: S608 - constants
_NEXT_PEOPLE: Final = f"""
    SELECT user_id FROM ({_KEYS} UNION {_GRANTS} UNION {_ATTEMPTS}) found ORDER BY user_id LIMIT $5
"""  # noqa: S608 - constants
# People first, then logins, as everybody locks them; a message to an app refers to its person.
_LOCK_PEOPLE: Final = "SELECT id FROM users WHERE id = ANY($1) ORDER BY id FOR KEY SHARE"
_END: Final = """
    UPDATE logins SET ended_at = $2, ended_why = $3 WHERE id = ANY($1) AND ended_at IS NULL RETURNING id
"""
_ENDED_SINCE: Final = """
    SELECT id, user_id FROM logins WHERE ended_at >= $1 AND ended_why = $2 AND id > $3 ORDER BY id LIMIT $4
"""
_HOSTS: Final = """
    SELECT DISTINCT s.host FROM sessions s JOIN logins l ON l.id = s.login_id
     WHERE l.ended_at IS NULL AND l.expires_at > $1
"""
_ADD_DONE: Final = "UPDATE emergencies SET done = done + $2 WHERE id = $1"
_SET_TOLD: Final = "UPDATE emergencies SET told_to = $2 WHERE id = $1"
_FINISH: Final = "UPDATE emergencies SET ended_at = $2 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose sessions. named: the app or the group. hosts None: whatever a login was used for.

    until: Unix seconds; what was made later goes on. kept_login, kept_user: of who asked; None: nobody's.
    """

    chosen: WhoseSessions
    named: str
    hosts: tuple[str, ...] | None
    until: int
    kept_login: bytes | None = None
    kept_user: UUID | None = None

    @property
    def text(self) -> str:
        """For the audit log, without spaces."""
        named = str(self.until) if self.chosen == "before" else self.named
        return f"{self.chosen}:{named}" if named else self.chosen

    @property
    def group(self) -> str:
        return self.named if self.chosen == "group" else ""

    @property
    def reaches_people(self) -> bool:
        """Whether what is no login ends by itself: an app's sessions are of logins alone."""
        return self.chosen != "app"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a choice takes: logins end, offline grants end, keys rest."""

    logins: int
    grants: int
    keys: int


@dataclass(frozen=True, slots=True)
class EmergencyRow:
    """ended_at None: the leader is at it. done: logins so far."""

    id: int
    choice: Choice
    numbers: Numbers
    begun_by: str
    begun_at: int
    ended_at: int | None
    done: int
    told_to: bytes


class Emergencies:
    """Bound to one connection. now: Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, choice: Choice, numbers: Numbers, begun_by: str, now: int) -> int:
        hosts = None if choice.hosts is None else list(choice.hosts)
        kept = (choice.kept_login, choice.kept_user)
        counts = (numbers.logins, numbers.grants, numbers.keys)
        what = (choice.chosen, choice.named, hosts, choice.until)
        return int(await self._connection.fetchval(_INSERT, *what, *kept, begun_by, now, *counts))

    async def list(self, most: int) -> Sequence[EmergencyRow]:
        """The latest first."""
        return [_row(row) for row in await self._connection.fetch(_LIST, most)]

    async def hold(self) -> EmergencyRow | None:
        """The oldest that has not ended, locked. None: there is none, or somebody else is at it."""
        row = await self._connection.fetchrow(_HOLD)
        return None if row is None else _row(row)

    async def count(self, choice: Choice, now: int) -> Numbers:
        if not choice.reaches_people:
            return Numbers(await self._count_logins(choice, now), 0, 0)
        terms = (now, choice.until, choice.group, choice.kept_user)
        grants = await self._connection.fetchval(_COUNT_GRANTS, *terms)
        keys = await self._connection.fetchval(_COUNT_KEYS, *terms)
        return Numbers(await self._count_logins(choice, now), int(grants), int(keys))

    async def next_logins(self, choice: Choice, most: int, now: int) -> Sequence[tuple[bytes, UUID]]:
        """Ids of live ones with their people, the newest first."""
        rows = await self._connection.fetch(_NEXT_LOGINS, *self._terms(choice, now), most)
        return [(row["id"], row["user_id"]) for row in rows]

    async def end(self, logins: Sequence[tuple[bytes, UUID]], now: int) -> Sequence[bytes]:
        """Ids of those that end by this."""
        await self._connection.execute(_LOCK_PEOPLE, list({user_id for _login, user_id in logins}))
        rows = await self._connection.fetch(_END, [login_id for login_id, _user in logins], now, ENDED_WHY)
        return [row["id"] for row in rows]

    async def next_people(self, choice: Choice, most: int, now: int) -> Sequence[UUID]:
        """Who has an offline grant that lives, or a key that does not rest."""
        if not choice.reaches_people:
            return []
        terms = (now, choice.until, choice.group, choice.kept_user)
        return [row["user_id"] for row in await self._connection.fetch(_NEXT_PEOPLE, *terms, most)]

    async def ended_since(self, since: int, after: bytes, most: int) -> Sequence[tuple[bytes, UUID]]:
        """Logins that an emergency ended, in the order of their ids."""
        rows = await self._connection.fetch(_ENDED_SINCE, since, ENDED_WHY, after, most)
        return [(row["id"], row["user_id"]) for row in rows]

    async def hosts(self, now: int) -> Sequence[str]:
        """Where anybody is signed in."""
        return [row["host"] for row in await self._connection.fetch(_HOSTS, now)]

    async def add_done(self, row_id: int, logins: int) -> None:
        await self._connection.execute(_ADD_DONE, row_id, logins)

    async def set_told(self, row_id: int, told_to: bytes) -> None:
        await self._connection.execute(_SET_TOLD, row_id, told_to)

    async def finish(self, row_id: int, now: int) -> None:
        await self._connection.execute(_FINISH, row_id, now)

    async def _count_logins(self, choice: Choice, now: int) -> int:
        return int(await self._connection.fetchval(_COUNT_LOGINS, *self._terms(choice, now)))

    def _terms(self, choice: Choice, now: int) -> tuple[object, ...]:
        hosts = None if choice.hosts is None else list(choice.hosts)
        return now, choice.until, choice.group, hosts, choice.kept_login


def _row(row: asyncpg.Record) -> EmergencyRow:
    hosts = None if row["hosts"] is None else tuple(row["hosts"])
    return EmergencyRow(
        row["id"],
        Choice(row["chosen"], row["named"], hosts, row["until"], row["kept_login"], row["kept_user"]),
        Numbers(row["logins"], row["grants"], row["keys"]),
        row["begun_by"],
        row["begun_at"],
        row["ended_at"],
        row["done"],
        row["told_to"],
    )
