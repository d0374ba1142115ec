"""Decides how an authorization request goes on: to sign in, to the consent page, or back to the app with a code."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from gateway.core.addresses import Address
from gateway.core.assurance.change import CodeNeeded
from gateway.core.assurance.model import amr_values
from gateway.core.assurance.need import NOTHING, Need, met
from gateway.core.audit.app_events import AppConsentGiven
from gateway.core.base64url import b64, unb64
from gateway.core.keys import Keys
from gateway.core.oauth.code import CODE_BYTES, CODE_S, CodeContent, authorization_code_hash, code_text
from gateway.core.oauth.consent import asks_consent
from gateway.core.oauth.errors import OAuthError
from gateway.core.oauth.interaction import Interaction, seal_interaction, unseal_interaction
from gateway.core.oauth.parameters import Parameters
from gateway.core.oauth.request import (
    AuthorizationRequest,
    Published,
    ReturnAddress,
    Unaddressed,
    address_of,
    client_of,
    own_parameters,
    read_request,
)
from gateway.core.policy.facts import Allow, Deny, Facts, Login, StepUp
from gateway.core.policy.model import Policy
from gateway.core.principal.identity import subject_of
from gateway.core.sealed_text import NONCE_BYTES, BadSeal
from gateway.core.session.person import Person
from gateway.flows.act import Act, Acts
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.documents import NOTHING_IS_ASKED, DocumentGate
from gateway.flows.enrolment import NOBODY_HAS_TO, Enrolment
from gateway.flows.may_change import lacking_for_change
from gateway.flows.oauth.par import PushedParameters, pushed_id_hash

_EXPECTS_ANOTHER: Final = OAuthError("login_required", "the person goes on as another than id_token_hint tells of")
_MUST_ENROL: Final = OAuthError("interaction_required", "the person has to set up a second factor first")
_OWES: Final = OAuthError("interaction_required", "the person has to accept a document first")
_OLD: Final = "This request to sign in is out of date. Go back to the app and start again."


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that its client may make. sealed: as the browser carries it."""

    sealed: str
    interaction: Interaction
    address: ReturnAddress
    request: AuthorizationRequest


@dataclass(frozen=True, slots=True)
class ToApp:
    """The browser goes back with these values, among them `iss`."""

    address: ReturnAddress
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AskLogin:
    """The person has to sign in, for the first time or anew. another: as somebody else than who is signed in.

    need: what the login has to meet then.
    """

    opened: Opened
    another: bool = False
    need: Need = NOTHING


@dataclass(frozen=True, slots=True)
class AskCode:
    """What outlasts the login is asked, and a mailed or an operator's code has to speak for it first (X3)."""

    opened: Opened


@dataclass(frozen=True, slots=True)
class AskAccount:
    """person: who is signed in. expected: the app takes them; otherwise it takes another account alone."""

    opened: Opened
    person: Person
    expected: bool


@dataclass(frozen=True, slots=True)
class AskEnrolment:
    """The person had the time to set up a second factor, and has none."""

    opened: Opened


@dataclass(frozen=True, slots=True)
class AskDocuments:
    """The person has to answer a published document first."""

    opened: Opened


@dataclass(frozen=True, slots=True)
class AskConsent:
    """person: whom it asks. sentences: what each scope lets the app do."""

    opened: Opened
    person: Person
    sentences: tuple[str, ...]


Asking: TypeAlias = AskLogin | AskCode | AskAccount | AskEnrolment | AskDocuments


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is in front of the browser. live None: nobody is signed in. address None: not known."""

    live: LiveLogin | None
    address: Address | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Authorize:
    """published: what apps know us by now. policy: as it is now; a reload swaps it whole.

    All of it raises Unaddressed where the browser can't be sent back to an app, RecordUnavailable and StoreUnavailable.
    """

    acts: Acts
    keys: Keys
    pushed: PushedParameters
    policy: Callable[[], Policy]
    published: Callable[[], Published]
    random: Callable[[int], bytes]
    enrolment: Enrolment = NOBODY_HAS_TO
    documents: DocumentGate = NOTHING_IS_ASKED

    async def begin(self, pairs: Iterable[tuple[str, str]]) -> str | ToApp:
        """The sealed request, with which the browser goes on."""
        parameters = own_parameters(pairs)
        now = self.acts.clock()
        hash_ = pushed_id_hash(parameters.values.get("request_uri", ""))
        if hash_ is not None:
            client = client_of(parameters, self.policy().clients)
            if await self.pushed.of(hash_, client.id, opened_at=now) is None:
                raise Unaddressed(_OLD)
            return self._sealed(Interaction(client.id, {}, b64(hash_), now))
        address = address_of(parameters, self.policy().clients)
        try:
            read_request(parameters, address, self.published(), pushed=False)
            return self._sealed(Interaction(address.client.id, parameters.values, "", now))
        except OAuthError as error:
            return self._refusal(address, error)

    async def open(self, sealed: str) -> Opened | ToApp:
        """Judged anew: policy may have changed since it was sealed."""
        try:
            interaction = unseal_interaction(self.keys.interaction, sealed)
        except BadSeal as error:
            raise Unaddressed(_OLD) from error
        if not interaction.is_timely(self.acts.clock()):
            raise Unaddressed(_OLD)
        parameters = await self._parameters(interaction)
        address = address_of(parameters, self.policy().clients)
        try:
            request = read_request(parameters, address, self.published(), pushed=bool(interaction.pushed))
        except OAuthError as error:
            return self._refusal(address, error)
        return Opened(sealed, interaction, address, request)

    async def go_on(self, sealed: str, visitor: Visitor) -> ToApp | Asking | AskConsent:
        """What comes next. With ToApp and a code the request is done."""
        admitted = await self._admitted(sealed, visitor)
        if not isinstance(admitted, tuple):
            return admitted
        opened, live = admitted
        async with self.acts.begin() as act:
            given = await act.app_consents.scopes(
                live.person.user_id, opened.address.client.id, opened.request.resource
            )
        if not asks_consent(opened.request, opened.address, given):
            return await self._issue(opened, live, visitor.request_id, consents=False)
        if "none" in opened.request.prompts:
            return self._refusal(opened.address, OAuthError("consent_required", "the person has to consent first"))
        known = self.policy().scopes
        return AskConsent(opened, live.person, tuple(known[scope] for scope in opened.request.scopes))

    async def consent(self, sealed: str, visitor: Visitor, *, allows: bool) -> ToApp | Asking:
        """What the person said on the consent page."""
        admitted = await self._admitted(sealed, visitor)
        if not isinstance(admitted, tuple):
            return admitted
        opened, live = admitted
        if not allows:
            return self._refusal(opened.address, OAuthError("access_denied", "the person does not consent"))
        return await self._issue(opened, live, visitor.request_id, consents=True)

    async def choose(self, sealed: str, visitor: Visitor, *, another: bool) -> str | ToApp:
        """What the person said on the account page: the sealed request, with which the browser goes on."""
        opened = await self.open(sealed)
        if isinstance(opened, ToApp):
            return opened
        live = visitor.live
        if live is None:
            return sealed
        if not another and opened.request.expects_another(subject_of(live.person.user_id)):
            return self._refusal(opened.address, _EXPECTS_ANOTHER)
        session = b64(live.token.credential)
        kept, left = ("", session) if another else (session, "")
        try:
            return self._sealed(replace(opened.interaction, kept=kept, left=left))
        except OAuthError as error:
            return self._refusal(opened.address, error)

    async def judge(self, opened: Opened, visitor: Visitor) -> ToApp | Asking | None:
        """Whether this person may have what is asked, as freshly signed in as is asked. None: yes."""
        asks = self._asks(opened, visitor) or await self._asks_of_lasting(opened, visitor)
        if isinstance(asks, OAuthError):
            return self._refusal(opened.address, asks)
        if asks is not None and "none" in opened.request.prompts:
            return self._refusal(opened.address, OAuthError("login_required", "the person has to sign in first"))
        return asks

    async def _asks_of_lasting(self, opened: Opened, visitor: Visitor) -> AskLogin | AskCode | None:
        """A grant that outlives the login is made by the rule of other such changes."""
        live, request = visitor.live, opened.request
        if live is None or not request.is_offline(opened.address.client):
            return None
        async with self.acts.begin() as act:
            lacks = await lacking_for_change(act, live)
        match lacks:
            case None:
                return None
            case CodeNeeded():
                return AskCode(opened)
            case need:
                return AskLogin(opened, need=request.need(opened.interaction.began_at, act.now).and_also(need))

    async def _admitted(self, sealed: str, visitor: Visitor) -> tuple[Opened, LiveLogin] | ToApp | Asking:
        """A request with a person who may have what it asks, or what comes instead."""
        opened = await self.open(sealed)
        if isinstance(opened, ToApp):
            return opened
        refusal = await self.judge(opened, visitor)
        if refusal is not None or visitor.live is None:
            return refusal or AskLogin(opened)
        silent = "none" in opened.request.prompts
        if await self.enrolment.is_over(self.acts, visitor.live):
            return self._refusal(opened.address, _MUST_ENROL) if silent else AskEnrolment(opened)
        owed = await self.documents.owed(self.acts, visitor.live)
        if silent and any(one.must for one in owed):
            return self._refusal(opened.address, _OWES)
        if owed and not silent:
            return AskDocuments(opened)
        return opened, visitor.live

    def _asks(self, opened: Opened, visitor: Visitor) -> AskLogin | AskAccount | OAuthError | None:
        live, now, request = visitor.live, self.acts.clock(), opened.request
        asked = request.need(opened.interaction.began_at, now)
        if live is None:
            return AskLogin(opened, need=asked)
        subject, session = subject_of(live.person.user_id), b64(live.token.credential)
        if request.subjects and subject not in request.subjects:
            return OAuthError("login_required", "another person is signed in than the one that is asked for")
        if session == opened.interaction.left:
            return AskLogin(opened, another=True)
        began_at, authenticated_at = opened.interaction.began_at, live.facts.assurance.authenticated_at
        if not met(asked, live.facts.assurance, now):
            return AskLogin(opened, need=asked)
        if request.expects_another(subject):
            return AskAccount(opened, live.person, expected=False)
        if request.asks_account(authenticated_at, began_at) and session != opened.interaction.kept:
            return AskAccount(opened, live.person, expected=True)
        return self._asks_of(opened, Facts(live.actor, visitor.address, now), asked)

    def _asks_of(self, opened: Opened, facts: Facts, asked: Need) -> AskLogin | OAuthError | None:
        """What the client's own rules ask of the person."""
        match opened.address.client.judge(facts):
            case Allow():
                return None
            case Deny():
                return OAuthError("access_denied", "policy does not let this person use the app")
            case StepUp(more):
                return AskLogin(opened, need=asked.and_also(more))
            case Login():
                return AskLogin(opened, need=asked)

    async def _issue(self, opened: Opened, live: LiveLogin, request_id: str, *, consents: bool) -> ToApp | AskLogin:
        text = code_text(self.random(CODE_BYTES))
        hash_ = authorization_code_hash(text)
        assert hash_ is not None
        async with self.acts.begin(request_id=request_id) as act:
            if not await act.logins.hold(live.token.login_id, act.now):
                return AskLogin(opened)
            if not await self._use_pushed(act, opened.interaction):
                error = OAuthError("invalid_request_uri", "the pushed request was used already")
                return self._refusal(opened.address, error)
            if consents:
                await _remember(act, opened, live)
            client, person, content = opened.address.client.id, live.person.user_id, _content(opened, live)
            await act.codes.add(hash_, client, person, live.token.login_id, content, act.now + CODE_S)
        return ToApp(opened.address, opened.address.values(self.published().issuer, {"code": text}))

    async def _use_pushed(self, act: Act, interaction: Interaction) -> bool:
        return not interaction.pushed or await act.pushed_requests.use(unb64(interaction.pushed), act.now)

    async def _parameters(self, interaction: Interaction) -> Parameters:
        if not interaction.pushed:
            return Parameters(interaction.parameters, frozenset())
        hash_ = unb64(interaction.pushed)
        parameters = await self.pushed.of(hash_, interaction.client, opened_at=interaction.began_at)
        if parameters is None:
            raise Unaddressed(_OLD)
        return parameters

    def _sealed(self, interaction: Interaction) -> str:
        sealed = seal_interaction(self.keys.interaction, interaction, self.random(NONCE_BYTES))
        if sealed is None:
            raise OAuthError("invalid_request", "the request is too long for an address; push it (RFC 9126)")
        return sealed

    def _refusal(self, address: ReturnAddress, error: OAuthError) -> ToApp:
        described = {"error_description": error.description} if error.description else {}
        return ToApp(address, address.values(self.published().issuer, {"error": error.error, **described}))


async def _remember(act: Act, opened: Opened, live: LiveLogin) -> None:
    """What was let be done before stays so."""
    person, client, resource = live.person.user_id, opened.address.client.id, opened.request.resource
    scopes = sorted({*opened.request.scopes} | await act.app_consents.scopes(person, client, resource))
    await act.app_consents.give(person, client, resource, scopes, act.now)
    act.record(AppConsentGiven(person, client, tuple(scopes), resource))


def _content(opened: Opened, live: LiveLogin) -> CodeContent:
    request, address, facts = opened.request, opened.address, live.facts
    return CodeContent(
        redirect_uri=address.redirect_uri,
        scopes=request.scopes,
        resource=request.resource,
        code_challenge=request.code_challenge,
        nonce=request.nonce,
        jkt=request.jkt,
        claims=request.claims,
        authenticated_at=facts.assurance.authenticated_at,
        mfa_at=facts.assurance.mfa_at,
        amr=amr_values(facts.assurance),
        offline=request.is_offline(address.client),
    )
