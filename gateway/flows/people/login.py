"""Turns a name and a password into a login, or into an attempt that waits for a second step.

Throttle, look up, compare, then one transaction, then the live copy.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from gateway.core.assurance.need import NOTHING, Need
from gateway.core.assurance.steps import PASSWORD
from gateway.core.audit.catalogue import LoginFailed
from gateway.core.audit.factor_events import LoginStepUp
from gateway.core.audit.login_events import LoginBlocked
from gateway.core.errors import StoreUnavailable
from gateway.core.login.attempt import Typed, knows, parse_device
from gateway.core.login.lockout import Door, Proving
from gateway.core.login.outcome import AskFactor, Blocked, Change, Confirm, LoginRules, RightPassword, outcome
from gateway.core.login.pre_login import attempt_hash, compared_by, new_attempt
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import LinkKind
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NoticeFacts
from gateway.flows.people.breaches import NO_CORPUS, Breaches
from gateway.flows.people.confirming import Confirming, ConfirmWay
from gateway.flows.people.disabling import disable_breached
from gateway.flows.people.doubting import doubt
from gateway.flows.people.issuing import Entering, Issuing, LoginsStopped, SignedIn, Visit, names_of
from gateway.flows.people.lockouts import Lockouts
from gateway.flows.people.passwords import Passwords, PasswordsBusy
from gateway.flows.people.releasing import RELEASED_S
from gateway.flows.people.risk import Assessed, Risk
from gateway.flows.people.second_step import ATTEMPT_S
from gateway.flows.people.throttle import LoginThrottle
from gateway.flows.people.unknown_names import UnknownNames
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.attempts import NewAttempt
from gateway.stores.postgres.users import UserRow


@dataclass(frozen=True, slots=True)
class AskedFactor:
    """The password was right and signs nobody in: a second factor, a code or another password has to follow.

    cookie: what the browser keeps until then, max_age_s. changes: another password it is.
    """

    cookie: str
    max_age_s: int
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Wrong:
    """Unknown name, wrong password or disabled person: the same answer in the same time."""


@dataclass(frozen=True, slots=True)
class LockedOut(Wrong):
    """The password was not looked at, or came after too many others. Whoever asks hears that it is wrong (L16)."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """retry_after_s: whole seconds."""

    retry_after_s: int


@dataclass(frozen=True, slots=True)
class BlockedLogin:
    """The password was right, and nobody is signed in with it: it is breached, or the score is too high.

    cookie: what the browser keeps for when its person says that it is theirs, max_age_s; "" where nobody can.
    mailed: they can by a link.
    """

    reason: Literal["breached", "risk"]
    cookie: str = field(default="", compare=False, repr=False)
    max_age_s: int = field(default=0, compare=False)
    mailed: bool = field(default=False, compare=False)


LoginAnswer: TypeAlias = SignedIn | AskedFactor | BlockedLogin | Wrong | Throttled


@dataclass(frozen=True, slots=True)
class _Asked:
    """An attempt that may go on. need: of the journey. caller: whose turn it takes."""

    typed: Typed
    visit: Visit
    current: LiveLogin | None
    need: Need
    caller: str


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found of the name that was typed. user None: nobody has it. door: where a failure counts."""

    user: UserRow | None
    assessed: Assessed
    door: Door
    locked: bool


_LOOKS: Final = 3
_COUNTED: Final[dict[type, str]] = {
    SignedIn: "accepted",
    AskedFactor: "step_up",
    BlockedLogin: "blocked",
    Wrong: "wrong",
    LockedOut: "locked",
    Throttled: "throttled",
}


@dataclass(frozen=True, slots=True)
class Login:
    """count: hears how each attempt ended: accepted, step_up, blocked, wrong, locked, throttled or unavailable.

    implausible: hears of each that can't be of anybody, and has no entry of its own.
    """

    acts: Acts
    passwords: Passwords
    throttle: LoginThrottle
    lockouts: Lockouts
    unknown_names: UnknownNames
    risk: Risk
    issuing: Issuing
    confirming: Confirming
    rules: LoginRules
    count: Callable[[str], None]
    breaches: Breaches = NO_CORPUS
    implausible: Callable[[], None] = lambda: None

    async def attempt(self, typed: Typed, visit: Visit, current: LiveLogin | None, need: Need = NOTHING) -> LoginAnswer:
        """current: who is signed in here already. Raises RecordUnavailable, StoreUnavailable, PasswordsBusy,
        LoginsStopped.
        """
        try:
            outcome = await self._attempt(typed, visit, current, need)
        except (RecordUnavailable, StoreUnavailable, PasswordsBusy, LoginsStopped):
            self.count("unavailable")
            raise
        self.count(_COUNTED[type(outcome)])
        return outcome

    async def _attempt(self, typed: Typed, visit: Visit, current: LiveLogin | None, need: Need) -> LoginAnswer:
        device, keys = parse_device(visit.device), self.issuing.keys
        known = knows(keys.device, device, typed.name)
        paying = self.throttle.buckets_of(visit.address, device, known=known)
        wait_s = await self.throttle.before(paying)
        if wait_s:
            return Throttled(wait_s)
        asked = _Asked(typed, visit, current, need, paying.caller)
        answer = await self._checked_in(asked) if typed.plausible else self._implausible()
        if isinstance(answer, Wrong):
            await self.throttle.failed(paying)
        if isinstance(answer, SignedIn):
            await self.throttle.succeeded(paying)
        elif answer == BlockedLogin("risk"):  # as a wrong password: whoever tries from many places is slowed down
            await self.throttle.failed(paying)
        return answer

    def _implausible(self) -> Wrong:
        self.implausible()
        return Wrong()

    async def _checked_in(self, asked: _Asked) -> SignedIn | AskedFactor | BlockedLogin | Wrong:
        """Looks again where the password that was compared is no longer the one that is stored."""
        for _ in range(_LOOKS):
            looked = await self._look(asked)
            verified = await self._verified(looked, asked)
            if verified is None:
                return await self._refused(looked, asked)
            user, assessed = verified
            answer = await self._allowed(user, assessed, looked.door, asked)
            if isinstance(answer, LockedOut):
                return await self._refused(replace(looked, locked=True), asked)
            if answer is not None:
                if not isinstance(answer, BlockedLogin):
                    await self._renew(user, asked)
                return answer
        raise RecordUnavailable("the password is changed over and over")

    async def _look(self, asked: _Asked) -> _Looked:
        """The same steps whether somebody has the name or nobody."""
        typed, source = asked.typed, asked.visit.source
        async with self.acts.begin() as act:
            user = await act.users.find_by_name(typed.name)
            user_id = None if user is None else user.id
            assessed = await self.risk.assess(act, user_id, source)
            door, locked = await self.lockouts.look(act, Proving.PASSWORD, user_id, typed.name, source)
        return _Looked(user, assessed, door, locked)

    async def _verified(self, looked: _Looked, asked: _Asked) -> tuple[UserRow, Assessed] | None:
        """None: refused, after the same steps whatever the reason. At a locked door a decoy is compared."""
        user, password = looked.user, asked.typed.password
        user_id, stored = (None, None) if user is None or looked.locked else (user.id, user.password)
        checked = await self.passwords.verify(user_id, password, stored, asked.caller)
        if not checked or user is None or user.state != "active":
            return None
        assessed = self.risk.after(looked.assessed, await self.breaches.look_at_login(password))
        self.risk.observe(assessed.score.points)
        return user, assessed

    async def _refused(self, looked: _Looked, asked: _Asked) -> Wrong:
        # A name that nobody has may be a password typed in the wrong field: only its mark is kept (threats.md D4).
        visit, mark = asked.visit, await self.unknown_names.mark(asked.typed.name)
        async with self.acts.begin(request_id=visit.request_id) as act:
            await self.risk.count_failure(act, visit.source)
            email = "" if looked.user is None else looked.user.email
            await self.lockouts.count(act, looked.door, _failed(looked, mark, visit), email)
        return LockedOut() if looked.locked else Wrong()

    async def _allowed(
        self, user: UserRow, assessed: Assessed, door: Door, asked: _Asked
    ) -> SignedIn | AskedFactor | BlockedLogin | LockedOut | None:
        """None: as of _answer."""
        answer = await self._answer(user, assessed, door, asked)
        return (
            await self._blocked(user, assessed, door, asked, answer.reason) if isinstance(answer, Blocked) else answer
        )

    async def _blocked(
        self, user: UserRow, assessed: Assessed, door: Door, asked: _Asked, reason: Literal["breached", "risk"]
    ) -> BlockedLogin | LockedOut | None:
        """None: as of _answer."""
        visit, scored = asked.visit, assessed.score
        disables = reason == "breached" and self.rules.breached == "change"
        async with self.acts.begin(request_id=visit.request_id) as act:
            if disables and not await act.users.lock_password(user.id, user.password):
                return None
            if await self.lockouts.was_locked(act, door):
                return LockedOut()
            act.record(
                LoginBlocked(user.id, reason, scored.points, scored.factors, visit.address_text, visit.user_agent)
            )
            if reason == "risk":
                return await self._stopped(act, user, assessed, asked)
            if disables:
                await disable_breached(act, user, self.issuing.notices, visit)
            else:
                facts = NoticeFacts(visit.address_text, visit.user_agent)
                await self.issuing.notices.add(act, user, MailKind.LOGIN_BLOCKED, facts)
        return BlockedLogin(reason)

    async def _stopped(self, act: Act, user: UserRow, assessed: Assessed, asked: _Asked) -> BlockedLogin:
        """Until its person says that this browser is theirs, or an operator does (threats.md L5)."""
        visit, notices = asked.visit, self.issuing.notices
        lasts_s = notices.lifetimes_s.get(LinkKind.RELEASE, ATTEMPT_S)
        cookie, attempt = self._new_attempt(user, assessed, asked, act.now + lasts_s)
        await act.attempts.add(replace(attempt, waits_for="release"))
        await self.risk.count_failure(act, visit.source)
        await doubt(act, user.id, attempt.compared, "blocked")
        link = {"attempt": attempt.hash.hex()}
        facts = NoticeFacts(visit.address_text, visit.user_agent, link=link)
        mailed = self.rules.release == "mail" and await notices.few(act, user, MailKind.LOGIN_RELEASE, facts)
        if not mailed:
            await notices.add(act, user, MailKind.LOGIN_BLOCKED, facts)
        return BlockedLogin("risk", cookie, lasts_s + RELEASED_S, mailed)

    async def _answer(
        self, user: UserRow, assessed: Assessed, door: Door, asked: _Asked
    ) -> SignedIn | AskedFactor | Blocked | LockedOut | None:
        """What is ended is ended everywhere before the browser hears.

        None: an operator set another password, or disabled the person, since this one was compared.
        """
        async with self.acts.begin(request_id=asked.visit.request_id) as act:
            if not await act.users.hold_password(user.id, user.password):
                return None
            if await self.lockouts.was_locked(act, door):
                return LockedOut()
            factors = await act.factors.enrolled(user.id, act.now)
            facts = RightPassword(
                factors,
                asked.need,
                assessed.score.points,
                breached=assessed.verdict == "found",
                settled=assessed.is_settled(act.now),
                confirmed=(stands := await self._stands(act, user, asked)),
                released=await self._released(act, user, asked),
                can_mail=self.confirming.can_mail(user),
            )
            found = outcome(facts, self.rules)
            if isinstance(found, AskFactor | Confirm | Change):
                return await self._wait(act, user, assessed, asked, found)
            if isinstance(found, Blocked):
                return found
            typed = asked.typed
            entering = Entering(user.id, typed.name, (PASSWORD,), typed.keep, asked.visit, assessed, stands)
            return await self.issuing.sign_in(act, entering, asked.current)

    async def _renew(self, user: UserRow, asked: _Asked) -> None:
        """Stores an outdated password anew, in a transaction of its own. Where it can't, the next login does."""
        if not self.passwords.is_outdated(user.password):
            return
        with suppress(PasswordsBusy, RecordUnavailable):
            renewed = await self.passwords.hash(user.id, asked.typed.password, asked.caller)
            async with self.acts.begin() as act:
                await act.users.renew_password(user.id, user.password, renewed, act.now)

    async def _wait(
        self, act: Act, user: UserRow, assessed: Assessed, asked: _Asked, found: AskFactor | Confirm | Change
    ) -> AskedFactor:
        """A row that signs nobody in: who was signed in here stays so until a login is made (notes section 4)."""
        visit, mailed = asked.visit, None
        cookie, attempt = self._new_attempt(user, assessed, asked, act.now + ATTEMPT_S)
        ways: tuple[str, ...]
        if isinstance(found, AskFactor):
            ways = names_of(found.ways)
        elif isinstance(found, Change):
            ways, attempt = ("new_password",), replace(attempt, waits_for="change")
        else:
            facts = NoticeFacts(visit.address_text, visit.user_agent)
            if found.by_mail:
                mailed = await self.confirming.send(act, user, attempt.hash, facts)
            ways, attempt = _ways_to_confirm(mailed), replace(attempt, waits_for="code", mail_code=mailed)
        await act.attempts.add(attempt)
        act.record(LoginStepUp(user.id, ways, visit.address_text, visit.user_agent))
        return AskedFactor(cookie, ATTEMPT_S, changes=isinstance(found, Change))

    def _new_attempt(self, user: UserRow, assessed: Assessed, asked: _Asked, expires_at: int) -> tuple[str, NewAttempt]:
        """One that waits for a factor, and what the browser keeps of it."""
        cookie, hash_ = new_attempt(self.issuing.random)
        return cookie, NewAttempt(
            hash=hash_,
            user_id=user.id,
            compared=compared_by(user.password),
            persistent=asked.typed.keep,
            name=asked.typed.name,
            verdict=assessed.verdict,
            expires_at=expires_at,
        )

    async def _released(self, act: Act, user: UserRow, asked: _Asked) -> bool:
        """Whether the person said of this browser that it is theirs."""
        hash_ = attempt_hash(asked.visit.attempt)
        return hash_ is not None and await act.attempts.is_released(hash_, user.id, compared_by(user.password), act.now)

    async def _stands(self, act: Act, user: UserRow, asked: _Asked) -> bool:
        """Whether the person just chose this password by a mailed link in this browser: it proves what a code does."""
        hash_ = attempt_hash(asked.visit.attempt) if self.rules.without_factor == "mail" else None
        return hash_ is not None and await act.attempts.take_reset(hash_, user.id, compared_by(user.password), act.now)


def _ways_to_confirm(mailed: bytes | None) -> tuple[ConfirmWay, ...]:
    """An operator can always help."""
    return ("operator_code",) if mailed is None else ("mail_code", "operator_code")


def _failed(looked: _Looked, mark: str, visit: Visit) -> LoginFailed:
    """mark: of the name that was typed. What a name scores that nobody has says nothing."""
    user, scored, why = looked.user, looked.assessed.score, "locked" if looked.locked else None
    where = (visit.address_text, visit.user_agent)
    if user is None:
        return LoginFailed(None, mark, *where, why=why)
    return LoginFailed(user.id, None, *where, score=scored.points, factors=scored.factors, why=why)
