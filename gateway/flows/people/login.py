"""Turns a name and a password into a login: throttle, look up, compare, then one transaction, then the live copy."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias
from uuid import UUID

from gateway.core.assurance.model import by_password
from gateway.core.assurance.steps import PASSWORD, proven
from gateway.core.audit.catalogue import LoggedIn, LoginFailed
from gateway.core.audit.login_events import LoginBlocked
from gateway.core.errors import StoreUnavailable
from gateway.core.keys import Keys
from gateway.core.login.attempt import DEVICE_BYTES, Typed, knows, parse_device, remember
from gateway.core.session.tokens import (
    LOGIN_BYTES,
    SECRET_BYTES,
    Token,
    credential_of,
    mint,
    tag_of,
)
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.oauth.back_channel import end_login
from gateway.flows.people.breaches import NO_CORPUS, Breaches
from gateway.flows.people.passwords import Passwords, PasswordsBusy
from gateway.flows.people.risk import Assessed, Risk, Source
from gateway.flows.people.throttle import LoginThrottle
from gateway.flows.people.unknown_names import UnknownNames
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.logins import NewLogin
from gateway.stores.postgres.users import UserRow


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds; remembered: with "keep me signed in"."""

    idle_s: int
    absolute_s: int
    remembered_idle_s: int
    remembered_absolute_s: int


@dataclass(frozen=True, slots=True)
class Visit:
    """The browser that asks, as far as the web saw it. device: the text of its device cookie, "" without one."""

    address: IPv4Address | IPv6Address | None
    user_agent: str
    device: str
    request_id: str

    @property
    def address_text(self) -> str:
        """ "" where the address is not known."""
        return "" if self.address is None else str(self.address)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """token: the auth host's new secret. max_age_s 0: until the browser is closed. device: new device cookie text.

    breached: the password is among those.
    """

    token: Token
    max_age_s: int
    device: str
    breached: bool = False


@dataclass(frozen=True, slots=True)
class Blocked:
    """The password was right, and is breached: nobody is signed in with it."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Unknown name, wrong password or disabled person: the same answer in the same time."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """retry_after_s: whole seconds."""

    retry_after_s: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """An attempt that may go on. caller: whose turn it takes. device: the cookie after a login, with its id."""

    typed: Typed
    visit: Visit
    current: LiveLogin | None
    caller: str
    device: str
    source: Source


LoginAnswer: TypeAlias = SignedIn | Blocked | Wrong | Throttled
_LOOKS: Final = 3
_COUNTED: Final[dict[type, str]] = {
    SignedIn: "accepted",
    Blocked: "blocked",
    Wrong: "wrong",
    Throttled: "throttled",
}


@dataclass(frozen=True, slots=True)
class Login:
    """auth_host: the canonical name that the auth host's own credentials are bound to.

    count: hears how each attempt ended: accepted, blocked, wrong, throttled or unavailable.
    """

    acts: Acts
    passwords: Passwords
    throttle: LoginThrottle
    unknown_names: UnknownNames
    risk: Risk
    keys: Keys
    lifetimes: Lifetimes
    auth_host: str
    random: Callable[[int], bytes]
    count: Callable[[str], None]
    breaches: Breaches = NO_CORPUS

    async def attempt(self, typed: Typed, visit: Visit, current: LiveLogin | None) -> LoginAnswer:
        """current: who is signed in here already. Raises RecordUnavailable, StoreUnavailable, PasswordsBusy."""
        try:
            outcome = await self._attempt(typed, visit, current)
        except (RecordUnavailable, StoreUnavailable, PasswordsBusy):
            self.count("unavailable")
            raise
        self.count(_COUNTED[type(outcome)])
        return outcome

    async def _attempt(self, typed: Typed, visit: Visit, current: LiveLogin | None) -> LoginAnswer:
        device = parse_device(visit.device)
        known = knows(self.keys.device, device, typed.name)
        paying = self.throttle.buckets_of(visit.address, device, known=known)
        wait_s = await self.throttle.before(paying)
        if wait_s:
            return Throttled(wait_s)
        marked = remember(self.keys.device, device, typed.name, self.random(DEVICE_BYTES))
        source = Source(visit.address, visit.user_agent, device.id)
        asked = _Asked(typed, visit, current, paying.caller, marked, source)
        signed_in = await self._checked_in(asked) if typed.plausible else None
        if signed_in is None:
            await self.throttle.failed(paying)
            return Wrong()
        if isinstance(signed_in, SignedIn):
            await self.throttle.succeeded(paying)
        return signed_in

    async def _checked_in(self, asked: _Asked) -> SignedIn | Blocked | None:
        """None: refused. Looks again where the password that was compared is no longer the one that is stored."""
        for _ in range(_LOOKS):
            verified = await self._verified(asked)
            if verified is None:
                return None
            user, assessed = verified
            if self.breaches.blocks(assessed.verdict):
                return await self._blocked(user, assessed, asked)
            signed_in = await self._sign_in(user, assessed, asked)
            if signed_in is not None:
                return SignedIn(*signed_in, asked.device, breached=assessed.verdict == "found")
        raise RecordUnavailable("the password is changed over and over")

    async def _verified(self, asked: _Asked) -> tuple[UserRow, Assessed] | None:
        """None: refused, and the refusal is in the audit log. The same steps whatever the reason."""
        typed, visit = asked.typed, asked.visit
        async with self.acts.begin() as act:
            user = await act.users.find_by_name(typed.name)
            assessed = await self.risk.assess(act, None if user is None else user.id, asked.source)
        stored = None if user is None else user.password
        user_id = None if user is None else user.id
        checked = await self.passwords.verify(user_id, typed.password, stored, asked.caller)
        if checked and user is not None and user.state == "active":
            assessed = self.risk.after(assessed, await self.breaches.look_at_login(typed.password))
            self.risk.observe(assessed.score.points)
            return user, assessed
        # A name that nobody has may be a password typed in the wrong field: only its mark is kept (threats.md D4).
        mark = await self.unknown_names.mark(typed.name)
        async with self.acts.begin(request_id=visit.request_id) as act:
            await self.risk.count_failure(act, asked.source)
            act.record(_failed(user_id, mark, visit, assessed))
        return None

    async def _blocked(self, user: UserRow, assessed: Assessed, asked: _Asked) -> Blocked:
        async with self.acts.begin(request_id=asked.visit.request_id) as act:
            act.record(_blocked(user.id, asked.visit, assessed))
        return Blocked()

    async def _sign_in(self, user: UserRow, assessed: Assessed, asked: _Asked) -> tuple[Token, int] | None:
        """What is ended is ended everywhere before the browser hears.

        None: an operator set another password, or disabled the person, since this one was compared.
        """
        typed, visit, current, tag = asked.typed, asked.visit, asked.current, tag_of(self.keys.tag, user.id)
        outdated = self.passwords.is_outdated(user.password)
        renewed = await self.passwords.hash(user.id, typed.password, asked.caller) if outdated else ""
        async with self.acts.begin(request_id=visit.request_id) as act:
            held = (
                await act.users.renew_password(user.id, user.password, renewed, act.now)
                if renewed
                else await act.users.hold_password(user.id, user.password)
            )
            if not held:
                return None
            signed_in = await self._rotate(act, tag, current, assessed.score.points)
            if signed_in is None:
                if current is not None:
                    await end_login(act, current.token.login_id, "replaced")
                    act.ends("login", current.token.tag, current.token.login)
                signed_in = await self._create(act, tag, user, assessed, asked)
            login = signed_in[0].login
            await self.risk.learn(act, user.id, assessed, parse_device(asked.device).id, login)
            act.record(_logged_in(user.id, login, visit, assessed))
            act.stales_login(tag, login)
        return signed_in

    async def _rotate(self, act: Act, tag: str, current: LiveLogin | None, risk: int) -> tuple[Token, int] | None:
        """A new secret in the same login, with what the old one proved besides the password (threats.md L8).

        The old one passes for 20 s with its old assurance (R12).

        None: there is no login of this person to go on with, or its secret was replaced already.
        """
        if current is None or current.token.tag != tag:
            return None
        now, old = act.now, current.token.credential
        row = await act.logins.find(current.token.login_id)
        standing = None if row is None else next((s for s in row.sessions if s.credential == old and not s.until), None)
        if row is None or row.ended or row.expires_at <= now or standing is None:
            return None
        token = mint(self.keys.mac, tag, row.id, self.random(SECRET_BYTES))
        credential = credential_of(self.auth_host, token)
        added = replace(proven(standing.assurance, PASSWORD, now), risk=risk)
        if not await act.logins.add_session(row.id, self.auth_host, credential, added, now):
            return None
        await act.logins.replace_session(row.id, old, now)
        return token, (row.expires_at - now) if row.persistent else 0

    async def _create(self, act: Act, tag: str, user: UserRow, assessed: Assessed, asked: _Asked) -> tuple[Token, int]:
        now, times, keep = act.now, self.lifetimes, asked.typed.keep
        idle_s = times.remembered_idle_s if keep else times.idle_s
        absolute_s = times.remembered_absolute_s if keep else times.absolute_s
        token = mint(self.keys.mac, tag, self.random(LOGIN_BYTES), self.random(SECRET_BYTES))
        created = await act.logins.create(
            NewLogin(
                id=token.login_id,
                user_id=user.id,
                created_at=now,
                persistent=keep,
                idle_s=idle_s,
                expires_at=now + absolute_s,
                address=asked.visit.address_text,
                user_agent=asked.visit.user_agent,
            )
        )
        credential, first = credential_of(self.auth_host, token), by_password(now, assessed.score.points)
        if not created or not await act.logins.add_session(token.login_id, self.auth_host, credential, first, now):
            raise RecordUnavailable("the person was disabled while signing in")
        return token, absolute_s if keep else 0


def _logged_in(user_id: UUID, login: str, visit: Visit, assessed: Assessed) -> LoggedIn:
    scored = assessed.score
    return LoggedIn(
        user_id,
        login,
        score=scored.points,
        factors=scored.factors,
        breach=assessed.verdict,
        address=visit.address_text,
        user_agent=visit.user_agent,
    )


def _blocked(user_id: UUID, visit: Visit, assessed: Assessed) -> LoginBlocked:
    scored = assessed.score
    return LoginBlocked(user_id, "breached", scored.points, scored.factors, visit.address_text, visit.user_agent)


def _failed(user_id: UUID | None, mark: str, visit: Visit, assessed: Assessed) -> LoginFailed:
    """mark: of the name that was typed. What a name scores that nobody has says nothing."""
    if user_id is None:
        return LoginFailed(None, mark, visit.address_text, visit.user_agent)
    scored = assessed.score
    return LoginFailed(user_id, None, visit.address_text, visit.user_agent, score=scored.points, factors=scored.factors)
