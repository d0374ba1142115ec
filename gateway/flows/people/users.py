"""What operators do to people."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias
from uuid import UUID

from gateway.core.admin.acts import AdminRole
from gateway.core.audit.lockout_events import Unlocked
from gateway.core.audit.people_events import (
    GroupsChanged,
    PasswordChanged,
    PersonViewed,
    SessionsEnded,
    UserAdded,
    UserChanged,
    UserDisabled,
    UserEnabled,
)
from gateway.core.audit.recovery_events import UserInvited
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.login.account_acts import AccountAct
from gateway.core.login.password import DISABLED
from gateway.core.mail.kinds import MailKind
from gateway.core.password.rules import DEFAULT_RULES, PasswordRules
from gateway.core.privacy.names import check_display_name, check_email, check_name, spelled
from gateway.flows.act import Act, Acts
from gateway.flows.mail.notices import NO_NOTICES, NoticeFacts, Notices
from gateway.flows.oauth.back_channel import end_login
from gateway.flows.people.breaches import NO_CORPUS, Breaches
from gateway.flows.people.new_passwords import BadPassword, NewPasswords, Owner
from gateway.flows.people.owners import refuse_no_owner
from gateway.flows.people.passwords import Passwords
from gateway.flows.people.stands import end_stands, tell_redis
from gateway.stores.postgres.lockouts import Lock
from gateway.stores.postgres.logins import LiveLoginRow
from gateway.stores.postgres.users import Names, NameTaken, NewUser, UserRow

_USER_ID_BYTES: Final = 16
_REASON_CHARS: Final = 200
Guard: TypeAlias = Callable[[Act, UserRow], Awaitable[None]]
NameGuard: TypeAlias = Callable[[Act, str], Awaitable[None]]


class BadReason(GatewayError):
    """A reason that the audit log can't show as one line."""


class UnknownLogin(GatewayError):
    """The person has no login of this id."""


class NoWayForMail(GatewayError):
    """Nobody can be invited."""


class ChangedMeanwhile(GatewayError):
    """Somebody else changed the person in the same moment; nothing was written."""


@dataclass(frozen=True, slots=True, repr=False)
class Newcomer:
    """email and name may be "". repr is left out: it holds personal words."""

    username: str
    name: str
    email: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A person, where they are signed in, and where they are locked out."""

    user: UserRow
    logins: tuple[LiveLoginRow, ...]
    locks: tuple[Lock, ...]


async def allowed(_act: Act, _user: UserRow) -> None:
    """Whoever may run commands may do everything."""


async def any_name(_act: Act, _username: str) -> None:
    """As allowed."""


@dataclass(frozen=True, slots=True)
class UserAdmin:
    """actor: who acts, as the audit log is to name them. Names are user names or e-mail addresses.

    guard: asked in the transaction of each change, before anything is locked; it raises where the actor may not.
    name_guard: the same for each user name that somebody is to get.
    reuses_names: whether somebody may get a user name that was another's.

    Everything raises RecordUnavailable. What changes somebody raises UnknownUser, and RedisBehind after the commit;
    doing it again writes nothing new and lets Redis follow.
    """

    acts: Acts
    passwords: Passwords
    keys: Keys
    random: Callable[[int], bytes]
    actor: str
    rules: PasswordRules = DEFAULT_RULES
    breaches: Breaches = NO_CORPUS
    notices: Notices = NO_NOTICES
    request_id: str = ""
    guard: Guard = allowed
    name_guard: NameGuard = any_name
    reuses_names: bool = False

    def _begin(self) -> AbstractAsyncContextManager[Act]:
        return self.acts.begin(operator=self.actor, request_id=self.request_id)

    async def _named(self, act: Act, name: str) -> UserRow:
        """Raises UnknownUser, and what the guard raises."""
        user = await act.users.named(name)
        await self.guard(act, user)
        return user

    @property
    def _new(self) -> NewPasswords:
        return NewPasswords(self.passwords, self.rules, self.breaches)

    async def list(self) -> list[UserRow]:
        """The oldest first."""
        async with self.acts.begin() as act:
            return await act.users.list()

    async def find(self, name: str) -> UserRow | None:
        async with self.acts.begin() as act:
            return await act.users.find_by_name(name)

    async def show(self, name: str) -> Shown:
        """It is an act (threats.md E24). Raises UnknownUser."""
        async with self.acts.begin(operator=self.actor) as act:
            user = await act.users.named(name)
            act.record(PersonViewed(user.id))
            logins = await act.logins.list_live(user.id, act.now)
            return Shown(user, tuple(logins), tuple(await act.lockouts.list_locked(user.id, act.now)))

    async def add(self, newcomer: Newcomer, password: str) -> UUID:
        """Raises BadName, BadPassword, NameTaken or NameUsed."""
        groups = check_newcomer(newcomer)
        user_id = UUID(bytes=self.random(_USER_ID_BYTES), version=4)
        accepted = await self._new.accept(Owner(user_id, (newcomer.username, newcomer.name, newcomer.email)), password)
        user = NewUser(user_id, newcomer.username, newcomer.name, newcomer.email, groups, accepted.stored)
        async with self._begin() as act:
            await self._give(act, user.username)
            await act.users.add(user, act.now)
            act.record(UserAdded(user_id, groups, user.username, user.name, user.email))
        return user_id

    async def invite(self, newcomer: Newcomer, reason: str | None = None) -> bool:
        """Adds them without a password, and mails a link by which they choose one. False: they were added before and
        have chosen none yet; they get another link. Raises BadName, NameTaken, or NoWayForMail.
        """
        groups = check_newcomer(newcomer)
        if not self.notices.is_on or not newcomer.email:
            raise NoWayForMail("an invitation needs mail.smtp or mail.directory in the configuration, and an --email")
        async with self._begin() as act:
            await self._give(act, newcomer.username)
            before = await act.users.find_by_name(newcomer.username)
            user_id = UUID(bytes=self.random(_USER_ID_BYTES), version=4) if before is None else before.id
            if before is None:
                user = NewUser(user_id, newcomer.username, newcomer.name, newcomer.email, groups, DISABLED)
                await act.users.add(user, act.now)
                act.record(UserAdded(user_id, groups, user.username, user.name, user.email))
            elif before.password != DISABLED or before.email != newcomer.email:
                raise NameTaken(f"the user name {newcomer.username!r} belongs to somebody already")
            act.record(UserInvited(user_id, reason))
            await self.notices.write(act, user_id, newcomer.email, MailKind.INVITATION)
        return before is None

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

    async def disable(self, name: str, reason: str | None = None) -> bool:
        """No login of theirs passes any more when this returns. False: they were disabled already.

        Raises LastOwner.
        """
        async with self._begin() as act:
            await act.admin_roles.lock_owners()
            user = await self._named(act, name)
            return await disable_person(act, self.keys.tag, user.id, reason)

    async def enable(self, name: str, reason: str | None = None) -> bool:
        """Logins that ended stay ended, and keys that rest do. False: they were active already."""
        async with self._begin() as act:
            user = await self._named(act, name)
            changed = await act.users.set_state(user.id, "active", act.now)
            if changed:
                act.record(UserEnabled(user.id, reason))
            await tell_redis(act, self.keys.tag, user.id)
        return changed

    async def unlock(self, name: str, reason: str | None = None) -> int:
        """Ends all locks of a person, and forgets what counts towards the next; how many locks there were."""
        async with self._begin() as act:
            user = await self._named(act, name)
            ended = [lock for lock in await act.lockouts.forget(user.id) if lock.lockout.is_locked(act.now)]
            if ended:
                locks = tuple(f"{one.door.proving.value} {one.door.place}" for one in ended)
                act.record(Unlocked(user.id, locks, reason=reason))
        return len(ended)

    async def set_password(self, name: str, password: str) -> None:
        """All their logins end. Raises BadPassword; also then Redis hears what an earlier run could not tell it."""
        async with self.acts.begin() as act:
            user = await self._named(act, name)
            owner = await self._new.owner(act, user)
        try:
            accepted = await self._new.accept(owner, password)
        except BadPassword:
            async with self._begin() as act:
                await tell_redis(act, self.keys.tag, user.id)
            raise
        async with self._begin() as act:
            await self._new.replace(act, user.id, accepted.stored)
            ended = await end_stands(act, self.keys.tag, user.id, AccountAct.PASSWORD_SET)
            act.record(PasswordChanged(user.id, tuple(map(b64, ended))))
            await self.notices.add(act, user, MailKind.PASSWORD_CHANGED)
            await tell_redis(act, self.keys.tag, user.id)

    async def rename(self, name: str, username: str, reason: str | None = None) -> bool:
        """Logins go on. False: it was so already, as for set_name and set_email. Raises BadName, NameTaken or
        ChangedMeanwhile.
        """
        check_name("user", username)
        return await self._change(name, "username", username, reason)

    async def set_name(self, name: str, display_name: str) -> bool:
        """Raises BadName or ChangedMeanwhile."""
        return await self._change(name, "name", check_display_name(display_name))

    async def set_email(self, name: str, email: str) -> bool:
        """email "": none. Raises BadName, NameTaken or ChangedMeanwhile."""
        return await self._change(name, "email", check_email(email))

    async def end_sessions(self, name: str, login_id: bytes | None, reason: str) -> int:
        """All their logins, or the one; how many ended. Raises BadReason, and UnknownLogin for one of somebody else."""
        if login_id is not None:
            return await self.end_logins(name, [login_id], reason)
        check_reason(reason)
        async with self._begin() as act:
            user = await self._named(act, name)
            ended = await end_stands(act, self.keys.tag, user.id, AccountAct.LOGINS_ENDED)
            await self._ended(act, user, ended, reason)
        return len(ended)

    async def end_logins(self, name: str, login_ids: Sequence[bytes], reason: str) -> int:
        """These; how many ended by this. Raises as end_sessions."""
        check_reason(reason)
        async with self._begin() as act:
            user, ended = await self._named(act, name), []
            for login_id in login_ids:
                row = await act.logins.find(login_id)
                if row is None or row.user_id != user.id:
                    raise UnknownLogin(f"{name} has no such login; `bastion user sessions {name}` lists them")
                if await end_login(act, login_id, AccountAct.LOGINS_ENDED.value):
                    ended.append(login_id)
            await self._ended(act, user, ended, reason)
        return len(ended)

    async def _ended(self, act: Act, user: UserRow, ended: Sequence[bytes], reason: str) -> None:
        if ended:
            act.record(SessionsEnded(user.id, tuple(map(b64, ended)), reason))
            await self.notices.add(act, user, MailKind.LOGINS_ENDED)
        await tell_redis(act, self.keys.tag, user.id)

    async def set_groups(self, name: str, groups: tuple[str, ...], reason: str | None = None) -> tuple[str, ...]:
        """These and no others; the groups that they have now. Raises BadName or ChangedMeanwhile."""
        return await self._regroup(name, lambda _before: groups, reason)

    async def change_groups(self, name: str, add: tuple[str, ...], remove: tuple[str, ...]) -> tuple[str, ...]:
        """The groups that they have now; who is in both add and remove is removed."""
        return await self._regroup(name, lambda before: tuple(one for one in before + add if one not in remove))

    async def _regroup(
        self, name: str, change: Callable[[tuple[str, ...]], tuple[str, ...]], reason: str | None = None
    ) -> tuple[str, ...]:
        async with self._begin() as act:
            before = await self._named(act, name)
            groups = _checked_groups(change(before.groups))
            if groups != before.groups:
                await act.users.set_groups(before.id, groups, act.now)
                await self._replaced(act, before)
                act.record(GroupsChanged(before.id, before.groups, groups, reason))
            await tell_redis(act, self.keys.tag, before.id)
        return groups

    async def _change(
        self, name: str, changed: Literal["username", "name", "email"], value: str, reason: str | None = None
    ) -> bool:
        async with self._begin() as act:
            before = await self._named(act, name)
            names = Names(before.username, before.name, before.email)
            old = names.personal[changed]
            if value != old:
                if changed == "username":
                    await self._give(act, value)
                await act.users.set_names(before.id, replace(names, **{changed: value}), act.now)
                await self._replaced(act, before)
                act.record(UserChanged(before.id, changed, old, value, reason=reason))
                if changed == "email":
                    await self.notices.add(act, before, MailKind.EMAIL_CHANGED, NoticeFacts(link={"email": old}))
            await tell_redis(act, self.keys.tag, before.id)
        return value != old

    async def _give(self, act: Act, username: str) -> None:
        """Before somebody gets it. Raises what the guard raises."""
        await self.name_guard(act, username)
        if self.reuses_names:
            await act.users.free_name(username)

    async def _replaced(self, act: Act, before: UserRow) -> None:
        """The update has locked the row; another version means that `before` was not what it replaced.

        Raises ChangedMeanwhile.
        """
        after = await act.users.find(before.id)
        if after is None or after.version != before.version + 1:
            raise ChangedMeanwhile(f"somebody else changed {before.username!r} at the same moment; look, and repeat it")


async def disable_person(
    act: Act, tag_key: bytes, user_id: UUID, reason: str | None = None, *, why: str | None = None
) -> bool:
    """The caller has locked the owners before. why: None where an operator does it. False: they were disabled already.

    Raises LastOwner.
    """
    was_owner = await act.admin_roles.of(user_id, act.now) is AdminRole.OWNER
    changed = await act.users.set_state(user_id, "disabled", act.now)
    if was_owner:
        await refuse_no_owner(act)
    ended = await end_stands(act, tag_key, user_id, AccountAct.DISABLED)
    if changed or ended:
        act.record(UserDisabled(user_id, tuple(map(b64, ended)), reason, why))
    await tell_redis(act, tag_key, user_id)
    return changed


def check_reason(reason: str) -> None:
    """Raises BadReason."""
    if not reason.strip() or len(reason) > _REASON_CHARS or not reason.isprintable():
        raise BadReason(f"a reason is one line of 1 to {_REASON_CHARS} characters")


def check_newcomer(newcomer: Newcomer) -> tuple[str, ...]:
    """The groups, each once. Raises BadName."""
    check_name("user", newcomer.username)
    check_display_name(newcomer.name)
    check_email(newcomer.email)
    return _checked_groups(newcomer.groups)


def _checked_groups(groups: tuple[str, ...]) -> tuple[str, ...]:
    for group in groups:
        check_name("group", group)
    return tuple(dict.fromkeys(groups))
