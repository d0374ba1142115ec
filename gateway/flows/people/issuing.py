"""Makes what a browser is signed in by: a new login, or a new secret of the one that it has."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from uuid import UUID

from gateway.core.admin.emergency import STOP_LOGINS_KEY
from gateway.core.assurance.model import NO_PROOF, Assurance, amr_values
from gateway.core.assurance.steps import FactorProof, proven
from gateway.core.audit.catalogue import LoggedIn
from gateway.core.base64url import b64
from gateway.core.errors import GatewayError
from gateway.core.keys import Keys
from gateway.core.login.attempt import DEVICE_BYTES, parse_device, remember
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import USED_PASSKEY
from gateway.core.risk.score import Factor
from gateway.core.session.tokens import LOGIN_BYTES, SECRET_BYTES, Token, credential_of, mint, tag_of
from gateway.flows.act import Act
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import NO_NOTICES, NoticeFacts, Notices
from gateway.flows.oauth.back_channel import end_login
from gateway.flows.people.risk import Assessed, Risk, Source
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.logins import LoginRow, NewLogin, SessionRow


class LoginsStopped(GatewayError):
    """An operator stopped sign-ins. Logins that live go on."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds; remembered: with "keep me signed in"."""

    idle_s: int
    absolute_s: int
    remembered_idle_s: int
    remembered_absolute_s: int


@dataclass(frozen=True, slots=True)
class Visit:
    """The browser that asks, as far as the web saw it. device: the text of its device cookie, "" without one.

    attempt: of its cookie of an attempt, likewise.
    """

    address: IPv4Address | IPv6Address | None
    user_agent: str
    device: str
    request_id: str
    attempt: str = field(default="", repr=False)

    @property
    def source(self) -> Source:
        """Where it comes from, as it is scored."""
        return Source(self.address, self.user_agent, parse_device(self.device).id)

    @property
    def address_text(self) -> str:
        """ "" where the address is not known."""
        return "" if self.address is None else str(self.address)


@dataclass(frozen=True, slots=True)
class Entering:
    """Somebody who has proven enough. name: as it was typed. proofs: in this login, all at once.

    confirmed: a code that is no factor was proven too.
    """

    user_id: UUID
    name: str
    proofs: tuple[FactorProof, ...]
    keep: bool
    visit: Visit
    assessed: Assessed
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class NewSecret:
    """token: the auth host's new secret. max_age_s 0: until the browser is closed."""

    token: Token
    max_age_s: int
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class SignedIn:
    """token, max_age_s: as NewSecret. device: new device cookie text. breached: the password is among those.

    to_be_erased: somebody asked for that.
    """

    token: Token
    max_age_s: int
    device: str
    breached: bool = False
    to_be_erased: bool = False


REPLACED: Final = "replaced"


@dataclass(frozen=True, slots=True)
class Issuing:
    """auth_host: the canonical name that the auth host's own credentials are bound to."""

    keys: Keys
    lifetimes: Lifetimes
    auth_host: str
    risk: Risk
    random: Callable[[int], bytes]
    notices: Notices = NO_NOTICES

    async def sign_in(self, act: Act, entering: Entering, current: LiveLogin | None) -> SignedIn:
        """The login of this person in this browser goes on; another one that the browser had ends.

        The caller holds the person. Raises RecordUnavailable and LoginsStopped.
        """
        tag = tag_of(self.keys.tag, entering.user_id)
        issued = await self.renew(act, tag, entering, current)
        if issued is None:
            await self._allow(act, entering.user_id)
            if current is not None:
                await end_login(act, current.token.login_id, REPLACED)
                act.ends("login", current.token.tag, current.token.login)
            issued = await self._create(act, tag, entering)
        login, visit, scored = issued.token.login, entering.visit, entering.assessed.score
        device = self.known_device(visit, entering.name)
        known = replace(visit.source, device_id=parse_device(device).id)
        await self.risk.learn(act, entering.user_id, entering.assessed, known.device_id, login)
        is_first = await act.users.use_fresh(entering.user_id)
        confirmed_at = act.now if entering.confirmed or is_first else None
        await act.logins.set_origin(issued.token.login_id, self.risk.device_of(known), confirmed_at)
        act.record(
            LoggedIn(
                entering.user_id,
                login,
                amr=amr_values(issued.assurance),
                score=scored.points,
                factors=scored.factors,
                breach=entering.assessed.verdict,
                address=visit.address_text,
                user_agent=visit.user_agent,
            )
        )
        await self._tell(act, entering)
        act.stales_login(tag, login)
        return SignedIn(
            issued.token,
            issued.max_age_s,
            device,
            breached=entering.assessed.verdict == "found",
            to_be_erased=await act.erasure_requests.find(entering.user_id) is not None,
        )

    async def _tell(self, act: Act, entering: Entering) -> None:
        """Nothing is new to a person at their first login."""
        visit, assessed = entering.visit, entering.assessed
        factors = {reason.factor for reason in assessed.score.reasons}
        if Factor.FIRST_LOGIN in factors or (assessed.device_known and Factor.NEW_COUNTRY not in factors):
            return
        kind = MailKind.NEW_COUNTRY if assessed.device_known else MailKind.NEW_DEVICE
        why = "; ".join(f"{reason.words} ({reason.points})" for reason in assessed.score.reasons)
        rows = (("Risk score", f"{assessed.score.points} of 100"), ("Because", why or "nothing else was unusual"))
        link = {USED_PASSKEY: await _used_passkeys(act, entering)}
        facts = NoticeFacts(visit.address_text, visit.user_agent, more=rows, link=link)
        await self.notices.tell(act, entering.user_id, kind, facts)

    async def _allow(self, act: Act, user_id: UUID) -> None:
        """Raises LoginsStopped."""
        if await act.settings.holds(STOP_LOGINS_KEY, act.now) and not await act.admin_roles.of(user_id, act.now):
            raise LoginsStopped("sign-ins are stopped, but for people with a role in the console")

    async def renew(self, act: Act, tag: str, entering: Entering, current: LiveLogin | None) -> NewSecret | None:
        """A new secret in the same login, with what the old one proved besides (threats.md L8).

        The old one passes for 20 s with its old assurance (R12). None: there is no login of this person to go on with,
        or its secret was replaced already.
        """
        if current is None or current.token.tag != tag:
            return None
        now, old = act.now, current.token.credential
        row = await act.logins.find(current.token.login_id)
        standing = None if row is None else _standing(row, old, now)
        if row is None or standing is None:
            return None
        token = mint(self.keys.mac, tag, row.id, self.random(SECRET_BYTES))
        assurance = _after(standing.assurance, entering, now)
        if not await act.logins.add_session(
            row.id, self.auth_host, credential_of(self.auth_host, token), assurance, now
        ):
            return None
        await act.logins.replace_session(row.id, old, now)
        return NewSecret(token, (row.expires_at - now) if row.persistent else 0, assurance)

    async def _create(self, act: Act, tag: str, entering: Entering) -> NewSecret:
        now, times, keep = act.now, self.lifetimes, entering.keep
        absolute_s = times.remembered_absolute_s if keep else times.absolute_s
        token = mint(self.keys.mac, tag, self.random(LOGIN_BYTES), self.random(SECRET_BYTES))
        created = await act.logins.create(
            NewLogin(
                id=token.login_id,
                user_id=entering.user_id,
                created_at=now,
                persistent=keep,
                idle_s=times.remembered_idle_s if keep else times.idle_s,
                expires_at=now + absolute_s,
                address=entering.visit.address_text,
                user_agent=entering.visit.user_agent,
            )
        )
        credential, assurance = credential_of(self.auth_host, token), _after(NO_PROOF, entering, now)
        if not created or not await act.logins.add_session(token.login_id, self.auth_host, credential, assurance, now):
            raise RecordUnavailable("the person was disabled while signing in")
        return NewSecret(token, absolute_s if keep else 0, assurance)

    def known_device(self, visit: Visit, name: str) -> str:
        """The text of the device cookie after this name signed in."""
        return remember(self.keys.device, parse_device(visit.device), name, self.random(DEVICE_BYTES))


async def _used_passkeys(act: Act, entering: Entering) -> str:
    """Those of the person that proved something in this second, as the link of a notice keeps them."""
    if all(proof.name != "passkey" for proof in entering.proofs):
        return ""
    rows = await act.passkeys.list(entering.user_id)
    return " ".join(b64(row.hash) for row in rows if row.last_used_at == act.now)


def _standing(row: LoginRow, credential: bytes, now: int) -> SessionRow | None:
    """The session of the secret, where the login goes on and the secret was not replaced."""
    if row.ended or row.expires_at <= now:
        return None
    return next((one for one in row.sessions if one.credential == credential and not one.until), None)


def _after(assurance: Assurance, entering: Entering, now: int) -> Assurance:
    for proof in entering.proofs:
        assurance = proven(assurance, proof, now)
    return Assurance(assurance.authenticated_at, assurance.mfa_at, assurance.amr, entering.assessed.score.points)


def names_of(proofs: Iterable[frozenset[FactorProof]]) -> tuple[str, ...]:
    """Of ways to prove more, what is in any of them."""
    return tuple(sorted({proof.name for way in proofs for proof in way}))
