"""/disown, where "This wasn't me" of a notice leads: it asks for the user name, then ends everything."""

from typing import Final

from aiohttp import web

from gateway.flows.act import RedisBehind
from gateway.flows.people.disown import Disown
from gateway.flows.people.issuing import Visit
from gateway.web.browser import Browser, see_other
from gateway.web.named_link import NamedLinkPage

_DONE: Final = "/disown/done"


def routes(browser: Browser, disown: Disown) -> list[web.RouteDef]:
    async def act(token: str, name: str, visit: Visit) -> web.Response | None:
        try:
            done = await disown.disown(token, name, visit)
        except RedisBehind:  # it is recorded, and the link is used: doing it again is not to be had
            done = True
        return see_other(_DONE) if done else None

    async def done(_request: web.Request) -> web.Response:
        return browser.html.page("disown_done.html")

    page = NamedLinkPage(browser, disown.links, "disown.html", act)
    return [*page.routes("/disown"), web.get(_DONE, done)]
