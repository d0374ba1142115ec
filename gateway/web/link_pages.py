"""What the pages behind mailed links have in common: the token stays out of other addresses, and a link may be over."""

from typing import Final

from aiohttp import web

from gateway.core.forward.pages import Link, Page
from gateway.core.mail.links import FIELD
from gateway.web.browser import Browser
from gateway.web.middleware import REQUEST_ID

_OVER: Final = Page(
    "This link works no more", "It was used, a newer act replaced it, or it is too old. Nothing was changed just now."
)
_GONE: Final = 410


def token_of(request: web.Request) -> str:
    """ "" unless the address has exactly one."""
    tokens = request.query.getall(FIELD, [])
    return tokens[0] if len(tokens) == 1 else ""


def form_page(
    browser: Browser, request: web.Request, template: str, token: str, status: int = 200, **values: object
) -> web.Response:
    """strict-origin: not even our own pages hear of the address, which holds the token, and forms have their Origin."""
    page = browser.csrf_page(request, template, status, token=token, **values)
    page.headers["Referrer-Policy"] = "strict-origin"
    return page


def over_page(browser: Browser, request: web.Request, *ways: Link) -> web.Response:
    page = _OVER.on("", request[REQUEST_ID], *ways, Link("Go to the sign-in page", "/login"))
    response = browser.html.page("refusal.html", _GONE, page=page)
    response.headers["Referrer-Policy"] = "strict-origin"
    return response
