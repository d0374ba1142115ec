""" "This wasn't me": ends everything that somebody else may be in by, and disables the password."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.core.audit.factor_events import FactorRemoved
from gateway.core.audit.people_events import UserChanged
from gateway.core.audit.privacy_events import OWN, ErasureWithdrawn
from gateway.core.audit.recovery_events import Disowned
from gateway.core.base64url import b64, unb64
from gateway.core.keys import Keys
from gateway.core.login.account_acts import AccountAct
from gateway.core.login.password import DISABLED
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import ENDS, USED_PASSKEY, LinkKind
from gateway.core.passkeys.passkey import PASSKEY_NAME
from gateway.core.units import DAY_S
from gateway.flows.act import Act
from gateway.flows.mail.notices import NoticeFacts, Notices
from gateway.flows.people.end_links import end_linked
from gateway.flows.people.issuing import Visit
from gateway.flows.people.named_links import Meant, NamedLinks
from gateway.flows.people.own_factors import TOTP_NAME
from gateway.flows.people.risk import Risk
from gateway.flows.people.stands import end_stands, tell_redis
from gateway.stores.postgres.users import Names, NameTaken, UserRow

_WHY: Final = "disowned"
KINDS: Final = (LinkKind.DISOWN, LinkKind.EMAIL_UNDO, *ENDS)  # the pages of ENDS offer it beside their own
_LATELY_S: Final = 7 * DAY_S  # what somebody else may have added or taught


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
            await self._end(act, meant, visit)
            if meant.link.kind is LinkKind.EMAIL_UNDO:
                await self._restore_address(act, meant.user, meant.link.content["email"])
        return True

    async def _end(self, act: Act, meant: Meant, visit: Visit) -> None:
        """All logins end, so also those that a factor proved which is removed or suspended."""
        user, since = meant.user, act.now - _LATELY_S
        await act.users.set_password(user.id, DISABLED, act.now)
        await end_linked(act, self.keys.tag, meant.link)
        ended = tuple(map(b64, await end_stands(act, self.keys.tag, user.id, AccountAct.DISOWNED)))
        await self._remove_late_factors(act, user.id, since)
        suspended = await self._suspend(act, user.id, meant.link.content.get(USED_PASSKEY, ""))
        await act.devices.forget_others(user.id, b"")
        if await act.erasure_requests.withdraw(user.id, own=True):
            act.record(ErasureWithdrawn(user.id, OWN))
        begun = await act.logins.list_begun(user.id, since)
        await self.risk.unlearn(act, user.id, {*ended, *map(b64, begun)})
        act.record(Disowned(user.id, ended, visit.address_text, visit.user_agent, "yes" if suspended else None))
        await tell_redis(act, self.keys.tag, user.id)
        await self.notices.add(act, user, MailKind.DISOWNED, NoticeFacts(visit.address_text, visit.user_agent))

    async def _remove_late_factors(self, act: Act, user_id: UUID, since: int) -> None:
        """Those that were added since, and recovery codes that were made since."""
        if await act.factors.drop_app_after(user_id, since):
            act.record(FactorRemoved(user_id, TOTP_NAME, _WHY))
        for row in await act.passkeys.list(user_id):
            if row.created_at > since and await act.passkeys.remove(row.hash, user_id):
                act.record(FactorRemoved(user_id, PASSKEY_NAME, _WHY, passkey=b64(row.hash)))
        await act.factors.remove_recovery_codes(user_id, since)
        await act.factors.drop_codes_of_none(user_id, act.now)

    async def _suspend(self, act: Act, user_id: UUID, used: str) -> bool:
        """The passkeys of the login that the link is about. False: it had none, or they are gone."""
        hashes = {unb64(one) for one in used.split()}
        found = [row.hash for row in await act.passkeys.list(user_id) if row.hash in hashes]
        for one in found:
            await act.passkeys.suspend(one, act.now)
        return bool(found)

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
