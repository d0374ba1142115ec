"""/account/email asks for another e-mail address; /email/confirm, where the mailed link leads, confirms it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.forward.pages import Link
from gateway.core.mail.links import FIELD
from gateway.core.privacy.names import BadName
from gateway.flows.act import RedisBehind
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.may_change import MayNotChange
from gateway.flows.people.email_change import EmailChange
from gateway.web.browser import Browser, see_other
from gateway.web.forms import own_form
from gateway.web.link_pages import form_page, over_page, token_of
from gateway.web.proving import to_prove

_PAGE: Final = "/account/email"
_CONFIRM: Final = "/email/confirm"
_TEMPLATE: Final = "email_confirm.html"
_AGAIN: Final = Link("Your e-mail address", _PAGE)


def routes(browser: Browser, change: EmailChange) -> list[web.RouteDef]:
    """No GET changes anything. A link works only in a browser that is signed in as its person."""
    asking, confirming = _AddressForm(browser, change), _ConfirmForm(browser, change)
    return [
        web.get(_PAGE, browser.for_somebody(asking.show)),
        web.post(_PAGE, browser.for_form_of_somebody(asking.submit)),
        web.get(_CONFIRM, confirming.show),
        web.post(_CONFIRM, confirming.submit),
    ]


@dataclass(frozen=True, slots=True)
class _AddressForm:
    browser: Browser
    change: EmailChange

    async def show(self, request: web.Request, live: LiveLogin) -> web.Response:
        return await self._page(request, live)

    async def submit(self, request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        """The same answer whether anybody has the address."""
        try:
            await self.change.ask(live, fields.get("email", "").strip(), self.browser.visit(request))
        except BadName:
            return await self._page(request, live, 400, "That is no e-mail address. Check it and try again.")
        except MayNotChange:
            return see_other(_PAGE)
        return await self._page(request, live, asked=True)

    async def _page(
        self, request: web.Request, live: LiveLogin, status: int = 200, error: str = "", *, asked: bool = False
    ) -> web.Response:
        lacks = to_prove(await self.change.lacks(live), "email")
        values = {"asked": asked, "error": error, "to_prove": lacks, "email": live.person.email}
        return self.browser.csrf_page(request, "email.html", status, **values, signed_in=live.person)


@dataclass(frozen=True, slots=True)
class _ConfirmForm:
    browser: Browser
    change: EmailChange

    async def show(self, request: web.Request) -> web.Response:
        live, token = await self.browser.signed_in(request), token_of(request)
        if live is None:
            return form_page(self.browser, request, _TEMPLATE, token, signed_in=False)
        works = await self.change.works(live, token, self.browser.visit(request))
        over = over_page(self.browser, request, _AGAIN)
        return form_page(self.browser, request, _TEMPLATE, token, signed_in=True) if works else over

    async def submit(self, request: web.Request) -> web.Response:
        fields, live = await own_form(request, self.browser.site), await self.browser.signed_in(request)
        token = fields.get(FIELD, "")
        if live is None:
            return form_page(self.browser, request, _TEMPLATE, token, 403, signed_in=False)
        try:
            done = await self.change.confirm(live, token, self.browser.visit(request))
        except RedisBehind:  # the address is changed and the link used, so there is nothing to do again
            done = True
        return see_other(_PAGE) if done else over_page(self.browser, request, _AGAIN)
