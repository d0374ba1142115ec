"""/login/verify: the second step of a login, a factor or a code. Without a first one it leads to where that is."""

from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from gateway.core.login.one_time_codes import TYPED_CHARS
from gateway.core.session.cookies import ATTEMPT_COOKIE, expire_cookie
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.second_step import (
    BreachedPassword,
    ChangeNext,
    Gone,
    Proven,
    SecondStep,
    SomebodyElses,
    Waiting,
    WrongCode,
)
from gateway.web.browser import see_other
from gateway.web.errors import FormExpired
from gateway.web.forms import add_cookie, cookies, own_form
from gateway.web.login_pages import CHANGE_PATH, Asks, LoginPages
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain
from gateway.web.ways import WayFromLogin

_PATH: Final = "/login/verify"
_WRONG: Final = "That code isn't right, or was used before. Wait for the next one, or use a recovery code."
_WRONG_PASSKEY: Final = "That passkey didn't prove it's you. Please try again, or use a recovery code."
_WRONG_CONFIRM: Final = (
    "That code isn't right. A code is for one sign-in, in the browser that asked for it, and is good for 10 minutes."
)
_TOO_MANY: Final = "There were too many wrong codes. Please enter your password again."
_ELSEWHERE: Final = "Somebody else began to sign in in this browser since this page was opened. Please begin again."


def routes(pages: LoginPages, second: SecondStep) -> list[web.RouteDef]:
    browser, ways, shown = pages.browser, pages.ways, _VerifyPages(pages)

    async def show(request: web.Request) -> web.Response:
        way = await ways.find(request.query.getall("j", []), request.query.getall("i", []))
        waiting = await second.waiting(_cookie(request), browser.csrf_cookie(request))
        return see_other(way.form.address("/login")) if waiting is None else shown.page(request, way, waiting)

    async def submit(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:  # asked anew, by a page of today
            return see_other((await ways.of_fields(old.fields)).form.address(_PATH))
        way, waiting = (
            await ways.of_fields(fields),
            await second.waiting(_cookie(request), browser.csrf_cookie(request)),
        )
        if waiting is None:
            return _begin_again(see_other(way.form.address("/login")))
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: shown.page(request, way, waiting, why, status))
        code, passkey = fields.get("code", "")[:TYPED_CHARS], pages.passkey_of(request, fields)
        visit, live = browser.visit(request), await browser.signed_in(request)
        outcome = await second.prove(_cookie(request), fields.get("for", ""), code, visit, live, passkey)
        return await shown.after(request, way, waiting, outcome, typed=passkey is None)

    return [web.get(_PATH, show, allow_head=False), web.post(_PATH, submit)]


@dataclass(frozen=True, slots=True)
class _VerifyPages:
    pages: LoginPages

    def page(
        self, request: web.Request, way: WayFromLogin, waiting: Waiting, error: str = "", status: int = 200
    ) -> web.Response:
        asks = Asks(_PATH, False, waiting.code, waiting.user_id_text, waiting.options, waiting.confirms or "")
        return self.pages.proof_form(request, replace(way.form, name=waiting.username, error=error), asks, status)

    async def after(
        self, request: web.Request, way: WayFromLogin, waiting: Waiting, outcome: Proven, *, typed: bool
    ) -> web.Response:
        match outcome:
            case SignedIn():
                return await self.pages.welcome(request, way, outcome)
            case ChangeNext():
                return see_other(way.form.address(CHANGE_PATH))
            case BreachedPassword():
                return _begin_again(self.pages.form(request, replace(way.form, error=self.pages.breached), 403))
            case WrongCode(0):
                return _begin_again(self.pages.form(request, replace(way.form, error=_TOO_MANY), 403))
            case WrongCode():
                code = _WRONG_CONFIRM if waiting.confirms else _WRONG
                return self.page(request, way, waiting, code if typed else _WRONG_PASSKEY, 403)
            case SomebodyElses():
                return self.pages.form(request, replace(way.form, error=_ELSEWHERE), 403)
            case Gone():
                return _begin_again(see_other(way.form.address("/login")))


def _cookie(request: web.Request) -> str:
    return cookies(request).get(ATTEMPT_COOKIE, "")


def _begin_again(response: web.Response) -> web.Response:
    add_cookie(response, expire_cookie(ATTEMPT_COOKIE))
    return response
