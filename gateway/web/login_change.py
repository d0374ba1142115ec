"""/login/change: a login with a breached password waits here for another one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from gateway.core.session.cookies import ATTEMPT_COOKIE
from gateway.flows.people.forced_change import ChangeAsked, ForcedChange
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.new_passwords import BadPassword
from gateway.web.browser import see_other
from gateway.web.errors import FormExpired
from gateway.web.forms import cookies, own_form
from gateway.web.login_pages import CHANGE_PATH, LoginPages
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain
from gateway.web.ways import WayFromLogin

_NOT_TWICE: Final = "The new password and its repetition are not the same."


def routes(pages: LoginPages, change: ForcedChange) -> list[web.RouteDef]:
    """Whoever has no login that waits for this is led to where one begins."""
    browser, ways, shown = pages.browser, pages.ways, _ChangePages(pages, change)

    async def show(request: web.Request) -> web.Response:
        way = await ways.find(request.query.getall("j", []), request.query.getall("i", []))
        asked = await change.waiting(_cookie(request))
        return see_other(way.form.address("/login")) if asked is None else shown.page(request, way, asked)

    async def submit(request: web.Request) -> web.Response:
        try:
            fields = await own_form(request, browser.site)
        except FormExpired as old:  # asked anew, by a page of today
            return see_other((await ways.of_fields(old.fields)).form.address(CHANGE_PATH))
        way, asked = await ways.of_fields(fields), await change.waiting(_cookie(request))
        if asked is None:
            return see_other(way.form.address("/login"))
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: shown.page(request, way, asked, status, why))
        return await shown.answer(request, way, asked, fields)

    return [web.get(CHANGE_PATH, show, allow_head=False), web.post(CHANGE_PATH, submit)]


@dataclass(frozen=True, slots=True)
class _ChangePages:
    pages: LoginPages
    change: ForcedChange

    def page(
        self, request: web.Request, way: WayFromLogin, asked: ChangeAsked, status: int = 200, *errors: str
    ) -> web.Response:
        form = replace(way.form, name=asked.username)
        return self.pages.page(request, "login_change.html", form, status, asked=asked, errors=errors)

    async def answer(
        self, request: web.Request, way: WayFromLogin, asked: ChangeAsked, fields: Mapping[str, str]
    ) -> web.Response:
        new, browser = fields.get("new", ""), self.pages.browser
        if new != fields.get("again", ""):
            return self.page(request, way, asked, 400, _NOT_TWICE)
        visit, live = browser.visit(request), await browser.signed_in(request)
        try:
            done = await self.change.change(_cookie(request), fields.get("for", ""), new, visit, live)
        except BadPassword as bad:
            return self.page(request, way, asked, 400, *(one.words for one in bad.complaints))
        if isinstance(done, SignedIn):
            return await self.pages.welcome(request, way, done)
        return see_other(way.form.address("/login"))


def _cookie(request: web.Request) -> str:
    return cookies(request).get(ATTEMPT_COOKIE, "")
