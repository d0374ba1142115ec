"""What the console shows of people, and does to them: each act in one transaction with the role that allows it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from gateway.core.admin.acts import ActTarget, AdminAct, AdminRole
from gateway.core.audit.admin_events import RoleGranted, RoleRevoked
from gateway.core.audit.people_events import PersonViewed
from gateway.core.errors import GatewayError
from gateway.core.privacy.names import BadName, spelled
from gateway.core.units import DAY_S, HOUR_S
from gateway.flows.act import Act, Acts
from gateway.flows.admin.console import AdminActor, MayNot, hold_role
from gateway.flows.evidence.audit_entries import Listed, list_entries
from gateway.flows.people.account import login_id_of
from gateway.flows.people.owners import refuse_no_owner
from gateway.flows.people.throttle import ChangeThrottle
from gateway.flows.people.users import (
    ChangedMeanwhile,
    Guard,
    NameGuard,
    Newcomer,
    UnknownLogin,
    UserAdmin,
    allowed,
    check_reason,
)
from gateway.stores.postgres.lockouts import Lock
from gateway.stores.postgres.logins import LiveLoginRow
from gateway.stores.postgres.users import NameTaken, UnknownUser, UserRow

PAGE: Final = 50
_ENTRIES: Final = 20
_UNLOCKS_A_DAY: Final = 3


class NobodyThere(GatewayError):
    """The person is not there any more."""


@dataclass(frozen=True, slots=True, repr=False)
class PersonLine:
    """One row of the list. repr is left out: it holds personal words."""

    user: UserRow
    role: AdminRole | None
    created_at: int


@dataclass(frozen=True, slots=True, repr=False)
class PersonShown:
    """A person as the console shows them. factors: names of what they have enrolled. entries: the latest last."""

    user: UserRow
    role: AdminRole | None
    logins: tuple[LiveLoginRow, ...]
    locks: tuple[Lock, ...]
    factors: tuple[str, ...]
    entries: Sequence[Listed]


@dataclass(frozen=True, slots=True)
class EndedChosen:
    """ended: by this. left: sessions that are not there any more, or whose person the role may not do this to."""

    ended: int
    left: int


@dataclass(frozen=True, slots=True)
class AdminLimits:
    """How often one person may act, and give or take roles."""

    acts: ChangeThrottle
    roles: ChangeThrottle


@dataclass(frozen=True, slots=True)
class AdminPeople:
    """All of it raises RecordUnavailable. What changes somebody raises MayNot, NobodyThere, TooManyAttempts, BadReason,
    and RedisBehind after the commit. operators: acts in the name of an administrator, as a command does. protected:
    user names that owners alone give: apps and policy know people by them (ui.md X7). protected_groups: those that
    owners alone give and take.
    """

    acts: Acts
    operators: UserAdmin
    limits: AdminLimits
    protected: Callable[[], Collection[str]]
    protected_groups: Collection[str] = ()

    async def page(self, after: tuple[int, UUID] | None) -> Sequence[PersonLine]:
        """The newest first, PAGE at most and one more where there are more. after: the last one of the page before."""
        async with self.acts.begin() as act:
            found = await act.users.page(after, PAGE + 1)
            roles = {one.user_id: one.role for one in await act.admin_roles.list(act.now)}
            return [PersonLine(user, roles.get(user.id), created_at) for user, created_at in found]

    async def find(self, text: str) -> UUID | None:
        """By a whole user name or e-mail address, a person's id or a login's."""
        async with self.acts.begin() as act:
            user = await act.users.find_by_name(text)
            if user is not None:
                return user.id
            try:
                by_id = await act.users.find(UUID(text))
            except ValueError:
                by_id = None
            if by_id is not None:
                return by_id.id
            login_id = login_id_of(text)
            login = None if login_id is None else await act.logins.find(login_id)
            return None if login is None else login.user_id

    async def view(self, who: AdminActor, user_id: UUID, request_id: str) -> PersonShown | None:
        """As show(), for a page: it stands in the log once an hour for each who looks at each. None: nobody has this
        id.
        """
        async with self.acts.begin(operator=who.name, request_id=request_id) as act:
            seen = user_id == who.user_id or await act.users.find(user_id) is None
            if not seen and not await act.audit.has_viewed(who.name, user_id, act.now - HOUR_S):
                act.record(PersonViewed(user_id))
        return await self.show(user_id)

    async def show(self, user_id: UUID) -> PersonShown | None:
        """None: nobody has this id."""
        async with self.acts.begin() as act:
            user = await act.users.find(user_id)
            if user is None:
                return None
            logins = await act.logins.list_live(user_id, act.now)
            locks = await act.lockouts.list_locked(user_id, act.now)
            factors = sorted({one.name for one in await act.factors.enrolled(user_id, act.now)})
            role = await role_of(act, user_id)
        entries = await list_entries(self.acts.pool, self.acts.vault, user_id, None, _ENTRIES)
        return PersonShown(user, role, tuple(logins), tuple(locks), tuple(factors), entries)

    async def target(self, who: AdminActor, user_id: UUID) -> tuple[UserRow, ActTarget] | None:
        """For a page that confirms an act. None: nobody has this id."""
        async with self.acts.begin() as act:
            user = await act.users.find(user_id)
            return None if user is None else (user, await _target(act, who, user_id))

    async def end_sessions(self, who: AdminActor, user_id: UUID, login: str, reason: str, request_id: str) -> int:
        """login "": all of them; how many ended. Raises UnknownLogin."""
        admin, name = await self._for(who, user_id, AdminAct.END_SESSIONS, reason, request_id)
        login_id = login_id_of(login)
        if login_id is None:
            raise UnknownLogin("this person has no such session")
        return await admin.end_sessions(name, login_id if login else None, reason)

    async def end_chosen(
        self, who: AdminActor, logins: Mapping[UUID, Sequence[bytes]], reason: str, request_id: str
    ) -> EndedChosen:
        """Of several people, each in a transaction of its own, which asks whether the role may do it to them. What was
        done stays done where a later one fails.
        """
        await self._paid(who, self.limits.acts, reason)
        async with self.acts.begin() as act:
            await hold_role(act, who.user_id, AdminAct.END_SESSIONS, None, who.token)
        ended = left = 0
        for user_id, login_ids in logins.items():
            try:
                admin, name = await self._acting(who, user_id, AdminAct.END_SESSIONS, request_id)
                ended += await admin.end_logins(name, login_ids, reason)
            except (NobodyThere, MayNot, UnknownUser, UnknownLogin, ChangedMeanwhile):
                left += len(login_ids)
        return EndedChosen(ended, left)

    async def disable(self, who: AdminActor, user_id: UUID, reason: str, request_id: str) -> bool:
        """Raises LastOwner."""
        admin, name = await self._for(who, user_id, AdminAct.DISABLE, reason, request_id)
        return await admin.disable(name, reason)

    async def enable(self, who: AdminActor, user_id: UUID, reason: str, request_id: str) -> bool:
        admin, name = await self._for(who, user_id, AdminAct.DISABLE, reason, request_id)
        return await admin.enable(name, reason)

    async def unlock(self, who: AdminActor, user_id: UUID, reason: str, request_id: str) -> int:
        admin, name = await self._for(who, user_id, AdminAct.UNLOCK, reason, request_id)
        return await admin.unlock(name, reason)

    async def set_groups(
        self, who: AdminActor, user_id: UUID, groups: tuple[str, ...], reason: str, request_id: str
    ) -> tuple[str, ...]:
        """Raises BadName."""

        async def guard(act: Act, found: UserRow) -> None:
            await self._hold_groups(act, who, set(found.groups).symmetric_difference(groups))

        admin, name = await self._for(who, user_id, AdminAct.GROUPS, reason, request_id, guard)
        return await admin.set_groups(name, groups, reason)

    async def rename(self, who: AdminActor, user_id: UUID, username: str, reason: str, request_id: str) -> bool:
        """False: it was so. Raises BadName, also where the name is somebody else's or was."""
        admin, name = await self._for(who, user_id, AdminAct.NAMES, reason, request_id)
        with _said():
            return await replace(admin, name_guard=self._name_guard(who)).rename(name, username, reason)

    async def invite(self, who: AdminActor, newcomer: Newcomer, reason: str, request_id: str) -> bool:
        """As UserAdmin has it. Raises BadName, as rename, and NoWayForMail."""
        await self._paid(who, self.limits.acts, reason)
        guard = self._name_guard(who, newcomer)
        admin = replace(self.operators, actor=who.name, request_id=request_id, name_guard=guard)
        with _said():
            return await admin.invite(newcomer, reason)

    def _name_guard(self, who: AdminActor, newcomer: Newcomer | None = None) -> NameGuard:
        async def guard(act: Act, username: str) -> None:
            if newcomer is not None:
                await hold_role(act, who.user_id, AdminAct.INVITE, None, who.token)
                await self._hold_groups(act, who, newcomer.groups)
            if spelled(username) in map(spelled, self.protected()):
                await hold_role(act, who.user_id, AdminAct.PROTECTED_NAMES, None, who.token)

        return guard

    async def _hold_groups(self, act: Act, who: AdminActor, changed: Collection[str]) -> None:
        """Raises MayNot where one of them is protected, in any spelling: an app may not tell them apart."""
        protected = set(map(spelled, self.protected_groups))
        if not protected.isdisjoint(map(spelled, changed)):
            await hold_role(act, who.user_id, AdminAct.PROTECTED_GROUPS, None, who.token)

    async def set_role(
        self, who: AdminActor, user_id: UUID, role: AdminRole | None, reason: str, request_id: str
    ) -> bool:
        """role None: takes it. False: it was so. Raises LastOwner."""
        await self._paid(who, self.limits.roles, reason)
        async with self.acts.begin(operator=who.name, request_id=request_id) as act:
            await act.admin_roles.lock_owners()
            user = await act.users.find(user_id)
            if user is None:
                raise NobodyThere("nobody has this id any more")
            await act.admin_roles.lock_both(who.user_id, user_id)
            await hold_role(act, who.user_id, AdminAct.ROLES, await _target(act, who, user_id), who.token)
            return await put_role(act, user_id, role, None, reason)

    async def _for(
        self,
        who: AdminActor,
        user_id: UUID,
        wanted: AdminAct,
        reason: str,
        request_id: str,
        and_then: Guard = allowed,
    ) -> tuple[UserAdmin, str]:
        """Who acts for the administrator, and the person's name for it. and_then: asked last of all, in the act."""
        await self._paid(who, self.limits.acts, reason)
        return await self._acting(who, user_id, wanted, request_id, and_then)

    async def _acting(
        self, who: AdminActor, user_id: UUID, wanted: AdminAct, request_id: str, and_then: Guard = allowed
    ) -> tuple[UserAdmin, str]:
        async with self.acts.begin() as act:
            user = await act.users.find(user_id)
        if user is None:
            raise NobodyThere("nobody has this id any more")

        async def guard(act: Act, found: UserRow) -> None:
            if found.id != user_id:
                raise ChangedMeanwhile("somebody was renamed in the same moment; look, and repeat it")
            await act.admin_roles.lock_both(who.user_id, user_id)
            role = await hold_role(act, who.user_id, wanted, await _target(act, who, user_id), who.token)
            if wanted is AdminAct.UNLOCK and role is AdminRole.SUPPORT:
                await _refuse_many_unlocks(act, user_id)
            await and_then(act, found)

        admin = replace(self.operators, actor=who.name, request_id=request_id, guard=guard)
        return admin, user.username

    async def _paid(self, who: AdminActor, throttle: ChangeThrottle, reason: str) -> None:
        """Raises TooManyAttempts, BadReason."""
        check_reason(reason)
        await throttle.before(who.user_id)


async def _refuse_many_unlocks(act: Act, user_id: UUID) -> None:
    """Each gives whoever guesses ten more tries (ui.md X12). Raises MayNot."""
    if await act.audit.count_unlocked(user_id, act.now - DAY_S) >= _UNLOCKS_A_DAY:
        raise MayNot("support unlocks a person three times a day; an admin or owner may go on")


@contextmanager
def _said() -> Iterator[None]:
    """Administrators may know who has a name."""
    try:
        yield
    except NameTaken as error:
        raise BadName(str(error)) from error


async def put_role(act: Act, user_id: UUID, role: AdminRole | None, until: int | None, reason: str) -> bool:
    """Gives, changes or takes a role; False: it was so. The owners are locked. Raises LastOwner."""
    row = await act.admin_roles.find(user_id, act.now)
    before = None if row is None else row.role
    if role is None:
        if await act.admin_roles.delete(user_id) is None:
            return False
        await act.admin_roles.leave_all(user_id)
        act.record(RoleRevoked(user_id, None if before is None else before.value, reason))
    else:
        if row is not None and (row.role, row.until) == (role, until):
            return False
        await act.admin_roles.put(user_id, role, until, act.now)
        act.record(RoleGranted(user_id, None if before is None else before.value, role.value, until, reason))
    if row is not None and row.is_active and before is AdminRole.OWNER:
        await refuse_no_owner(act)
    return True


async def _target(act: Act, who: AdminActor, user_id: UUID) -> ActTarget:
    return ActTarget(await role_of(act, user_id), user_id == who.user_id)


async def role_of(act: Act, user_id: UUID) -> AdminRole | None:
    """Also of somebody who is disabled, whose role rests."""
    row = await act.admin_roles.find(user_id, act.now)
    return None if row is None else row.role
