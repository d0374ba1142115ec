"""A person who has forgotten their password gets a link by mail, and chooses a new password with it."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from gateway.core.addresses import Address
from gateway.core.audit.recovery_events import PasswordReset, PasswordResetAsked
from gateway.core.base64url import b64
from gateway.core.keys import Keys
from gateway.core.login.account_acts import AccountAct
from gateway.core.login.attempt import NAME_CHARS, knows, parse_device
from gateway.core.login.forgot import forgot_buckets
from gateway.core.login.pre_login import compared_by, new_attempt
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import LinkKind, link_hash
from gateway.core.privacy.names import spelled
from gateway.core.privacy.sealing import NOBODY
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.risk.device import device_digest
from gateway.flows.act import Act, Acts
from gateway.flows.mail.notices import NOBODYS_ADDRESS, NoticeFacts, Notices
from gateway.flows.oauth.authenticate_client import spend_one
from gateway.flows.people.factor_proofs import FactorProofs, ShownFactor
from gateway.flows.people.issuing import Visit
from gateway.flows.people.new_passwords import NewPasswords
from gateway.flows.people.stands import end_stands, tell_redis
from gateway.flows.people.throttle import FactorThrottle
from gateway.flows.people.unknown_names import UnknownNames
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.attempts import NewAttempt
from gateway.stores.postgres.users import UserRow
from gateway.stores.redis.buckets import Buckets

PASSWORD_LINKS: Final = (LinkKind.RESET, LinkKind.INVITATION)
_LOOKS: Final = 3
_STANDS_S: Final = 900


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """forgot: AUTH.FORGOT_PASSWORD. link: AUTH.LINK, of an address at all pages that take a link or ask for one."""

    buckets: Buckets
    names: BucketNames
    forgot: Limit
    link: Limit

    async def at_link(self, address: Address | None) -> None:
        """Raises TooManyAttempts, StoreUnavailable."""
        await spend_one(self.buckets, self.names.of_address(address), "", self.link)

    async def has_room(self, person: str, visit: Visit, *, known: bool) -> bool:
        """Whether one more mail may be sent. Raises StoreUnavailable."""
        device = parse_device(visit.device)
        for one in forgot_buckets(self.names, self.forgot, person, visit.address, device, known=known):
            if not (await self.buckets.spend(one.slot, one.who, one.limit)).allowed:
                return False
        return True


class ResetEnd(Enum):
    """What came of a new password by a link."""

    OVER = "over"  # the link works no more
    WRONG_CODE = "wrong_code"  # the link works on


@dataclass(frozen=True, slots=True)
class PasswordChosen:
    """The password is set. cookie: an attempt; with it, it stands for the mailed code of the next login, once."""

    cookie: str
    max_age_s: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """All of it raises RecordUnavailable and StoreUnavailable."""

    acts: Acts
    new: NewPasswords
    notices: Notices
    limits: LinkLimits
    unknown_names: UnknownNames
    keys: Keys
    proofs: FactorProofs
    by_person: FactorThrottle

    async def ask(self, name: str, visit: Visit) -> None:
        """The same steps whoever is meant, also nobody; who asks hears nothing of it. Raises TooManyAttempts."""
        await self.limits.at_link(visit.address)
        if not 0 < len(name) <= NAME_CHARS or "\0" in name:
            return
        async with self.acts.begin() as act:
            user = await act.users.find_by_name(name)
        known = knows(self.keys.device, parse_device(visit.device), name)
        person = spelled(name) if user is None else str(user.id)
        room = await self.limits.has_room(person, visit, known=known)
        outcome = _outcome(user, room=room)
        mark = await self.unknown_names.mark(name)
        meant = user if outcome == "sent" else None
        async with self.acts.begin(request_id=visit.request_id) as act:
            user_id, to = (NOBODY, NOBODYS_ADDRESS) if meant is None else (meant.id, meant.email)
            facts = NoticeFacts(visit.address_text, visit.user_agent)
            await self.notices.write(act, user_id, to, MailKind.RESET_LINK, facts)
            subject, unknown = (None, mark) if user is None else (user.id, None)
            act.record(PasswordResetAsked(subject, outcome, unknown, visit.address_text, visit.user_agent))

    async def has_factor(self, token: str, visit: Visit) -> bool | None:
        """Whether the link's form asks for a second factor too; None: the link works no more. Nothing is changed.

        Raises TooManyAttempts.
        """
        await self.limits.at_link(visit.address)
        meant = await self._meant(token)
        return None if meant is None else meant[1]

    async def reset(self, token: str, password: str, code: str, visit: Visit) -> PasswordChosen | ResetEnd:
        """All that the person is in by ends, and nobody is signed in. Whoever reads the mail of a person with a second
        factor needs that too (login-defence.md L19). The next login in this browser is confirmed by it (flow 6).

        Raises BadPassword, PasswordsBusy, TooManyAttempts; and RedisBehind after the commit.
        """
        await self.limits.at_link(visit.address)
        for _ in range(_LOOKS):
            meant = await self._meant(token)
            if meant is None:
                return ResetEnd.OVER
            user, has_factor = meant
            if has_factor:
                await self.by_person.before(str(user.id), "")
            async with self.acts.begin() as act:
                owner = await self.new.owner(act, user, self.limits.names.of_address(visit.address))
            accepted = await self.new.accept(replace(owner, has_factor=has_factor), password)
            done = await self._replaced(user, token, accepted.stored, code, visit)
            if done is not None:
                return done
        raise RecordUnavailable("the password is changed over and over")

    async def _meant(self, token: str) -> tuple[UserRow, bool] | None:
        """The person of the link, and whether they have a second factor."""
        hash_ = link_hash(token)
        if hash_ is None:
            return None
        async with self.acts.begin() as act:
            link = await act.links.find(hash_, act.now)
            user = None if link is None or link.kind not in PASSWORD_LINKS else await act.users.find(link.user_id)
            if user is None or user.state != "active":
                return None
            return user, bool(await act.factors.enrolled(user.id, act.now))

    async def _replaced(
        self, user: UserRow, token: str, stored: str, code: str, visit: Visit
    ) -> PasswordChosen | ResetEnd | None:
        """None: the password was changed since it was compared, or the person disabled."""
        async with self.acts.begin(request_id=visit.request_id) as act:
            if not await act.users.lock_password(user.id, user.password):
                return None
            enrolled = await act.factors.enrolled(user.id, act.now)
            shown = ShownFactor(user.id, user.email, "reset", visit, code)
            if enrolled and await self.proofs.take(act, shown) is None:
                return ResetEnd.WRONG_CODE
            if link_hash(token) not in await act.links.use_all(user.id, PASSWORD_LINKS, act.now):
                return ResetEnd.OVER
            await self.new.replace(act, user.id, stored)
            ended = await end_stands(act, self.keys.tag, user.id, AccountAct.PASSWORD_RESET)
            await act.devices.forget_others(user.id, device_digest(parse_device(visit.device).id, visit.user_agent))
            act.record(PasswordReset(user.id, tuple(map(b64, ended)), visit.address_text, visit.user_agent))
            facts = NoticeFacts(visit.address_text, visit.user_agent)
            await self.notices.add(act, user, MailKind.PASSWORD_RESET, facts)
            cookie = await self._standing(act, user, stored)
            await tell_redis(act, self.keys.tag, user.id)
        return PasswordChosen(cookie, _STANDS_S)

    async def _standing(self, act: Act, user: UserRow, stored: str) -> str:
        cookie, hash_ = new_attempt(self.notices.random)
        await act.attempts.add(
            NewAttempt(
                hash=hash_,
                user_id=user.id,
                compared=compared_by(stored),
                persistent=False,
                name=user.username,
                verdict="not_checked",
                expires_at=act.now + _STANDS_S,
                waits_for="reset",
            )
        )
        return cookie


def _outcome(user: UserRow | None, *, room: bool) -> str:
    """What comes of an ask, for the audit log."""
    if user is None:
        return "unknown"
    if user.state != "active":
        return "disabled"
    if not user.email:
        return "no_address"
    return "sent" if room else "limited"
