"""/logout: a page that asks, a form that ends the login everywhere, and the tickets of protected hosts.

/signed-out: where a logout that began on a protected host comes to its end.
"""

from typing import Final

from aiohttp import web

from gateway.core.sealed_text import BadSeal
from gateway.core.session.cookies import CSRF_COOKIE, LOGIN_COOKIE, expire_cookie
from gateway.core.session.journey import unseal_logout
from gateway.core.session.tokens import parse
from gateway.flows.oauth.app_logout import AppLogout, Leaving
from gateway.flows.people.logout import Ending, Logout
from gateway.web.browser import Browser, see_other
from gateway.web.errors import FormExpired
from gateway.web.forms import add_cookie, cookies, own_form
from gateway.web.html import Html
from gateway.web.middleware import REQUEST_ID

APP_LOGOUT_PATH: Final = "/oauth2/logout"


def routes(browser: Browser, logout: Logout, apps: AppLogout) -> list[web.RouteDef]:
    """GET has no HEAD twin: a ticket ends a login."""

    async def show(request: web.Request) -> web.StreamResponse:
        tickets = request.query.getall("t", [])
        if len(tickets) == 1:
            return await _redeem(browser, logout, request, tickets[0])
        journey, live = request.query.get("j", ""), await browser.signed_in(request)
        if live is None:
            return see_other(_with_journey(browser, "/login", journey))
        return browser.csrf_page(request, "logout.html", signed_in=live.person, journey=journey, app_logout="")

    async def say_goodbye(_request: web.Request) -> web.Response:
        return browser.html.page("logged_out.html", completed=True)

    async def submit(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:  # asked anew, by a page of today
            if (asked := apps.open(old.fields.get("i", ""))).way_back:
                return see_other(f"{APP_LOGOUT_PATH}?i={asked.sealed}")
            return see_other(_with_journey(browser, "/logout", old.fields.get("j", "")))
        completed = await end_login(browser, logout, request)
        journey = fields.get("j", "")
        if journey and completed and browser.journey(journey) is not None:
            return _forget(see_other(f"/login?j={journey}"))
        return go_back(browser.html, apps.open(fields.get("i", "")), completed=completed)

    return [
        web.get("/logout", show, allow_head=False),
        web.post("/logout", submit),
        web.get("/signed-out", say_goodbye),
    ]


async def end_login(browser: Browser, logout: Logout, request: web.Request) -> bool:
    """That of this browser, if it has one. False: ended, and not yet recorded."""
    token = parse(browser.keys.mac, cookies(request).get(LOGIN_COOKIE, ""))
    return token is None or await logout.end(Ending(token.tag, token.login, request[REQUEST_ID]))


def go_back(html: Html, leaving: Leaving, *, completed: bool) -> web.Response:
    """To the app that asked, if it has registered an address; the page that is not yet recorded stays."""
    if leaving.way_back and completed:
        return _forget(see_other(leaving.way_back))
    return _goodbye(html, completed=completed, forget=True)


def _with_journey(browser: Browser, path: str, sealed: str) -> str:
    """What we did not seal goes into no address."""
    return path if browser.journey(sealed) is None else f"{path}?j={sealed}"


async def _redeem(browser: Browser, logout: Logout, request: web.Request, sealed: str) -> web.Response:
    now = browser.clock()
    try:
        ticket = unseal_logout(browser.keys.journey, sealed)
    except BadSeal:
        return see_other("/logout")
    if not ticket.is_timely(now):
        return see_other("/logout")
    token = parse(browser.keys.mac, cookies(request).get(LOGIN_COOKIE, ""))
    ending = Ending(ticket.tag, ticket.login, request[REQUEST_ID])
    completed = await logout.end(ending)
    # Somebody else's ticket ends somebody else's login, and leaves this browser's cookie alone.
    own = token is not None and token.login == ticket.login
    goodbye = _goodbye(browser.html, completed=completed, forget=own)
    if completed:  # the other goodbye has more to say, and stays
        goodbye.headers["Refresh"] = f"0; url={browser.origin_of(ticket.host)}/.bastion/gone"
    return goodbye


def _goodbye(html: Html, *, completed: bool, forget: bool) -> web.Response:
    response = html.page("logged_out.html", completed=completed)
    return _forget(response) if forget else response


def _forget(response: web.Response) -> web.Response:
    """Never "cookies" in Clear-Site-Data: that empties the whole registrable domain (threats.md H4)."""
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    add_cookie(response, expire_cookie(LOGIN_COOKIE))
    add_cookie(response, expire_cookie(CSRF_COOKIE))
    return response
