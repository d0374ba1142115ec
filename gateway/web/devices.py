"""/account/devices: the devices, places and hours that are remembered of a person, and the buttons that forget each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.base64url import b64
from gateway.core.browsers import browser_name
from gateway.core.login.attempt import parse_device
from gateway.core.risk.profile import SeenPlace
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.issuing import Visit
from gateway.flows.people.remembered import Memory, OwnMemory, RememberedDevice
from gateway.web.account import ago, iso
from gateway.web.browser import Browser, see_other
from gateway.web.middleware import REQUEST_ID

_PAGE: Final = "/account/devices"


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One device, network or country as the page shows it. value: what the form says of it."""

    value: str
    title: str
    first_iso: str
    last: str
    last_iso: str
    logins: int
    current: bool = False


@dataclass(frozen=True, slots=True)
class MemoryShown:
    """What remembered.html needs. hours: when one begins, and how many logins were then."""

    devices: list[MemoryRow]
    networks: list[MemoryRow]
    countries: list[MemoryRow]
    hours: list[tuple[str, int]]


def routes(browser: Browser, memory: OwnMemory) -> list[web.RouteDef]:
    """Whoever is not signed in is sent to sign in, and nothing is forgotten."""

    @browser.for_somebody
    async def show(request: web.Request, live: LiveLogin) -> web.Response:
        remembered = shown(await memory.show(live), browser.visit(request), browser.clock())
        return browser.csrf_page(request, "devices.html", remembered=remembered, signed_in=live.person)

    @browser.for_form_of_somebody
    async def forget(request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        what, value = fields.get("what", ""), fields.get("value", "")
        if not await memory.forget(live, what, value, request[REQUEST_ID]):
            raise web.HTTPNotFound
        return see_other(_PAGE)

    return [web.get(_PAGE, show), web.post(f"{_PAGE}/forget", forget)]


def shown(memory: Memory, visit: Visit, now: int) -> MemoryShown:
    """visit: of the browser that asks."""
    cookie_id = parse_device(visit.device).id
    return MemoryShown(
        [_device(one, now, current=one.is_of(cookie_id, visit.user_agent)) for one in memory.devices],
        [_seen(one, now) for one in memory.networks],
        [_seen(one, now) for one in memory.countries],
        [(f"{hour:02}:00", count) for hour, count in memory.hours.items()],
    )


def _device(one: RememberedDevice, now: int, *, current: bool) -> MemoryRow:
    return MemoryRow(
        value=b64(one.id),
        title=browser_name(one.user_agent),
        first_iso=iso(one.first_at),
        last=ago(now - one.last_at),
        last_iso=iso(one.last_at),
        logins=one.logins,
        current=current,
    )


def _seen(one: SeenPlace, now: int) -> MemoryRow:
    return MemoryRow(one.value, one.value, "", ago(now - one.last_at), iso(one.last_at), one.logins)
