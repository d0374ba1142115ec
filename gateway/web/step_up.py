"""/login/step-up: takes more proof from somebody who is logged in, and leads back to where that was asked for.

The page itself is at /login, where the journey leads; here it is only for what is asked on the auth host.
"""

from typing import Final

from aiohttp import web

from gateway.core.login.one_time_codes import TYPED_CHARS
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.step_up import NotProven, Over, TypedProof
from gateway.web.browser import see_other
from gateway.web.errors import FormExpired
from gateway.web.forms import own_form
from gateway.web.login_pages import LoginPages
from gateway.web.proving import STEP_UP_PATH
from gateway.web.ways import WayFromLogin, WayToAccount

_NOT_PROVEN: Final = "That didn't match. Check what you typed; a code that was used before doesn't count again."


def routes(pages: LoginPages) -> list[web.RouteDef]:
    """Whoever is not signed in is sent to sign in."""
    browser, ways = pages.browser, pages.ways

    async def show(request: web.Request) -> web.Response:
        live = await browser.signed_in(request)
        if live is None:
            return see_other("/login")
        return await pages.onwards(request, ways.to_own(request.query.get("to", "security")) or WayToAccount(), live)

    async def submit(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:  # asked anew, by a page of today
            return see_other(_page_of(await ways.of_fields(old.fields)))
        way, live = await ways.of_fields(fields), await browser.signed_in(request)
        if live is None:
            return see_other(way.form.address("/login"))
        shown = TypedProof(
            fields.get("password", ""), fields.get("code", "")[:TYPED_CHARS], pages.passkey_of(request, fields)
        )
        match await pages.step_up.prove(live, shown, browser.visit(request)):
            case SignedIn() as new:
                return await pages.welcome(request, way, new)
            case NotProven():
                return await pages.onwards(request, way, live, _NOT_PROVEN)
            case Over():
                return see_other(_page_of(way))

    return [web.get(STEP_UP_PATH, show, allow_head=False), web.post(STEP_UP_PATH, submit)]


def _page_of(way: WayFromLogin) -> str:
    return f"{STEP_UP_PATH}?to={way.form.to}" if way.form.to else way.form.address("/login")
