"""The pages that prove who somebody is, and what follows when they have."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.core.assurance.steps import PASSWORD, FactorProof, Unmeetable
from gateway.core.forward import pages
from gateway.core.forward.pages import ACCOUNT, Link
from gateway.core.login.attempt import NAME_CHARS
from gateway.core.session.cookies import (
    ATTEMPT_COOKIE,
    CSRF_COOKIE,
    DEVICE_COOKIE,
    ENDED_COOKIE,
    LOGIN_COOKIE,
    expire_cookie,
    set_cookie,
)
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.own_enrolment import OwnEnrolment
from gateway.flows.people.passkey_proofs import PasskeyProofs, PasskeyShown
from gateway.flows.people.step_up import StepUpFlow
from gateway.web.account import LEAKED
from gateway.web.browser import Browser, see_other
from gateway.web.errors import FormExpired
from gateway.web.forms import add_cookie
from gateway.web.middleware import REQUEST_ID, content_security_policy
from gateway.web.proving import ENROL_PATH, STEP_UP_PATH
from gateway.web.ways import SECURITY_PATH, Form, WayFromLogin, Ways

DEVICE_MAX_AGE_S: Final = 365 * 24 * 3600
PRIVACY_PATH: Final = "/account/privacy"
CHANGE_PATH: Final = "/login/change"
SET_UP: Final = "Set up a second factor"
_BREACHED: Final = (
    "Nobody can sign in with this password any more: it is in lists of passwords that leaked elsewhere, so others may"
    " know it."
)
_OTHER_COOKIE: Final = (
    "Somebody signed in or out in this browser since this page was opened. Please enter your password again."
)
_NO_COOKIE: Final = (
    "Your browser sent no cookie with the form: you signed out in another tab, or cookies are off."
    " Please enter your password again."
)


@dataclass(frozen=True, slots=True)
class Asks:
    """What a page asks. action: where its form goes. shown_for: whose attempt the page is of, "" of a live login.

    options: what the browser is asked for a passkey, "" where none would help. confirms: which code that is no factor,
    of ConfirmWay, "" where a factor is asked.
    """

    action: str
    password: bool
    code: bool
    shown_for: str = ""
    options: str = ""
    confirms: str = ""

    @property
    def typed(self) -> bool:
        """Whether there is anything to type."""
        return self.password or self.code


@dataclass(frozen=True, slots=True)
class LoginPages:
    """recovers: whether /forgot is there."""

    browser: Browser
    ways: Ways
    step_up: StepUpFlow
    passkeys: PasskeyProofs
    enrolment: OwnEnrolment
    recovers: bool = False

    @property
    def breached(self) -> str:
        """For a password that lets nobody in, with the way to another one."""
        way = 'Follow "Forgot your password?"' if self.recovers else "Ask whoever runs this site"
        return f"{_BREACHED} {way} to get a new one."

    def passkey_of(self, request: web.Request, fields: Mapping[str, str]) -> PasskeyShown | None:
        """None: the form with fields to type was sent."""
        answer = fields.get("answer", "")
        return PasskeyShown(answer, self.browser.csrf_cookie(request)) if answer else None

    def form(self, request: web.Request, form: Form, status: int = 200) -> web.Response:
        options = self.passkeys.sign_in_options(self.browser.csrf_cookie(request), self.browser.clock())
        return self.page(request, "login.html", form, status, options=options, recovers=self.recovers)

    def proof_form(self, request: web.Request, form: Form, asks: Asks, status: int = 200) -> web.Response:
        """For somebody whose name is known."""
        return self.page(request, "verify.html", form, status, asks=asks)

    async def onwards(self, request: web.Request, way: WayFromLogin, live: LiveLogin, error: str = "") -> web.Response:
        """Where a signed-in person goes; the page that asks for more where the login does not suffice there."""
        answer = await way.onwards(request, live)
        if not isinstance(answer, Form):
            return answer
        status = HTTPStatus.FORBIDDEN if error else HTTPStatus.OK
        if not answer.again:  # the person chose to be somebody else for an app
            return self.form(request, replace(answer, error=error), status)
        found = await self.step_up.asked(live, answer.need)
        if isinstance(found, Unmeetable):
            return self._unmeetable(request, answer, found)
        asks = _asked(found.ways)
        if any(proof.name == "passkey" for way in found.ways for proof in way):
            options = await self.step_up.passkey_options(live, self.browser.csrf_cookie(request))
            asks = replace(asks, options=options)
        return self.proof_form(request, replace(answer, error=error), asks, status)

    async def instead_of(self, request: web.Request, old: FormExpired) -> web.Response:
        """What follows a form that proves nothing: what GET would show, and why it is shown."""
        way = await self.ways.of_fields(old.fields)
        live = await self.browser.signed_in(request)
        if live is not None:
            return await self.onwards(request, way, live)
        form = replace(way.form, name=old.fields.get("name", "")[:NAME_CHARS], keep=old.fields.get("keep") == "yes")
        return self.form(request, replace(form, error=_OTHER_COOKIE if old.has_cookie else _NO_COOKIE), 403)

    async def welcome(self, request: web.Request, way: WayFromLogin, new: SignedIn) -> web.Response:
        """Always a redirect, so that reloading sends no password again. The pre-login cookies go with their tokens.

        Whom somebody wants to erase sees that first, and goes on from there (evidence.md E14).
        """
        response = see_other(await self._next(request, way, new))
        add_cookie(response, set_cookie(LOGIN_COOKIE, new.token.text, new.max_age_s))
        add_cookie(response, set_cookie(DEVICE_COOKIE, new.device, DEVICE_MAX_AGE_S))
        if new.breached:  # /account says it
            add_cookie(response, set_cookie(ENDED_COOKIE, LEAKED))
        add_cookie(response, expire_cookie(CSRF_COOKIE))
        add_cookie(response, expire_cookie(ATTEMPT_COOKIE))
        return response

    async def _next(self, request: web.Request, way: WayFromLogin, new: SignedIn) -> str:
        """By way of the reminder, where the person has to set up a second factor, or is to be erased."""
        if new.to_be_erased:
            return way.form.address(PRIVACY_PATH)
        if self.enrolment.asks_anybody:
            live = await self.browser.decisions.authenticate(new.token.text, self.browser.site.host)
            if live is not None and await self.enrolment.left(live) is not None:
                return way.form.address(ENROL_PATH)
        return await way.after(request, new)

    def page(self, request: web.Request, template: str, form: Form, status: int, **values: object) -> web.Response:
        response = self.browser.csrf_page(request, template, status, form=form, **values)
        response.headers["Content-Security-Policy"] = content_security_policy(form.target, scripts=True)
        return response

    def _unmeetable(self, request: web.Request, form: Form, found: Unmeetable) -> web.Response:
        """Says how the person could meet it, or that nobody can."""
        words = pages.NEEDS_FACTOR if found.missing else pages.NOBODY_CAN
        links = (Link(SET_UP, SECURITY_PATH),) if found.missing else ()
        page = words.on(form.goal, request[REQUEST_ID], *links, Link(ACCOUNT, "/account"))
        return self.browser.html.page("refusal.html", HTTPStatus.FORBIDDEN, page=replace(page, who=form.name))


def _asked(ways: tuple[frozenset[FactorProof], ...]) -> Asks:
    """An empty way is of a login whose secret another tab has just replaced: its password makes sure."""
    typed = [way for way in ways if all(proof.name != "passkey" for proof in way - {PASSWORD})]
    with_passkey = [way for way in ways if way not in typed]
    password = all(PASSWORD in way for way in typed or with_passkey) or not ways[0]
    return Asks(STEP_UP_PATH, password, any(way - {PASSWORD} for way in typed))
