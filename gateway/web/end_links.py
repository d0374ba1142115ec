"""The pages that end one thing, where the notice of it leads: they ask for the user name, then end that alone."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from gateway.core.mail.links import LinkKind
from gateway.flows.act import RedisBehind
from gateway.flows.people.end_links import EndLinks
from gateway.flows.people.issuing import Visit
from gateway.web.browser import Browser, see_other
from gateway.web.named_link import NamedLinkPage

_TEMPLATES: Final[Mapping[LinkKind, str]] = {
    LinkKind.END_KEY: "end_key",
    LinkKind.END_APP: "end_app",
    LinkKind.KEEP_ACCOUNT: "keep_account",
}


def routes(browser: Browser, kind: LinkKind, ending: EndLinks) -> list[web.RouteDef]:
    """kind: one of ENDS, that of ending."""
    template, path = _TEMPLATES[kind], kind.path

    async def act(token: str, name: str, visit: Visit) -> web.Response | None:
        try:
            done = await ending.end(token, name, visit)
        except RedisBehind:  # it is recorded, and the link is used: doing it again is not to be had
            done = True
        return see_other(f"{path}/done") if done else None

    async def done(_request: web.Request) -> web.Response:
        return browser.html.page(f"{template}_done.html")

    page = NamedLinkPage(browser, ending.links, f"{template}.html", act)
    return [*page.routes(path), web.get(f"{path}/done", done)]
