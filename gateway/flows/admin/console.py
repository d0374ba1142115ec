"""Opens the console to a person with a role, and asks for each page whether it still is (ui.md section 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gateway.core.addresses import Address
from gateway.core.admin.acts import ActTarget, AdminAct, AdminRole, permits, who_may
from gateway.core.admin.rules import ConsoleRules
from gateway.core.admin.tokens import lower
from gateway.core.assurance.need import met
from gateway.core.audit.admin_events import AdminEntered
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.ratelimit.slots import BucketNames
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.stores.postgres.admin_roles import ConsoleTerms


class MayNot(GatewayError):
    """The role may not do this. The message says which may."""


@dataclass(frozen=True, slots=True)
class AdminActor:
    """Who acts: somebody in the console, or a token for which they answer. role: at this moment. token: its id, b"" in
    the console.
    """

    user_id: UUID
    role: AdminRole
    token: bytes

    @property
    def name(self) -> str:
        """As the audit log names them."""
        return f"token:{b64(self.token)}" if self.token else str(self.user_id)

    def may(self, act: AdminAct, on: ActTarget | None = None) -> bool:
        return permits(self.role, act, on)

    def require(self, act: AdminAct, on: ActTarget | None = None) -> None:
        """Raises MayNot."""
        require(self.role, act, on)


@dataclass(frozen=True, slots=True)
class Administrator(AdminActor):
    """Somebody in the console. fresh: they may be shown a page that confirms an act."""

    live: LiveLogin
    fresh: bool


@dataclass(frozen=True, slots=True)
class Outside:
    """A person with a role, and the console is not open in this login."""

    role: AdminRole


@dataclass(frozen=True, slots=True)
class InsideView:
    """Who is in the console, for its overview. Times are Unix seconds."""

    name: str
    seen_at: int


@dataclass(frozen=True, slots=True)
class Console:
    """All of it raises RecordUnavailable."""

    acts: Acts
    rules: ConsoleRules
    names: BucketNames

    async def find(self, live: LiveLogin, address: Address | None) -> Administrator | Outside | None:
        """A page was asked for. None: no role, so there is nothing for this person."""
        async with self.acts.begin() as act:
            role = await act.admin_roles.of(live.person.user_id, act.now)
            if role is None:
                return None
            if not await act.admin_roles.see(live.token.login_id, self._terms(address), act.now):
                return Outside(role)
            return self._administrator(live, role, act.now)

    async def poll(self, live: LiveLogin, address: Address | None) -> Administrator | None:
        """A page that is open asks for itself again: that keeps no console open. None: the console is not."""
        async with self.acts.begin() as act:
            role = await act.admin_roles.of(live.person.user_id, act.now)
            if role is None or not await act.admin_roles.is_open(live.token.login_id, self._terms(address), act.now):
                return None
            return self._administrator(live, role, act.now)

    async def enter(self, live: LiveLogin, address: Address | None, request_id: str) -> bool:
        """False: no role, no fresh second factor, or the login has ended."""
        async with self.acts.begin(request_id=request_id) as act:
            if not met(self.rules.need_of_post, live.facts.assurance, act.now):
                return False
            role = await act.admin_roles.hold(live.person.user_id, act.now)
            if role is None or not await act.logins.hold(live.token.login_id, act.now):
                return False
            await act.admin_roles.enter(live.token.login_id, live.person.user_id, self._network(address), act.now)
            where = "" if address is None else str(address)
            act.record(AdminEntered(live.person.user_id, b64(live.token.login_id), role.value, where))
        return True

    async def leave(self, live: LiveLogin) -> None:
        """Also for whoever copied the cookie. The login goes on."""
        async with self.acts.begin() as act:
            await act.admin_roles.leave(live.token.login_id)

    async def inside(self) -> Sequence[InsideView]:
        """The latest first."""
        async with self.acts.begin() as act:
            found = []
            for one in await act.admin_roles.inside(act.now - self.rules.idle_s):
                user = await act.users.find(one.user_id)
                found.append(InsideView("" if user is None else user.username, one.seen_at))
            return found

    def is_fresh_for_post(self, live: LiveLogin) -> bool:
        """A form that was shown in time may be sent two minutes later."""
        return met(self.rules.need_of_post, live.facts.assurance, self.acts.clock())

    async def purge(self) -> None:
        """Consoles that nobody can be in any more."""
        async with self.acts.begin() as act:
            await act.admin_roles.purge(act.now - self.rules.idle_s)

    def _administrator(self, live: LiveLogin, role: AdminRole, now: int) -> Administrator:
        fresh = met(self.rules.need, live.facts.assurance, now)
        return Administrator(live.person.user_id, role, b"", live, fresh)

    def _terms(self, address: Address | None) -> ConsoleTerms:
        network = self._network(address) if self.rules.bind_address else None
        return ConsoleTerms(self.rules.session_s, self.rules.idle_s, network)

    def _network(self, address: Address | None) -> str:
        """Keyed: who reads the table does not learn the address."""
        return self.names.of_address(address)


async def hold_role(
    act: Act, user_id: UUID, wanted: AdminAct, on: ActTarget | None = None, token: bytes = b""
) -> AdminRole:
    """The role that counts is the one of this transaction; nobody takes it, or the token that acts, before its end.

    Raises MayNot.
    """
    role = await act.admin_roles.hold(user_id, act.now)
    if token:
        row = await act.admin_tokens.hold(token)
        role = None if row is None or row.terms.is_revoked else lower(role, row.terms.role)
    if role is None:
        raise MayNot("your role in the console has ended")
    require(role, wanted, on)
    return role


def require(role: AdminRole, act: AdminAct, on: ActTarget | None = None) -> None:
    """Raises MayNot."""
    if permits(role, act, on):
        return
    if on is not None and on.is_self:
        raise MayNot("nobody does this to themselves in the console")
    if on is not None and on.role is not None and permits(role, act):
        raise MayNot(f"this person has the role {on.role.value}, and only an owner may do this to them")
    raise MayNot(f"your role may not {act.value}; {who_may(act)} may")
