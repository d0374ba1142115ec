"""Logins and the sessions in them: one session is one secret, made for one host."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.core.assurance.model import NO_PROOF, UNKNOWN_RISK, Assurance
from gateway.core.privacy.sealing import Place
from gateway.stores.postgres.vault import Vault

REPLACED_S: Final = 20  # threats.md R12: how long a secret passes after it was replaced
SESSIONS_OF_HOST: Final = 5
_INSERT_LOGIN: Final = """
    INSERT INTO logins (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, sealed)
    SELECT $1, u.id, $3, $4, $5, $6, $3, $7 FROM users u WHERE u.id = $2 AND u.state = 'active' FOR SHARE OF u
    RETURNING id
"""
_SELECT_LOGIN: Final = """
    SELECT id, user_id, persistent, idle_s, expires_at, last_seen_at, ended_at FROM logins WHERE id = $1
"""
_CONFIRM_LOGIN: Final = """
    UPDATE logins SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1 AND ended_at IS NULL
"""
_LIST_SESSIONS: Final = """
    SELECT credential, host, authenticated_at, mfa_at, amr, risk, replaced_at FROM sessions
     WHERE login_id = $1 ORDER BY created_at, credential
"""
_INSERT_SESSION: Final = """
    INSERT INTO sessions (login_id, credential, host, created_at, authenticated_at, mfa_at, amr, risk)
    SELECT l.id, $3, $2, $4, $5, $6, $7, $8
      FROM logins l JOIN users u ON u.id = l.user_id
     WHERE l.id = $1 AND l.ended_at IS NULL AND l.expires_at > $4 AND u.state = 'active'
       FOR SHARE
    RETURNING credential
"""
# The person first, the login second, as whoever disables a person or sets a password does: or they deadlock.
_LOCK_PERSON: Final = """
    SELECT u.id FROM users u WHERE u.id = (SELECT l.user_id FROM logins l WHERE l.id = $1) AND u.state = 'active'
       FOR SHARE OF u
"""
# Locks it, and is a use of it: what is marked stale next is filled with this, and must not be idle too long.
_SEE_LOGIN: Final = """
    UPDATE logins SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1 AND ended_at IS NULL RETURNING id
"""
_DELETE_OLD_SESSIONS: Final = """
    DELETE FROM sessions WHERE login_id = $1 AND (
        replaced_at + $3 < $4
        OR credential IN (
            SELECT credential FROM sessions WHERE login_id = $1 AND host = $2
             ORDER BY created_at DESC, credential = $6 DESC, credential DESC OFFSET $5))
"""
_REPLACE_SESSION: Final = """
    UPDATE sessions SET replaced_at = $3 WHERE login_id = $1 AND credential = $2 AND replaced_at IS NULL
"""
_REMOVE_SESSION: Final = "DELETE FROM sessions WHERE login_id = $1 AND credential = $2"
_END_LOGIN: Final = """
    UPDATE logins SET ended_at = $3, ended_why = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id
"""
_END_LOGINS_OF_USER: Final = """
    UPDATE logins SET ended_at = $3, ended_why = $2
     WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $4 RETURNING id
"""
_LIST_BEGUN_LOGINS: Final = "SELECT id FROM logins WHERE user_id = $1 AND created_at > $2"
_LIST_ENDED_LOGINS: Final = """
    SELECT id FROM logins WHERE user_id = $1 AND ended_at IS NOT NULL AND expires_at > $2
"""
LIVE: Final = """
    SELECT l.id, l.user_id, l.created_at, l.last_seen_at, l.persistent, l.sealed, k.wrapped, s.authenticated_at,
           s.mfa_at, s.amr, s.risk, d.first_at AS device_since,
           coalesce((SELECT array_agg(DISTINCT s.host) FROM sessions s WHERE s.login_id = l.id), '{}') AS hosts
      FROM logins l LEFT JOIN user_keys k ON k.user_id = l.user_id
           LEFT JOIN devices d ON d.user_id = l.user_id AND d.id = l.device
           LEFT JOIN LATERAL (SELECT authenticated_at, mfa_at, amr, risk FROM sessions WHERE login_id = l.id
                               ORDER BY mfa_at DESC, authenticated_at DESC, risk NULLS LAST LIMIT 1) s ON true
"""
_LIST_LOGINS_OF_USER: Final = f"""
    {LIVE}
     WHERE l.user_id = $1 AND l.ended_at IS NULL AND l.expires_at > $2 AND l.last_seen_at + l.idle_s > $2
     ORDER BY l.last_seen_at DESC, l.id
"""
_FIND_ORIGIN: Final = """
    SELECT l.confirmed_at, coalesce(d.first_at, 0) AS first_at, coalesce(d.logins, 0) AS logins
      FROM logins l LEFT JOIN devices d ON d.user_id = l.user_id AND d.id = l.device
     WHERE l.id = $1
"""
_SET_ORIGIN: Final = "UPDATE logins SET device = $2, confirmed_at = coalesce($3, confirmed_at) WHERE id = $1"
_EXPECT_CODE: Final = """
    UPDATE logins SET mail_code = $2, mail_code_tries = 0, mail_code_until = $3 WHERE id = $1
"""
_FIND_EXPECTED: Final = """
    SELECT mail_code FROM logins WHERE id = $1 AND mail_code_until > $2 AND mail_code_tries < $3
"""
_COUNT_CODE_TRY: Final = "UPDATE logins SET mail_code_tries = mail_code_tries + 1 WHERE id = $1"
_SET_CONFIRMED: Final = "UPDATE logins SET confirmed_at = $2, mail_code = NULL WHERE id = $1"


@dataclass(frozen=True, slots=True)
class LoginOrigin:
    """What speaks for a login. first_at, logins: of the device of its last proof, 0 where that is not known.

    confirmed_at: by a code, None: by none. Times are Unix seconds.
    """

    confirmed_at: int | None
    first_at: int
    logins: int


@dataclass(frozen=True, slots=True)
class NewLogin:
    """id: LOGIN_BYTES bytes. Times are Unix seconds. address "" where it is not known."""

    id: bytes
    user_id: UUID
    created_at: int
    persistent: bool
    idle_s: int
    expires_at: int
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class SessionRow:
    """until: when the secret stops to pass because it was replaced; 0 while it stands."""

    credential: bytes
    host: str
    assurance: Assurance
    until: int


@dataclass(frozen=True, slots=True)
class LoginRow:
    """A login with all its sessions."""

    id: bytes
    user_id: UUID
    persistent: bool
    idle_s: int
    expires_at: int
    last_seen_at: int
    ended: bool
    sessions: tuple[SessionRow, ...]


@dataclass(frozen=True, slots=True, repr=False)
class LiveLoginRow:
    """As its person sees it. hosts: each once. assurance: the most that one of its secrets has.

    device_since: when the first login of its device was, in Unix seconds; None where none is remembered.
    """

    id: bytes
    user_id: UUID
    created_at: int
    last_seen_at: int
    persistent: bool
    address: str
    user_agent: str
    hosts: tuple[str, ...]
    assurance: Assurance
    device_since: int | None


class Logins:
    """Bound to one connection, so the caller's transaction is visible at the call site."""

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]", vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def create(self, login: NewLogin) -> bool:
        """False: the person is not active (any more)."""
        key = await self._vault.key_of(self._connection, login.user_id)
        created = await self._connection.fetchval(
            _INSERT_LOGIN,
            login.id,
            login.user_id,
            login.created_at,
            login.persistent,
            login.idle_s,
            login.expires_at,
            key.seal(_place(login.user_id), {"address": login.address, "user_agent": login.user_agent}),
        )
        return created is not None

    async def find(self, login_id: bytes) -> LoginRow | None:
        row = await self._connection.fetchrow(_SELECT_LOGIN, login_id)
        if row is None:
            return None
        sessions = await self._connection.fetch(_LIST_SESSIONS, login_id)
        return _login(row, sessions)

    async def confirm(self, login_id: bytes, last_seen_at: int) -> LoginRow | None:
        """find, and write the last-seen time back; it never goes back."""
        await self._connection.execute(_CONFIRM_LOGIN, login_id, last_seen_at)
        return await self.find(login_id)

    async def hold(self, login_id: bytes, now: int) -> bool:
        """A use of the login; nobody ends it until the transaction does. False: it or its person is not active."""
        if not await self._connection.fetchval(_LOCK_PERSON, login_id):
            return False
        return await self._connection.fetchval(_SEE_LOGIN, login_id, now) is not None

    async def add_session(self, login_id: bytes, host: str, credential: bytes, proven: Assurance, now: int) -> bool:
        """False: the login has ended or its person is not active; locked until the transaction ends (threats.md R2).

        The newest SESSIONS_OF_HOST of a host stay, this one among them however many are of one second.
        """
        if not await self.hold(login_id, now):
            return False
        times, risk = (now, proven.authenticated_at, proven.mfa_at), to_column(proven.risk)
        added = await self._connection.fetchval(_INSERT_SESSION, login_id, host, credential, *times, proven.amr, risk)
        if added is None:
            return False
        await self._connection.execute(
            _DELETE_OLD_SESSIONS, login_id, host, REPLACED_S, now, SESSIONS_OF_HOST, credential
        )
        return True

    async def origin(self, login_id: bytes) -> LoginOrigin | None:
        """None: there is no such login."""
        row = await self._connection.fetchrow(_FIND_ORIGIN, login_id)
        return None if row is None else LoginOrigin(row["confirmed_at"], row["first_at"], row["logins"])

    async def set_origin(self, login_id: bytes, device: bytes | None, confirmed_at: int | None) -> None:
        """device: where the proof came from, None where none is remembered. confirmed_at None: as it was."""
        await self._connection.execute(_SET_ORIGIN, login_id, device, confirmed_at)

    async def expect_code(self, login_id: bytes, mail_code: bytes, until: int) -> None:
        """In the place of one before. until: Unix seconds. The caller holds the login."""
        await self._connection.execute(_EXPECT_CODE, login_id, mail_code, until)

    async def expected_code(self, login_id: bytes, now: int, most_tries: int) -> bytes | None:
        """None: none waits, it is too old, or it had too many wrong tries."""
        code: bytes | None = await self._connection.fetchval(_FIND_EXPECTED, login_id, now, most_tries)
        return code

    async def count_code_try(self, login_id: bytes) -> None:
        await self._connection.execute(_COUNT_CODE_TRY, login_id)

    async def set_confirmed(self, login_id: bytes, now: int) -> None:
        """The code that waited is used by that."""
        await self._connection.execute(_SET_CONFIRMED, login_id, now)

    async def replace_session(self, login_id: bytes, credential: bytes, now: int) -> None:
        """The secret passes for REPLACED_S more; replacing it again prolongs nothing."""
        await self._connection.execute(_REPLACE_SESSION, login_id, credential, now)

    async def remove_session(self, login_id: bytes, credential: bytes) -> None:
        """The secret passes no more, once Redis has heard that the login is stale."""
        await self._connection.execute(_REMOVE_SESSION, login_id, credential)

    async def end(self, login_id: bytes, why: str, now: int) -> bool:
        """False: it had ended before, or never was."""
        return await self._connection.fetchval(_END_LOGIN, login_id, why, now) is not None

    async def end_all(self, user_id: UUID, why: str, now: int, except_login: bytes | None = None) -> list[bytes]:
        """Ids of those that ended by this."""
        rows = await self._connection.fetch(_END_LOGINS_OF_USER, user_id, why, now, except_login)
        return [row["id"] for row in rows]

    async def list_begun(self, user_id: UUID, since: int) -> list[bytes]:
        """Ids of those that were made later than that, ended or not."""
        return [row["id"] for row in await self._connection.fetch(_LIST_BEGUN_LOGINS, user_id, since)]

    async def list_ended(self, user_id: UUID, now: int) -> list[bytes]:
        """Ids of those that could still pass somewhere, were Redis never told that they are over."""
        return [row["id"] for row in await self._connection.fetch(_LIST_ENDED_LOGINS, user_id, now)]

    async def list_live(self, user_id: UUID, now: int) -> list[LiveLoginRow]:
        """The latest seen first. Raises BrokenSeal or CorruptRow."""
        rows = await self._connection.fetch(_LIST_LOGINS_OF_USER, user_id, now)
        return [live_row(self._vault, row) for row in rows]


def live_row(vault: Vault, row: asyncpg.Record) -> LiveLoginRow:
    """row: of LIVE. Raises BrokenSeal or CorruptRow."""
    user_id = row["user_id"]
    personal = vault.open(user_id, row["wrapped"]).unseal(_place(user_id), row["sealed"])
    return LiveLoginRow(
        id=row["id"],
        user_id=user_id,
        created_at=row["created_at"],
        last_seen_at=row["last_seen_at"],
        persistent=row["persistent"],
        address=personal["address"],
        user_agent=personal["user_agent"],
        hosts=tuple(row["hosts"]),
        assurance=NO_PROOF if row["amr"] is None else _assurance(row),
        device_since=row["device_since"],
    )


def _login(row: asyncpg.Record, sessions: list[asyncpg.Record]) -> LoginRow:
    return LoginRow(
        id=row["id"],
        user_id=row["user_id"],
        persistent=row["persistent"],
        idle_s=row["idle_s"],
        expires_at=row["expires_at"],
        last_seen_at=row["last_seen_at"],
        ended=row["ended_at"] is not None,
        sessions=tuple(_session(session) for session in sessions),
    )


def _session(row: asyncpg.Record) -> SessionRow:
    replaced_at = row["replaced_at"]
    return SessionRow(
        credential=row["credential"],
        host=row["host"],
        assurance=_assurance(row),
        until=0 if replaced_at is None else replaced_at + REPLACED_S,
    )


def _assurance(row: asyncpg.Record) -> Assurance:
    return Assurance(row["authenticated_at"], row["mfa_at"], row["amr"], from_column(row["risk"]))


def to_column(risk: int) -> int | None:
    """NULL where the score is not known."""
    return None if risk == UNKNOWN_RISK else risk


def from_column(risk: int | None) -> int:
    return UNKNOWN_RISK if risk is None else risk


def _place(user_id: UUID) -> Place:
    return Place("logins", "sealed", user_id)
