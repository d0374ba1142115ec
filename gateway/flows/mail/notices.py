"""Tells people what happened to their account: the mail is written in the transaction of the act."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from gateway.core.base64url import b64
from gateway.core.browsers import browser_name
from gateway.core.login.mail_code import MAIL_CODE_S
from gateway.core.mail.kinds import WORDING, MailKind
from gateway.core.mail.letter import MAIL_ID_BYTES, Mail
from gateway.core.mail.links import LINK_BYTES, LinkKind, link_hash
from gateway.core.outbox.kinds import MessageKind
from gateway.core.units import DAY_S
from gateway.flows.act import Act, Acts
from gateway.stores.postgres.users import UserRow

MOST_A_DAY: Final = 20
NOBODYS_ADDRESS: Final = "ada.lovelace@example.org"  # as long as one of a person; nobody gets it
_FEW_AN_HOUR: Final = 5
_PEOPLE_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, repr=False)
class NoticeFacts:
    """Where it came from, "" where that is not known. device: a digest; one notice of a kind goes out for each in an
    hour. more: rows of name and value for people. link: what the link of the mail is about; its kind says which words
    it takes. repr is left out: it is personal.
    """

    address: str = ""
    user_agent: str = ""
    device: bytes = b""
    more: tuple[tuple[str, str], ...] = ()
    link: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        device = browser_name(self.user_agent) if self.user_agent else ""
        named = (("Device", device), ("Address", self.address))
        return (*((name, value) for name, value in named if value), *self.more)


NO_FACTS: Final = NoticeFacts()


@dataclass(frozen=True, slots=True)
class Notices:
    """is_on: whether the configuration has a way for mail; without one nothing is written. random: bytes.

    All of it is the last that an act does, after it has locked whom it changes.
    """

    is_on: bool
    lifetimes_s: Mapping[LinkKind, int]
    random: Callable[[int], bytes]

    async def add(self, act: Act, user: UserRow, kind: MailKind, facts: NoticeFacts = NO_FACTS) -> None:
        """To the person's address; nothing where they have none. What is not waited for is capped."""
        if not self.is_on or not user.email:
            return
        if not kind.is_waited_for:
            counted = await act.notice_counts.count(user.id, kind.value, facts.device, act.now, MOST_A_DAY)
            if counted.count > 1 or not counted.told:
                return
        await self.write(act, user.id, user.email, kind, facts)

    async def tell(self, act: Act, user_id: UUID, kind: MailKind, facts: NoticeFacts = NO_FACTS) -> None:
        """As add, for who has not read the person's row."""
        user = await act.users.find(user_id) if self.is_on else None
        if user is not None:
            await self.add(act, user, kind, facts)

    async def code(self, act: Act, user: UserRow, code: str, facts: NoticeFacts = NO_FACTS) -> bool:
        """A code to sign in. False: nothing was sent, because there is no way, or there were 5 within the hour."""
        return await self.few(act, user, MailKind.SIGN_IN_CODE, facts, code=code)

    async def few(
        self, act: Act, user: UserRow, kind: MailKind, facts: NoticeFacts = NO_FACTS, *, code: str = ""
    ) -> bool:
        """What whoever has the password can have sent: 5 an hour, in no other cap. False: as of code."""
        if not self.is_on or not user.email:
            return False
        if await act.notice_counts.count_uncapped(user.id, kind.value, act.now) > _FEW_AN_HOUR:
            return False
        await self.write(act, user.id, user.email, kind, facts, code=code)
        return True

    async def write(
        self, act: Act, user_id: UUID, to: str, kind: MailKind, facts: NoticeFacts = NO_FACTS, *, code: str = ""
    ) -> int | None:
        """Without a cap; its id in the outbox. For NOBODY the same steps are done, and nothing is sent (L5)."""
        link = WORDING[kind].link
        token, rows, worth_s = "", facts.rows, MAIL_CODE_S if code else DAY_S
        if link is not None:
            worth_s = self.lifetimes_s[link]
            token = await self._link(act, user_id, link, facts.link)
            rows = (*rows, ("The link works until", _until(act.now + worth_s)))
        mail = Mail(b64(self.random(MAIL_ID_BYTES)), to, kind, act.now, rows, token, code)
        lane = MessageKind.MAIL if kind.is_waited_for else MessageKind.NOTICE
        return await act.mails.add(lane, user_id, mail.written(), act.now, worth_s)

    async def farewell(self, act: Act, user: UserRow) -> None:
        """The last mail to somebody whose key goes in this act."""
        if self.is_on and user.email:
            mail = Mail(b64(self.random(MAIL_ID_BYTES)), user.email, MailKind.FAREWELL, act.now)
            await act.mails.add_farewell(mail.written(), act.now, DAY_S)

    async def _link(self, act: Act, user_id: UUID, kind: LinkKind, content: Mapping[str, str]) -> str:
        token = b64(self.random(LINK_BYTES))
        hash_ = link_hash(token)
        assert hash_ is not None
        await act.links.add(hash_, kind, user_id, content, act.now, act.now + self.lifetimes_s[kind])
        return token


NO_NOTICES: Final = Notices(is_on=False, lifetimes_s={}, random=lambda _: b"")  # where there is no way for mail


@dataclass(frozen=True, slots=True)
class NoticeKeeper:
    """Sends digests of notices that were too many, and forgets what no cap and no link looks at any more."""

    acts: Acts
    notices: Notices

    async def work(self) -> None:
        """One round of the leader's. Raises RecordUnavailable."""
        async with self.acts.begin() as act:
            await act.links.purge(act.now)
            await act.notice_counts.purge(act.now)
            due = await act.notice_counts.people_untold(act.now, _PEOPLE_AT_ONCE)
        for user_id in due:
            async with self.acts.begin() as act:
                await self._digest(act, user_id)

    async def _digest(self, act: Act, user_id: UUID) -> None:
        user = await act.users.find(user_id)
        counts = await act.notice_counts.tell(user_id)
        if user is None or not user.email or not self.notices.is_on:
            return
        rows = tuple((WORDING[MailKind(kind)].subject, f"{count}") for kind, count in counts.items())
        await self.notices.write(act, user.id, user.email, MailKind.DIGEST, NoticeFacts(more=rows))


def _until(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
