"""/account/keys: the person's API keys and app passwords, the form that makes one, and the buttons that end them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.base64url import b64, unb64
from gateway.core.policy.model import Policy
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.may_change import MayNotChange
from gateway.flows.people.api_keys import BadKey, WantedKey
from gateway.flows.people.own_keys import OwnKey, OwnKeys
from gateway.web.account import ago, iso
from gateway.web.browser import Browser, see_other
from gateway.web.middleware import REQUEST_ID
from gateway.web.proving import to_prove

_PAGE: Final = "/account/keys"
_SCOPE: Final = "scope:"
_DAYS: Final[Mapping[str, int | None]] = {"30": 30, "90": 90, "365": 365, "never": None}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key as the page shows it."""

    id: str
    name: str
    sentences: list[str]
    hosts: str
    used: str
    ends_iso: str
    rests: bool


def routes(browser: Browser, own: OwnKeys, policy: Callable[[], Policy]) -> list[web.RouteDef]:
    """Whoever is not signed in is sent to sign in, and nothing is made or ended."""

    async def page(
        request: web.Request, live: LiveLogin, *, made: str = "", error: str = "", status: int = 200
    ) -> web.Response:
        now, sentences = browser.clock(), policy().scopes
        rows = [_row(one, sentences, now) for one in await own.list(live)]
        choice = [(scope, sentences.get(scope, scope)) for scope in own.scopes(live, now)]
        lacks = to_prove(await own.lacks(live), "keys")
        values = {"keys": rows, "choice": choice, "to_prove": lacks, "made": made, "error": error}
        return browser.csrf_page(request, "keys.html", status, **values, signed_in=live.person)

    @browser.for_somebody
    async def show(request: web.Request, live: LiveLogin) -> web.Response:
        return await page(request, live)

    @browser.for_form_of_somebody
    async def make(request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        """The answer is the only page that ever shows the key."""
        try:
            made = await own.make(live, _wanted(fields), browser.visit(request))
        except BadKey as error:
            return await page(request, live, error=str(error), status=400)
        except MayNotChange:
            return see_other(_PAGE)
        return await page(request, live, made=made)

    @browser.for_form_of_somebody
    async def end(request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        if not await own.end(live, _id_of(request), request[REQUEST_ID]):
            raise web.HTTPNotFound
        return see_other(_PAGE)

    @browser.for_form_of_somebody
    async def wake(request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        """The page says why where the login may not."""
        with suppress(MayNotChange):
            await own.wake(live, _id_of(request), request[REQUEST_ID])
        return see_other(_PAGE)

    return [
        web.get(_PAGE, show),
        web.post(_PAGE, make),
        web.post(f"{_PAGE}/{{id}}/end", end),
        web.post(f"{_PAGE}/{{id}}/wake", wake),
    ]


def _wanted(fields: Mapping[str, str]) -> WantedKey:
    """Raises BadKey."""
    days = fields.get("days", "90")
    if days not in _DAYS:
        raise BadKey("a key from this page lives for 30, 90 or 365 days, or never expires")
    return WantedKey(
        name=fields.get("name", ""),
        scopes=tuple(name.removeprefix(_SCOPE) for name in fields if name.startswith(_SCOPE)),
        hosts=tuple(fields.get("hosts", "").split()),
        networks=tuple(fields.get("networks", "").split()),
        days=_DAYS[days],
    )


def _id_of(request: web.Request) -> bytes:
    """b"", which no key has, where it is none."""
    try:
        return unb64(request.match_info["id"])
    except ValueError:
        return b""


def _row(key: OwnKey, sentences: Mapping[str, str], now: int) -> KeyRow:
    return KeyRow(
        id=b64(key.id),
        name=key.name,
        sentences=[sentences.get(scope, scope) for scope in key.scopes],
        hosts=", ".join(key.hosts),
        used="" if key.last_used_at is None else ago(now - key.last_used_at),
        ends_iso="" if key.expires_at is None else iso(key.expires_at),
        rests=key.rests,
    )
