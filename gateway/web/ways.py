"""Where a person goes on from the login page: to a protected host, back to an app, or to their account."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from aiohttp import web

from gateway.core.assurance.need import NOTHING, Need, met
from gateway.core.forward.pages import ACCOUNT, START, Link
from gateway.core.forward.respond import denied_page, leaving_label
from gateway.core.oauth.request import Unaddressed
from gateway.core.session.journey import Journey
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.oauth.authorize import AskLogin, Authorize, Opened, ToApp, Visitor
from gateway.flows.people.handoff import AskAgain, Denied, Go, Handoff, MustEnrol, OwesAnswers
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.own_factors import OwnFactors
from gateway.web.browser import Browser, see_other
from gateway.web.forms import client_address
from gateway.web.middleware import REQUEST_ID, content_security_policy
from gateway.web.oauth.authorize import way_on
from gateway.web.proving import DOCUMENTS_PATH, ENROL_PATH

SECURITY_PATH: Final = "/account/security"
CONSOLE_PATH: Final = "/admin"
# The last part may be sealed: which sessions somebody has chosen.
_CONSOLE: Final = re.compile(r"/admin(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}){0,6}(/v1\.[A-Za-z0-9_-]{1,6000})?", re.ASCII)
_NOTICES = {"again": "What you sent could not be kept. After signing in, please send it again."}


@dataclass(frozen=True, slots=True)
class Form:
    """What the login page shows. journey, interaction: sealed texts, "" without one. goal: where it leads, for people.
    target: the origin that signing in may redirect to. again: the person is signed in, and the login does not meet
    need. stopped: the login was blocked, and an operator's code would help. security: it leads to the page where second
    factors are changed. console: the path of the console that it leads to, "" where it leads elsewhere.
    """

    journey: str = ""
    interaction: str = ""
    goal: str = ""
    target: str = ""
    name: str = ""
    keep: bool = False
    again: bool = False
    need: Need = NOTHING
    security: bool = False
    console: str = ""
    stopped: bool = False
    notice: str = ""
    error: str = ""

    @property
    def to(self) -> str:
        """What a form carries of a way on the auth host itself; "" where it leads elsewhere."""
        return "security" if self.security else self.console

    def address(self, path: str) -> str:
        """The page at path, with the way on that this one has."""
        carried = f"?j={self.journey}" if self.journey else f"?i={self.interaction}" if self.interaction else ""
        return path + carried


@dataclass(frozen=True, slots=True)
class WayToAccount:
    form: Form = Form()

    async def after(self, _request: web.Request, _new: SignedIn) -> str:
        """The location that follows a login."""
        return "/account"

    async def onwards(self, _request: web.Request, _live: LiveLogin) -> web.Response | Form:
        """What a signed-in person gets; the form: they have to sign in once more."""
        return see_other("/account")


@dataclass(frozen=True, slots=True)
class WayToHost:
    browser: Browser
    handoff: Handoff
    journey: Journey
    form: Form

    async def after(self, request: web.Request, new: SignedIn) -> str:
        """The host; /login, which says why, where it can't be."""
        if not self.journey.is_timely(self.browser.clock()):
            return self._opened()
        live = await self.browser.decisions.authenticate(new.token.text, self.browser.site.host)
        if live is not None:
            outcome = await self._pass_on(request, live)
            if isinstance(outcome, Go):
                return self._callback(outcome)
        return f"/login?j={self.form.journey}"

    async def onwards(self, request: web.Request, live: LiveLogin) -> web.Response | Form:
        """The host, the form once more, or the denied page."""
        if not self.journey.is_timely(self.browser.clock()):
            return see_other(self._opened())
        outcome = await self._pass_on(request, live)
        match outcome:
            case Go():
                return see_other(self._callback(outcome))
            case AskAgain(need):
                return replace(self.form, again=True, need=need, name=live.person.username)
            case Denied():
                return self._denied(request, outcome, live.person.username)
            case MustEnrol():
                return see_other(self.form.address(ENROL_PATH))
            case OwesAnswers():
                return see_other(self.form.address(DOCUMENTS_PATH))

    async def _pass_on(self, request: web.Request, live: LiveLogin) -> Go | AskAgain | Denied | MustEnrol | OwesAnswers:
        return await self.handoff.pass_on(live, self.journey, client_address(request), request[REQUEST_ID])

    def _opened(self) -> str:
        """The page itself, for a journey that is over: who is signed in comes from there to another one."""
        return self.browser.origin_of(self.journey.host) + self.journey.return_to

    def _callback(self, go: Go) -> str:
        keep = "&keep=1" if go.keep else ""
        origin = self.browser.origin_of(self.journey.host)
        return f"{origin}/.bastion/callback?code={go.code.text}&j={self.form.journey}{keep}"

    def _denied(self, request: web.Request, denied: Denied, who: str) -> web.Response:
        """The page that the host itself would show. Where that keeps the denial to itself, so does this one."""
        respond, host, site = denied.respond, self.journey.host, self.browser.origin_of(self.journey.host)
        page = denied_page(denied.reason, respond, known=True)
        if not respond.says_denied:
            page = page.on(host, request[REQUEST_ID], replace(START, href=site + START.href))
            response = self.browser.html.page("refusal.html", respond.denied, page=page)
            if respond.retry_after_s:
                response.headers["Retry-After"] = str(respond.retry_after_s)
            return response
        page = page.on(
            host, request[REQUEST_ID], Link(leaving_label(denied.reason), "/logout"), Link(ACCOUNT, "/account")
        )
        response = self.browser.csrf_page(
            request, "denied.html", 403, page=replace(page, who=who), journey=self.form.journey
        )
        response.headers["Content-Security-Policy"] = content_security_policy(scripts=True)
        return response


@dataclass(frozen=True, slots=True)
class WayToApp:
    authorize: Authorize
    opened: Opened
    form: Form

    async def after(self, _request: web.Request, _new: SignedIn) -> str:
        """The request of the app goes on, and is judged there."""
        return way_on(self.form.interaction)

    async def onwards(self, request: web.Request, live: LiveLogin) -> web.Response | Form:
        """The form only where the app's request asks for another login."""
        visitor = Visitor(live, client_address(request), request[REQUEST_ID])
        match await self.authorize.judge(self.opened, visitor):
            case AskLogin(another=True):
                return self.form
            case AskLogin(need=need):
                return replace(self.form, again=True, need=need, name=live.person.username)
            case _:
                return see_other(way_on(self.form.interaction))


@dataclass(frozen=True, slots=True)
class WayToSecurity:
    """Of somebody who is signed in, and has to prove more before they change their second factors."""

    factors: OwnFactors
    form: Form = Form(security=True)

    async def after(self, _request: web.Request, _new: SignedIn) -> str:
        return SECURITY_PATH

    async def onwards(self, _request: web.Request, live: LiveLogin) -> web.Response | Form:
        lacks = (await self.factors.overview(live)).lacks
        if isinstance(lacks, Need):
            return replace(self.form, again=True, need=lacks, name=live.person.username)
        return see_other(SECURITY_PATH)  # it says where a code can be had, if one is needed


@dataclass(frozen=True, slots=True)
class WayToConsole:
    """Of somebody who is signed in, and has to prove a second factor for a page of the console. need: of that page."""

    clock: Callable[[], int]
    need: Need
    form: Form

    async def after(self, _request: web.Request, _new: SignedIn) -> str:
        return self.form.console

    async def onwards(self, _request: web.Request, live: LiveLogin) -> web.Response | Form:
        if met(self.need, live.facts.assurance, self.clock()):
            return see_other(self.form.console)
        return replace(self.form, again=True, need=self.need, name=live.person.username)


WayFromLogin: TypeAlias = WayToAccount | WayToHost | WayToApp | WayToSecurity | WayToConsole


@dataclass(frozen=True, slots=True)
class Ways:
    """From what the login page was opened with."""

    browser: Browser
    handoff: Handoff
    authorize: Authorize
    factors: OwnFactors
    console_need: Need

    def to_own(self, to: str) -> "WayToSecurity | WayToConsole | None":
        """A page of the auth host that asks for more proof. None: to names none. It opens nothing by itself."""
        if to == "security":
            return WayToSecurity(self.factors)
        if _CONSOLE.fullmatch(to):
            return WayToConsole(self.browser.clock, self.console_need, Form(console=to))
        return None

    async def of_fields(self, fields: Mapping[str, str]) -> WayFromLogin:
        """From the hidden fields of a form. Raises Unaddressed."""
        own = self.to_own(fields.get("to", ""))
        if own is not None:
            return own
        journey, interaction = fields.get("j", ""), fields.get("i", "")
        return await self.find([journey] if journey else [], [interaction] if interaction else [])

    async def find(self, journeys: list[str], interactions: list[str]) -> WayFromLogin:
        """A sealed way back leads on only if there is exactly one. Raises Unaddressed: an app's request is over."""
        if len(journeys) + len(interactions) != 1:
            return WayToAccount()
        return await self._to_app(interactions[0]) if interactions else self._to_host(journeys[0])

    def _to_host(self, sealed: str) -> WayToHost | WayToAccount:
        journey = self.browser.journey(sealed)
        if journey is None or not self.handoff.knows(journey):
            return WayToAccount()
        notice, target = _NOTICES.get(journey.notice, ""), self.browser.origin_of(journey.host)
        return WayToHost(
            self.browser, self.handoff, journey, Form(journey=sealed, goal=journey.host, target=target, notice=notice)
        )

    async def _to_app(self, sealed: str) -> WayToApp:
        opened = await self.authorize.open(sealed)
        if isinstance(opened, ToApp):
            raise Unaddressed("The app may no longer ask for this.")
        address, name = opened.address, opened.request.login_hint
        form = Form(interaction=sealed, goal=address.client.name, target=address.form_target, name=name)
        return WayToApp(self.authorize, opened, form)
