"""/account/apps: every app that has access to this person's account, and the button that ends it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from gateway.core.policy.model import Policy
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.oauth.grants import App, Apps
from gateway.web.account import ago, iso
from gateway.web.browser import Browser, see_other
from gateway.web.middleware import REQUEST_ID


@dataclass(frozen=True, slots=True)
class AppRow:
    """One app as the page shows it. sentences: what its scopes let it do, in words."""

    client: str
    name: str
    sentences: list[str]
    since: str
    since_iso: str
    last_used: str
    last_used_iso: str


def routes(browser: Browser, apps: Apps, policy: Callable[[], Policy]) -> list[web.RouteDef]:
    """Whoever is not signed in is sent to sign in, and nothing is ended."""

    @browser.for_somebody
    async def show(request: web.Request, live: LiveLogin) -> web.Response:
        now, sentences = browser.clock(), policy().scopes
        rows = [_row(one, sentences, now) for one in await apps.list(live)]
        reused = await apps.reused(live)
        return browser.csrf_page(request, "apps.html", apps=rows, reused=reused, signed_in=live.person)

    @browser.for_form_of_somebody
    async def end(request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        """Also of what has ended meanwhile: what the person wanted is so."""
        client = request.match_info["client"]
        if client.isprintable():  # as all names of clients are; Postgres takes no NUL
            await apps.end(live, client, request[REQUEST_ID])
        return see_other("/account/apps")

    return [web.get("/account/apps", show), web.post("/account/apps/{client}/end", end)]


def _row(app: App, sentences: Mapping[str, str], now: int) -> AppRow:
    return AppRow(
        client=app.client,
        name=app.name,
        sentences=[sentences.get(scope, scope) for scope in app.scopes],
        since=ago(now - app.since),
        since_iso=iso(app.since),
        last_used=ago(now - app.last_used_at),
        last_used_iso=iso(app.last_used_at),
    )
