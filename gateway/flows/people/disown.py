""" "This wasn't me": ends everything that somebody else may be in by, and disables the password."""

from dataclasses import dataclass
from typing import Final

from gateway.core.audit.catalogue import UserChanged
from gateway.core.audit.recovery_events import Disowned
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.login.password import DISABLED
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import LinkKind, link_hash
from gateway.core.privacy.names import spelled
from gateway.flows.act import Act, Acts
from gateway.flows.mail.notices import NoticeFacts, Notices
from gateway.flows.people.issuing import Visit
from gateway.flows.people.recovery import LinkLimits
from gateway.flows.people.risk import Risk
from gateway.flows.people.stands import end_stands, tell_redis
from gateway.stores.postgres.links import LinkRow
from gateway.stores.postgres.users import Names, NameTaken, UserRow

_KINDS: Final = (LinkKind.DISOWN, LinkKind.EMAIL_UNDO)
# Whoever is thrown out may have asked for these.
_WORTHLESS_AFTER: Final = (LinkKind.RESET, LinkKind.INVITATION, LinkKind.EMAIL_CONFIRM)


class WrongName(GatewayError):
    """The link is another person's, or a scanner submits the form (login-defence.md L12)."""


@dataclass(frozen=True, slots=True)
class Disown:
    """All of it raises RecordUnavailable, StoreUnavailable and TooManyAttempts."""

    acts: Acts
    notices: Notices
    limits: LinkLimits
    keys: Keys
    risk: Risk

    async def works(self, token: str, visit: Visit) -> bool:
        """Whether the link still opens the form. Nothing is changed."""
        await self.limits.at_link(visit.address)
        return await self._meant(token) is not None

    async def disown(self, token: str, name: str, visit: Visit) -> bool:
        """name: the user name or address, as a proof that a person asks. False: the link works no more.

        Raises WrongName, and RedisBehind after the commit.
        """
        await self.limits.at_link(visit.address)
        meant = await self._meant(token)
        hash_ = link_hash(token)
        if meant is None or hash_ is None:
            return False
        link, user = meant
        if spelled(name) not in {spelled(one) for one in (user.username, user.email, link.content.get("email")) if one}:
            raise WrongName("the name does not belong to the link")
        async with self.acts.begin(request_id=visit.request_id) as act:
            await act.users.lock(user.id)
            if not await act.links.use(hash_, act.now):
                return False
            await self._end(act, user, visit)
            if link.kind is LinkKind.EMAIL_UNDO:
                await self._restore_address(act, user, link.content["email"])
        return True

    async def _meant(self, token: str) -> tuple[LinkRow, UserRow] | None:
        hash_ = link_hash(token)
        if hash_ is None:
            return None
        async with self.acts.begin() as act:
            link = await act.links.find(hash_, act.now)
            if link is None or link.kind not in _KINDS:
                return None
            user = await act.users.find(link.user_id)
        return None if user is None else (link, user)

    async def _end(self, act: Act, user: UserRow, visit: Visit) -> None:
        await act.users.set_password(user.id, DISABLED, act.now)
        await act.links.use_all(user.id, _WORTHLESS_AFTER, act.now)
        ended = await end_stands(act, self.keys.tag, user.id, "disowned")
        logins = tuple(map(b64, ended))
        await act.devices.forget_others(user.id, b"")
        await self.risk.unlearn(act, user.id, logins)
        act.record(Disowned(user.id, logins, visit.address_text, visit.user_agent))
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
