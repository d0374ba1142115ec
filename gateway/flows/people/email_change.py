"""A person changes their e-mail address: confirmed at the new one, told at the old one with a link that undoes it."""

from dataclasses import dataclass

from gateway.core.assurance.change import Lacking
from gateway.core.audit.people_events import UserChanged
from gateway.core.audit.recovery_events import EmailAsked
from gateway.core.keys import Keys
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import LinkKind, link_hash
from gateway.core.privacy.names import check_email
from gateway.core.privacy.sealing import NOBODY
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NOBODYS_ADDRESS, NoticeFacts, Notices
from gateway.flows.may_change import MayNotChange, lacking_for_change
from gateway.flows.people.issuing import Visit
from gateway.flows.people.recovery import LinkLimits
from gateway.flows.people.stands import tell_redis
from gateway.stores.postgres.users import Names, NameTaken


@dataclass(frozen=True, slots=True)
class EmailChange:
    """All of it raises RecordUnavailable, StoreUnavailable and TooManyAttempts."""

    acts: Acts
    notices: Notices
    limits: LinkLimits
    keys: Keys

    async def lacks(self, live: LiveLogin) -> Lacking | None:
        """What this login has to prove before a change."""
        async with self.acts.begin() as act:
            return await lacking_for_change(act, live)

    async def ask(self, live: LiveLogin, email: str, visit: Visit) -> None:
        """The same steps whether anybody has the address: its owner hears of it, and who asks does not (L26).

        Raises MayNotChange, BadName.
        """
        lacks = await self.lacks(live)
        if lacks is not None:
            raise MayNotChange(lacks)
        await self.limits.at_link(visit.address)
        check_email(email or "?")
        user_id = live.person.user_id
        async with self.acts.begin(request_id=visit.request_id) as act:
            owner = await act.users.find_by_name(email)
            facts = NoticeFacts(visit.address_text, visit.user_agent, link={"email": email})
            asker = user_id if owner is None else NOBODY
            await self.notices.write(act, asker, email, MailKind.EMAIL_CONFIRM, facts)
            owner_id, to = (NOBODY, "") if owner is None else (owner.id, owner.email)
            await self.notices.write(act, owner_id if to else NOBODY, to or NOBODYS_ADDRESS, MailKind.EMAIL_TAKEN)
            act.record(EmailAsked(user_id, live.token.login, email))

    async def works(self, live: LiveLogin, token: str, visit: Visit) -> bool:
        """Whether the link is this person's and still works. Nothing is changed."""
        await self.limits.at_link(visit.address)
        return await self._address(live, token) is not None

    async def confirm(self, live: LiveLogin, token: str, visit: Visit) -> bool:
        """False: the link works no more, is another person's, or somebody else has the address by now.

        Raises RedisBehind after the commit.
        """
        await self.limits.at_link(visit.address)
        email, hash_, user_id = await self._address(live, token), link_hash(token), live.person.user_id
        if email is None or hash_ is None:
            return False
        try:
            async with self.acts.begin(request_id=visit.request_id) as act:
                await act.users.lock(user_id)
                before = await act.users.find(user_id)
                login = await act.logins.find(live.token.login_id)
                if before is None or login is None or login.ended or not await act.links.use(hash_, act.now):
                    return False
                await act.users.set_names(user_id, Names(before.username, before.name, email), act.now)
                act.record(UserChanged(user_id, "email", before.email, email, "changed_by_person"))
                facts = NoticeFacts(visit.address_text, visit.user_agent, link={"email": before.email})
                await self.notices.add(act, before, MailKind.EMAIL_CHANGED, facts)
                await tell_redis(act, self.keys.tag, user_id)
        except NameTaken:
            return False
        return True

    async def _address(self, live: LiveLogin, token: str) -> str | None:
        hash_ = link_hash(token)
        if hash_ is None:
            return None
        async with self.acts.begin() as act:
            link = await act.links.find(hash_, act.now)
        if link is None or link.kind is not LinkKind.EMAIL_CONFIRM or link.user_id != live.person.user_id:
            return None
        return link.content["email"]
