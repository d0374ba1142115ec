"""/login: the form, its answer, and the way on to where the person came from."""

from dataclasses import replace
from typing import Final

from aiohttp import web

from gateway.core.assurance.need import NOTHING, Need, read_need
from gateway.core.errors import TooManyAttempts
from gateway.core.login.attempt import NAME_CHARS, Typed
from gateway.core.session.cookies import ATTEMPT_COOKIE, set_cookie
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.login import AskedFactor, BlockedLogin, Login, LoginAnswer, Throttled, Wrong
from gateway.web.browser import see_other
from gateway.web.errors import FormExpired
from gateway.web.forms import add_cookie, own_form
from gateway.web.login_pages import CHANGE_PATH, LoginPages
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain
from gateway.web.ways import Form, WayFromLogin, WayToHost

_WRONG: Final = "That user name and password don't match an account. Check both and try again."
_RISK: Final = (
    "This sign-in is too unlike your earlier ones, so it was stopped (RISK_TOO_HIGH). Sign in on a device that you have"
    " used here before, or ask whoever runs this site."
)
_RISK_MAILED: Final = (
    "This sign-in is too unlike your earlier ones, so it was stopped (RISK_TOO_HIGH). A message was sent to your e-mail"
    " address. If you say there that it was you, you can try again in this browser within 15 minutes."
)


def routes(pages: LoginPages, login: Login) -> list[web.RouteDef]:
    """GET has no HEAD twin: a GET may hand a session over."""
    browser, ways = pages.browser, pages.ways

    async def show(request: web.Request) -> web.Response:
        way = await ways.find(request.query.getall("j", []), request.query.getall("i", []))
        live = await browser.signed_in(request)
        return pages.form(request, way.form) if live is None else await pages.onwards(request, way, live)

    async def submit(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:
            return await pages.instead_of(request, old)
        typed = Typed(fields.get("name", ""), fields.get("password", ""), fields.get("keep", "") == "yes")
        way = await ways.of_fields(fields)
        form = replace(way.form, name=typed.name[:NAME_CHARS], keep=typed.keep)
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: pages.form(request, replace(form, error=why), status))
        current = await browser.signed_in(request)
        outcome = await login.attempt(typed, browser.visit(request), current, _need_of(way))
        return await _answer(pages, request, way, form, outcome)

    return [web.get("/login", show, allow_head=False), web.post("/login", submit)]


async def _answer(
    pages: LoginPages, request: web.Request, way: WayFromLogin, form: Form, outcome: LoginAnswer
) -> web.Response:
    """form: what was typed, for the page once more."""
    match outcome:
        case Throttled(retry_after_s):
            raise TooManyAttempts(retry_after_s)
        case BlockedLogin(reason):
            words = _RISK_MAILED if outcome.mailed else {"breached": pages.breached, "risk": _RISK}[reason]
            response = pages.form(request, replace(form, error=words, stopped=bool(outcome.cookie)), 403)
            if outcome.cookie:
                add_cookie(response, set_cookie(ATTEMPT_COOKIE, outcome.cookie, outcome.max_age_s))
            return response
        case Wrong():
            return pages.form(request, replace(form, error=_WRONG), 403)
        case AskedFactor(cookie, max_age_s, changes):
            response = see_other(way.form.address(CHANGE_PATH if changes else "/login/verify"))
            add_cookie(response, set_cookie(ATTEMPT_COOKIE, cookie, max_age_s))
            return response
        case SignedIn():
            return await pages.welcome(request, way, outcome)


def _need_of(way: WayFromLogin) -> Need:
    """Of an app's request it is judged when the login is there."""
    return read_need(way.journey.need) if isinstance(way, WayToHost) else NOTHING
