"""/oauth2/logout: where apps send people to log out.

Whatever comes is sealed and comes again as `?i=`, as at /oauth2/authorize: a POST from another site brings no cookie.
"""

from typing import Final

from aiohttp import web

from gateway.core.oauth.request import form_target
from gateway.flows.oauth.app_logout import AppLogout, Leaving
from gateway.flows.people.logout import Logout
from gateway.web.browser import Browser, see_other
from gateway.web.forms import posted_pairs
from gateway.web.logout import APP_LOGOUT_PATH, end_login, go_back
from gateway.web.middleware import content_security_policy

_SIGNED_OUT: Final = "/signed-out"


def routes(browser: Browser, logout: Logout, apps: AppLogout) -> list[web.RouteDef]:
    """GET has no HEAD twin: it may end a login."""

    async def start(request: web.Request) -> web.StreamResponse:
        sealed = request.query.getall("i", [])
        if not sealed:
            return see_other(f"{APP_LOGOUT_PATH}?i={apps.begin(request.query.items())}")
        leaving = apps.open(sealed[0] if len(sealed) == 1 else "")
        live = await browser.signed_in(request)
        if live is None:
            return see_other(leaving.way_back or _SIGNED_OUT)
        if not apps.may_end(leaving, live):
            return _ask(browser, request, leaving, live.person)
        return go_back(browser.html, leaving, completed=await end_login(browser, logout, request))

    async def take(request: web.Request) -> web.StreamResponse:
        return see_other(f"{APP_LOGOUT_PATH}?i={apps.begin(await posted_pairs(request))}")

    return [web.get(APP_LOGOUT_PATH, start, allow_head=False), web.post(APP_LOGOUT_PATH, take)]


def _ask(browser: Browser, request: web.Request, leaving: Leaving, person: object) -> web.Response:
    """The page of /logout. What is no request of ours is not carried on."""
    sealed = leaving.sealed if leaving.way_back else ""
    response = browser.csrf_page(request, "logout.html", signed_in=person, journey="", app_logout=sealed)
    if leaving.way_back:
        policy = content_security_policy(form_target(leaving.request.redirect_uri))
        response.headers["Content-Security-Policy"] = policy
    return response
