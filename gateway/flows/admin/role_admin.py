"""What operators do to roles of the console by commands: also how the first owner is made."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.admin.acts import AdminRole
from gateway.flows.act import Acts
from gateway.flows.admin.people import put_role
from gateway.flows.people.users import check_reason


@dataclass(frozen=True, slots=True, repr=False)
class RoleShown:
    """until: Unix seconds. has_factor: whether the person can enter the console. repr is left out: it has a name."""

    username: str
    role: AdminRole
    until: int | None
    has_factor: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class RoleAdmin:
    """actor: who acts, as the audit log is to name them. Names are user names or e-mail addresses.

    Everything raises RecordUnavailable. What changes something raises UnknownUser, BadReason and LastOwner too.
    """

    acts: Acts
    actor: str

    async def list(self) -> Sequence[RoleShown]:
        async with self.acts.begin() as act:
            found = []
            for one in await act.admin_roles.list(act.now):
                user = await act.users.find(one.user_id)
                factors = bool(await act.factors.enrolled(one.user_id, act.now))
                name = str(one.user_id) if user is None else user.username
                found.append(RoleShown(name, one.role, one.until, factors, one.is_active))
            return found

    async def grant(self, name: str, role: AdminRole, until: int | None, reason: str) -> bool:
        """Whether the person has a second factor, without which nobody enters the console."""
        check_reason(reason)
        async with self.acts.begin(operator=self.actor) as act:
            await act.admin_roles.lock_owners()
            user = await act.users.named(name)
            await put_role(act, user.id, role, until, reason)
            return bool(await act.factors.enrolled(user.id, act.now))

    async def revoke(self, name: str, reason: str) -> bool:
        """False: they had none."""
        check_reason(reason)
        async with self.acts.begin(operator=self.actor) as act:
            await act.admin_roles.lock_owners()
            user = await act.users.named(name)
            return await put_role(act, user.id, None, None, reason)
