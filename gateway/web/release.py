"""/release, where the notice of a blocked login leads: it asks for the user name, then lets that browser try again."""

from typing import Final

from aiohttp import web

from gateway.flows.people.issuing import Visit
from gateway.flows.people.releasing import Releasing
from gateway.web.browser import Browser, see_other
from gateway.web.named_link import NamedLinkPage

_DONE: Final = "/release/done"


def routes(browser: Browser, releasing: Releasing) -> list[web.RouteDef]:
    async def act(token: str, name: str, visit: Visit) -> web.Response | None:
        return see_other(_DONE) if await releasing.release(token, name, visit) else None

    async def done(_request: web.Request) -> web.Response:
        return browser.html.page("release_done.html")

    page = NamedLinkPage(browser, releasing.links, "release.html", act)
    return [*page.routes("/release"), web.get(_DONE, done)]
