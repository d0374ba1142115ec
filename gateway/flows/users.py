"""What operators do to people: each act commits with its audit entry, then Redis follows, then the answer."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from gateway.core.audit.entries import Detail, Entry, Kind
from gateway.core.errors import GatewayError, StoreUnavailable
from gateway.core.keys import Keys
from gateway.core.login.attempt import PASSWORD_CHARS
from gateway.core.privacy.names import check_display_name, check_email, check_name, spelled
from gateway.core.session.tokens import b64, tag_of
from gateway.flows.passwords import Passwords
from gateway.flows.transaction import transaction
from gateway.stores.postgres.audit import Audit
from gateway.stores.postgres.logins import LiveLoginRow, Logins
from gateway.stores.postgres.users import NameTaken, NewUser, State, UserRow, Users
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.revocations import Revocations

PASSWORD_LEAST_CHARS: Final = 8  # NIST SP 800-63B: length counts, composition rules don't
_USER_ID_BYTES: Final = 16


class UnknownUser(GatewayError):
    """Nobody has this user name or e-mail."""


class BadPassword(GatewayError):
    """Nobody may have this password; the message says why and doesn't repeat it."""


class ChangedMeanwhile(GatewayError):
    """Somebody else changed the person in the same moment; nothing was written."""


class RedisBehind(GatewayError):
    """The act is recorded for good, and only its live copy waits: the command is to be repeated."""


@dataclass(frozen=True, slots=True, repr=False)
class Newcomer:
    """email and name may be "". repr is left out: it holds personal words."""

    username: str
    name: str
    email: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A person, and where they are signed in."""

    user: UserRow
    logins: tuple[LiveLoginRow, ...]


@dataclass(frozen=True, slots=True)
class UserAdmin:
    """actor: who acts, as the audit log is to name them. Names are user names or e-mail addresses.

    Everything raises RecordUnavailable. What changes somebody raises UnknownUser, and RedisBehind after the commit;
    doing it again writes nothing new and lets Redis follow.
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    vault: Vault
    passwords: Passwords
    revocations: Revocations
    keys: Keys
    clock_us: Callable[[], int]
    random: Callable[[int], bytes]
    actor: str

    async def list(self) -> list[UserRow]:
        """The oldest first."""
        async with transaction(self.pool) as connection:
            return await Users(connection, self.vault).list()

    async def find(self, name: str) -> UserRow | None:
        async with transaction(self.pool) as connection:
            return await Users(connection, self.vault).find_by_name(name)

    async def show(self, name: str) -> Shown:
        """Raises UnknownUser."""
        async with transaction(self.pool) as connection:
            user = await self._known(Users(connection, self.vault), name)
            logins = await Logins(connection, self.vault).list_live(user.id, self._now())
        return Shown(user, tuple(logins))

    async def add(self, newcomer: Newcomer, password: str) -> UUID:
        """Raises BadName, BadPassword or NameTaken."""
        groups = check_newcomer(newcomer)
        check_password(password, newcomer.username, newcomer.email)
        user_id = UUID(bytes=self.random(_USER_ID_BYTES), version=4)
        stored = await self.passwords.hash(user_id, password)
        user = NewUser(user_id, newcomer.username, newcomer.name, newcomer.email, groups, stored)
        personal = {"username": user.username, "name": user.name, "email": user.email}
        async with transaction(self.pool) as connection:
            await Users(connection, self.vault).add(user, self._now())
            entry = self._entry(Kind.USER_ADDED, user_id, {"groups": list(groups)}, personal)
            await Audit(connection, self.vault).append(entry)
        return user_id

    async def add_if_absent(self, newcomer: Newcomer, password: str) -> bool:
        """False: the user name is somebody's already, and nothing was changed."""
        try:
            await self.add(newcomer, password)
        except NameTaken:
            if await self.has(newcomer.username):
                return False
            raise
        return True

    async def has(self, username: str) -> bool:
        """Whether somebody has this user name; an e-mail address doesn't count."""
        found = await self.find(username)
        return found is not None and spelled(found.username) == spelled(username)

    async def disable(self, name: str) -> bool:
        """No login of theirs passes any more when this returns. False: they were disabled already."""
        now = self._now()
        async with transaction(self.pool) as connection:
            user = await self._known(Users(connection, self.vault), name)
            changed = await Users(connection, self.vault).set_state(user.id, "disabled", now)
            ended = await Logins(connection, self.vault).end_all(user.id, "disabled", now)
            if changed or ended:
                entry = self._entry(Kind.USER_DISABLED, user.id, {"logins": [b64(login) for login in ended]})
                await Audit(connection, self.vault).append(entry)
        await self._follow(user.id)
        return changed

    async def enable(self, name: str) -> bool:
        """Logins that ended stay ended. False: they were active already."""
        state: State = "active"
        async with transaction(self.pool) as connection:
            user = await self._known(Users(connection, self.vault), name)
            changed = await Users(connection, self.vault).set_state(user.id, state, self._now())
            if changed:
                await Audit(connection, self.vault).append(self._entry(Kind.USER_ENABLED, user.id, {}))
        await self._follow(user.id)
        return changed

    async def set_password(self, name: str, password: str) -> None:
        """All their logins end. Raises BadPassword."""
        user = await self.find(name)
        if user is None:
            raise UnknownUser(f"nobody has the user name or e-mail {name!r}")
        check_password(password, user.username, user.email)
        stored, now = await self.passwords.hash(user.id, password), self._now()
        async with transaction(self.pool) as connection:
            await Users(connection, self.vault).set_password(user.id, stored, now)
            ended = await Logins(connection, self.vault).end_all(user.id, "password_changed", now)
            entry = self._entry(Kind.PASSWORD_CHANGED, user.id, {"logins": [b64(login) for login in ended]})
            await Audit(connection, self.vault).append(entry)
        await self._follow(user.id)

    async def set_groups(self, name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
        """These and no others; the groups that they have now. Raises BadName or ChangedMeanwhile."""
        return await self._regroup(name, lambda _before: groups)

    async def change_groups(self, name: str, add: tuple[str, ...], remove: tuple[str, ...]) -> tuple[str, ...]:
        """The groups that they have now; who is in both add and remove is removed."""
        return await self._regroup(name, lambda before: tuple(one for one in before + add if one not in remove))

    async def _regroup(self, name: str, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> tuple[str, ...]:
        async with transaction(self.pool) as connection:
            users = Users(connection, self.vault)
            before = await self._known(users, name)
            groups = _checked_groups(change(before.groups))
            if groups != before.groups:
                await users.set_groups(before.id, groups, self._now())
                after = await users.find(before.id)
                # The update has locked the row; another version means that `before` was not what it replaced.
                if after is None or after.version != before.version + 1:
                    raise ChangedMeanwhile(f"somebody else changed {name!r} in this moment; look, and do it again")
                detail: Detail = {"before": list(before.groups), "after": list(groups)}
                await Audit(connection, self.vault).append(self._entry(Kind.GROUPS_CHANGED, before.id, detail))
        await self._follow(before.id)
        return groups

    async def _known(self, users: Users, name: str) -> UserRow:
        user = await users.find_by_name(name)
        if user is None:
            raise UnknownUser(f"nobody has the user name or e-mail {name!r}")
        return user

    async def _follow(self, user_id: UUID) -> None:
        """Redis learns of what is committed, also of what an earlier run could not tell it. Raises RedisBehind."""
        async with transaction(self.pool) as connection:
            ended = await Logins(connection, self.vault).list_ended(user_id, self._now())
        tag = tag_of(self.keys.tag, user_id)
        try:
            for login_id in ended:
                await self.revocations.end_login(tag, b64(login_id))
            # Last: before it, an answer to a login that goes on could bring the person back as they were.
            await self.revocations.stale_person(tag)
        except StoreUnavailable as error:
            raise RedisBehind(
                f"this is recorded, but Redis did not follow ({error}): live sessions may go on for up to 60 s."
                " Repeat the command; that is safe and makes it hold at once."
            ) from error

    def _entry(self, kind: Kind, user_id: UUID, detail: Detail, personal: dict[str, str] | None = None) -> Entry:
        return Entry(kind, self._now(), self.actor, user_id, detail, personal or {}, "")

    def _now(self) -> int:
        return self.clock_us() // 1_000_000


def check_newcomer(newcomer: Newcomer) -> tuple[str, ...]:
    """The groups, each once. Raises BadName."""
    check_name("user", newcomer.username)
    check_display_name(newcomer.name)
    check_email(newcomer.email)
    return _checked_groups(newcomer.groups)


def check_password(password: str, username: str, email: str) -> None:
    """Raises BadPassword. Anything else goes, blanks and any script too (NIST SP 800-63B section 3.1.1.2)."""
    if not PASSWORD_LEAST_CHARS <= len(password) <= PASSWORD_CHARS:
        raise BadPassword(f"a password has {PASSWORD_LEAST_CHARS} to {PASSWORD_CHARS} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        raise BadPassword("a password is one line without control characters: no form could send another")
    if spelled(password) in (spelled(username), spelled(email)):
        raise BadPassword("a password is not the user name or the e-mail address")


def _checked_groups(groups: tuple[str, ...]) -> tuple[str, ...]:
    for group in groups:
        check_name("group", group)
    return tuple(dict.fromkeys(groups))
