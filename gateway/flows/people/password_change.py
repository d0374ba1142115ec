"""A person gives themselves another password: the current one is compared, then all their other logins end."""

from dataclasses import dataclass
from typing import Final

from gateway.core.assurance.change import Lacking
from gateway.core.audit.catalogue import LoginFailed
from gateway.core.audit.people_events import PasswordChanged
from gateway.core.base64url import b64
from gateway.core.errors import TooManyAttempts
from gateway.core.keys import Keys
from gateway.core.login.attempt import knows, parse_device
from gateway.core.login.lockout import Door, Proving
from gateway.core.login.throttle import LoginBuckets
from gateway.core.mail.kinds import MailKind
from gateway.core.password.rules import MOST_CHARS
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NO_NOTICES, NoticeFacts, Notices
from gateway.flows.may_change import MayNotChange, hold_for_change, lacking_for_change
from gateway.flows.people.account import end_logins_of
from gateway.flows.people.issuing import Visit
from gateway.flows.people.lockouts import Lockouts
from gateway.flows.people.new_passwords import BadPassword, NewPasswords
from gateway.flows.people.throttle import ChangeThrottle, LoginThrottle
from gateway.flows.transaction import RecordUnavailable

_LOOKS: Final = 3


@dataclass(frozen=True, slots=True)
class Changed:
    """ended: how many other logins. breached: the new password is among those, and was taken all the same."""

    ended: int
    breached: bool


@dataclass(frozen=True, slots=True)
class WrongCurrent:
    """The current password was another one. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class PasswordForm:
    """lacks: what this login has to prove before a change. least: characters. history: how many are refused."""

    lacks: Lacking | None
    least: int
    history: int


@dataclass(frozen=True, slots=True, repr=False)
class TypedChange:
    """The form as it came. repr is left out: it holds passwords."""

    current: str
    new: str


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The current password is counted, throttled and locked as one at the login page. changes: how often."""

    acts: Acts
    new: NewPasswords
    throttle: LoginThrottle
    lockouts: Lockouts
    changes: ChangeThrottle
    keys: Keys
    notices: Notices = NO_NOTICES

    async def change(self, live: LiveLogin, typed: TypedChange, visit: Visit) -> Changed | WrongCurrent:
        """The login that asks goes on, all others end.

        Raises MayNotChange, TooManyAttempts, BadPassword, PasswordsBusy, RecordUnavailable, StoreUnavailable; and
        RedisBehind after the commit.
        """
        lacks = (await self.standing(live)).lacks
        if lacks is not None:
            raise MayNotChange(lacks)
        paying = self._paying(live, visit)
        for _ in range(_LOOKS):
            wait_s = await self.throttle.before(paying)
            if wait_s:
                raise TooManyAttempts(wait_s)
            stored = await self._compared(live, typed, visit, paying)
            if stored is None:
                await self.throttle.failed(paying)
                return WrongCurrent()
            await self.throttle.succeeded(paying)
            await self.changes.before(live.person.user_id)
            try:
                changed = await self._replaced(live, typed.new, stored, visit, paying)
            except (BadPassword, MayNotChange):
                await self.changes.unchanged(live.person.user_id)
                raise
            if changed is not None:
                return changed
        raise RecordUnavailable("the password is changed over and over")

    async def standing(self, live: LiveLogin) -> PasswordForm:
        async with self.acts.begin() as act:
            lacks = await lacking_for_change(act, live)
            has_factor = bool(await act.factors.enrolled(live.person.user_id, act.now))
        return PasswordForm(lacks, self.new.rules.least_chars(has_factor=has_factor), self.new.rules.history)

    def _paying(self, live: LiveLogin, visit: Visit) -> LoginBuckets:
        device = parse_device(visit.device)
        names = (live.person.username, live.person.email)
        known = any(knows(self.keys.device, device, name) for name in names if name)
        return self.throttle.buckets_of(visit.address, device, known=known)

    async def _compared(self, live: LiveLogin, typed: TypedChange, visit: Visit, paying: LoginBuckets) -> str | None:
        """The stored password that the current one matches. None: it is another, and the audit log has it."""
        user_id = live.person.user_id
        async with self.acts.begin() as act:
            user = await act.users.find(user_id)
            door, locked = await self._look(act, live, visit)
        stored = "" if user is None or locked else user.password
        plausible = 0 < len(typed.current) <= MOST_CHARS
        if plausible and await self.new.passwords.verify(user_id, typed.current, stored, paying.caller):
            return stored
        async with self.acts.begin(request_id=visit.request_id) as act:
            await self.lockouts.count(act, door, _failure(live, visit, locked=locked), live.person.email)
        return None

    async def _look(self, act: Act, live: LiveLogin, visit: Visit) -> tuple[Door, bool]:
        person = live.person
        return await self.lockouts.look(act, Proving.PASSWORD, person.user_id, person.username, visit.source)

    async def _replaced(
        self, live: LiveLogin, new: str, compared: str, visit: Visit, paying: LoginBuckets
    ) -> Changed | WrongCurrent | None:
        """None: somebody else set another password meanwhile, and nothing was changed."""
        user_id, login_id = live.person.user_id, live.token.login_id
        async with self.acts.begin() as act:
            user = await act.users.find(user_id)
            if user is None or user.password != compared:
                return None
            owner = await self.new.owner(act, user, paying.caller)
        accepted = await self.new.accept(owner, new)
        async with self.acts.begin(request_id=visit.request_id) as act:
            if not await act.users.lock_password(user_id, compared):
                return None
            door, _ = await self._look(act, live, visit)
            if await self.lockouts.was_locked(act, door):
                act.record(_failure(live, visit, locked=True))
                return WrongCurrent()
            await hold_for_change(act, live)
            await self.new.replace(act, user_id, accepted.stored)
            ended = await end_logins_of(act, self.keys, live, "password_changed", login_id)
            act.record(PasswordChanged(user_id, tuple(map(b64, ended)), "changed_by_person"))
            facts = NoticeFacts(visit.address_text, visit.user_agent)
            await self.notices.add(act, user, MailKind.PASSWORD_CHANGED, facts)
        return Changed(len(ended), accepted.verdict == "found")


def _failure(live: LiveLogin, visit: Visit, *, locked: bool) -> LoginFailed:
    why = "locked" if locked else None
    return LoginFailed(live.person.user_id, None, visit.address_text, visit.user_agent, live.token.login, why=why)
