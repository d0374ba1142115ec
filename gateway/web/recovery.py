"""/forgot asks for a link to a new password; /reset, where the link leads, takes the new password."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.forward.pages import Link
from gateway.core.login.attempt import NAME_CHARS
from gateway.core.mail.links import FIELD
from gateway.core.session.cookies import ATTEMPT_COOKIE, set_cookie
from gateway.flows.act import RedisBehind
from gateway.flows.people.new_passwords import BadPassword
from gateway.flows.people.recovery import PasswordChosen, Recovery, ResetEnd
from gateway.web.browser import Browser, see_other
from gateway.web.forms import add_cookie, own_form
from gateway.web.link_pages import form_page, over_page, token_of
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain

_AGAIN: Final = Link("Ask for another link", "/forgot")
_DONE: Final = "/reset/done"
_WRONG_CODE: Final = "That code is wrong, or was used before. Wait for the next one."
_NOT_TWICE: Final = "The new password and its repetition are not the same."


def routes(browser: Browser, recovery: Recovery) -> list[web.RouteDef]:
    """Nobody is signed in by any of them, and no GET changes anything."""
    forgot, reset = _ForgotForm(browser, recovery), _ResetForm(browser, recovery)

    async def done(_request: web.Request) -> web.Response:
        return browser.html.page("reset_done.html")

    return [
        web.get("/forgot", forgot.show),
        web.post("/forgot", forgot.submit),
        web.get("/reset", reset.show),
        web.post("/reset", reset.submit),
        web.get(_DONE, done),
    ]


@dataclass(frozen=True, slots=True)
class _ForgotForm:
    browser: Browser
    recovery: Recovery

    async def show(self, request: web.Request) -> web.Response:
        return self._page(request)

    async def submit(self, request: web.Request) -> web.Response:
        """The same answer whoever is meant."""
        name = (await own_form(request, self.browser.site)).get("name", "")
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: self._page(request, name[:NAME_CHARS], status, why))
        await self.recovery.ask(name, self.browser.visit(request))
        return self._page(request, asked=True)

    def _page(
        self, request: web.Request, name: str = "", status: int = 200, error: str = "", *, asked: bool = False
    ) -> web.Response:
        return self.browser.csrf_page(request, "forgot.html", status, asked=asked, name=name, error=error)


@dataclass(frozen=True, slots=True)
class _ResetForm:
    browser: Browser
    recovery: Recovery

    async def show(self, request: web.Request) -> web.Response:
        token = token_of(request)
        return await self._page(request, token)

    async def submit(self, request: web.Request) -> web.Response:
        fields = await own_form(request, self.browser.site)
        token, new = fields.get(FIELD, ""), fields.get("new", "")
        if new != fields.get("again", ""):
            return await self._page(request, token, 400, _NOT_TWICE)
        try:
            end = await self._reset(request, token, new, fields.get("code", ""))
        except BadPassword as bad:
            return await self._page(request, token, 400, *(one.words for one in bad.complaints))
        if end is ResetEnd.WRONG_CODE:
            return await self._page(request, token, 403, _WRONG_CODE)
        if end is ResetEnd.OVER:
            return over_page(self.browser, request, _AGAIN)
        response = see_other(_DONE)
        if isinstance(end, PasswordChosen):
            add_cookie(response, set_cookie(ATTEMPT_COOKIE, end.cookie, end.max_age_s))
        return response

    async def _reset(self, request: web.Request, token: str, new: str, code: str) -> PasswordChosen | ResetEnd | None:
        """None: done, and Redis is behind. The link is used, so there is nothing to do again."""
        try:
            return await self.recovery.reset(token, new, code, self.browser.visit(request))
        except RedisBehind:
            return None

    async def _page(self, request: web.Request, token: str, status: int = 200, *errors: str) -> web.Response:
        """Or that the link works no more."""
        asks = await self.recovery.has_factor(token, self.browser.visit(request))
        if asks is None:
            return over_page(self.browser, request, _AGAIN)
        least = self.recovery.new.rules.least_chars(has_factor=asks)
        return form_page(self.browser, request, "reset.html", token, status, errors=errors, least=least, asks=asks)
