"""/account/confirm: a mailed or an operator's code speaks for a login on a device that is new to its person."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.core.login.one_time_codes import TYPED_CHARS
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.confirm_login import ConfirmLogin
from gateway.web.browser import Browser, see_other
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain
from gateway.web.oauth.authorize import way_on
from gateway.web.proving import ACCOUNT_PAGES, CONFIRM_PATH

_WRONG: Final = "That code isn't right. It works once, in this sign-in only, for 10 minutes after it was sent."
_NOT_SENT: Final = "No more codes can be sent for a while. Try again in an hour, or ask whoever runs this site for one."


def routes(browser: Browser, confirm: ConfirmLogin) -> list[web.RouteDef]:
    pages = _ConfirmPages(browser, confirm)
    return [
        web.get(CONFIRM_PATH, browser.for_somebody(pages.show)),
        web.post(f"{CONFIRM_PATH}/mail", browser.for_form_of_somebody(pages.send)),
        web.post(CONFIRM_PATH, browser.for_form_of_somebody(pages.submit)),
    ]


@dataclass(frozen=True, slots=True)
class _Way:
    """Where the person goes on: a page of ACCOUNT_PAGES, or the sealed request of an app."""

    back: str
    interaction: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "_Way":
        back = values.get("back", "")
        return cls(back if back in ACCOUNT_PAGES else ACCOUNT_PAGES[0], values.get("i", ""))

    @property
    def on(self) -> str:
        return way_on(self.interaction) if self.interaction else f"/account/{self.back}"

    @property
    def here(self) -> str:
        return f"{CONFIRM_PATH}?{urlencode({'i': self.interaction} if self.interaction else {'back': self.back})}"


@dataclass(frozen=True, slots=True)
class _ConfirmPages:
    browser: Browser
    confirm: ConfirmLogin

    async def show(self, request: web.Request, live: LiveLogin) -> web.Response:
        return await self._page(request, live, _Way.of(request.query))

    async def send(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        way = _Way.of(fields)
        if not await self.confirm.send(live, self.browser.visit(request)):
            return await self._page(request, live, way, _NOT_SENT, 429)
        return see_other(way.here)

    async def submit(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        way, form = _Way.of(fields), await self.confirm.form(live)
        values = {"way": way, "form": form, "signed_in": live.person}
        request[SHOWN_AGAIN] = ShownAgain(
            lambda status, why: self.browser.csrf_page(request, "confirm.html", status, error=why, **values)
        )
        if await self.confirm.confirm(live, fields.get("code", "")[:TYPED_CHARS], self.browser.visit(request)):
            return see_other(way.on)
        return await self._page(request, live, way, _WRONG, 403)

    async def _page(
        self, request: web.Request, live: LiveLogin, way: _Way, error: str = "", status: int = 200
    ) -> web.Response:
        form = await self.confirm.form(live)
        if not form.needed and not error:
            return see_other(way.on)
        values = {"way": way, "form": form, "error": error}
        return self.browser.csrf_page(request, "confirm.html", status, **values, signed_in=live.person)
