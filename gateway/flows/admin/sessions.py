"""What the console shows of who is signed in, of all people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from uuid import UUID

from gateway.core.admin.acts import ActTarget, AdminAct
from gateway.core.audit.entries import Kind
from gateway.core.base64url import unb64
from gateway.core.policy.canonical import canonical_host
from gateway.flows.act import Act, Acts
from gateway.flows.admin.console import AdminActor
from gateway.flows.transaction import transaction
from gateway.stores.postgres.audit_search import AuditSearch, Filters
from gateway.stores.postgres.live_logins import LiveLogins, LoginFilters
from gateway.stores.postgres.logins import LiveLoginRow

PAGE: Final = 50
MOST_TICKED: Final = 100
MOST_OF_FILTER: Final = 500
_LOGINS_OF_ADDRESS: Final = 1_000


@dataclass(frozen=True, slots=True, repr=False)
class SessionsWanted:
    """None and "": not asked for. person: a whole user name or e-mail address. risk: at least. ids: these alone.

    repr is left out: it is personal.
    """

    person: str = ""
    address: str = ""
    host: str = ""
    persistent: bool | None = None
    has_factor: bool | None = None
    risk: int | None = None
    after: tuple[int, bytes] | None = None
    ids: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SessionLine:
    """A live login. may_end: whether the one who looks may end it. repr is left out: it holds personal words."""

    login: LiveLoginRow
    username: str
    may_end: bool


@dataclass(frozen=True, slots=True)
class AdminSessions:
    """Raises RecordUnavailable."""

    acts: Acts

    async def page(self, who: AdminActor, wanted: SessionsWanted) -> Sequence[SessionLine]:
        """The newest first, PAGE at most and one more where there are more."""
        return await self._found(who, wanted, PAGE + 1)

    async def chosen(self, who: AdminActor, wanted: SessionsWanted) -> Sequence[SessionLine]:
        """All that are to end, MOST_OF_FILTER at most and one more where there are more."""
        return await self._found(who, wanted, MOST_OF_FILTER + 1)

    async def owners(self, ids: Sequence[bytes]) -> Mapping[UUID, Sequence[bytes]]:
        """Of logins that were chosen, also of those that have ended since: Redis may not have heard of it."""
        by_person = dict[UUID, list[bytes]]()
        async with self.acts.begin() as act:
            for login_id in ids:
                row = await act.logins.find(login_id)
                if row is not None:
                    by_person.setdefault(row.user_id, []).append(login_id)
        return by_person

    async def _found(self, who: AdminActor, wanted: SessionsWanted, most: int) -> Sequence[SessionLine]:
        async with self.acts.begin() as act:
            person = await act.users.find_by_name(wanted.person) if wanted.person else None
        host = canonical_host(wanted.host)
        if (wanted.person and person is None) or (wanted.host and host is None):
            return []
        filters = LoginFilters(
            None if person is None else person.id,
            await self._logins_of(wanted.address) if wanted.address else wanted.ids,
            host,
            wanted.persistent,
            wanted.has_factor,
            wanted.risk,
        )
        async with transaction(self.acts.pool) as connection:
            logins = LiveLogins(connection, self.acts.vault)
            found = await logins.page(filters, wanted.after, most, self.acts.clock())
        async with self.acts.begin() as act:
            return await _lines(act, who, found)

    async def _logins_of(self, address: str) -> list[bytes]:
        """Those that began there: only the log can be searched by an address, which is encrypted everywhere."""
        try:
            plain = str(ip_address(address))
        except ValueError:
            return []
        wanted = Filters(kinds=(Kind.LOGIN,), address=plain)
        async with transaction(self.acts.pool) as connection:
            found = await AuditSearch(connection, self.acts.vault).newest(wanted, _LOGINS_OF_ADDRESS)
        return [unb64(str(one.detail["login"])) for one in found]


async def _lines(act: Act, who: AdminActor, found: Sequence[LiveLoginRow]) -> Sequence[SessionLine]:
    roles = {one.user_id: one.role for one in await act.admin_roles.list(act.now)}
    names = {user_id: await act.users.find(user_id) for user_id in {one.user_id for one in found}}
    lines = []
    for one in found:
        user, target = names[one.user_id], ActTarget(roles.get(one.user_id), one.user_id == who.user_id)
        name = "" if user is None else user.username
        lines.append(SessionLine(one, name, who.may(AdminAct.END_SESSIONS, target)))
    return lines
