"""/login: the form, its answer, and the way on to where the person came from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from gateway.core.errors import TooManyAttempts
from gateway.core.login.attempt import NAME_CHARS, Typed
from gateway.core.session.cookies import (
    CSRF_COOKIE,
    DEVICE_COOKIE,
    ENDED_COOKIE,
    LOGIN_COOKIE,
    expire_cookie,
    set_cookie,
)
from gateway.flows.people.login import Blocked, Login, SignedIn, Throttled, Wrong
from gateway.web.account import LEAKED
from gateway.web.browser import Browser, see_other
from gateway.web.errors import FormExpired
from gateway.web.forms import add_cookie, own_form
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain, content_security_policy
from gateway.web.ways import Form, WayFromLogin, Ways

_DEVICE_MAX_AGE_S: Final = 365 * 24 * 3600
_WRONG: Final = "That user name and password don't match an account. Check both and try again."
_BREACHED: Final = (
    "Nobody can sign in with this password any more: it is in lists of passwords that leaked elsewhere, so others may"
    " know it. Ask whoever runs this site for a new one."
)
_OTHER_COOKIE: Final = (
    "Somebody signed in or out in this browser since this page was opened. Please enter your password again."
)
_NO_COOKIE: Final = (
    "Your browser sent no cookie with the form: you signed out in another tab, or cookies are off."
    " Please enter your password again."
)


def routes(browser: Browser, login: Login, ways: Ways, *, recovers: bool = False) -> list[web.RouteDef]:
    """GET has no HEAD twin: a GET may hand a session over. recovers: whether /forgot is there."""
    pages = _LoginPages(browser, ways, recovers)

    async def show(request: web.Request) -> web.Response:
        way = await ways.find(request.query.getall("j", []), request.query.getall("i", []))
        live = await browser.signed_in(request)
        if live is None:
            return pages.form(request, way.form)
        return pages.shown(request, await way.onwards(request, live))

    async def submit(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:
            return await pages.instead_of(request, old)
        typed = Typed(fields.get("name", ""), fields.get("password", ""), fields.get("keep", "") == "yes")
        way = await pages.way_of(fields)
        form = replace(way.form, name=typed.name[:NAME_CHARS], keep=typed.keep)
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: pages.form(request, replace(form, error=why), status))
        outcome = await login.attempt(typed, browser.visit(request), await browser.signed_in(request))
        match outcome:
            case Throttled(retry_after_s):
                raise TooManyAttempts(retry_after_s)
            case Blocked():
                return pages.form(request, replace(form, error=_BREACHED), 403)
            case Wrong():
                return pages.form(request, replace(form, error=_WRONG), 403)
            case SignedIn():
                return await pages.welcome(request, way, outcome)

    return [web.get("/login", show, allow_head=False), web.post("/login", submit)]


@dataclass(frozen=True, slots=True)
class _LoginPages:
    browser: Browser
    ways: Ways
    recovers: bool

    async def way_of(self, fields: Mapping[str, str]) -> WayFromLogin:
        """From the hidden fields of the form."""
        journey, interaction = fields.get("j", ""), fields.get("i", "")
        return await self.ways.find([journey] if journey else [], [interaction] if interaction else [])

    def shown(self, request: web.Request, answer: web.Response | Form) -> web.Response:
        return self.form(request, answer) if isinstance(answer, Form) else answer

    def form(self, request: web.Request, form: Form, status: int = 200) -> web.Response:
        response = self.browser.csrf_page(request, "login.html", status, form=form, recovers=self.recovers)
        response.headers["Content-Security-Policy"] = content_security_policy(form.target, scripts=True)
        return response

    async def instead_of(self, request: web.Request, old: FormExpired) -> web.Response:
        """What follows a form that proves nothing: what GET would show, and why it is shown."""
        way = await self.way_of(old.fields)
        live = await self.browser.signed_in(request)
        if live is not None:
            return self.shown(request, await way.onwards(request, live))
        form = replace(way.form, name=old.fields.get("name", "")[:NAME_CHARS], keep=old.fields.get("keep") == "yes")
        return self.form(request, replace(form, error=_OTHER_COOKIE if old.has_cookie else _NO_COOKIE), 403)

    async def welcome(self, request: web.Request, way: WayFromLogin, new: SignedIn) -> web.Response:
        """Always a redirect, so that reloading sends no password again. The pre-login cookie goes with its tokens."""
        response = see_other(await way.after(request, new))
        add_cookie(response, set_cookie(LOGIN_COOKIE, new.token.text, new.max_age_s))
        add_cookie(response, set_cookie(DEVICE_COOKIE, new.device, _DEVICE_MAX_AGE_S))
        add_cookie(response, expire_cookie(CSRF_COOKIE))
        if new.breached:  # /account says it
            add_cookie(response, set_cookie(ENDED_COOKIE, LEAKED))
        return response
