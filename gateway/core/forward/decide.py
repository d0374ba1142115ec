"""The steps of a decision, in the order of policy.md 2.1: begin() takes those before the store, finish() the rest.

What was decided is a value (decision.py). respond.py makes the bytes of an answer of it, core/analysis/simulate.py
words, and neither decides anything.

Total and default-deny: a reply that is missing, late, somebody else's or of a form that nobody thought of never ends
in an allow for a route that asks who it is.

A token is asked like a session: its record, in the same one call. What is wrong with it before that call asks no store.
"""

from typing import Final

from gateway.core.assurance.model import NO_PROOF
from gateway.core.assurance.need import NOTHING, ease
from gateway.core.forward.app_tokens import app_tokens_of, sends_basic_by_itself
from gateway.core.forward.callback import ALIKE, is_answered_here
from gateway.core.forward.context import Context
from gateway.core.forward.credentials import Brought, CredentialFault, Scheme
from gateway.core.forward.decision import (
    CROSS_ORIGIN,
    NOT_FROM_THERE,
    Allowed,
    AppPreflight,
    Decision,
    Denied,
    Judged,
    Limited,
    LogIn,
    Preflight,
    Settled,
    TooEarly,
    Unauthorized,
    Unavailable,
)
from gateway.core.forward.destination import second_routes, with_needs_of
from gateway.core.forward.key_credentials import BroughtKey, kept_from_app, read_key
from gateway.core.forward.names import DESTINATION
from gateway.core.forward.request import ClientKind, ForwardedRequest
from gateway.core.policy.canonical import TAKE_DESTINATION
from gateway.core.policy.cross_origin import may_be_forged, preflight, refuses_cross_origin
from gateway.core.policy.facts import SESSION, Actor, Allow, Deny, Facts, Login, Refused, StepUp
from gateway.core.policy.route import API_KEY, Route, Routed
from gateway.core.principal.ask import LoginFacts, Presented, Question, Reply, Spend, Spent, Standing
from gateway.core.principal.identity import Known
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.core.ratelimit.slots import EVERYONE
from gateway.core.session.cookies import SESSION_COOKIE
from gateway.core.session.person import ForgedPerson
from gateway.core.token.api_key import ForgedTerms

_PREFLIGHT: Final = ClientKind.PREFLIGHT  # members of enums are looked up slowly
_LIVE: Final = Standing.LIVE
_MISS: Final = Standing.MISS
_PER_EVERYONE: Final = Per.EVERYONE
_PER_IP: Final = Per.IP
_PER_PRINCIPAL: Final = Per.PRINCIPAL


class Ask:
    """The route is known, and the rest waits for the store.

    others: routes that judge the request too, for what else it names. brought: the browser brought a session cookie,
    of whatever worth. random: RANDOM_BYTES bytes, for a login's start. token: what came in place of a session.
    kept_from_app: as the function says.
    """

    def __init__(
        self,
        question: Question,
        request: ForwardedRequest,
        context: Context,
        routed: Routed,
        others: tuple[Routed, ...],
        brought: bool,
        random: bytes,
        token: Brought | BroughtKey | None = None,
    ) -> None:
        self.question = question
        self.request = request
        self.context = context
        self.routed = routed
        self.others = others
        self.brought = brought
        self.random = random
        self.token = token
        self.kept_from_app = kept_from_app(request, token, context.api_keys) if request.credential_lines else []

    @property
    def needs_store(self) -> bool:
        """False: finish() needs no reply."""
        return self.question.presented is not None or bool(self.question.spends)


class Ours:
    """A path of Bastion's own, which policy doesn't reach: callback.py answers it."""


_OURS: Final = Ours()


def begin(request: ForwardedRequest, context: Context, random: bytes, number: int) -> Settled | Ours | Ask:
    """Which route decides, and what has to be known for it. number: no other call that waits has it."""
    if request.path.startswith(ALIKE) and is_answered_here(request, context):
        return _OURS
    is_preflight = request.client is _PREFLIGHT
    method = (request.requested_method or "") if is_preflight else request.method
    found = context.find(request.host, method, request.path)
    if isinstance(found, Refused):
        return found
    route = found.route
    if is_preflight and not route.is_closed:
        return _preflight(request, route)
    others: tuple[Routed, ...] = ()
    needs = route
    if DESTINATION in request.values and method in TAKE_DESTINATION:
        second = second_routes(request, context)
        if isinstance(second, Refused):
            return second
        others, needs = second, with_needs_of(route, second)
    if request.early_data and (needs.asks_people or needs.limits or needs.app_tokens):
        return TooEarly(route)
    if request.credential_lines and needs.asks_people:
        token = _credential(request, context, route)
        if isinstance(token, CredentialFault):
            return Unauthorized(route, token)
        if token is not None:
            spends = _spends(context, needs.token_limits, request, token.presented)
            question = _question_of(number, token, spends, request, context)
            return Ask(question, request, context, found, others, False, random, token)
    text = request.cookies.get(SESSION_COOKIE, "")
    presented = context.tokens.presented(request.host, text) if text and needs.asks_people else None
    limits = needs.anonymous_limits if presented is None else needs.limits
    spends = _spends(context, limits, request, presented) if limits else ()
    question = Question(number, presented, None, spends, request.request_id)
    return Ask(question, request, context, found, others, bool(text), random)


def _credential(
    request: ForwardedRequest, context: Context, route: Route
) -> Brought | BroughtKey | CredentialFault | None:
    """In place of a session. None: there is none that the route accepts."""
    key = read_key(request, route, context.api_keys) if route.takes_keys else None
    return context.reader.read(request, route.credentials) if key is None else key


def _question_of(
    number: int, brought: Brought | BroughtKey, spends: tuple[Spend, ...], request: ForwardedRequest, context: Context
) -> Question:
    if isinstance(brought, BroughtKey):
        return Question(number, brought.presented, None, spends, request.request_id)
    return context.reader.question(number, brought, spends, request.request_id)


def finish(ask: Ask, reply: Reply | None, now_us: int) -> Decision:
    """reply None: the store did not answer, or was not asked. now_us: of the shell's clock, for where the store did not
    say its own.
    """
    question, route = ask.question, ask.routed.route
    if reply is None or reply.number != question.number:
        return _without_store(ask, now_us // 1_000_000)
    if question.presented is not None and reply.login != question.presented.login:
        return Unavailable(route)
    if reply.outcome is _MISS or len(reply.spent) != len(question.spends):
        return Unavailable(route)
    limit: Limit | None = None
    state: Spent | None = None
    if reply.spent:
        limit, state = _telling(question.spends, reply.spent)
        if not state.allowed:
            return Limited(route, limit, state, question.presented)
    now = reply.now_us // 1_000_000
    token = ask.token
    if isinstance(token, BroughtKey):
        return _of_key(ask, token, reply, now, limit, state)
    if token is not None and (fault := token.fault_by(reply.outcome, now)) is not None:
        nonce = ask.context.reader.next_nonce(token, reply.incarnation, now)
        return Unauthorized(route, fault, nonce=nonce)
    if reply.outcome is not _LIVE or reply.facts is None or question.presented is None:
        return _judge(ask, None, None, now, limit, state)
    try:
        known = ask.context.people.open(question.presented.tag, reply.person)
    except ForgedPerson:
        return Unavailable(route)
    return _judge(ask, _actor(known, reply.facts, token), known, now, limit, state)


def _of_key(ask: Ask, key: BroughtKey, reply: Reply, now: int, limit: Limit | None, state: Spent | None) -> Decision:
    """What it may do is known now: its host, its networks, and of its scopes those that its person may still give."""
    route, context, presented = ask.routed.route, ask.context, key.presented
    if (fault := key.fault_by(reply.outcome)) is not None:
        return Unauthorized(route, fault)
    try:
        known = context.people.open(presented.tag, reply.person)
        terms = context.api_keys.terms(presented, reply.terms)
    except (ForgedPerson, ForgedTerms):
        return Unavailable(route)
    if ask.request.host not in terms.hosts:
        return Unauthorized(route, key.is_elsewhere())
    user = known.person.username
    person = Actor(user, known.groups, NO_PROOF, API_KEY)  # it proves no second factor and no recent login (X5)
    if not terms.lets_from(ask.request.address):
        return Denied(route, NOT_FROM_THERE, known, now, key.scheme, (), person)
    scopes = context.policy.key_scopes.of(terms.scopes, person, now)
    return _judge(ask, Actor(user, known.groups, NO_PROOF, API_KEY, "", scopes), known, now, limit, state)


def _actor(known: Known, facts: LoginFacts, brought: Brought | None) -> Actor:
    person = known.person
    if brought is None:
        return Actor(person.username, known.groups, facts.assurance)
    token, is_bound = brought.token, brought.proof is not None
    return Actor(
        person.username,
        known.groups,
        facts.assurance,
        brought.scheme.lower(),
        token.client,
        token.scopes,
        is_bound,
    )


def _preflight(request: ForwardedRequest, route: Route) -> Preflight | AppPreflight:
    if route.cors == "app":
        return AppPreflight(route)
    granted = preflight(route, request.origin or "", request.requested_method or "", request.requested_headers)
    return Preflight(route, granted)


def _spends(
    context: Context, limits: tuple[Limit, ...], request: ForwardedRequest, presented: Presented | None
) -> tuple[Spend, ...]:
    spends = []
    for limit in limits:
        if limit.per is _PER_EVERYONE:
            spends.append(Spend(EVERYONE, "", limit))
        elif presented is not None and limit.per is not _PER_IP:
            spends.append(Spend(presented.tag, presented.who, limit))
        elif limit.per is not _PER_PRINCIPAL:
            spends.append(Spend(context.names.of_address(request.address), "", limit))
    return tuple(spends)


def _without_store(ask: Ask, now: int) -> Decision:
    """Identity never passes unasked; a limit only where it says so (design.md section 2)."""
    route = ask.routed.route
    if ask.question.presented is not None:
        return Unavailable(route)
    if not all(one.limit.allow_on_store_failure for one in ask.question.spends):
        return Unavailable(route)
    return _judge(ask, None, None, now, None, None)


def _telling(spends: tuple[Spend, ...], spent: tuple[Spent, ...]) -> tuple[Limit, Spent]:
    """The limit to tell the client of: the refused one that lasts longest; where none is, what has least left."""
    limit, state = spends[0].limit, spent[0]
    for index in range(1, len(spends)):
        one, of_it = spends[index].limit, spent[index]
        if of_it.allowed and state.allowed:
            tells_more = of_it.remaining * limit.burst < state.remaining * one.burst
        else:
            tells_more = not of_it.allowed and (state.allowed or of_it.retry_after_us > state.retry_after_us)
        if tells_more:
            limit, state = one, of_it
    return limit, state


def _judge(
    ask: Ask, actor: Actor | None, known: Known | None, now: int, limit: Limit | None, state: Spent | None
) -> Decision:
    """Steps 9 to 11, by each route that judges the request: the hardest answer wins, and of equal ones the first.

    The app hears who it is only where each of them tells it: it would do there as somebody what nobody was let do.
    """
    decision = _judge_by(ask.routed, ask, actor, known, now, limit, state)
    for routed in ask.others:
        other = _judge_by(routed, ask, actor, known, now, limit, state)
        if _hardness(other) > _hardness(decision):
            decision = other
        elif isinstance(decision, Allowed) and isinstance(other, Allowed) and other.known is None:
            decision = decision.of_nobody()
    return decision


def _judge_by(
    routed: Routed,
    ask: Ask,
    actor: Actor | None,
    known: Known | None,
    now: int,
    limit: Limit | None,
    state: Spent | None,
) -> Judged:
    """Deny, allow, then what another site may have sent."""
    route, token = routed.route, ask.token
    request = ask.request
    brought = app_tokens_of(request, route, ask.kept_from_app)
    verdict = route.judge(Facts(actor, request.address, now, routed.captures, brought))
    match verdict:
        case Allow():
            if _is_forged(routed, ask, by_session=_may_be_sent_by_itself(verdict, actor, ask, route)):
                return Denied(route, CROSS_ORIGIN, known, now, _scheme(token), (), actor)
            told = known if route.sends_identity(verdict) else None
            nonce = ask.context.reader.next_nonce(token, 0, now) if isinstance(token, Brought) else ""
            return Allowed(route, verdict, told, limit, state, token, nonce, actor, now)
        case Login() if token is not None or SESSION not in route.credentials:
            return Unauthorized(route, None)
        case Login():
            return LogIn(route, NOTHING, ask.brought, None, now)
        case StepUp(need):
            if token is not None:
                assert isinstance(token, Brought), "Route.judge asks nothing more of a key"
                return Unauthorized(route, token.is_too_weak(need), need)
            return LogIn(route, need, False, ask.question.presented, now)
        case Deny(reason, missing):  # another name than above: compiled code gives each name one type
            return Denied(route, reason, known, now, _scheme(token), missing, actor)


def _may_be_sent_by_itself(verdict: Allow, actor: Actor | None, ask: Ask, route: Route) -> bool:
    """Whether a browser can have been made to send what let them in: a cookie, or Basic (X6)."""
    token = ask.token
    if not verdict.identity:
        return sends_basic_by_itself(ask.request, route, ask.kept_from_app)
    return actor is not None and (token is None or (isinstance(token, BroughtKey) and token.is_ambient))


def _scheme(token: Brought | BroughtKey | None) -> Scheme | None:
    return None if token is None else token.scheme


def _hardness(decision: Judged) -> tuple[int, int, int, int]:
    """Of logins the one that has to prove most; that there has to be one asks least."""
    match decision:
        case Denied():
            return (2, 0, 0, 0)
        case LogIn(need=need) | Unauthorized(need=need):
            second, methods, age_s = ease(need)
            return (1, -second, -methods, -age_s)
        case Allowed():
            return (0, 0, 0, 0)


def _is_forged(routed: Routed, ask: Ask, *, by_session: bool) -> bool:
    """Whether another site made the browser send it (threats.md H7)."""
    request = ask.request
    if not may_be_forged(request.method, websocket=request.websocket):
        return False
    own = ask.context.origin_of(request.host)
    return refuses_cross_origin(
        routed.route, request.method, request.websocket, request.origin, request.fetch_site, own, by_session
    )
