"""Owns one route as it is enforced: who comes in, who never does, and what is sent along."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, Protocol

from gateway.core.assurance.need import Need, ease, lacks_methods, met
from gateway.core.policy.app_cookies import AppCookie
from gateway.core.policy.app_tokens import AppToken
from gateway.core.policy.canonical import Oddity
from gateway.core.policy.conditions import Condition, Truth, needed_scopes, needs_token
from gateway.core.policy.cors import Cors
from gateway.core.policy.facts import SESSION, Actor, Allow, Deny, Facts, Login, StepUp, Verdict
from gateway.core.policy.header_sets import HeaderSet
from gateway.core.policy.key_places import NOWHERE, KeyPlaces
from gateway.core.policy.patterns import HostPattern, PathPattern
from gateway.core.policy.places import Place
from gateway.core.ratelimit.gcra import Limit

DENIED_BY_RULE: Final = Deny("a rule forbids it")
NOT_AMONG_THEM: Final = Deny("not among those allowed here")
CLOSED: Final = Deny("the app is closed")
_STRANGER: Final = Login()
_SECOND_FACTOR: Final = Need(mfa=True)
UNBOUND: Final = Deny("only a token that is bound to a key comes in here")
TOO_RISKY: Final = Deny("the risk score of the login is too high, or not known")
ENDED: Final = Deny("the token's client is not for this person any more")
TOO_FEW_SCOPES: Final = "the token's scopes do not suffice"
UNPROVEN: Final = Deny("an API key proves no second factor and no recent login")
UNPROVEN_METHODS: Final = Deny("the login behind the token was proven by other methods")
API_KEY: Final = "api_key"
CREDENTIALS: Final = ("session", "bearer", "dpop", API_KEY)
_TOKENS: Final = frozenset({"bearer", "dpop"})
BY_SESSION: Final = frozenset({SESSION})
Cache = Literal["private", "shared", "none"]


class Case(Enum):
    """What a path is that differs from a route only by the case of its letters."""

    GUARDED = "guarded"  # refused
    SENSITIVE = "sensitive"  # another path
    INSENSITIVE = "insensitive"  # the same path


@dataclass(frozen=True, slots=True)
class Require:
    """authenticated_within_s 0: however old. dpop: only tokens bound to a key. amr: bits of core/assurance/model.py.

    risk_below 0: whatever the score.
    """

    mfa: bool = False
    authenticated_within_s: int = 0
    dpop: bool = False
    amr: int = 0
    risk_below: int = 0

    @property
    def need(self) -> Need:
        """What logging in again can mend, so without dpop."""
        return Need(mfa=self.mfa, within_s=self.authenticated_within_s, amr=self.amr)

    def and_also(self, other: "Require") -> "Require":
        """What meets both."""
        windows = [one for one in (self.authenticated_within_s, other.authenticated_within_s) if one]
        scores = [one for one in (self.risk_below, other.risk_below) if one]
        return Require(
            self.mfa or other.mfa,
            min(windows, default=0),
            self.dpop or other.dpop,
            self.amr | other.amr,
            min(scores, default=0),
        )

    def met_by(self, person: Actor, now: int) -> bool:
        return met(self.need, person.assurance, now)


@dataclass(frozen=True, slots=True)
class Leg:
    """One of the ways in. people: it depends on who asks, so who comes in by it comes in as somebody.

    tokens: it names scopes or clients, so among people it is for tokens alone. scopes: all that it names.
    require: the route's and the leg's own together. allowed, step_up: its answers, made once.
    """

    name: str
    condition: Condition
    people: bool
    tokens: bool
    scopes: frozenset[str]
    require: Require
    place: Place
    allowed: Allow
    step_up: StepUp

    @classmethod
    def of(cls, name: str, condition: Condition, require: Require, place: Place, *, people: bool) -> "Leg":
        step_up = StepUp(require.need)
        tokens, scopes = needs_token(condition), needed_scopes(condition)
        return cls(name, condition, people, tokens, scopes, require, place, Allow(people, name), step_up)

    def judge(self, facts: Facts) -> Verdict | None:
        """None: not by this leg, whatever they prove."""
        truth = self.condition.holds(facts)
        if truth is Truth.YES:
            if not self.people:
                return self.allowed
            assert facts.person is not None
            if self.require.dpop and not facts.person.dpop:
                return None
            if self.require.risk_below and facts.person.assurance.risk >= self.require.risk_below:
                return TOO_RISKY
            return self.allowed if self.require.met_by(facts.person, facts.now) else self.step_up
        return _STRANGER if truth is Truth.ASK else None


@dataclass(frozen=True, slots=True)
class Denial:
    """Fires when it holds, and when the address that it depends on is not known."""

    condition: Condition
    place: Place

    def fires(self, facts: Facts) -> bool:
        return self.condition.holds(facts) in (Truth.YES, Truth.NOWHERE)


@dataclass(frozen=True, slots=True)
class Review:
    """day: YYYY-MM-DD; from then on, at: Unix seconds, in UTC."""

    day: str
    at: int
    place: Place


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request spends from: with a session, without one, or with a token."""

    session: tuple[Limit, ...]
    anonymous: tuple[Limit, ...]
    token: tuple[Limit, ...]


class TokenClient(Protocol):
    """What a route asks of the client that a token was issued to."""

    @property
    def is_service(self) -> bool:
        """Its tokens are its own, and no person's."""

    def goes_on_for(self, person: Actor, now: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class Respond:
    """How refusals look. message: for people, plain text."""

    anonymous: Literal["auto", "401", "404"] = "auto"
    denied: Literal[403, 404, 503] = 403
    retry_after_s: int = 0
    message: str = ""

    @property
    def says_denied(self) -> bool:
        """Whether people learn that they are denied something."""
        return self.denied == 403  # noqa: PLR2004 - of the Literal above


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """name: app/route. asks_people: some leg, denial or the identity depends on who asks.

    Two are never equal, so that what was made of one can be remembered under it.
    paths: with the app's base. cors: "app" when the app answers preflights itself.
    frame_ancestors: which pages may show the route's in a frame, as in a CSP.
    response_block: constant headers of an allow.
    head: the same as lines, with what tells the browser that no other origin may read the answer.
    header_set: the same by a name, for a proxy that knows it.
    identity: "none" sends none although people come in as somebody: see sends_identity.
    limits: of requests with a session, token_limits: of those with a token, anonymous_limits: of all others; the same
    unless the route names none.
    cache: who may keep answers; "shared" leaves that to the app. base: where the app is mounted.
    note: why it is as it is. review: the nearest one.
    credentials: how people may prove who they are: of CREDENTIALS. clients: whose tokens there can be.
    token_legs: those by which a token or a key of a person comes in. service_legs: those of an app that acts for
    itself. key_places: where a key is looked for.
    forwards_credentials: the app sees the token, which is for its host. sends_assertion: beside the identity headers.
    app_tokens: credentials of the app's own that legs and denials look for.
    is_closed, identity_asks_mfa: of an emergency. A closed one lets nobody in; the other one tells an app that lets
    anybody in who it is only after a second factor.
    """

    name: str
    place: Place
    hosts: tuple[HostPattern, ...]
    paths: tuple[PathPattern, ...]
    methods: tuple[str, ...]
    legs: tuple[Leg, ...]
    denials: tuple[Denial, ...]
    asks_people: bool
    identity: Literal["sent", "none", "optional"]
    limits: tuple[Limit, ...]
    anonymous_limits: tuple[Limit, ...]
    cors: Cors
    cross_origin_allow: bool
    path_accepts: frozenset[Oddity]
    respond: Respond
    headers: str
    frame_ancestors: str
    response_block: tuple[tuple[str, str], ...]
    head: bytes
    header_set: HeaderSet
    cache: Cache
    base: str
    app_cookies: tuple[AppCookie, ...]
    case: Case = Case.GUARDED
    priority: int = 0
    note: str = ""
    review: Review | None = None
    credentials: frozenset[str] = BY_SESSION
    clients: Mapping[str, TokenClient] = field(default_factory=dict)
    token_legs: tuple[Leg, ...] = ()
    token_limits: tuple[Limit, ...] = ()
    key_places: KeyPlaces = NOWHERE
    forwards_credentials: bool = False
    sends_assertion: bool = False
    app_tokens: tuple[AppToken, ...] = ()
    service_legs: tuple[Leg, ...] = ()
    is_closed: bool = False
    identity_asks_mfa: bool = False

    @property
    def takes_tokens(self) -> bool:
        """API keys are none."""
        return not self.credentials.isdisjoint(_TOKENS)

    @property
    def takes_keys(self) -> bool:
        return API_KEY in self.credentials

    @property
    def takes_basic(self) -> bool:
        """A key as its password, or the app's own; clients send neither before they are asked."""
        return self.key_places.basic or any(token.is_basic for token in self.app_tokens)

    def judge(self, facts: Facts) -> Verdict:
        """Total and default-deny. The best leg wins: as somebody, as nobody, after a step-up, after a login."""
        if self.is_closed:
            return CLOSED
        facts = self.accepted(facts)
        person = facts.person
        for denial in self.denials:
            if denial.fires(facts):
                return DENIED_BY_RULE
        if person is not None and person.credential != SESSION:
            return self._judge_token(person, facts)
        best = best_of(self.legs, facts)
        if self.identity == "optional" and person is not None and isinstance(best, Allow):
            if self.identity_asks_mfa and not met(_SECOND_FACTOR, person.assurance, facts.now):
                return StepUp(_SECOND_FACTOR)
            return Allow(identity=True, leg=best.leg)
        return best

    def accepted(self, facts: Facts) -> Facts:
        """A credential that the route doesn't accept is no credential."""
        if facts.person is None or facts.person.credential in self.credentials:
            return facts
        return facts.of(None)

    def lets_go_on(self, person: Actor, now: int) -> bool:
        """Whether the client of a token is one still, and for its person."""
        client = self.clients.get(person.client)
        return client is not None and client.goes_on_for(person, now)

    def _judge_token(self, person: Actor, facts: Facts) -> Verdict:
        """By a leg on tokens or keys, and never wider than what the client may do for the person now (X4)."""
        is_key = person.credential == API_KEY  # whose scopes were judged so before: KeyScopes.of
        if not is_key and not self.lets_go_on(person, facts.now):
            return ENDED
        legs = self.token_legs if is_key or not self.clients[person.client].is_service else self.service_legs
        best = best_of(legs, facts)
        if is_key and isinstance(best, StepUp):
            return UNPROVEN  # whatever its person proved when it was made (X5)
        if isinstance(best, StepUp) and self.clients[person.client].is_service:
            return NOT_AMONG_THEM  # nobody is there who could log in again
        if isinstance(best, StepUp) and lacks_methods(best.need, person.assurance):
            return UNPROVEN_METHODS  # no challenge can ask for them, so the client would come again and again
        return self._lacking(person, facts, legs) if best is NOT_AMONG_THEM else best

    def _lacking(self, person: Actor, facts: Facts, legs: tuple[Leg, ...]) -> Deny:
        """Why no leg took the token: what it would have come in with."""
        for leg in legs:
            if leg.require.dpop and not person.dpop and leg.condition.holds(facts) is Truth.YES:
                return UNBOUND
            wider = Actor(
                person.user,
                person.groups,
                person.assurance,
                person.credential,
                person.client,
                person.scopes | leg.scopes,
                person.dpop,
            )
            verdict = leg.judge(facts.of(wider)) if leg.scopes else None
            if verdict is not None and verdict is not TOO_RISKY:
                return Deny(TOO_FEW_SCOPES, tuple(sorted(leg.scopes)))
        return NOT_AMONG_THEM

    def sends_identity(self, verdict: Allow) -> bool:
        """Whether the app learns who it is."""
        return verdict.identity and self.identity != "none"


@dataclass(frozen=True, slots=True)
class Routed:
    """captures: those that conditions of the route use."""

    route: Route
    captures: Mapping[str, str]


def best_of(legs: Iterable[Leg], facts: Facts) -> Verdict:
    """Total and default-deny. As somebody, as nobody, after a step-up, after a login."""
    best: Verdict = NOT_AMONG_THEM
    for leg in legs:
        verdict = leg.judge(facts)
        if verdict is leg.allowed and leg.people:
            return verdict
        if verdict is not None and _rank(verdict) > _rank(best):
            best = verdict
    return best


def _rank(verdict: Verdict) -> tuple[int, int, int, int]:
    """Among step-ups the one that asks least."""
    match verdict:
        case Allow(identity):
            return (4 if identity else 3, 0, 0, 0)
        case StepUp(need):
            return (2, *ease(need))
        case Login():
            return (1, 0, 0, 0)
        case Deny():
            return (0, 1 if verdict is TOO_RISKY else 0, 0, 0)
