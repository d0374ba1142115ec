"""Gives a signed-in browser the session of one protected host: steps 1 and 3 of the flow in threats.md section 2."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address

from gateway.core.assurance.need import Need, met, read_need
from gateway.core.audit.login_events import SessionOpened
from gateway.core.base64url import unb64
from gateway.core.keys import Keys
from gateway.core.policy.app_tokens import app_tokens_in
from gateway.core.policy.facts import Deny, Facts, Refused, StepUp
from gateway.core.policy.model import Policy
from gateway.core.policy.route import Respond
from gateway.core.session.journey import Journey
from gateway.core.session.tokens import SECRET_BYTES, Token, child_token, code_hash, credential_of, mint
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.documents import NOTHING_IS_ASKED, DocumentGate
from gateway.flows.enrolment import NOBODY_HAS_TO, Enrolment


@dataclass(frozen=True, slots=True)
class Go:
    """The browser may have the host's session: `code` goes there, and is worthless in any other browser.

    keep: the session stays when the browser is closed, as its login does.
    """

    code: Token
    keep: bool


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The login does not meet the need of where the person is going, or has just ended."""

    need: Need


@dataclass(frozen=True, slots=True)
class Denied:
    """Policy doesn't let this person there, whatever they prove. reason: policy's. respond: the route's."""

    reason: str
    respond: Respond


@dataclass(frozen=True, slots=True)
class MustEnrol:
    """The person had the time to set up a second factor, and has none."""


@dataclass(frozen=True, slots=True)
class OwesAnswers:
    """The person has to answer a published document before the next app opens."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """policy: as it is now; a reload swaps it whole."""

    acts: Acts
    keys: Keys
    policy: Callable[[], Policy]
    random: Callable[[int], bytes]
    enrolment: Enrolment = NOBODY_HAS_TO
    documents: DocumentGate = NOTHING_IS_ASKED

    def knows(self, journey: Journey) -> bool:
        """Whether policy still has the host that the journey started from."""
        return self.policy().knows_host(journey.host)

    async def pass_on(
        self,
        live: LiveLogin,
        journey: Journey,
        address: IPv4Address | IPv6Address | None,
        request_id: str,
    ) -> Go | AskAgain | Denied | MustEnrol | OwesAnswers:
        """Raises RecordUnavailable or StoreUnavailable. After an error nothing is claimable."""
        if await self.enrolment.is_over(self.acts, live):
            return MustEnrol()
        refusal = self._judge(live, journey, address)
        if refusal is not None:
            return refusal
        if await self.documents.owed(self.acts, live):
            return OwesAnswers()
        code = mint(self.keys.code, live.token.tag, live.token.login_id, self.random(SECRET_BYTES))
        child = child_token(self.keys.child, self.keys.mac, code, journey.host, unb64(journey.way))
        async with self.acts.begin(request_id=request_id) as act:
            keep = await self._insert(act, live, journey, credential_of(journey.host, child))
            if keep is None:
                return AskAgain(read_need(journey.need))
            act.stales_login(code.tag, code.login)
            act.offers(code.tag, code_hash(code), journey.host)
        return Go(code, keep)

    def _judge(
        self, live: LiveLogin, journey: Journey, address: IPv4Address | IPv6Address | None
    ) -> AskAgain | Denied | None:
        """None: go on. A path that policy refuses for its form is answered by its own host, which knows the method."""
        now, facts = self.acts.clock(), live.facts
        need = read_need(journey.need)
        if not met(need, facts.assurance, now):
            return AskAgain(need)
        path, _, query = journey.return_to.partition("?")
        found = self.policy().find(journey.host, "GET", path)
        if isinstance(found, Refused):
            return Denied(found.reason, Respond()) if found.status == HTTPStatus.FORBIDDEN else None
        brought = app_tokens_in(found.route.app_tokens, (), query)
        verdict = found.route.judge(Facts(live.actor, address, now, found.captures, brought))
        match verdict:
            case Deny(reason):
                return Denied(reason, found.route.respond)
            case StepUp(more):
                return AskAgain(need.and_also(more))
            case _:
                return None

    async def _insert(self, act: Act, live: LiveLogin, journey: Journey, credential: bytes) -> bool | None:
        """Whether the login is kept; None: it ended in the meantime.

        The child inherits the assurance of the secret that it was made with.
        """
        login_id, host, facts = live.token.login_id, journey.host, live.facts
        if not await act.logins.add_session(login_id, host, credential, facts.assurance, act.now):
            return None
        if journey.old:
            await act.logins.replace_session(login_id, unb64(journey.old), act.now)
        act.record(SessionOpened(live.person.user_id, live.token.login, host))
        row = await act.logins.find(login_id)
        return row is not None and row.persistent
