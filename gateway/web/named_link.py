"""The pages behind links that ask for the user name: a form, and what follows it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.login.attempt import NAME_CHARS
from gateway.core.mail.links import FIELD
from gateway.flows.people.issuing import Visit
from gateway.flows.people.named_links import NamedLinks, WrongName
from gateway.web.browser import Browser
from gateway.web.forms import own_form
from gateway.web.link_pages import form_page, over_page, token_of
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain

_WRONG_NAME: Final = "That is not the user name or address of the account that this link is for."


@dataclass(frozen=True, slots=True)
class NamedLinkPage:
    """template: takes token, name and error. act: with token, name and visit; None: the link works no more."""

    browser: Browser
    links: NamedLinks
    template: str
    act: Callable[[str, str, Visit], Awaitable[web.Response | None]]

    def routes(self, path: str) -> list[web.RouteDef]:
        """No GET changes anything, and a form without the name changes nothing: mail scanners submit forms."""
        return [web.get(path, self._show), web.post(path, self._submit)]

    async def _show(self, request: web.Request) -> web.Response:
        token = token_of(request)
        if not await self.links.works(token, self.browser.visit(request)):
            return over_page(self.browser, request)
        return self._form(request, token)

    async def _submit(self, request: web.Request) -> web.Response:
        fields = await own_form(request, self.browser.site)
        token, name = fields.get(FIELD, ""), fields.get("name", "")
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: self._form(request, token, name, status, why))
        try:
            done = await self.act(token, name, self.browser.visit(request))
        except WrongName:
            return self._form(request, token, name, 400, _WRONG_NAME)
        return over_page(self.browser, request) if done is None else done

    def _form(
        self, request: web.Request, token: str, name: str = "", status: int = 200, error: str = ""
    ) -> web.Response:
        return form_page(self.browser, request, self.template, token, status, name=name[:NAME_CHARS], error=error)
