"""Grants: what an app may do for a person while their login lives, or for itself."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import asyncpg

from gateway.core.assurance.model import Assurance, bits_of
from gateway.core.oauth.back_channel import LoggedOutApp
from gateway.core.units import DAY_S
from gateway.stores.postgres.database import AnyConnection

GrantKind = Literal["login", "offline", "client"]
GRANTS_OF_APP: Final = 5
GRANTS_OF_LOGIN: Final = 40
KEPT_S: Final = 7 * DAY_S
_USED_EVERY_S: Final = 60
_COLUMNS: Final = """
    g.id, g.kind, g.client, g.user_id, g.login_id, g.scope, g.resource, g.authenticated_at, g.mfa_at, g.amr, g.jkt,
    g.generation, g.refresh_hash, g.previous_hash, g.rotated_at, g.created_at, g.expires_at, g.idle_s, g.last_used_at,
    g.ended_at
"""
_FIND_GRANT: Final = f"SELECT {_COLUMNS} FROM grants g WHERE g.id = $1"  # noqa: S608 - constants
_LOCK_GRANT: Final = f"SELECT {_COLUMNS} FROM grants g WHERE g.id = $1 FOR UPDATE"  # noqa: S608 - constants
# By the credential that the login's live copy knows it by: core/token/access.py grant_credential.
_FIND_BY_CREDENTIAL: Final = f"""
    SELECT {_COLUMNS} FROM grants g
     WHERE g.login_id = $1 AND substring(sha256('grant\\000'::bytea || g.id) FOR 16) = $2
"""  # noqa: S608 - constants
# In this order, as whoever ends a login or disables a person locks them; then the grant.
_HOLD_PERSON: Final = """
    SELECT u.id FROM users u WHERE u.id = (SELECT g.user_id FROM grants g WHERE g.id = $1) AND u.state = 'active'
       FOR SHARE OF u
"""
_HOLD_LOGIN: Final = """
    SELECT l.id FROM logins l
     WHERE l.id = (SELECT g.login_id FROM grants g WHERE g.id = $1)
       AND (l.ended_at IS NULL AND l.expires_at > $2 OR (SELECT g.kind = 'offline' FROM grants g WHERE g.id = $1))
       FOR SHARE OF l
"""
_INSERT_GRANT: Final = f"""
    INSERT INTO grants AS g (id, kind, client, user_id, login_id, scope, resource, authenticated_at, mfa_at, amr, jkt,
                             generation, refresh_hash, rotated_at, created_at, expires_at, idle_s, last_used_at)
    VALUES ($1, $15, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $12, $13, $14, $12)
    RETURNING {_COLUMNS}
"""  # noqa: S608 - constants
_INSERT_STANDING: Final = """
    INSERT INTO grants (id, kind, client, scope, resource, authenticated_at, mfa_at, amr, jkt, generation, rotated_at,
                        created_at, expires_at, idle_s, last_used_at)
    VALUES ($1, 'client', $2, $3, $4, 0, 0, '{}', '', 0, $5, $5, $6, $7, $5)
    ON CONFLICT (client, scope, resource) WHERE kind = 'client' AND ended_at IS NULL DO NOTHING
    RETURNING id
"""
_FIND_STANDING: Final = f"""
    SELECT {_COLUMNS} FROM grants g
     WHERE g.kind = 'client' AND g.client = $1 AND g.scope = $2 AND g.resource = $3 AND g.ended_at IS NULL
"""  # noqa: S608 - constants
_USE_GRANT: Final = "UPDATE grants SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2"
_ROTATE: Final = """
    UPDATE grants SET previous_hash = refresh_hash, refresh_hash = $2, generation = generation + 1, rotated_at = $3,
                      last_used_at = $3
     WHERE id = $1
"""
_LIST_OFFLINE: Final = f"""
    SELECT {_COLUMNS} FROM grants g WHERE g.user_id = $1 AND g.kind = 'offline' AND g.expires_at > $2
"""  # noqa: S608 - constants
_LIST_OF_OTHERS: Final = f"""
    SELECT {_COLUMNS} FROM grants g
     WHERE g.ended_at IS NULL AND g.expires_at > $2 AND NOT (g.client = ANY($1::text[]))
       AND NOT EXISTS (SELECT FROM clients c WHERE c.id = g.client AND c.state = 'active')
     ORDER BY g.id LIMIT $3
"""  # noqa: S608 - constants
# After an id, so that ended ones are passed once too: Redis may not have heard of their end.
_LIST_OF_CLIENT: Final = f"""
    SELECT {_COLUMNS} FROM grants g WHERE g.client = $1 AND g.id > $2 AND g.expires_at > $3 ORDER BY g.id LIMIT $4
"""  # noqa: S608 - constants
_END_GRANT: Final = "UPDATE grants SET ended_at = $3, ended_why = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id"
# The newest stay: one place is left for the grant that comes next.
_LIST_SURPLUS: Final = f"""
    SELECT {_COLUMNS} FROM grants g WHERE g.ended_at IS NULL AND g.login_id = $1 AND g.id IN (
        (SELECT id FROM grants WHERE login_id = $1 AND client = $2 AND ended_at IS NULL
          ORDER BY created_at DESC, id OFFSET $3 - 1)
        UNION
        (SELECT id FROM grants WHERE login_id = $1 AND ended_at IS NULL ORDER BY created_at DESC, id OFFSET $4 - 1))
"""  # noqa: S608 - constants
_LIST_LIVE: Final = f"""
    SELECT {_COLUMNS} FROM grants g LEFT JOIN logins l ON l.id = g.login_id LEFT JOIN users u ON u.id = g.user_id
     WHERE g.ended_at IS NULL AND g.expires_at > $1 AND (g.refresh_hash IS NULL OR g.last_used_at + g.idle_s > $1)
       AND (g.kind = 'client' OR u.state = 'active')
       AND (g.kind <> 'login' OR l.ended_at IS NULL AND l.expires_at > $1 AND l.last_seen_at + l.idle_s > $1)
       AND ($2::uuid IS NULL OR g.user_id = $2) AND ($3::text IS NULL OR g.client = $3)
     ORDER BY g.client, g.created_at DESC, g.id
"""  # noqa: S608 - constants
_LIST_SIGNED_IN: Final = """
    SELECT DISTINCT client, user_id, login_id FROM grants
     WHERE login_id = ANY($1::bytea[]) AND ended_at IS NULL AND 'openid' = ANY(scope)
"""
_LIST_REUSED: Final = """
    SELECT DISTINCT client FROM grants
     WHERE user_id = $1 AND ended_at >= $2 AND ended_why IN ('refresh_reused', 'code_reused') ORDER BY client
"""
_PURGE: Final = """
    DELETE FROM grants g WHERE g.ended_at < $1 OR g.expires_at < $1
        OR g.kind = 'login' AND g.login_id IN (SELECT l.id FROM logins l WHERE l.ended_at < $1 OR l.expires_at < $1)
"""


@dataclass(frozen=True, slots=True)
class NewGrant:
    """Of a person. scopes: sorted. refresh_hash None: the app gets no refresh token. Times are Unix seconds.

    kind: login, or offline where it outlives the login.
    """

    id: bytes
    client: str
    user_id: UUID
    login_id: bytes
    scopes: tuple[str, ...]
    resource: str
    authenticated_at: int
    mfa_at: int
    amr: tuple[str, ...]
    jkt: str
    refresh_hash: bytes | None
    created_at: int
    expires_at: int
    idle_s: int
    kind: GrantKind = "login"


@dataclass(frozen=True, slots=True)
class GrantRow:
    """user_id None: the app acts for itself. jkt: the key that a refresh has to prove, "" for none.

    generation: of the refresh token whose hash is refresh_hash. ended: by itself; a login's grant ends with the login
    too, which is not written here.
    """

    id: bytes
    kind: GrantKind
    client: str
    user_id: UUID | None
    login_id: bytes | None
    scopes: tuple[str, ...]
    resource: str
    authenticated_at: int
    mfa_at: int
    amr: tuple[str, ...]
    jkt: str
    generation: int
    refresh_hash: bytes | None
    previous_hash: bytes | None
    rotated_at: int
    created_at: int
    expires_at: int
    idle_s: int
    last_used_at: int
    ended: bool

    @property
    def assurance(self) -> Assurance:
        return Assurance(self.authenticated_at, self.mfa_at, bits_of(self.amr))

    def refreshes(self, now: int) -> bool:
        """Whether a refresh token of it counts still, as far as the grant itself says. now: Unix seconds."""
        return not self.ended and now < self.last_used_at + self.idle_s and now < self.expires_at


class Grants:
    """Bound to one connection, so the caller's transaction is visible at the call site. now: Unix seconds."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection

    async def add(self, grant: NewGrant) -> GrantRow:
        """The caller holds the login (Logins.add_session), and has made room."""
        row = await self._connection.fetchrow(
            _INSERT_GRANT,
            grant.id,
            grant.client,
            grant.user_id,
            grant.login_id,
            list(grant.scopes),
            grant.resource,
            grant.authenticated_at,
            grant.mfa_at,
            list(grant.amr),
            grant.jkt,
            grant.refresh_hash,
            grant.created_at,
            grant.expires_at,
            grant.idle_s,
            grant.kind,
        )
        assert row is not None
        return _grant(row)

    async def surplus(self, login_id: bytes, client: str) -> list[GrantRow]:
        """Which have to end before this login gets another grant of this app."""
        rows = await self._connection.fetch(_LIST_SURPLUS, login_id, client, GRANTS_OF_APP, GRANTS_OF_LOGIN)
        return [_grant(row) for row in rows]

    async def stand(
        self, fresh_id: bytes, client: str, scopes: tuple[str, ...], resource: str, now: int, *, most_s: int
    ) -> tuple[GrantRow, bool]:
        """The app's standing grant, and whether it was made now. scopes: sorted.

        Most requests write nothing: however often an app asks, its last use is written down once a minute.
        """
        made = False
        for _ in range(3):  # one that another makes or ends meanwhile is seen in the next round
            row = await self._connection.fetchrow(_FIND_STANDING, client, list(scopes), resource)
            if row is not None:
                if now - row["last_used_at"] >= _USED_EVERY_S:
                    await self._connection.execute(_USE_GRANT, row["id"], now)
                return _grant(row), made
            inserted = await self._connection.fetchval(
                _INSERT_STANDING, fresh_id, client, list(scopes), resource, now, now + most_s, most_s
            )
            made = inserted is not None
        raise AssertionError("a standing grant is neither there nor can be made")

    async def find(self, grant_id: bytes) -> GrantRow | None:
        row = await self._connection.fetchrow(_FIND_GRANT, grant_id)
        return None if row is None else _grant(row)

    async def find_by_credential(self, login_id: bytes, credential: bytes) -> GrantRow | None:
        """Of an access token, which names no grant. Also one that has ended."""
        row = await self._connection.fetchrow(_FIND_BY_CREDENTIAL, login_id, credential)
        return None if row is None else _grant(row)

    async def lock(self, grant_id: bytes, now: int) -> GrantRow | None:
        """A person's grant and what it stands on, until the transaction ends. None: the person or the login is over."""
        if not await self._connection.fetchval(_HOLD_PERSON, grant_id):
            return None
        if not await self._connection.fetchval(_HOLD_LOGIN, grant_id, now):
            return None
        row = await self._connection.fetchrow(_LOCK_GRANT, grant_id)
        return None if row is None else _grant(row)

    async def rotate(self, grant_id: bytes, refresh_hash: bytes, now: int) -> None:
        """The next refresh token counts; the caller has locked the grant."""
        await self._connection.execute(_ROTATE, grant_id, refresh_hash, now)

    async def list_of_others(self, clients: Iterable[str], now: int, most: int) -> list[GrantRow]:
        """Of clients that are none of these, and not registered either."""
        return [_grant(row) for row in await self._connection.fetch(_LIST_OF_OTHERS, list(clients), now, most)]

    async def list_of_client(self, client: str, after: bytes, now: int, most: int) -> list[GrantRow]:
        """By id, also ended ones. after: the last id of the round before, b"" for the first."""
        return [_grant(row) for row in await self._connection.fetch(_LIST_OF_CLIENT, client, after, now, most)]

    async def list_offline(self, user_id: UUID, now: int) -> list[GrantRow]:
        """Those that no login ends, also ended ones: Redis may not have heard."""
        return [_grant(row) for row in await self._connection.fetch(_LIST_OFFLINE, user_id, now)]

    async def end(self, grant_id: bytes, why: str, now: int) -> bool:
        """False: it had ended before, or never was."""
        return await self._connection.fetchval(_END_GRANT, grant_id, why, now) is not None

    async def signed_in_apps(self, login_ids: Collection[bytes]) -> list[LoggedOutApp]:
        """Those that have an ID token of one of these logins, and a grant that has not ended by itself."""
        return [LoggedOutApp(**row) for row in await self._connection.fetch(_LIST_SIGNED_IN, list(login_ids))]

    async def list_reused(self, user_id: UUID, since: int) -> list[str]:
        """Apps whose grants ended because a token or a code came again. since: Unix seconds."""
        return [row["client"] for row in await self._connection.fetch(_LIST_REUSED, user_id, since)]

    async def purge(self, now: int) -> None:
        """Deletes what has been over for a week: every token of it is too old by then."""
        await self._connection.execute(_PURGE, now - KEPT_S)

    async def list_live(self, now: int, *, user_id: UUID | None = None, client: str | None = None) -> list[GrantRow]:
        """By app, the newest first; None: of everybody, or of all apps."""
        return [_grant(row) for row in await self._connection.fetch(_LIST_LIVE, now, user_id, client)]


def _grant(row: asyncpg.Record) -> GrantRow:
    return GrantRow(
        id=row["id"],
        kind=row["kind"],
        client=row["client"],
        user_id=row["user_id"],
        login_id=row["login_id"],
        scopes=tuple(row["scope"]),
        resource=row["resource"],
        authenticated_at=row["authenticated_at"],
        mfa_at=row["mfa_at"],
        amr=tuple(row["amr"]),
        jkt=row["jkt"],
        generation=row["generation"],
        refresh_hash=row["refresh_hash"],
        previous_hash=row["previous_hash"],
        rotated_at=row["rotated_at"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        idle_s=row["idle_s"],
        last_used_at=row["last_used_at"],
        ended=row["ended_at"] is not None,
    )
