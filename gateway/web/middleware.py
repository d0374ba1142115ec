"""What holds for every answer of the auth host: an id, safe headers, the right host, and no error without a page."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, TypeAlias
from uuid import UUID

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.core.errors import GatewayError, TooManyAttempts
from gateway.core.forward.pages import Link, Page
from gateway.core.oauth.request import Unaddressed
from gateway.core.session.cookies import LOGIN_COOKIE
from gateway.web.errors import (
    BadForm,
    NotAPage,
    WrongHost,
    retry_after_s,
    status_of,
    words_of,
    words_of_error,
)
from gateway.web.forms import MAX_BODY_BYTES, AuthHost, cookies
from gateway.web.html import Html
from gateway.web.spans import wait


@dataclass(frozen=True, slots=True)
class ShownAgain:
    """A form whose fields would be lost with an error that passes. page: makes it, of a status and a reason."""

    page: Callable[[int, str], web.Response]


REQUEST_ID: Final = web.RequestKey("request_id", str)
SHOWN_AGAIN: Final = web.RequestKey("shown_again", ShownAgain)
PUBLIC_PATHS: Final = ("/static/", "/favicon.ico", "/robots.txt", "/.well-known/")
LIVE_PATHS: Final = ("/admin", "/admin/decisions")
_POLL: Final = "Bastion-Live"  # no X-*: the Caddy snippet lets none of a client pass
_METHODS: Final = ("GET", "HEAD", "POST")
_READING: Final = ("GET", "HEAD")
_PASSING: Final = (429, 503)
_PURPOSE: Final = ("Sec-Purpose", "Purpose")
_AHEAD: Final = re.compile(r"(?i)prefetch|prerender|preview")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOG: Final = logging.getLogger("gateway.web")
EVERYWHERE: Final[Mapping[str, str]] = {
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_HEADERS: Final[Mapping[str, str]] = {
    **EVERYWHERE,
    # Not no-referrer: with it, browsers send `Origin: null` with our own forms, and no form would pass.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
}


# Ours write no markup, so nothing that is typed or sent can become one.
_SCRIPTS: Final = "script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none';"
# bastion.js makes elements of the page that it gets again, and nothing else may.
_LIVE: Final = "script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types bastion;"
Failed: TypeAlias = Callable[[Exception], None]
Doubled: TypeAlias = Callable[[str, tuple[str, ...]], None]


def _quietly(*_what: object) -> None:
    """For whoever counts nothing."""


def content_security_policy(form_target: str = "", *, scripts: bool = False, live: bool = False) -> str:
    """form_target: one more origin that a form's answer may redirect to (browsers check redirects too).

    scripts: the page links one of ours. live: the page links bastion.js, which asks for it again.
    """
    target = f" {form_target}" if form_target else ""
    script = f"{_LIVE if live else _SCRIPTS} " if scripts or live else ""
    return (
        f"default-src 'none'; {script}style-src 'self'; img-src 'self'; "
        f"form-action 'self'{target}; base-uri 'none'; frame-ancestors 'none'"
    )


def page_middlewares(
    site: AuthHost,
    html: Html,
    random: Callable[[int], bytes],
    verify_path: str = "",
    failed: Failed = _quietly,
    doubled: Doubled = _quietly,
) -> list[Middleware]:
    """Outermost first. random: bytes of resources.py, for the id of a request that came without a proxy.

    failed: hears of every error that is answered with a page. doubled: hears of our host and which cookies came twice.
    verify_path: where proxies ask for decisions on this listener; what they get is not a page of the auth host.
    """

    @web.middleware
    async def identify_and_protect(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == verify_path and not any(map(site.is_named, request.headers.getall("Host", []))):
            return await request.match_info.handler(request)
        request[REQUEST_ID] = request_id(request, random)
        response = await handler(request)
        response.headers["X-Request-Id"] = request[REQUEST_ID]
        response.headers.setdefault("Content-Security-Policy", content_security_policy())
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @web.middleware
    async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _refuse_wrong_requests(request, site)
            _tell_of_doubled(request, site, doubled)
            return await handler(request)
        except GatewayError as error:
            failed(error)
            return _refusal(request, html, error, site)
        except web.HTTPException as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                return error
            response = _error_page(request, html, error.status, words_of(error.status), site)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response
        except Exception as error:  # noqa: BLE001 - the one place: the person gets a page, the log gets the rest
            failed(error)
            _LOG.exception("unhandled", extra={"request_id": request[REQUEST_ID], "path": request.path})
            return _error_page(request, html, 500, words_of(500), site)

    return [identify_and_protect, answer_errors]


def request_id(request: web.Request, random: Callable[[int], bytes]) -> str:
    """The proxy writes a uuid over whatever the client sent; anything else is not from our proxy."""
    given = request.headers.getall("X-Request-Id", [])
    if len(given) == 1 and _UUID.fullmatch(given[0]):
        return given[0]
    return str(UUID(bytes=random(16), version=4))


def is_of(request: web.Request, site: AuthHost) -> bool:
    """Whether the request is of the auth host's own site."""
    hosts = request.headers.getall("Host", [])
    return len(hosts) == 1 and hosts[0].lower() in site.authorities


def is_poll(request: web.Request) -> bool:
    """Whether a live page asks for itself by bastion.js: the only thing but documents that gets a page. Browsers that
    send no Sec-Fetch-* may ask too.
    """
    return (
        request.method == "GET"
        and request.path in LIVE_PATHS
        and request.headers.getall(_POLL, []) == ["1"]
        and request.headers.getall("Sec-Fetch-Dest", []) in ([], ["empty"])
        and request.headers.getall("Sec-Fetch-Site", []) in ([], ["same-origin"])
    )


def _refuse_wrong_requests(request: web.Request, site: AuthHost) -> None:
    """Raises WrongHost, NotAPage or web.HTTPException."""
    if not is_of(request, site):
        raise WrongHost("Host is not the auth host")
    if request.method not in _METHODS:
        raise web.HTTPMethodNotAllowed(request.method, _METHODS)
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, request.content_length or 0)
    if request.path.startswith(PUBLIC_PATHS):
        return
    if request.headers.get("Sec-Fetch-Dest", "document") != "document" and not is_poll(request):
        raise NotAPage("asked for by something else than a page")
    if any(_AHEAD.search(value) for name in _PURPOSE for value in request.headers.getall(name, [])):
        raise NotAPage("prefetched")


def _tell_of_doubled(request: web.Request, site: AuthHost, doubled: Doubled) -> None:
    if names := cookies(request).doubled:
        doubled(site.host, names)


def _refusal(request: web.Request, html: Html, error: GatewayError, site: AuthHost) -> web.Response:
    status = status_of(error)
    level = logging.ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    _LOG.log(level, "refused", extra={"request_id": request[REQUEST_ID], "status": status, "why": str(error)})
    words = words_of_error(error)
    shown_again: ShownAgain | None = request.get(SHOWN_AGAIN)
    if isinstance(error, TooManyAttempts):
        words = replace(words, text=f"{words.text} Try again in {wait(error.retry_after_s)}.")
    if status in _PASSING and shown_again is not None:
        response = shown_again.page(status, words.text)
    else:
        if isinstance(error, BadForm | Unaddressed):
            words = replace(words, detail=str(error))
        response = _error_page(request, html, status, words, site)
    if status in _PASSING:
        response.headers["Retry-After"] = str(retry_after_s(error))
    return response


def _error_page(request: web.Request, html: Html, status: int, words: Page, site: AuthHost) -> web.Response:
    page = words.on("", request[REQUEST_ID], _way_on(request, status, site))
    return html.page("refusal.html", status, page=page)


def _way_on(request: web.Request, status: int, site: AuthHost) -> Link:
    """Once more where that may help. Else by the cookie alone: the store may be what has failed."""
    if status in _PASSING and request.method in _READING:
        return Link("Try again", site.origin + request.path_qs)
    if LOGIN_COOKIE in cookies(request):
        return Link("Go to your account", "/account")
    return Link("Go to the sign-in page", "/login")
