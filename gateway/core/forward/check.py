"""The decision, sans I/O: prepare() says what to ask Redis, conclude() turns the reply into an answer.

Total and default-deny: a reply that is missing, late, somebody else's or of a form that nobody thought of never ends
in an allow for a route that asks who it is.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from gateway.core.forward import pages
from gateway.core.forward.answer import (
    Answer,
    cors_of_ours,
    own_head,
)
from gateway.core.forward.ask import Outcome, Presented, Question, Reply, Spend, Spent
from gateway.core.forward.callback import ALIKE, Callback, is_ours, prepare_ours
from gateway.core.forward.context import Context, refusal
from gateway.core.forward.identity import Known
from gateway.core.forward.login_start import Start, start_login
from gateway.core.forward.pages import START, Link, Page
from gateway.core.forward.request import Client, ForwardedRequest, MalformedRequest
from gateway.core.header_lines import header_lines
from gateway.core.policy.cors import CorsProfile
from gateway.core.policy.cross_origin import cors_block, may_be_forged, preflight, refuses_cross_origin
from gateway.core.policy.facts import Actor, Allow, Deny, Facts, Login, Refused, StepUp
from gateway.core.policy.route import DENIED_BY_RULE, Route, Routed
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.core.ratelimit.slots import EVERYONE
from gateway.core.session.cookies import SESSION_COOKIE
from gateway.core.session.journey import return_of
from gateway.core.session.person import ForgedPerson
from gateway.core.session.tokens import b64

_RETRY_S: Final = "5"
_PREFLIGHTS: Final = Client.PREFLIGHT  # members of enums are looked up slowly
_LIVE: Final = Outcome.LIVE
_MISS: Final = Outcome.MISS
_PER_EVERYONE: Final = Per.EVERYONE
_PER_IP: Final = Per.IP
_PER_PRINCIPAL: Final = Per.PRINCIPAL
_PREFLIGHT: Final = b"X-Bastion-Answer: 1\r\n"
_REFUSED: Final = {
    "no_host": pages.MISDIRECTED,
    "no_route": pages.NO_ROUTE,
    "method": pages.METHOD,
}


@dataclass(slots=True, init=False)
class Ask:
    """A decision that waits for Redis. brought: the browser brought a session cookie, of whatever worth.

    Not frozen, and with an __init__ of its own as in ask.py; nothing changes it.
    """

    question: Question
    request: ForwardedRequest
    context: Context
    routed: Routed
    brought: bool
    random: bytes

    def __init__(
        self,
        question: Question,
        request: ForwardedRequest,
        context: Context,
        routed: Routed,
        brought: bool,
        random: bytes,
    ) -> None:
        self.question = question
        self.request = request
        self.context = context
        self.routed = routed
        self.brought = brought
        self.random = random


def prepare(
    request: ForwardedRequest, context: Context, now_us: int, random: bytes, number: int
) -> Answer | Ask | Callback:
    """random: RANDOM_BYTES bytes. number: no other call that waits has it. Steps are those of policy.md 2.1."""
    now = now_us // 1_000_000
    if request.path.startswith(ALIKE) and is_ours(request.path) and context.policy.knows_host(request.host):
        return prepare_ours(context, request, now, random, number)
    method = request.method
    if request.client is _PREFLIGHTS:
        method = request.requested_method or ""
    found = context.find(request.host, method, request.path)
    if isinstance(found, Refused):
        return _refused(context, request, found)
    route = found.route
    if request.client is _PREFLIGHTS:
        return _preflight(context, request, route)
    if request.early_data and (route.asks_people or route.limits):
        return _too_early(context, request, route)
    text = request.cookies.get(SESSION_COOKIE, "")
    presented = context.tokens.presented(request.host, text) if text and route.asks_people else None
    spends = _spends(context, route.limits, request, presented) if route.limits else ()
    ask = Ask(
        Question(number, presented, None, spends, request.request_id), request, context, found, bool(text), random
    )
    if presented is None and not spends:
        return _judge(ask, None, now, b"")
    return ask


def conclude(ask: Ask, reply: Reply | None, now_us: int) -> Answer:
    """now_us: of the shell's clock, used only where Redis could not say its own."""
    question = ask.question
    if reply is None or reply.number != question.number:
        return _without_store(ask, now_us // 1_000_000)
    if question.presented is not None and reply.login != question.presented.login:
        return _unavailable(ask)
    if reply.outcome is _MISS or len(reply.spent) != len(question.spends):
        return _unavailable(ask)
    now, limits = reply.now_us // 1_000_000, b""
    if reply.spent:
        limit, state = _telling(question.spends, reply.spent)
        if not state.allowed:
            return _limited(ask, limit, state)
        limits = _limit_lines(limit, state)
    if reply.outcome is not _LIVE or reply.facts is None or question.presented is None:
        return _judge(ask, None, now, limits)
    try:
        known = ask.context.people.open(question.presented.tag, reply.person)
    except ForgedPerson:
        return _unavailable(ask)
    facts = reply.facts
    actor = Actor(known.person.username, known.groups, facts.authenticated_at, facts.mfa_at)
    return _judge(ask, (actor, known), now, limits)


def _spends(
    context: Context, limits: tuple[Limit, ...], request: ForwardedRequest, presented: Presented | None
) -> tuple[Spend, ...]:
    spends = []
    for limit in limits:
        if limit.per is _PER_EVERYONE:
            spends.append(Spend(EVERYONE, "", limit))
        elif presented is not None and limit.per is not _PER_IP:
            spends.append(Spend(presented.tag, presented.login, limit))
        elif limit.per is not _PER_PRINCIPAL:
            spends.append(Spend(context.names.of_address(request.address), "", limit))
    return tuple(spends)


def _judge(ask: Ask, who: tuple[Actor, Known] | None, now: int, limits: bytes) -> Answer:
    """Steps 9 to 11: deny, allow, then what another site may have sent."""
    request, route = ask.request, ask.routed.route
    actor = None if who is None else who[0]
    verdict = route.judge(Facts(actor, request.address, now, ask.routed.captures))
    match verdict:
        case Allow():
            if _is_forged(ask, by_session=verdict.identity and actor is not None):
                return _denied(ask, pages.CROSS_ORIGIN, "cross_origin", who)
            return _allowed(ask, verdict, who, limits)
        case Login():
            return _login(ask, Start(route.name, dead=ask.brought), now)
        case StepUp(mfa=True):
            # Nobody has a second factor yet, so the login page could not help: the page says so instead.
            return _denied(ask, pages.NEEDS_FACTOR, "mfa", who)
        case StepUp(authenticated_within_s=within_s):
            return _login(ask, Start(route.name, f"authenticated:{within_s}", _old(ask)), now)
        case Deny(reason):
            page = pages.DENIED_BY_RULE if verdict is DENIED_BY_RULE else pages.DENIED
            return _denied(ask, page if who else pages.DENIED_HERE, reason, who)


def _is_forged(ask: Ask, *, by_session: bool) -> bool:
    """Whether another site made the browser send it (threats.md H7)."""
    request = ask.request
    if not may_be_forged(request.method, websocket=request.websocket):
        return False
    own = ask.context.origin_of(request.host)
    return refuses_cross_origin(
        ask.routed.route, request.method, request.websocket, request.origin, request.fetch_site, own, by_session
    )


def _allowed(ask: Ask, verdict: Allow, who: tuple[Actor, Known] | None, limits: bytes) -> Answer:
    """200 with an empty body and every identity header, whoever it is. No cookie is ever set on it (threats.md H5)."""
    route, people = ask.routed.route, ask.context.people
    known = who[1] if who is not None and route.sends_identity(verdict) else None
    origin = _reader(route.cors, ask.request.origin) if isinstance(route.cors, CorsProfile) else None
    lines = route.head if origin is None else _read_by(route, origin)
    head = lines + (people.nobody if known is None else known.block) + limits
    subject = None if known is None else known.person.user_id
    return Answer(200, head, b"", "allow", route.name, verdict.leg, subject)


def _reader(profile: CorsProfile, origin: str | None) -> str | None:
    """The origin that may read the answer; * where any may."""
    if origin is None or not profile.lets(origin):
        return None
    return "*" if profile.any_origin else origin


@lru_cache(4096)
def _read_by(route: Route, origin: str) -> bytes:
    """origin: one that the route lists, so strangers fill no memory."""
    return header_lines(route.response_block + cors_block(route.cors, origin))


def _login(ask: Ask, start: Start, now: int) -> Answer:
    context, request, respond = ask.context, ask.request, ask.routed.route.respond
    if respond.anonymous == "404" and not start.need:
        page = _worded(ask, pages.NOT_FOUND)
        return refusal(context, request, 404, page, "login", error="not_found", route=start.route, headers=_cors(ask))
    if respond.anonymous == "401" and request.client is Client.NAVIGATION:
        here = Link("Sign in", f"{context.auth_origin}/login")
        page = replace(pages.SIGN_IN, detail=respond.message).on(request.host, request.request_id, here)
        challenge = ("WWW-Authenticate", f'Bastion realm="{request.host}"')
        return refusal(
            context, request, 401, page, "login", error="login_required", route=start.route, headers=[challenge]
        )
    return start_login(context, request, start, now, ask.random, _cors(ask))


def _old(ask: Ask) -> str:
    """The session that a fresh one is to replace."""
    presented = ask.question.presented
    return "" if presented is None else b64(presented.credential)


def _denied(ask: Ask, page: Page, reason: str, who: tuple[Actor, Known] | None) -> Answer:
    context, request, route = ask.context, ask.request, ask.routed.route
    respond = route.respond
    headers = _cors(ask)
    if respond.denied != 403:  # noqa: PLR2004 - the usual status
        page = pages.NOT_FOUND if respond.denied == 404 else pages.CLOSED  # noqa: PLR2004 - the other two of Respond
        if respond.retry_after_s:
            headers.append(("Retry-After", str(respond.retry_after_s)))
        shown = _worded(ask, page)
    else:
        shown = replace(_worded(ask, page), who="" if who is None else who[1].person.username)
        shown = replace(shown, links=_ways_out(context, signed_in=who is not None))
    answer = refusal(
        context,
        request,
        respond.denied,
        shown,
        "deny",
        error="access_denied",
        headers=headers,
        route=route.name,
        reason=reason,
    )
    answer.subject = None if who is None else who[1].person.user_id
    return answer


def _ways_out(context: Context, *, signed_in: bool) -> tuple[Link, ...]:
    if not signed_in:
        return (START,)
    return (
        Link("Use another account", f"{context.auth_origin}/logout"),
        Link("Your account", f"{context.auth_origin}/account"),
    )


def _worded(ask: Ask, page: Page) -> Page:
    request = ask.request
    return replace(page, detail=ask.routed.route.respond.message).on(request.host, request.request_id, START)


def _cors(ask: Ask) -> list[tuple[str, str]]:
    route = ask.routed.route
    if not isinstance(route.cors, CorsProfile) or ask.request.origin is None:
        return []
    return cors_of_ours(cors_block(route.cors, ask.request.origin))


def _preflight(context: Context, request: ForwardedRequest, route: Route) -> Answer:
    """Settled by `cors` alone. Answered here unless the app is to; our 204 goes to the client by X-Bastion-Answer."""
    if route.cors == "app":
        return Answer(200, header_lines(route.response_block) + context.people.nobody, b"", "allow", route.name, "cors")
    granted = preflight(route, request.origin or "", request.requested_method or "", request.requested_headers)
    if granted is None:
        page = pages.CROSS_ORIGIN.on(request.host, request.request_id)
        return refusal(
            context, request, 403, page, "deny", error="cors", route=route.name, headers=[("Vary", "Origin")]
        )
    return Answer(204, _PREFLIGHT + own_head(request.request_id, granted), b"", "preflight", route.name, "preflight")


def _refused(context: Context, request: ForwardedRequest, found: Refused) -> Answer:
    """The reason is for the log: it may name what the path could also have meant."""
    status = 421 if found.reason == "no_host" else found.status
    page = _REFUSED.get(found.reason, pages.MALFORMED).on(request.host, request.request_id)
    headers = [("Allow", ", ".join(found.allow))] if found.allow else None
    reason = f"{found.reason}: {found.detail}" if found.detail else found.reason
    return refusal(context, request, status, page, "refused", error=found.reason, headers=headers, reason=reason)


def _too_early(context: Context, request: ForwardedRequest, route: Route) -> Answer:
    """RFC 8470: a request in early data may be a replay, and its address is not proven (threats.md P6)."""
    page = pages.TOO_EARLY.on(request.host, request.request_id)
    return refusal(context, request, 425, page, "refused", error="too_early", route=route.name)


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


def _limited(ask: Ask, limit: Limit, state: Spent) -> Answer:
    headers = [
        ("Retry-After", str(max(1, -(-state.retry_after_us // 1_000_000)))),
        ("RateLimit-Policy", limit.policy_field),
        ("RateLimit", _state_field(limit, state)),
        *_cors(ask),
    ]
    page = _worded(ask, pages.LIMITED)
    return refusal(
        ask.context,
        ask.request,
        429,
        page,
        "limited",
        error="rate_limited",
        headers=headers,
        route=ask.routed.route.name,
        reason=limit.name,
    )


def _limit_lines(limit: Limit, state: Spent) -> bytes:
    """For the snippet to put on the client's response."""
    policy, now = limit.policy_field, _state_field(limit, state)
    return f"X-Bastion-RateLimit-Policy: {policy}\r\nX-Bastion-RateLimit: {now}\r\n".encode("ascii")


def _state_field(limit: Limit, spent: Spent) -> str:
    """draft-ietf-httpapi-ratelimit-headers section 4.2."""
    return f'"{limit.name}";r={spent.remaining};t={-(-spent.reset_us // 1_000_000)}'


def _without_store(ask: Ask, now: int) -> Answer:
    """Identity never passes unasked; a limit only where it says so (design.md section 2)."""
    if ask.routed.route.asks_people and ask.question.presented is not None:
        return _unavailable(ask)
    if not all(one.limit.allow_on_store_failure for one in ask.question.spends):
        return _unavailable(ask)
    return _judge(ask, None, now, b"")


def _unavailable(ask: Ask) -> Answer:
    request = ask.request
    page = pages.UNAVAILABLE.on(request.host, request.request_id, Link("Try again", return_of(request.target)))
    headers = [("Retry-After", _RETRY_S), *_cors(ask)]
    route = ask.routed.route.name
    return refusal(ask.context, request, 503, page, "unavailable", error="unavailable", headers=headers, route=route)


def malformed(error: MalformedRequest) -> Answer:
    """A question that our snippet does not ask. Plain text: there is no host to show a page for."""
    body = f"Bastion refused the question: {error}. See the snippet for Caddy.\n".encode()
    head = own_head("", [("Content-Type", "text/plain; charset=utf-8")])
    return Answer(400, head, body, "refused", "", str(error))
