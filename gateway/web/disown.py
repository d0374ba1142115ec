"""/disown, where "This wasn't me" of a notice leads: it asks for the user name, then ends everything."""

from typing import Final

from aiohttp import web

from gateway.core.login.attempt import NAME_CHARS
from gateway.core.mail.links import FIELD
from gateway.flows.act import RedisBehind
from gateway.flows.people.disown import Disown, WrongName
from gateway.web.browser import Browser, see_other
from gateway.web.forms import own_form
from gateway.web.link_pages import form_page, over_page, token_of
from gateway.web.middleware import SHOWN_AGAIN, ShownAgain

_DONE: Final = "/disown/done"
_WRONG_NAME: Final = "That is not the user name or address of the account that this link is for."


def routes(browser: Browser, disown: Disown) -> list[web.RouteDef]:
    """No GET changes anything, and a form without the name changes nothing: mail scanners submit forms."""

    def form(request: web.Request, token: str, name: str = "", status: int = 200, error: str = "") -> web.Response:
        return form_page(browser, request, "disown.html", token, status, name=name[:NAME_CHARS], error=error)

    async def show(request: web.Request) -> web.Response:
        token = token_of(request)
        if not await disown.works(token, browser.visit(request)):
            return over_page(browser, request)
        return form(request, token)

    async def submit(request: web.Request) -> web.Response:
        fields = await own_form(request, browser.site)
        token, name = fields.get(FIELD, ""), fields.get("name", "")
        request[SHOWN_AGAIN] = ShownAgain(lambda status, why: form(request, token, name, status, why))
        try:
            done = await disown.disown(token, name, browser.visit(request))
        except WrongName:
            return form(request, token, name, 400, _WRONG_NAME)
        except RedisBehind:  # it is recorded, and the link is used: doing it again is not to be had
            done = True
        return see_other(_DONE) if done else over_page(browser, request)

    async def done(_request: web.Request) -> web.Response:
        return browser.html.page("disown_done.html")

    return [web.get("/disown", show), web.post("/disown", submit), web.get(_DONE, done)]
