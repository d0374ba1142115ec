"""/keep-factors, where the notice of a factor reset leads: it asks for the user name, then stops the reset."""

from typing import Final

from aiohttp import web

from gateway.flows.people.factor_resets import KeepFactors
from gateway.flows.people.issuing import Visit
from gateway.web.browser import Browser, see_other
from gateway.web.named_link import NamedLinkPage

_DONE: Final = "/keep-factors/done"


def routes(browser: Browser, keeping: KeepFactors) -> list[web.RouteDef]:
    async def act(token: str, name: str, visit: Visit) -> web.Response | None:
        return see_other(_DONE) if await keeping.keep(token, name, visit) else None

    async def done(_request: web.Request) -> web.Response:
        return browser.html.page("keep_factors_done.html")

    page = NamedLinkPage(browser, keeping.links, "keep_factors.html", act)
    return [*page.routes("/keep-factors"), web.get(_DONE, done)]
