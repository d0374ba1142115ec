"""Makes the answer of what was decided: status, headers and page, and nothing of it is decided here."""

from dataclasses import replace
from functools import lru_cache
from typing import Final, assert_never

from gateway.core.assurance.need import NOTHING
from gateway.core.base64url import b64
from gateway.core.forward import pages
from gateway.core.forward.answer import Answer, cors_of_ours, own_head
from gateway.core.forward.challenge import challenges, exposed, with_nonce
from gateway.core.forward.context import Context
from gateway.core.forward.credentials import Brought, CredentialFault
from gateway.core.forward.decision import (
    CROSS_ORIGIN,
    Allowed,
    AppPreflight,
    Decision,
    Denied,
    Limited,
    LogIn,
    Preflight,
    TooEarly,
    Unauthorized,
    Unavailable,
)
from gateway.core.forward.key_credentials import BroughtKey, kept_from_app
from gateway.core.forward.login_start import Start, leading_back, start_login
from gateway.core.forward.names import to_delete
from gateway.core.forward.pages import START, Link, Page
from gateway.core.forward.proxy import EARLIER, ONE_BY_ONE, AskingProxy
from gateway.core.forward.refusal import refusal
from gateway.core.forward.request import ClientKind, ForwardedRequest
from gateway.core.header_lines import header_line, header_lines
from gateway.core.outcomes import Outcome, ProofOutcome
from gateway.core.policy.cors import CorsProfile
from gateway.core.policy.cross_origin import cors_block
from gateway.core.policy.facts import Refused
from gateway.core.policy.route import DENIED_BY_RULE, TOO_RISKY, Respond, Route
from gateway.core.principal.ask import Spent
from gateway.core.principal.identity import ASSERTION
from gateway.core.ratelimit.gcra import Limit
from gateway.core.session.journey import return_of
from gateway.core.token.signing_keys import NoSigningKey

_RETRY_S: Final = "5"
_ONE_BY_ONE: Final = header_line("X-Bastion-Allow", ONE_BY_ONE)
_NOTHING_ASSERTED: Final = header_line(ASSERTION, "")
_PREFLIGHT: Final = b"X-Bastion-Answer: 1\r\n"
_REFUSED: Final = {
    "no_host": pages.MISDIRECTED,
    "no_route": pages.NO_ROUTE,
    "method": pages.METHOD,
    "bad_method": pages.BAD_METHOD,
    "bad_host": pages.BAD_HOST,
    "other_destination": pages.OTHER_DESTINATION,
}
_DENIED: Final = {
    CROSS_ORIGIN: pages.CROSS_ORIGIN,
    DENIED_BY_RULE.reason: pages.DENIED_BY_RULE,
    TOO_RISKY.reason: pages.TOO_RISKY,
}


def respond(decision: Decision, request: ForwardedRequest, context: Context, random: bytes) -> Answer:
    """random: RANDOM_BYTES bytes, used where a login starts."""
    match decision:
        case Allowed():
            return _allowed(decision, request, context)
        case LogIn():
            return _log_in(decision, request, context, random)
        case Unauthorized():
            return _unauthorized(decision, request, context)
        case Denied():
            return _denied(decision, request, context, random)
        case Limited():
            return _limited(decision, request, context)
        case Unavailable(route=route):
            return _unavailable(route, request, context)
        case Refused():
            return _refused(decision, request, context)
        case TooEarly(route=route):
            page = pages.TOO_EARLY.on(request.host, request.request_id)
            return refusal(context, request, 425, page, "refused", error="too_early", route=route)
        case Preflight() | AppPreflight():
            return _preflight(decision, request, context)
        case _:
            assert_never(decision)


def _allowed(allowed: Allowed, request: ForwardedRequest, context: Context) -> Answer:
    """200 with an empty body and every identity header, whoever it is. No cookie is ever set on it (threats.md H5)."""
    route, known, token = allowed.route, allowed.known, allowed.token
    origin = _reader(route.cors, request.origin) if isinstance(route.cors, CorsProfile) else None
    rated = allowed.limit is not None and allowed.state is not None
    head = _for_the_client(route, request.proxy, origin, rated=rated, nonce=allowed.nonce)
    if request.proxy is not EARLIER:
        head += _taken(request, context, None if route.forwards_credentials and isinstance(token, Brought) else token)
    if known is None:
        head += context.people.nobody
    else:
        scopes = frozenset[str]() if allowed.actor is None else allowed.actor.scopes
        head += known.block if token is None else context.people.block_for(known, scopes)
    if ASSERTION in request.proxy.identity:
        try:
            head += header_line(ASSERTION, _assertion(allowed, request, context))
        except NoSigningKey:
            return _unavailable(route, request, context)
    if allowed.limit is not None and allowed.state is not None:
        head += _limit_lines(allowed.limit, allowed.state)
    subject = None if known is None else known.person.user_id
    proof: ProofOutcome | None = "accepted" if isinstance(token, Brought) and token.proof is not None else None
    return Answer(200, head, b"", "allow", route.name, allowed.verdict.leg, subject, proof)


def _assertion(allowed: Allowed, request: ForwardedRequest, context: Context) -> str:
    """Empty for who gets none: a proxy hands on whatever is said. Raises NoSigningKey."""
    known, actor = allowed.known, allowed.actor
    if known is None or actor is None or not allowed.route.sends_assertion:
        return ""
    subject = allowed.token.token.subject if isinstance(allowed.token, Brought) else ""
    return context.assertions.assert_to(context.origin_of(request.host), known, actor, subject, allowed.now)


def _for_the_client(route: Route, proxy: AskingProxy, origin: str | None, *, rated: bool, nonce: str) -> bytes:
    """One word where the proxy knows the headers by it; else each of them."""
    named = route.header_set
    if origin is None and not nonce and named.rated == rated and named.name in proxy.header_sets:
        return named.line
    head = route.head if origin is None else _read_by(route, origin)
    if nonce:
        head += header_line("X-Bastion-Nonce", nonce)
    return head if proxy is EARLIER else _ONE_BY_ONE + head


def _taken(request: ForwardedRequest, context: Context, token: Brought | BroughtKey | None) -> bytes:
    """What the app must not see; of a token what opens other doors, too (threats.md K1)."""
    names = request.taken
    if request.credential_lines:
        names = names + kept_from_app(request, token, context.api_keys)
    said = to_delete(names, context.passed)
    assert said is not None, "check.py refuses more than the snippet can delete"
    return said


def _reader(profile: CorsProfile, origin: str | None) -> str | None:
    """The origin that may read the answer; * where any may."""
    if origin is None or not profile.lets(origin):
        return None
    return "*" if profile.any_origin else origin


@lru_cache(4096)
def _read_by(route: Route, origin: str) -> bytes:
    """origin: one that the route lists, so strangers fill no memory."""
    read_by = exposed(cors_block(route.cors, origin), route, "X-Bastion-Acexpose")
    return header_lines((*route.response_block, *read_by))


def _log_in(wanted: LogIn, request: ForwardedRequest, context: Context, random: bytes) -> Answer:
    route, respond = wanted.route, wanted.route.respond
    cors = _cors(route, request)
    if respond.anonymous == "404" and wanted.need == NOTHING:
        page = _worded(pages.NOT_FOUND, route, request)
        return refusal(context, request, 404, page, "login", error="not_found", route=route, headers=cors)
    if respond.anonymous == "401" and request.client is ClientKind.NAVIGATION:
        address, way = leading_back(context, request, "/login", wanted.now, random)
        page = replace(pages.SIGN_IN, detail=respond.message).on(
            request.host, request.request_id, Link("Sign in", address)
        )
        challenge = ("WWW-Authenticate", f'Bastion realm="{request.host}"')
        return refusal(
            context, request, 401, page, "login", error="login_required", route=route, headers=[challenge, way]
        )
    if request.client is not ClientKind.NAVIGATION and wanted.need == NOTHING:
        cors += challenges(context, request, route)
    old = b64(wanted.presented.credential) if wanted.presented is not None else ""
    start = Start(route, wanted.need, old, dead=wanted.dead)
    return start_login(context, request, start, wanted.now, random, cors)


def _unauthorized(wanted: Unauthorized, request: ForwardedRequest, context: Context) -> Answer:
    route, fault = wanted.route, wanted.fault
    headers = _cors(route, request)
    if (fault is None or fault.of_stranger) and route.respond.anonymous == "404":
        page = _worded(pages.NOT_FOUND, route, request)
        return refusal(context, request, 404, page, "login", error="not_found", route=route, headers=headers)
    asked = challenges(context, request, route, fault, need=wanted.need)
    headers += asked or [("WWW-Authenticate", f'Bastion realm="{request.host}"')]  # RFC 9110 section 11.6.1
    if fault is None:
        page, status, error, why = _worded(pages.NEEDS_TOKEN, route, request), 401, "token_required", ""
    else:
        page = replace(pages.BAD_TOKEN, detail=f"The reason: {fault.why}.").on(request.host, request.request_id)
        status, error, why = fault.status, fault.error, fault.why
    outcome: Outcome = "step_up" if wanted.need != NOTHING else "login"
    answer = refusal(
        context,
        request,
        status,
        page,
        outcome,
        error=error,
        headers=with_nonce(headers, wanted.nonce),
        route=route,
        reason=why,
    )
    answer.proof = None if fault is None else fault.proof
    return answer


def _denied(denied: Denied, request: ForwardedRequest, context: Context, random: bytes) -> Answer:
    route, known, error = denied.route, denied.known, "access_denied"
    respond = route.respond
    headers = _cors(route, request)
    page = denied_page(denied.reason, respond, known=known is not None)
    page = page.on(request.host, request.request_id, START)
    if not respond.says_denied:
        if respond.retry_after_s:
            headers.append(("Retry-After", str(respond.retry_after_s)))
    elif denied.scheme is not None:
        if denied.scopes and denied.scheme == "Basic":  # who is asked for a password again has no better one
            error = "insufficient_scope"
        elif denied.scopes:
            fault = CredentialFault(denied.scheme, "insufficient_scope", denied.reason)
            headers += challenges(context, request, route, fault, scopes=denied.scopes)
            error = fault.error
    elif known is not None and request.shows_page:
        elsewhere, way = leading_back(context, request, "/logout", denied.now, random)
        account = Link(pages.ACCOUNT, f"{context.auth_origin}/account")
        page = replace(page, who=known.person.username, links=(Link(leaving_label(denied.reason), elsewhere), account))
        headers.append(way)
    answer = refusal(
        context,
        request,
        respond.denied,
        page,
        "deny",
        error=error,
        headers=headers,
        route=route,
        reason=denied.reason,
        subject=None if known is None else known.person.user_id,
    )
    answer.actor = denied.actor
    return answer


def leaving_label(reason: str) -> str:
    """Of the link that ends this login and starts another: by that alone a score that is too high becomes lower."""
    return pages.SIGN_IN_AGAIN if reason == TOO_RISKY.reason else pages.OTHER_ACCOUNT


def denied_page(reason: str, respond: Respond, *, known: bool) -> Page:
    """What a person reads whom policy denies a page, on a protected host and on the auth host alike.

    reason: of Denied. known: somebody is signed in; another site's request is told so in any case.
    """
    if not respond.says_denied:
        page = pages.NOT_FOUND if respond.denied == 404 else pages.CLOSED  # noqa: PLR2004 - the other two of Respond
    elif not known and reason != CROSS_ORIGIN:
        page = pages.DENIED_HERE
    else:
        page = _DENIED.get(reason, pages.DENIED)
    return replace(page, detail=respond.message)


def _worded(page: Page, route: Route, request: ForwardedRequest) -> Page:
    return replace(page, detail=route.respond.message).on(request.host, request.request_id, START)


def _cors(route: Route, request: ForwardedRequest) -> list[tuple[str, str]]:
    if not isinstance(route.cors, CorsProfile) or request.origin is None:
        return []
    return exposed(cors_of_ours(cors_block(route.cors, request.origin)), route)


def _preflight(settled: Preflight | AppPreflight, request: ForwardedRequest, context: Context) -> Answer:
    """Answered here, unless the app does: our 204 goes to the client by X-Bastion-Answer."""
    route = settled.route
    if isinstance(settled, AppPreflight):
        return _app_preflight(route, request, context)
    if settled.granted is None:
        page = pages.CROSS_ORIGIN.on(request.host, request.request_id)
        vary = [("Vary", "Origin")]
        return refusal(context, request, 403, page, "deny", error="cors", route=route, headers=vary)
    head = _PREFLIGHT + own_head(request.request_id, settled.granted)
    return Answer(204, head, b"", "preflight", route.name, "preflight")


def _app_preflight(route: Route, request: ForwardedRequest, context: Context) -> Answer:
    head = header_lines(route.response_block) + context.people.nobody
    if request.proxy is not EARLIER:
        head = _ONE_BY_ONE + _taken(request, context, None) + head
        if ASSERTION in request.proxy.identity:
            head += _NOTHING_ASSERTED
    return Answer(200, head, b"", "allow", route.name, "cors")


def _refused(found: Refused, request: ForwardedRequest, context: Context) -> Answer:
    """What is wrong with a path by itself is told; else the detail is for the log, because it may name routes."""
    status = 421 if found.reason == "no_host" else found.status
    page = _REFUSED.get(found.reason, pages.MALFORMED).on(request.host, request.request_id)
    if found.reason == "bad_path":
        page = replace(page, detail=f"The reason: {found.detail}.")
    headers = [("Allow", ", ".join(found.allow))] if found.allow else None
    reason = f"{found.reason}: {found.detail}" if found.detail else found.reason
    return refusal(context, request, status, page, "refused", error=found.reason, headers=headers, reason=reason)


def _limited(limited: Limited, request: ForwardedRequest, context: Context) -> Answer:
    route, limit, state = limited.route, limited.limit, limited.state
    headers = [
        ("Retry-After", str(max(1, -(-state.retry_after_us // 1_000_000)))),
        ("RateLimit-Policy", limit.policy_field),
        ("RateLimit", _state_field(limit, state)),
        *_cors(route, request),
    ]
    page = _worded(pages.LIMITED, route, request)
    answer = refusal(
        context,
        request,
        429,
        page,
        "limited",
        error="rate_limited",
        headers=headers,
        route=route,
        reason=limit.name,
    )
    answer.presented = limited.presented
    return answer


def _limit_lines(limit: Limit, state: Spent) -> bytes:
    """For the snippet to put on the client's response."""
    policy, now = limit.policy_field, _state_field(limit, state)
    return f"X-Bastion-RateLimit-Policy: {policy}\r\nX-Bastion-RateLimit: {now}\r\n".encode("ascii")


def _state_field(limit: Limit, spent: Spent) -> str:
    """draft-ietf-httpapi-ratelimit-headers section 4.2."""
    return f'"{limit.name}";r={spent.remaining};t={-(-spent.reset_us // 1_000_000)}'


def _unavailable(route: Route, request: ForwardedRequest, context: Context) -> Answer:
    page = pages.UNAVAILABLE.on(request.host, request.request_id, Link("Try again", return_of(request.target)))
    headers = [("Retry-After", _RETRY_S), *_cors(route, request)]
    return refusal(context, request, 503, page, "unavailable", error="unavailable", headers=headers, route=route)
