"""/account/password: the form by which a person gives themselves another password."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.flows.act import RedisBehind
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.may_change import MayNotChange
from gateway.flows.people.new_passwords import BadPassword
from gateway.flows.people.password_change import Changed, PasswordChange, PasswordForm, TypedChange, WrongCurrent
from gateway.web.account import changed_password, see_account
from gateway.web.browser import Browser, see_other
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain, content_security_policy
from gateway.web.proving import to_prove

_PAGE: Final = "/account/password"
_WELL_KNOWN: Final = "/.well-known/change-password"
_WRONG: Final = "That is not your current password. Check it and try again."
_NOT_TWICE: Final = "The new password and its repetition are not the same."


def routes(browser: Browser, change: PasswordChange) -> list[web.RouteDef]:
    """Whoever is not signed in is sent to sign in, and nothing is changed."""
    form = _PasswordForm(browser, change)

    @browser.for_somebody
    async def show(request: web.Request, live: LiveLogin) -> web.Response:
        return await form.page(request, live)

    @browser.for_form_of_somebody
    async def submit(request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        standing = await change.standing(live)
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: form.shown(request, live, standing, status, why))
        return await form.answer(request, fields, live)

    async def well_known(_request: web.Request) -> web.Response:
        return see_other(_PAGE)

    return [web.get(_PAGE, show), web.post(_PAGE, submit), web.get(_WELL_KNOWN, well_known)]


@dataclass(frozen=True, slots=True)
class _PasswordForm:
    browser: Browser
    change: PasswordChange

    async def page(self, request: web.Request, live: LiveLogin, status: int = 200, *errors: str) -> web.Response:
        return self.shown(request, live, await self.change.standing(live), status, *errors)

    def shown(
        self, request: web.Request, live: LiveLogin, standing: PasswordForm, status: int, *errors: str
    ) -> web.Response:
        response = self.browser.csrf_page(
            request,
            "password.html",
            status,
            errors=errors,
            to_prove=to_prove(standing.lacks, "password"),
            least=standing.least,
            history=standing.history,
            signed_in=live.person,
        )
        response.headers["Content-Security-Policy"] = content_security_policy(scripts=True)
        return response

    async def answer(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        new = fields.get("new", "")
        if new != fields.get("again", ""):
            return await self.page(request, live, 400, _NOT_TWICE)
        typed = TypedChange(fields.get("current", ""), new)
        try:
            done = await self.change.change(live, typed, self.browser.visit(request))
        except BadPassword as bad:
            return await self.page(request, live, 400, *(one.words for one in bad.complaints))
        except MayNotChange:
            return see_other(_PAGE)
        except RedisBehind:
            return see_account(changed_password(None))
        match done:
            case WrongCurrent():
                return await self.page(request, live, 403, _WRONG)
            case Changed(ended, breached):
                return see_account(changed_password(ended, breached=breached))
