"""/unlock, where the notice of a lock leads: it asks for the user name, then lets this browser try again."""

from aiohttp import web

from gateway.core.session.cookies import DEVICE_COOKIE, set_cookie
from gateway.flows.people.issuing import Visit
from gateway.flows.people.unlocking import Unlocking
from gateway.web.browser import Browser, see_other
from gateway.web.forms import add_cookie
from gateway.web.login_pages import DEVICE_MAX_AGE_S
from gateway.web.named_link import NamedLinkPage


def routes(browser: Browser, unlocking: Unlocking) -> list[web.RouteDef]:
    async def act(token: str, name: str, visit: Visit) -> web.Response | None:
        device = await unlocking.unlock(token, name, visit)
        if device is None:
            return None
        response = see_other("/login")
        add_cookie(response, set_cookie(DEVICE_COOKIE, device, DEVICE_MAX_AGE_S))
        return response

    return NamedLinkPage(browser, unlocking.links, "unlock.html", act).routes("/unlock")
