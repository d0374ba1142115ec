"""/account: every device that is signed in as this person, and the buttons that end them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from gateway.core.assurance.words import proof_words, score_words
from gateway.core.base64url import b64, unb64
from gateway.core.browsers import browser_name
from gateway.core.session.cookies import ENDED_COOKIE, LOGIN_COOKIE, expire_cookie, set_cookie
from gateway.core.units import DAY_S, HOUR_S, MINUTE_S
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.oauth.grants import Apps
from gateway.flows.people.account import Account, OpenLogin, login_id_of
from gateway.web.browser import Browser, see_other
from gateway.web.forms import add_cookie, cookies
from gateway.web.middleware import REQUEST_ID
from gateway.web.spans import counted
from gateway.web.text import shown

_ENDED_S: Final = 60
_NAME_BYTES: Final = 120
LEAKED: Final = "leaked"  # after a login with such a password
_CHANGED: Final = "Your password is changed. "
_BEFORE: Final = {
    "others": "",
    "password": _CHANGED,
    "breached": f"{_CHANGED}It is in lists of passwords that leaked elsewhere: please choose another one. ",
}
_ENDED: Final = re.compile(r"one\.([\w-]{0,160})|(others|password|breached)\.([0-9]{1,6})|password|leaked", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One login as the page shows it."""

    id: str
    browser: str
    where: str
    created: str
    created_iso: str
    last_seen: str
    last_seen_iso: str
    hosts: list[str]
    proven: str
    score: str
    current: bool
    is_new: bool


def routes(browser: Browser, account: Account, apps: Apps) -> list[web.RouteDef]:
    """Whoever is not signed in is sent to sign in, and nothing is ended."""

    @browser.for_somebody
    async def show(request: web.Request, live: LiveLogin) -> web.Response:
        now, ended = browser.clock(), cookies(request).get(ENDED_COOKIE, "")
        devices = [_device(one, live, now, browser.site.host) for one in await account.devices(live)]
        page = browser.csrf_page(
            request,
            "account.html",
            devices=devices,
            reused=await apps.reused(live),
            signed_in=live.person,
            notice=what_ended(ended),
        )
        if ended:  # said once
            add_cookie(page, expire_cookie(ENDED_COOKIE))
        return page

    @browser.for_form_of_somebody
    async def end_one(request: web.Request, _fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        login_id = login_id_of(request.match_info["id"])
        if login_id is None:
            raise web.HTTPNotFound
        user_agent = await account.end_one(live, login_id, request[REQUEST_ID])
        if user_agent is None:
            raise web.HTTPNotFound
        return _left() if login_id == live.token.login_id else see_account(ended_one(user_agent))

    @browser.for_somebody
    async def ask_all(request: web.Request, live: LiveLogin) -> web.Response:
        count = len(await account.devices(live))
        return browser.csrf_page(request, "end_all.html", devices=counted(count, "device"), signed_in=live.person)

    @browser.for_form_of_somebody
    async def end_all(request: web.Request, fields: Mapping[str, str], live: LiveLogin) -> web.Response:
        if fields.get("keep_this") == "yes":
            return see_account(f"others.{await account.end_others(live, request[REQUEST_ID])}")
        await account.end_all(live, request[REQUEST_ID])
        return _left()

    async def home(_request: web.Request) -> web.Response:
        return see_other("/account")

    return [
        web.get("/", home),
        web.get("/account", show),
        web.post("/account/sessions/{id}/end", end_one),
        web.get("/account/sessions/end-all", ask_all),
        web.post("/account/sessions/end-all", end_all),
    ]


def see_account(what: str) -> web.Response:
    """The page says what ended, or what changed. The cookie can't be set by a link, nor by another host (`__Host-`)."""
    response = see_other("/account")
    add_cookie(response, set_cookie(ENDED_COOKIE, what, _ENDED_S))
    return response


def ended_one(user_agent: str) -> str:
    """The cookie after one login was ended. user_agent: "" where it was over before."""
    name = browser_name(user_agent) if user_agent else ""
    return f"one.{b64(name.encode()[:_NAME_BYTES])}"


def what_ended(cookie: str) -> str:
    """A sentence; "" for what is none of our cookies."""
    found = _ENDED.fullmatch(cookie)
    if found is None:
        return ""
    if found[2]:
        return f"{_BEFORE[found[2]]}{_others(int(found[3]))}"
    if found[0] == LEAKED:
        return "Your password is in lists of passwords that leaked elsewhere, so others may know it. Please change it."
    if found[1] is None:
        return f"{_CHANGED}Other devices may stay signed in for up to a minute."
    try:
        name = unb64(found[1]).decode(errors="ignore")
    except ValueError:
        return ""
    return f"{name} was signed out." if name else "That device was signed out before."


def changed_password(ended: int | None, *, breached: bool = False) -> str:
    """The cookie after a change of the password. ended: how many other logins; None: Redis has not heard of all."""
    if ended is None:
        return "password"
    return f"{'breached' if breached else 'password'}.{ended}"


def _others(count: int) -> str:
    if not count:
        return "No other device is signed in."
    return f"{counted(count, 'other device')} {'was' if count == 1 else 'were'} signed out."


def _left() -> web.Response:
    response = see_other("/signed-out")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    add_cookie(response, expire_cookie(LOGIN_COOKIE))
    return response


def _device(one: OpenLogin, live: LiveLogin, now: int, auth_host: str) -> DeviceRow:
    return DeviceRow(
        id=b64(one.id),
        browser=shown(browser_name(one.user_agent)),
        where=", ".join(text for text in (one.address, one.country) if text),
        created=ago(now - one.created_at),
        created_iso=iso(one.created_at),
        last_seen=ago(now - one.last_seen_at),
        last_seen_iso=iso(one.last_seen_at),
        hosts=sorted(host for host in one.hosts if host != auth_host),
        proven=proof_words(one.assurance),
        score=score_words(one.assurance),
        current=one.id == live.token.login_id,
        is_new=one.is_new,
    )


def ago(seconds: int) -> str:
    """Rounded down, in the largest unit that fits."""
    if seconds < MINUTE_S:
        return "just now"
    for unit_s, unit in ((DAY_S, "day"), (HOUR_S, "hour"), (MINUTE_S, "minute")):
        count = seconds // unit_s
        if count:
            return f"{counted(count, unit)} ago"
    return "just now"


def iso(at: int) -> str:
    """at: Unix seconds."""
    return datetime.fromtimestamp(at, UTC).isoformat()
