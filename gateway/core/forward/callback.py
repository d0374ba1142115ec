"""What lies under /.bastion/ on every protected host: step 4 of the hand-off, and the logout of that host."""

import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from gateway.core.base64url import b64, unb64
from gateway.core.forward import pages
from gateway.core.forward.answer import Answer, own_head
from gateway.core.forward.challenge import RESOURCE_PATH, resource_metadata
from gateway.core.forward.context import Context
from gateway.core.forward.forget import forget_app, forget_pages
from gateway.core.forward.login_start import WAY_BYTES, Way
from gateway.core.forward.pages import START, Link, Page
from gateway.core.forward.proxy import EARLIER
from gateway.core.forward.refusal import refusal
from gateway.core.forward.request import ClientKind, ForwardedRequest
from gateway.core.principal.ask import Claim, Presented, Question, Reply, Standing
from gateway.core.sealed_text import NONCE_BYTES, BadSeal
from gateway.core.session.cookies import (
    LAST_COOKIE,
    SESSION_COOKIE,
    WAY_COOKIE,
    expire_cookie,
    set_cookie,
)
from gateway.core.session.journey import (
    Journey,
    LogoutTicket,
    seal_logout,
    unseal_journey,
)
from gateway.core.session.person import ForgedPerson
from gateway.core.session.tokens import Token, child_token, code_hash, credential_of, parse
from gateway.core.units import DAY_S

OURS: Final = "/.bastion"
ALIKE: Final = "/."  # how every path of ours begins
_CALLBACK: Final = "/.bastion/callback"
_LOGOUT: Final = "/.bastion/logout"
_GONE: Final = "/.bastion/gone"
_LAST_S: Final = 400 * DAY_S
_LAST_CHARS: Final = 22
_MOST_FIELDS: Final = 10
_ROUTE: Final = "bastion/callback"


@dataclass(frozen=True, slots=True)
class Callback:
    """A browser that is about to get its session. child: what it will carry. keep: also when it is closed.

    stranger: the journey began in another browser, so this one gets nothing, and the code is used up: who planted the
    journey has its way cookie, and only waits to read the code (threats.md section 2, step b).
    """

    question: Question
    request: ForwardedRequest
    context: Context
    journey: Journey
    child: Token
    keep: bool
    stranger: bool


def is_answered_here(request: ForwardedRequest, context: Context) -> bool:
    """Whether policy does not reach it: our own paths, and what tells programs where to get tokens."""
    if request.path == RESOURCE_PATH:
        return request.proxy is not EARLIER and bool(context.policy.token_routes(request.host))
    return is_ours(request.path) and context.policy.knows_host(request.host)


def is_ours(path: str) -> bool:
    """In any spelling that an app could read as ours; such a path never reaches an app."""
    folded = path.lower()
    return folded == OURS or folded.startswith((OURS + "/", OURS + "%", OURS + ";"))


def prepare_ours(
    context: Context, request: ForwardedRequest, now: int, random: bytes, number: int
) -> Answer | Callback:
    """now: Unix seconds. random: RANDOM_BYTES bytes."""
    if request.path == _CALLBACK:
        return _prepare_callback(context, request, now, number)
    if request.path == _LOGOUT:
        return _log_out(context, request, now, random)
    if request.path == RESOURCE_PATH:
        return resource_metadata(context, request)
    if request.path == _GONE and request.method == "GET" and request.client is ClientKind.NAVIGATION:
        return forget_pages(context, request)
    return _page(context, request, 404, pages.NOT_FOUND, "not_found", START)


def _prepare_callback(context: Context, request: ForwardedRequest, now: int, number: int) -> Answer | Callback:
    given = _fields(request.query)
    journey = _journey(context, given.get("j", ""))
    way_on = START if journey is None else Link("Open the page", _opened(context, journey))
    if request.method != "GET":
        return _page(context, request, 405, pages.METHOD, "method", way_on, headers=[("Allow", "GET")])
    if request.prefetch or request.client is not ClientKind.NAVIGATION:
        return _page(context, request, 403, pages.PREFETCHED, "not_a_navigation", way_on)
    if journey is None or not {"code", "j"} <= given.keys() <= {"code", "j", "keep"} or journey.host != request.host:
        return _page(context, request, 400, pages.BROKEN_JOURNEY, "bad_journey", way_on)
    if not journey.is_timely(now):
        return _begin_again(context, request, journey)
    way = Way.read(request.cookies.get(WAY_COOKIE, ""))
    code = parse(context.keys.code, given["code"])
    if code is None:
        return _begin_again(context, request, journey)
    stranger = way is None or not hmac.compare_digest(way.hash, unb64(journey.way))
    way_hash = b"" if way is None or stranger else way.hash  # of b"" no login has a credential
    child = child_token(context.keys.child, context.keys.mac, code, request.host, way_hash)
    presented = Presented(code.tag, code.login, credential_of(request.host, child))
    claim = Claim(code_hash(code), request.host)
    question = Question(number, presented, claim, (), request.request_id)
    return Callback(question, request, context, journey, child, given.get("keep") == "1", stranger)


def conclude_callback(callback: Callback, reply: Reply | None) -> Answer:
    """Only a claim that was just taken opens the session; anything else begins again or says what is wrong."""
    context, request, journey = callback.context, callback.request, callback.journey
    if callback.stranger:
        return _begin_again(context, request, journey)
    if reply is None or reply.outcome is Standing.MISS or not _is_own(callback, reply):
        return _unavailable(context, request)
    if reply.outcome is not Standing.LIVE or reply.facts is None:
        return _begin_again(context, request, journey)
    try:
        known = context.people.open(callback.child.tag, reply.person)
    except ForgedPerson:
        return _unavailable(context, request)
    left_s = reply.facts.expires_at - reply.now_us // 1_000_000
    last = last_subject(context, request.host, known.person.user_id.bytes)
    before = request.cookies.get(LAST_COOKIE)
    headers = [
        ("Location", _opened(context, journey)),
        ("Set-Cookie", set_cookie(SESSION_COOKIE, callback.child.text, max(1, left_s) if callback.keep else 0)),
        ("Set-Cookie", set_cookie(LAST_COOKIE, last, _LAST_S)),
    ]
    if before is not None and not hmac.compare_digest(before, last):
        headers += forget_app(context, request)
    head = own_head(request.request_id, headers)
    return Answer(302, head, b"", "allow", _ROUTE, "callback", known.person.user_id)


def last_subject(context: Context, host: str, user_id: bytes) -> str:
    """Who was here last, for nobody to read (threats.md H4)."""
    return b64(hmac.digest(context.keys.device, b"last\0" + host.encode() + b"\0" + user_id, "sha256"))[:_LAST_CHARS]


def _fields(query: str) -> dict[str, str]:
    """Each comes once, or there are none."""
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    given = dict(fields)
    return given if len(given) == len(fields) else {}


def _journey(context: Context, sealed: str) -> Journey | None:
    """Of any host that policy still has, however old. None: there is no way back."""
    try:
        journey = unseal_journey(context.keys.journey, sealed)
    except BadSeal:
        return None
    return journey if context.policy.knows_host(journey.host) else None


def _opened(context: Context, journey: Journey) -> str:
    """The page that the person wanted: it begins a new journey where one is needed."""
    return context.origin_of(journey.host) + journey.return_to


def _begin_again(context: Context, request: ForwardedRequest, journey: Journey) -> Answer:
    """The page itself: it opens if there is a session after all, or starts the login once more, which is counted."""
    if WAY_COOKIE not in request.cookies and SESSION_COOKIE not in request.cookies:
        way_on = Link("Begin here", _opened(context, journey))
        return _page(context, request, 400, pages.OTHER_BROWSER, "other_browser", way_on)
    head = own_head(request.request_id, [("Location", _opened(context, journey))])
    return Answer(302, head, b"", "login", _ROUTE, "begin_again")


def _log_out(context: Context, request: ForwardedRequest, now: int, random: bytes) -> Answer:
    """POST of this host's own page carries the ticket on; anything else is asked first, on the auth host."""
    token = parse(context.keys.mac, request.cookies.get(SESSION_COOKIE, ""))
    own = request.fetch_site == "same-origin" or (
        request.fetch_site is None and request.origin == context.origin_of(request.host)
    )
    if request.method != "POST" or not own or token is None:
        location = f"{context.auth_origin}/logout"
        status = 302 if request.method in ("GET", "HEAD") else 303
        return Answer(status, own_head(request.request_id, [("Location", location)]), b"", "login", _ROUTE, "logout")
    ticket = LogoutTicket(token.tag, token.login, now, request.host)
    sealed = seal_logout(context.keys.journey, ticket, random[WAY_BYTES : WAY_BYTES + NONCE_BYTES])
    headers = [
        ("Location", f"{context.auth_origin}/logout?t={sealed}"),
        ("Set-Cookie", expire_cookie(SESSION_COOKIE)),
        *forget_app(context, request),
    ]
    return Answer(303, own_head(request.request_id, headers), b"", "login", _ROUTE, "logout")


def _is_own(callback: Callback, reply: Reply) -> bool:
    question = callback.question
    return reply.number == question.number and reply.login == callback.child.login


def _unavailable(context: Context, request: ForwardedRequest) -> Answer:
    again = Link("Try again", request.target)
    page = pages.UNAVAILABLE.on(request.host, request.request_id, again)
    return refusal(
        context, request, 503, page, "unavailable", error="unavailable", headers=[("Retry-After", "5")], route=_ROUTE
    )


def _page(
    context: Context,
    request: ForwardedRequest,
    status: int,
    page: Page,
    error: str,
    way_on: Link,
    headers: list[tuple[str, str]] | None = None,
) -> Answer:
    shown = page.on(request.host, request.request_id, way_on)
    return refusal(context, request, status, shown, "refused", error=error, headers=headers, route=_ROUTE)
