""" "This wasn't me": ends everything that somebody else may be in by, and disables the password."""

from dataclasses import dataclass
from typing import Final

from gateway.core.audit.catalogue import UserChanged
from gateway.core.audit.privacy_events import OWN, ErasureWithdrawn
from gateway.core.audit.recovery_events import Disowned
from gateway.core.base64url import b64
from gateway.core.keys import Keys
from gateway.core.login.password import DISABLED
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import LinkKind
from gateway.flows.act import Act
from gateway.flows.mail.notices import NoticeFacts, Notices
from gateway.flows.people.issuing import Visit
from gateway.flows.people.named_links import NamedLinks
from gateway.flows.people.risk import Risk
from gateway.flows.people.stands import end_stands, tell_redis
from gateway.stores.postgres.users import Names, NameTaken, UserRow

KINDS: Final = (LinkKind.DISOWN, LinkKind.EMAIL_UNDO)
# Whoever is thrown out may have asked for these.
_WORTHLESS_AFTER: Final = (LinkKind.RESET, LinkKind.INVITATION, LinkKind.EMAIL_CONFIRM)


@dataclass(frozen=True, slots=True)
class Disown:
    """Raises as NamedLinks does. links: of KINDS."""

    links: NamedLinks
    notices: Notices
    keys: Keys
    risk: Risk

    async def disown(self, token: str, name: str, visit: Visit) -> bool:
        """False: the link works no more. Raises WrongName, and RedisBehind after the commit."""
        meant = await self.links.meant(token, name, visit)
        if meant is None:
            return False
        async with self.links.acts.begin(request_id=visit.request_id) as act:
            await act.users.lock(meant.user.id)
            if not await act.links.use(meant.hash, act.now):
                return False
            await self._end(act, meant.user, visit)
            if meant.link.kind is LinkKind.EMAIL_UNDO:
                await self._restore_address(act, meant.user, meant.link.content["email"])
        return True

    async def _end(self, act: Act, user: UserRow, visit: Visit) -> None:
        await act.users.set_password(user.id, DISABLED, act.now)
        await act.links.use_all(user.id, _WORTHLESS_AFTER, act.now)
        ended = await end_stands(act, self.keys.tag, user.id, "disowned")
        logins = tuple(map(b64, ended))
        await act.devices.forget_others(user.id, b"")
        await self.risk.unlearn(act, user.id, logins)
        act.record(Disowned(user.id, logins, visit.address_text, visit.user_agent))
        if await act.erasure_requests.withdraw(user.id, own=True):
            act.record(ErasureWithdrawn(user.id, OWN))
        await tell_redis(act, self.keys.tag, user.id)
        await self.notices.add(act, user, MailKind.DISOWNED, NoticeFacts(visit.address_text, visit.user_agent))

    async def _restore_address(self, act: Act, user: UserRow, email: str) -> None:
        """Where somebody else has the address by now, the person has to turn to the operator."""
        current = await act.users.find(user.id)
        if current is None or current.email == email:
            return
        try:
            await act.users.set_names(user.id, Names(current.username, current.name, email), act.now)
        except NameTaken:
            return
        act.record(UserChanged(user.id, "email", current.email, email, "undone"))
