"""The browser in front of the auth host: who is signed in, where it wants to go, and pages with forms made for it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.core.base64url import b64
from gateway.core.keys import Keys
from gateway.core.login.attempt import CSRF_BYTES, csrf_token, is_csrf_cookie
from gateway.core.sealed_text import BadSeal
from gateway.core.session.cookies import ATTEMPT_COOKIE, CSRF_COOKIE, DEVICE_COOKIE, LOGIN_COOKIE, set_cookie
from gateway.core.session.journey import Journey, unseal_journey
from gateway.flows.decide.decisions import Decisions, LiveLogin
from gateway.flows.people.issuing import Visit
from gateway.web.forms import AuthHost, add_cookie, client_address, cookies, own_form, user_agent
from gateway.web.html import Html
from gateway.web.middleware import REQUEST_ID

CSRF: Final = web.RequestKey("csrf", str)
SignedInPage: TypeAlias = Callable[[web.Request, LiveLogin], Awaitable[web.StreamResponse]]
SignedInForm: TypeAlias = Callable[[web.Request, Mapping[str, str], LiveLogin], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Browser:
    """What the handlers of the auth host share: who asks, and how pages and cookies for them are made.

    origin_of: a protected host's origin, from configuration; its scheme and port never come from a request (H3).
    """

    site: AuthHost
    keys: Keys
    html: Html
    decisions: Decisions
    origin_of: Callable[[str], str]
    clock: Callable[[], int]
    random: Callable[[int], bytes]

    async def signed_in(self, request: web.Request) -> LiveLogin | None:
        """Asks the store for each request: a login that ended on another node is ended here too."""
        text = cookies(request).get(LOGIN_COOKIE, "")
        return await self.decisions.authenticate(text, self.site.host) if text else None

    def for_somebody(self, page: SignedInPage) -> Handler:
        """Whoever is not signed in is sent to sign in."""

        async def handle(request: web.Request) -> web.StreamResponse:
            live = await self.signed_in(request)
            return see_other("/login") if live is None else await page(request, live)

        return handle

    def for_form_of_somebody(self, act: SignedInForm) -> Handler:
        """The same behind a form of our own page: whoever sends another is refused first."""

        async def handle(request: web.Request) -> web.StreamResponse:
            fields = await own_form(request, self.site)
            live = await self.signed_in(request)
            return see_other("/login") if live is None else await act(request, fields, live)

        return handle

    def journey(self, text: str) -> Journey | None:
        """None: no way back that we sealed; the person ends on /account instead. It may be old."""
        try:
            return unseal_journey(self.keys.journey, text)
        except BadSeal:
            return None

    def csrf_cookie(self, request: web.Request) -> str:
        """What forms and challenges of this browser belong to; made if the browser has none, once for each request."""
        if CSRF not in request:
            cookie = cookies(request).get(CSRF_COOKIE, "")
            request[CSRF] = cookie if is_csrf_cookie(cookie) else b64(self.random(CSRF_BYTES))
        return request[CSRF]

    def csrf_page(self, request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
        """A page with a form: its token belongs to the csrf cookie, which is set if the browser has none."""
        cookie = self.csrf_cookie(request)
        fresh = cookies(request).get(CSRF_COOKIE, "") != cookie
        response = self.html.page(template, status, csrf=csrf_token(self.keys.csrf, cookie), **values)
        if fresh:
            add_cookie(response, set_cookie(CSRF_COOKIE, cookie))
        return response

    def visit(self, request: web.Request) -> Visit:
        """The browser as the flows see it."""
        sent = cookies(request)
        device, attempt = sent.get(DEVICE_COOKIE, ""), sent.get(ATTEMPT_COOKIE, "")
        return Visit(client_address(request), user_agent(request), device, request[REQUEST_ID], attempt)


def see_other(location: str) -> web.Response:
    """303, and the next page doesn't learn where the person came from."""
    headers = {"Location": location, "Referrer-Policy": "no-referrer"}
    return web.Response(status=303, headers=headers)
