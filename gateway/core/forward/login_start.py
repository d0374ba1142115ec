"""Sends whoever must log in to the auth host, in the way that fits the client: step 0 of the flow in threats.md."""

import hashlib
import re
from typing import Final
from urllib.parse import urlsplit

from gateway.core.assurance.need import NOTHING, Need
from gateway.core.base64url import b64
from gateway.core.forward import pages
from gateway.core.forward.answer import Answer, own_head
from gateway.core.forward.challenge import asked_words
from gateway.core.forward.context import Context
from gateway.core.forward.pages import START, Link
from gateway.core.forward.refusal import refusal
from gateway.core.forward.request import ClientKind, ForwardedRequest, is_safe
from gateway.core.outcomes import Outcome
from gateway.core.policy.route import Route
from gateway.core.sealed_text import NONCE_BYTES
from gateway.core.session.cookies import SESSION_COOKIE, WAY_COOKIE, expire_cookie, set_cookie
from gateway.core.session.journey import Journey, return_of, seal_journey

WAY_BYTES: Final = 32
WAY_S: Final = 3600
STARTS: Final = 6  # a round has three redirects, and Chromium gives up after twenty
STARTS_WITHIN_S: Final = 30
_WAY: Final = re.compile(r"([\w-]{43})(?:\.([0-9]{1,2})\.([0-9]{1,12})(?:\.([\w-]{8}))?)?", re.ASCII)
_PAGE_CHARS: Final = 8


class Way:
    """The browser's own secret of a journey, and how often it was sent to log in since a moment (Unix seconds).

    page: of the last start. Twenty tabs that are restored at once are twenty pages; a login loop comes to one again.
    """

    def __init__(self, secret: str, starts: int, since: int, page: str = "") -> None:
        self.secret = secret
        self.starts = starts
        self.since = since
        self.page = page

    @classmethod
    def read(cls, text: str) -> "Way | None":
        """None: not one of ours."""
        found = _WAY.fullmatch(text)
        return None if found is None else cls(found[1], int(found[2] or 0), int(found[3] or 0), found[4] or "")

    def next(self, now: int, target: str) -> "Way":
        """Once more; the count begins anew for another target, and after STARTS_WITHIN_S."""
        page = b64(hashlib.sha256(target.encode()).digest())[:_PAGE_CHARS]
        again = page == self.page and 0 <= now - self.since < STARTS_WITHIN_S
        return Way(self.secret, self.starts + 1, self.since, page) if again else Way(self.secret, 1, now, page)

    @property
    def text(self) -> str:
        return ".".join([self.secret, str(self.starts), str(self.since), *([self.page] if self.page else [])])

    @property
    def hash(self) -> bytes:
        """What a journey and a child token know it by."""
        return hashlib.sha256(self.secret.encode()).digest()


class Start:
    """Why a login starts. need: what the login has to meet. old: as in Journey.

    dead: the browser brought a session that is over.
    """

    def __init__(self, route: Route, need: Need = NOTHING, old: str = "", *, dead: bool = False) -> None:
        self.route = route
        self.need = need
        self.old = old
        self.dead = dead

    @property
    def outcome(self) -> Outcome:
        return "login" if self.need == NOTHING else "step_up"


def start_login(
    context: Context, request: ForwardedRequest, start: Start, now: int, random: bytes, more: list[tuple[str, str]]
) -> Answer:
    """more: CORS headers of the refusal. random: RANDOM_BYTES bytes."""
    headers = [*more, *_forget(start)]
    if request.prefetch:
        return refusal(context, request, 403, pages.PREFETCHED, start.outcome, error="prefetch", headers=headers)
    if request.client is ClientKind.NAVIGATION:
        return _redirect(context, request, start, now, random, headers)
    headers += [("WWW-Authenticate", _challenge(request, start)), ("Location", f"{context.auth_origin}/login")]
    here = Link("Sign in", return_of(request.target), top=True)
    words = pages.IN_FRAME if request.client is ClientKind.FRAME else pages.SIGN_IN
    page = words.on(request.host, request.request_id, here)
    error = "login_required" if start.need == NOTHING else "step_up_required"
    return refusal(context, request, 401, page, start.outcome, error=error, headers=headers, route=start.route)


def leading_back(
    context: Context, request: ForwardedRequest, path: str, now: int, random: bytes
) -> tuple[str, tuple[str, str]]:
    """The address of a page of the auth host from which the person comes back here, and the cookie that it needs."""
    way = _way_of(request, random)
    journey = _journey(context, request, way, now)
    cookie = ("Set-Cookie", set_cookie(WAY_COOKIE, way.text, WAY_S))
    return _address(context, path, journey, random), cookie


def _redirect(
    context: Context, request: ForwardedRequest, start: Start, now: int, random: bytes, headers: list[tuple[str, str]]
) -> Answer:
    safe, back = is_safe(request.method), _back(context, request)
    way = _way_of(request, random).next(now, back)
    if way.starts > STARTS:
        page = pages.LOOP.on(request.host, request.request_id, Link("Try again", back), START)
        return refusal(
            context, request, 403, page, start.outcome, error="login_loop", headers=headers, route=start.route
        )
    journey = _journey(context, request, way, now, start.need.text, start.old)
    headers = [
        ("Location", _address(context, "/login", journey, random)),
        ("Set-Cookie", set_cookie(WAY_COOKIE, way.text, WAY_S)),
        *headers,
    ]
    head = own_head(request.request_id, headers)
    return Answer(302 if safe else 303, head, b"", start.outcome, start.route.name, start.outcome)


def _way_of(request: ForwardedRequest, random: bytes) -> Way:
    return Way.read(request.cookies.get(WAY_COOKIE, "")) or Way(b64(random[:WAY_BYTES]), 0, 0)


def _journey(context: Context, request: ForwardedRequest, way: Way, now: int, need: str = "", old: str = "") -> Journey:
    notice = "" if is_safe(request.method) else "again"
    return Journey(request.host, _back(context, request), b64(way.hash), now, need, notice, old)


def _address(context: Context, path: str, journey: Journey, random: bytes) -> str:
    sealed = seal_journey(context.keys.journey, journey, random[WAY_BYTES : WAY_BYTES + NONCE_BYTES])
    return f"{context.auth_origin}{path}?j={sealed}"


def _back(context: Context, request: ForwardedRequest) -> str:
    return return_of(request.target) if is_safe(request.method) else _referer_path(context, request)


def _referer_path(context: Context, request: ForwardedRequest) -> str:
    """Where the form was: what was sent with it can't be kept (threats.md section 2, step 0)."""
    origin = context.origin_of(request.host)
    referer = request.referer or ""
    if not referer.startswith(origin + "/"):
        return "/"
    parts = urlsplit(referer)
    return return_of(parts.path + (f"?{parts.query}" if parts.query else ""))


def _forget(start: Start) -> list[tuple[str, str]]:
    """The first refusal after a session's end takes its cookie and what was cached with it (threats.md H6)."""
    if not start.dead:
        return []
    return [("Set-Cookie", expire_cookie(SESSION_COOKIE)), ("Clear-Site-Data", '"cache"')]


def _challenge(request: ForwardedRequest, start: Start) -> str:
    """RFC 9110 section 11.6.1; the error words are those of RFC 9470."""
    if start.need == NOTHING:
        return f'Bastion realm="{request.host}"'
    asked = "".join(f", {name}={value}" for name, value in asked_words(start.need))
    return f'Bastion realm="{request.host}", error="insufficient_user_authentication"{asked}'
