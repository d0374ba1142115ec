"""Proves more within a live login: a new secret, while the old one passes for 20 s with what it was worth (R12)."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.assurance.model import amr_values
from gateway.core.assurance.need import Need
from gateway.core.assurance.steps import PASSWORD, FactorProof, Steps, Unmeetable, steps
from gateway.core.audit.catalogue import LoginFailed
from gateway.core.audit.factor_events import SteppedUp
from gateway.core.errors import StoreUnavailable, TooManyAttempts
from gateway.core.login.attempt import knows, parse_device
from gateway.core.login.lockout import Door, Proving
from gateway.core.login.throttle import LoginBuckets
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.factor_proofs import FactorProofs, ShownFactor
from gateway.flows.people.issuing import Entering, Issuing, SignedIn, Visit
from gateway.flows.people.lockouts import Lockouts
from gateway.flows.people.passkey_proofs import PasskeyShown
from gateway.flows.people.passwords import Passwords, PasswordsBusy
from gateway.flows.people.risk import Risk
from gateway.flows.people.throttle import FactorThrottle, LoginThrottle
from gateway.flows.transaction import RecordUnavailable


@dataclass(frozen=True, slots=True, repr=False)
class TypedProof:
    """What a person typed into the page; "" where they were not asked. repr is left out: it holds a password."""

    password: str
    code: str
    passkey: PasskeyShown | None = None

    @property
    def second(self) -> bool:
        """Whether there is anything that can be a second factor."""
        return bool(self.code) or self.passkey is not None


@dataclass(frozen=True, slots=True)
class NotProven:
    """Wrong, used before, or nothing was typed: nothing is worth more than before."""


@dataclass(frozen=True, slots=True)
class Over:
    """The login has ended, or another tab has replaced its secret."""


@dataclass(frozen=True, slots=True)
class StepUpFlow:
    """count: hears how each ended, as Login's does. All of it raises RecordUnavailable."""

    acts: Acts
    passwords: Passwords
    proofs: FactorProofs
    risk: Risk
    issuing: Issuing
    logins: LoginThrottle
    lockouts: Lockouts
    factors: FactorThrottle
    count: Callable[[str], None]

    async def asked(self, live: LiveLogin, need: Need) -> Steps | Unmeetable:
        """What the person is to prove, with what they have."""
        async with self.acts.begin() as act:
            enrolled = await act.factors.enrolled(live.person.user_id, act.now)
        return steps(need, live.facts.assurance, (PASSWORD, *sorted(enrolled, key=lambda one: one.name)), act.now)

    async def passkey_options(self, live: LiveLogin, browser: str) -> str:
        """browser: its csrf cookie. "": the person has no passkey that counts."""
        async with self.acts.begin() as act:
            return await self.proofs.passkeys.second_options(act, live.person.user_id, browser)

    async def prove(self, live: LiveLogin, shown: TypedProof, visit: Visit) -> SignedIn | NotProven | Over:
        """Raises StoreUnavailable, PasswordsBusy, TooManyAttempts too."""
        try:
            outcome = await self._prove(live, shown, visit)
        except TooManyAttempts:
            self.count("throttled")
            raise
        except (RecordUnavailable, StoreUnavailable, PasswordsBusy):
            self.count("unavailable")
            raise
        if not isinstance(outcome, Over):
            self.count("accepted" if isinstance(outcome, SignedIn) else "wrong")
        return outcome

    async def _prove(self, live: LiveLogin, shown: TypedProof, visit: Visit) -> SignedIn | NotProven | Over:
        if not shown.password and not shown.second:
            return NotProven()
        device = parse_device(visit.device)
        known = knows(self.issuing.keys.device, device, live.person.username)
        paying, stored = self.logins.buckets_of(visit.address, device, known=known), None
        if shown.password and (stored := await self._password(live, shown.password, visit, paying)) is None:
            return NotProven()
        if shown.second:
            await self.factors.before(str(live.person.user_id), device.id if known else "")
        async with self.acts.begin(request_id=visit.request_id) as act:
            if stored is not None and not await self._stands(act, live, stored, visit):
                return NotProven()
            if not await act.logins.hold(live.token.login_id, act.now):
                return Over()
            person, second = live.person, None
            if shown.second:
                factor = ShownFactor(person.user_id, person.email, "step_up", visit, shown.code, shown.passkey)
                second = await self.proofs.take(act, factor)
            if shown.second and second is None:
                return NotProven()
            proofs = (*((PASSWORD,) if stored is not None else ()), *((second,) if second is not None else ()))
            return await self._renew(act, live, proofs, visit)

    async def _password(self, live: LiveLogin, password: str, visit: Visit, paying: LoginBuckets) -> str | None:
        """What is stored of it, where it is right. It costs what it costs at a login."""
        wait_s = await self.logins.before(paying)
        if wait_s:
            raise TooManyAttempts(wait_s)
        async with self.acts.begin() as act:
            user = await act.users.find(live.person.user_id)
            door, locked = await self._look(act, live, visit)
        stored = None if user is None or locked else user.password
        if await self.passwords.verify(live.person.user_id, password, stored, paying.caller):
            await self.logins.succeeded(paying)
            return stored
        await self.logins.failed(paying)
        async with self.acts.begin(request_id=visit.request_id) as act:
            await self.risk.count_failure(act, visit.source)
            await self.lockouts.count(act, door, _failed(live, visit, locked=locked), live.person.email)
        return None

    async def _stands(self, act: Act, live: LiveLogin, stored: str, visit: Visit) -> bool:
        """Whether the password that was compared still counts: nobody changed it, nor too many others were wrong."""
        if not await act.users.hold_password(live.person.user_id, stored):
            return False
        door, _ = await self._look(act, live, visit)
        if not await self.lockouts.was_locked(act, door):
            return True
        act.record(_failed(live, visit, locked=True))
        return False

    async def _look(self, act: Act, live: LiveLogin, visit: Visit) -> tuple[Door, bool]:
        person = live.person
        return await self.lockouts.look(act, Proving.PASSWORD, person.user_id, person.username, visit.source)

    async def _renew(self, act: Act, live: LiveLogin, proofs: tuple[FactorProof, ...], visit: Visit) -> SignedIn | Over:
        person, tag = live.person, live.token.tag
        assessed = await self.risk.assess(act, person.user_id, visit.source)
        entering = Entering(person.user_id, person.username, proofs, keep=False, visit=visit, assessed=assessed)
        issued = await self.issuing.renew(act, tag, entering, live)
        if issued is None:
            return Over()
        await act.logins.set_origin(issued.token.login_id, self.risk.device_of(visit.source), None)
        amr = amr_values(issued.assurance)
        act.record(SteppedUp(person.user_id, issued.token.login, amr, visit.address_text, visit.user_agent))
        act.stales_login(tag, issued.token.login)
        return SignedIn(issued.token, issued.max_age_s, self.issuing.known_device(visit, person.username))


def _failed(live: LiveLogin, visit: Visit, *, locked: bool) -> LoginFailed:
    why = "locked" if locked else None
    return LoginFailed(live.person.user_id, None, visit.address_text, visit.user_agent, why=why)
