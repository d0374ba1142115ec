"""People: sealed under a key of their own, found by blind indexes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.core.errors import GatewayError
from gateway.core.privacy.sealing import NOBODY, Place
from gateway.stores.postgres import locks
from gateway.stores.postgres.used_names import UsedNames
from gateway.stores.postgres.vault import Vault

State = Literal["active", "disabled"]
_COLUMNS: Final = "u.id, u.state, u.sealed, u.password, u.groups, u.version, k.wrapped"
_FIND_USER: Final = f"""
    SELECT {_COLUMNS} FROM users u LEFT JOIN user_keys k ON k.user_id = u.id WHERE u.id = $1 AND u.state <> 'erased'
"""  # noqa: S608 - constants
_FIND_BY_NAME: Final = f"""
    SELECT {_COLUMNS} FROM users u LEFT JOIN user_keys k ON k.user_id = u.id
     WHERE u.username_index = $1 OR u.email_index = $2
     ORDER BY (u.username_index = $1) DESC LIMIT 1
"""  # noqa: S608 - constants
_LIST_USERS: Final = f"""
    SELECT {_COLUMNS} FROM users u LEFT JOIN user_keys k ON k.user_id = u.id WHERE u.state <> 'erased'
     ORDER BY u.created_at, u.id
"""  # noqa: S608 - constants
_PAGE_OF_USERS: Final = f"""
    SELECT {_COLUMNS}, u.created_at FROM users u LEFT JOIN user_keys k ON k.user_id = u.id
     WHERE u.state <> 'erased' AND ($1::bigint IS NULL OR (u.created_at, u.id) < ($1, $2))
     ORDER BY u.created_at DESC, u.id DESC LIMIT $3
"""  # noqa: S608 - constants
_NAME_TAKEN: Final = """
    SELECT 1 FROM users WHERE (username_index = ANY($1::bytea[]) OR email_index = ANY($2::bytea[])) AND id <> $3
"""
_LOCK_NAMES: Final = "SELECT pg_advisory_xact_lock($1)"
_INSERT_USER: Final = """
    INSERT INTO users (id, state, username_index, email_index, index_key, sealed, password, groups, version,
                       created_at, changed_at)
    VALUES ($1, 'active', $2, $3, $4, $5, $6, $7, 1, $8, $8)
"""
_INSERT_KEY: Final = "INSERT INTO user_keys (user_id, wrapped, master_id) VALUES ($1, $2, $3)"
_SET_STATE: Final = """
    UPDATE users SET state = $2, version = version + 1, changed_at = $3
     WHERE id = $1 AND state <> $2 AND state <> 'erased' RETURNING version
"""
_SET_GROUPS: Final = """
    UPDATE users SET groups = $2, version = version + 1, changed_at = $3 WHERE id = $1 AND state <> 'erased'
"""
_SET_NAMES: Final = """
    UPDATE users SET username_index = $2, email_index = $3, index_key = $4, sealed = $5, version = version + 1,
                     changed_at = $6
     WHERE id = $1 AND state <> 'erased'
"""
_HOLD_PASSWORD: Final = "SELECT id FROM users WHERE id = $1 AND password = $2 AND state = 'active' FOR SHARE"
_RENEW_PASSWORD: Final = """
    UPDATE users SET password = $3, changed_at = $4 WHERE id = $1 AND password = $2 AND state = 'active' RETURNING id
"""
_DECOY: Final = {"username": "ada.lovelace", "name": "Ada Lovelace", "email": "ada.lovelace@example.org"}
_LOCK_PASSWORD: Final = "SELECT password FROM users WHERE id = $1 FOR NO KEY UPDATE"
_LOCK_SAME_PASSWORD: Final = """
    SELECT id FROM users WHERE id = $1 AND password = $2 AND state = 'active' FOR NO KEY UPDATE
"""
# What somebody compared before is worth nothing after it: the person is locked first, then the attempts.
_END_ATTEMPTS: Final = "DELETE FROM attempts WHERE user_id = $1"
_KEEP_ATTEMPTS: Final = """
    UPDATE attempts SET compared = sha256(convert_to($3, 'UTF8'))
     WHERE user_id = $1 AND compared = sha256(convert_to($2, 'UTF8'))
"""
_KEEP_DOUBT: Final = """
    UPDATE password_doubts SET compared = sha256(convert_to($3, 'UTF8'))
     WHERE user_id = $1 AND compared = sha256(convert_to($2, 'UTF8'))
"""
_HOLD: Final = "SELECT id FROM users WHERE id = $1 AND state = 'active' FOR SHARE"
_HOLD_COMPARED: Final = """
    SELECT id FROM users
     WHERE id = $1 AND sha256(convert_to(password, 'UTF8')) = $2 AND state = 'active' FOR SHARE
"""
_ADD_FRESH: Final = "INSERT INTO fresh_accounts (user_id) VALUES ($1)"
_USE_FRESH: Final = "DELETE FROM fresh_accounts WHERE user_id = $1 RETURNING user_id"
_BEGIN_CHANGE: Final = "UPDATE users SET changed_at = $2 WHERE id = $1 AND state = 'active' RETURNING id"
_SET_PASSWORD: Final = "UPDATE users SET password = $2, changed_at = $3 WHERE id = $1 AND state <> 'erased'"
# The kind stands in clear in what core/login/imported.py writes; 0020 has an index of such rows.
_LIST_IMPORTED_KINDS: Final = """
    SELECT DISTINCT split_part(password, '$', 3) AS kind FROM users WHERE password LIKE 'i1$%'
"""


class UnknownUser(GatewayError):
    """Nobody has this user name or e-mail."""


class NameTaken(GatewayError):
    """Another person has this user name or e-mail, in either column."""


class NameUsed(NameTaken):
    """It was somebody else's user name, and may be free again in three years."""


@dataclass(frozen=True, slots=True, repr=False)
class Names:
    """What a person is called. email and name may be "". repr is left out: it holds personal words."""

    username: str
    name: str
    email: str

    @property
    def personal(self) -> dict[str, str]:
        return {"username": self.username, "name": self.name, "email": self.email}


@dataclass(frozen=True, slots=True)
class NewUser:
    """password: stored text. email "": none. fresh: their first login counts as one that a code confirmed."""

    id: UUID
    username: str
    name: str
    email: str
    groups: tuple[str, ...]
    password: str
    fresh: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class UserRow:
    """version: grows with every change that other nodes must see. repr is left out: it holds personal words."""

    id: UUID
    state: State
    username: str
    email: str
    name: str
    groups: tuple[str, ...]
    version: int
    password: str


class Users:
    """Bound to one connection. Reading raises BrokenSeal or CorruptRow for a row that is not ours."""

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]", vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._used = UsedNames(connection, vault)

    async def find(self, user_id: UUID) -> UserRow | None:
        row = await self._connection.fetchrow(_FIND_USER, user_id)
        return None if row is None else self._user(row)

    async def find_by_name(self, name: str) -> UserRow | None:
        """name: a user name or an e-mail address, in any case. One that nobody has costs the same steps (L5)."""
        indexes = (self._vault.index("username", name), self._vault.index("email", name))
        row = await self._connection.fetchrow(_FIND_BY_NAME, *indexes)
        if row is None:
            self._vault.rehearse(_place(NOBODY), _DECOY)
            return None
        return self._user(row)

    async def named(self, name: str) -> UserRow:
        """As find_by_name. Raises UnknownUser."""
        user = await self.find_by_name(name)
        if user is None:
            raise UnknownUser(f"no person has the user name or e-mail {name!r}")
        return user

    async def list(self) -> list[UserRow]:
        """The oldest first."""
        return [self._user(row) for row in await self._connection.fetch(_LIST_USERS)]

    async def page(self, after: tuple[int, UUID] | None, limit: int) -> Sequence[tuple[UserRow, int]]:
        """The newest first, each with the Unix seconds at which they were added. after: the last of the page before."""
        at, user_id = (None, None) if after is None else after
        rows = await self._connection.fetch(_PAGE_OF_USERS, at, user_id, limit)
        return [(self._user(row), row["created_at"]) for row in rows]

    async def add(self, user: NewUser, now: int) -> None:
        """Raises NameTaken."""
        names = Names(user.username, user.name, user.email)
        await self._refuse_taken(user.id, names, now)
        key, wrapped = self._vault.fresh(user.id)
        await self._connection.execute(
            _INSERT_USER,
            user.id,
            *self._indexes(names),
            self._vault.index_id,
            key.seal(_place(user.id), names.personal),
            user.password,
            list(user.groups),
            now,
        )
        await self._connection.execute(_INSERT_KEY, user.id, wrapped.token, wrapped.master_id)
        if user.fresh:
            await self._connection.execute(_ADD_FRESH, user.id)

    async def give_up_names(self, user_id: UUID, now: int) -> None:
        """Of somebody who is being erased."""
        await self._used.give_up_all(user_id, now)

    async def free_name(self, username: str) -> None:
        """Anybody may have it again. What is somebody's now stays so."""
        await self._used.free(self._vault.index("username", username))

    async def use_fresh(self, user_id: UUID) -> bool:
        """Whether this is the first login of a person who was added. A table of its own: who logs in only shares the
        person's row, and would wait for others who do if they wrote it.
        """
        return await self._connection.fetchval(_USE_FRESH, user_id) is not None

    async def set_names(self, user_id: UUID, names: Names, now: int) -> None:
        """Raises NameTaken. The person is held before the names, as in an erasure, or one would wait for the other."""
        await self.lock(user_id)
        await self._refuse_taken(user_id, names, now)
        await self._used.give_up(user_id, now, for_index=self._indexes(names)[0])
        key = await self._vault.key_of(self._connection, user_id)
        sealed = key.seal(_place(user_id), names.personal)
        found_by = (*self._indexes(names), self._vault.index_id)
        await self._connection.execute(_SET_NAMES, user_id, *found_by, sealed, now)
        await self._connection.execute(_END_ATTEMPTS, user_id)

    async def _refuse_taken(self, user_id: UUID, names: Names, now: int) -> None:
        """Nobody's user name may be another's e-mail: a login name means one person. Holds all names until the end."""
        await self._connection.execute(_LOCK_NAMES, locks.NAMES)
        given = [name for name in (names.username, names.email) if name]
        as_username = [self._vault.index("username", name) for name in given]
        as_email = [self._vault.index("email", name) for name in given]
        if await self._connection.fetchval(_NAME_TAKEN, as_username, as_email, user_id):
            raise NameTaken(f"the user name {names.username!r} or its e-mail belongs to somebody already")
        if await self._used.is_others(self._vault.index("username", names.username), user_id, now):
            raise NameUsed(
                f"{names.username!r} was somebody else's user name, and apps may still know that person by it;"
                " take another, or give --reuse-name to the command"
            )

    def _indexes(self, names: Names) -> tuple[bytes, bytes | None]:
        email = self._vault.index("email", names.email) if names.email else None
        return self._vault.index("username", names.username), email

    async def set_state(self, user_id: UUID, state: State, now: int) -> bool:
        """False: it was so already."""
        changed = await self._connection.fetchval(_SET_STATE, user_id, state, now) is not None
        await self._connection.execute(_END_ATTEMPTS, user_id)
        return changed

    async def set_groups(self, user_id: UUID, groups: tuple[str, ...], now: int) -> None:
        await self._connection.execute(_SET_GROUPS, user_id, list(groups), now)

    async def set_password(self, user_id: UUID, stored: str, now: int) -> str:
        """The one that was stored before. Nobody else changes the person until the transaction ends."""
        before = await self._connection.fetchval(_LOCK_PASSWORD, user_id)
        assert isinstance(before, str)
        await self._connection.execute(_SET_PASSWORD, user_id, stored, now)
        await self._connection.execute(_END_ATTEMPTS, user_id)
        return before

    async def lock(self, user_id: UUID) -> None:
        """Nobody else changes the person until the transaction ends."""
        await self._connection.execute(_LOCK_PASSWORD, user_id)

    async def lock_password(self, user_id: UUID, stored: str) -> bool:
        """As hold_password, for who will change it (never a share first: two of them would wait for each other)."""
        return await self._connection.fetchval(_LOCK_SAME_PASSWORD, user_id, stored) is not None

    async def begin_change(self, user_id: UUID, now: int) -> bool:
        """Of second factors: locks the person, and ends what waits for a second step. False: they are not active."""
        if await self._connection.fetchval(_BEGIN_CHANGE, user_id, now) is None:
            return False
        await self._connection.execute(_END_ATTEMPTS, user_id)
        return True

    async def hold(self, user_id: UUID) -> bool:
        """Nobody changes the person until the transaction ends. False: they are not active."""
        return await self._connection.fetchval(_HOLD, user_id) is not None

    async def hold_compared(self, user_id: UUID, compared: bytes) -> bool:
        """hold_password, of the SHA-256 of what was stored when the password was compared."""
        return await self._connection.fetchval(_HOLD_COMPARED, user_id, compared) is not None

    async def hold_password(self, user_id: UUID, stored: str) -> bool:
        """Nobody changes it until the transaction ends. False: it is not that any more, or the person not active."""
        return await self._connection.fetchval(_HOLD_PASSWORD, user_id, stored) is not None

    async def renew_password(self, user_id: UUID, stored: str, renewed: str, now: int) -> bool:
        """The same password, stored anew: what was compared with it stays so. False: as hold_password, and nothing was
        changed.
        """
        if await self._connection.fetchval(_RENEW_PASSWORD, user_id, stored, renewed, now) is None:
            return False
        await self._connection.execute(_KEEP_ATTEMPTS, user_id, stored, renewed)
        await self._connection.execute(_KEEP_DOUBT, user_id, stored, renewed)
        return True

    async def imported_kinds(self) -> frozenset[str]:
        """Of all passwords that came from another system and were not stored anew yet."""
        return frozenset(row["kind"] for row in await self._connection.fetch(_LIST_IMPORTED_KINDS))

    def _user(self, row: asyncpg.Record) -> UserRow:
        user_id: UUID = row["id"]
        personal = self._vault.open(user_id, row["wrapped"]).unseal(_place(user_id), row["sealed"])
        return UserRow(
            id=user_id,
            state=row["state"],
            username=personal["username"],
            email=personal["email"],
            name=personal["name"],
            groups=tuple(row["groups"]),
            version=row["version"],
            password=row["password"],
        )


def _place(user_id: UUID) -> Place:
    return Place("users", "sealed", user_id)
