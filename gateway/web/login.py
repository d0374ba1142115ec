"""/login: the form, its answer, and the way on to the host that the person came from."""

from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from gateway.core.forward.pages import ACCOUNT, OTHER_ACCOUNT, START, Link
from gateway.core.forward.respond import denied_page
from gateway.core.login.attempt import NAME_CHARS, Typed
from gateway.core.session.cookies import CSRF_COOKIE, DEVICE_COOKIE, LOGIN_COOKIE, expire_cookie, set_cookie
from gateway.core.session.journey import Journey
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.handoff import AskAgain, Denied, Go, Handoff
from gateway.flows.people.login import Login, SignedIn, Throttled, Wrong
from gateway.web.browser import Browser, see_other
from gateway.web.errors import FormExpired, TooManyAttempts
from gateway.web.forms import add_cookie, client_address, own_form
from gateway.web.middleware import REQUEST_ID, SHOWN_AGAIN, ShownAgain, content_security_policy

_DEVICE_MAX_AGE_S: Final = 365 * 24 * 3600
_WRONG: Final = "That user name and password don't match an account. Check both and try again."
_OTHER_COOKIE: Final = (
    "Somebody signed in or out in this browser since this page was opened. Please enter your password again."
)
_NO_COOKIE: Final = (
    "Your browser sent no cookie with the form: you signed out in another tab, or cookies are off."
    " Please enter your password again."
)
_NOTICES: Final = {"again": "What you sent could not be kept. After signing in, please send it again."}


@dataclass(frozen=True, slots=True)
class Form:
    """What the login page shows. journey: sealed text, "" without one. again: the person is signed in but not fresh."""

    journey: str = ""
    host: str = ""
    name: str = ""
    keep: bool = False
    again: bool = False
    notice: str = ""
    error: str = ""


def routes(browser: Browser, login: Login, handoff: Handoff) -> list[web.RouteDef]:
    """GET has no HEAD twin: a GET may hand a session over."""
    pages = _LoginPages(browser, handoff)

    async def show(request: web.Request) -> web.Response:
        form, journey = pages.start(request.query.getall("j", []))
        live = await browser.signed_in(request)
        if live is None:
            return pages.form(request, form)
        return await pages.onwards(request, form, journey, live)

    async def submit(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:
            return await pages.instead_of(request, old)
        typed = Typed(fields.get("name", ""), fields.get("password", ""), fields.get("keep", "") == "yes")
        form, journey = pages.start([fields.get("j", "")])
        form = replace(form, name=typed.name[:NAME_CHARS], keep=typed.keep)
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: pages.form(request, replace(form, error=why), status))
        outcome = await login.attempt(typed, browser.visit(request), await browser.signed_in(request))
        match outcome:
            case Throttled(retry_after_s):
                raise TooManyAttempts(retry_after_s)
            case Wrong():
                return pages.form(request, replace(form, error=_WRONG), 403)
            case SignedIn():
                return await pages.welcome(request, journey, form.journey, outcome)

    return [web.get("/login", show, allow_head=False), web.post("/login", submit)]


@dataclass(frozen=True, slots=True)
class _LoginPages:
    browser: Browser
    handoff: Handoff

    def start(self, sealed: list[str]) -> tuple[Form, Journey | None]:
        """From the sealed way back, if there is exactly one and it still leads to a host of ours."""
        journey = self.browser.journey(sealed[0]) if len(sealed) == 1 else None
        if journey is None or not self.handoff.knows(journey):
            return Form(), None
        notice = _NOTICES.get(journey.notice, "")
        return Form(journey=sealed[0], host=journey.host, notice=notice), journey

    def form(self, request: web.Request, form: Form, status: int = 200) -> web.Response:
        response = self.browser.csrf_page(request, "login.html", status, form=form)
        target = self.browser.origin_of(form.host) if form.host else ""
        response.headers["Content-Security-Policy"] = content_security_policy(target, scripts=True)
        return response

    async def instead_of(self, request: web.Request, old: FormExpired) -> web.Response:
        """What follows a form that proves nothing: what GET would show, and why it is shown."""
        form, journey = self.start([old.fields.get("j", "")])
        live = await self.browser.signed_in(request)
        if live is not None:
            return await self.onwards(request, form, journey, live)
        form = replace(form, name=old.fields.get("name", "")[:NAME_CHARS], keep=old.fields.get("keep") == "yes")
        return self.form(request, replace(form, error=_OTHER_COOKIE if old.has_cookie else _NO_COOKIE), 403)

    async def welcome(self, request: web.Request, journey: Journey | None, sealed: str, new: SignedIn) -> web.Response:
        """Always a redirect, so that reloading sends no password again. The pre-login cookie goes with its tokens."""
        response = see_other(await self._destination(request, journey, sealed, new))
        add_cookie(response, set_cookie(LOGIN_COOKIE, new.token.text, new.max_age_s))
        add_cookie(response, set_cookie(DEVICE_COOKIE, new.device, _DEVICE_MAX_AGE_S))
        add_cookie(response, expire_cookie(CSRF_COOKIE))
        return response

    async def _destination(self, request: web.Request, journey: Journey | None, sealed: str, new: SignedIn) -> str:
        """The host of the journey; /login, which says why, where it can't be; /account without a journey."""
        if journey is None:
            return "/account"
        if not journey.is_timely(self.browser.clock()):
            return self._opened(journey)
        live = await self.browser.decisions.authenticate(new.token.text, self.browser.site.host)
        if live is not None:
            outcome = await self.handoff.pass_on(live, journey, client_address(request), request[REQUEST_ID])
            if isinstance(outcome, Go):
                return self._callback(journey, sealed, outcome)
        return f"/login?j={sealed}"

    def _opened(self, journey: Journey) -> str:
        """The page itself, for a journey that is over: who is signed in comes from there to another one."""
        return self.browser.origin_of(journey.host) + journey.return_to

    def _callback(self, journey: Journey, sealed: str, go: Go) -> str:
        keep = "&keep=1" if go.keep else ""
        return f"{self.browser.origin_of(journey.host)}/.bastion/callback?code={go.code.text}&j={sealed}{keep}"

    async def onwards(self, request: web.Request, form: Form, journey: Journey | None, live: LiveLogin) -> web.Response:
        """Where a signed-in person goes: the host of the journey, the form once more, the denied page, or /account."""
        if journey is None:
            return see_other("/account")
        if not journey.is_timely(self.browser.clock()):
            return see_other(self._opened(journey))
        outcome = await self.handoff.pass_on(live, journey, client_address(request), request[REQUEST_ID])
        match outcome:
            case Go():
                return see_other(self._callback(journey, form.journey, outcome))
            case AskAgain():
                return self.form(request, replace(form, again=True, name=live.person.username))
            case Denied():
                return self._denied(request, form, outcome, live.person.username)

    def _denied(self, request: web.Request, form: Form, denied: Denied, who: str) -> web.Response:
        """The page that the host itself would show. Where that keeps the denial to itself, so does this one."""
        respond, site = denied.respond, self.browser.origin_of(form.host)
        page = denied_page(denied.reason, respond, known=True)
        if not respond.says_denied:
            page = page.on(form.host, request[REQUEST_ID], replace(START, href=site + START.href))
            response = self.browser.html.page("refusal.html", respond.denied, page=page)
            if respond.retry_after_s:
                response.headers["Retry-After"] = str(respond.retry_after_s)
            return response
        page = page.on(form.host, request[REQUEST_ID], Link(OTHER_ACCOUNT, "/logout"), Link(ACCOUNT, "/account"))
        response = self.browser.csrf_page(
            request, "denied.html", 403, page=replace(page, who=who), journey=form.journey
        )
        response.headers["Content-Security-Policy"] = content_security_policy(scripts=True)
        return response
