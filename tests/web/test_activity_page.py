"""A person reads what happened to them and where they are signed in, and nothing of anybody else."""

import time
from collections.abc import AsyncIterator
from html import unescape
from ipaddress import ip_address
from typing import Final
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from gateway.core.audit.access_events import AccessDenied
from gateway.core.audit.catalogue import LoggedIn, LoginFailed
from gateway.core.audit.login_events import LoggedOut, SessionOpened
from gateway.core.audit.people_events import GroupsChanged
from gateway.core.base64url import unb64
from gateway.flows.oauth.grants import Apps
from gateway.flows.people.account import Account
from gateway.flows.people.own_activity import OwnActivity
from gateway.stores.files.geoip import GeoIp
from gateway.web import account, activity
from gateway.web.browser import Browser
from gateway.web.forms import AuthHost
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.deciding import ADA, Deciding, deciding
from tests.oauth_clients import ISSUER
from tests.web.test_apps import AUTH, Person

EVE: Final = UUID(int=2)
PAGE: Final = "/account/activity"
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
DAY_S: Final = 86_400
ADDRESS: Final = str(ip_address("203.0.113.7"))


@pytest.fixture
async def here(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Deciding]:
    assert await redis.dbsize() == 0
    async with deciding(pool, redis_url, int(time.time())) as made:
        await made.add_person()
        yield made


@pytest.fixture
async def person(here: Deciding) -> AsyncIterator[Person]:
    html, site = Html(static_files()), AuthHost(ISSUER, KEYS.csrf)
    browser = Browser(site, KEYS, html, here.decisions, lambda host: f"https://{host}", lambda: here.now, here.random)
    app = web.Application(middlewares=page_middlewares(site, html, here.random))
    app.add_routes(activity.routes(browser, OwnActivity(here.acts, GeoIp(None, print))))
    apps = Apps(here.acts, KEYS, lambda: here.decisions.policy)
    app.add_routes(account.routes(browser, Account(here.acts, KEYS), apps))
    async with TestClient(TestServer(app), headers={"User-Agent": FIREFOX}) as http:
        yield Person(http, await here.log_in(host=AUTH))


async def test_a_person_reads_sentences_with_device_place_and_reasons(here: Deciding, person: Person) -> None:
    await here.acts.tell(LoginFailed(ADA, None, ADDRESS, '"><b onload=x>\u202e'))
    await here.acts.tell(LoggedIn(ADA, "L", 55, ("new_device", "new_country"), None, ADDRESS, FIREFOX, ("pwd", "otp")))
    await here.acts.tell(AccessDenied(ADA, "wiki/admin", "groups", 3))
    await here.acts.tell(GroupsChanged(ADA, (), ("staff",), "she moved"), operator=str(EVE))

    raw = await person.see(PAGE)
    page = unescape(raw)

    for text in (
        "An administrator changed your groups: none; now staff.",
        "You asked for wiki/admin and were refused, 3 times.",
        "You signed in with password and authenticator app.",
        f"Firefox on Linux, {ADDRESS}",
        "Risk score 55 of 100: new device, new country",
        "A sign-in with a wrong password was refused.",
    ):
        assert text in page
    assert page.index("changed your groups") < page.index("You signed in") < page.index("A sign-in with")
    assert "she moved" not in page
    assert str(EVE) not in page
    assert "<b onload" not in raw
    assert "\u202e" not in raw


async def test_nothing_of_others_and_nothing_older_than_90_days(here: Deciding, person: Person) -> None:
    now = here.now
    await here.acts.tell(LoggedOut(EVE, "L"))
    await here.acts.tell(LoginFailed(None, "mark", ADDRESS, FIREFOX))
    await here.acts.tell(SessionOpened(ADA, "L", "wiki.example.org"))
    async with here.acts.begin(at=now - 90 * DAY_S) as act:
        act.record(LoggedOut(ADA, "kept"))
    async with here.acts.begin(at=now - 90 * DAY_S - 1) as act:
        act.record(AccessDenied(ADA, "wiki/old", "groups", 1))

    page = unescape(await person.see(PAGE))

    assert page.count("You signed out.") == 1
    assert "refused" not in page.partition("<ol")[2]
    assert "wiki" not in page


async def test_there_are_25_a_page(here: Deciding, person: Person) -> None:
    for number in range(51):
        await here.acts.tell(AccessDenied(ADA, f"wiki/{number:02}", "groups", 1))

    pages, path = list[str](), PAGE
    while path:
        pages.append(unescape(await person.see(path)))
        path = pages[-1].partition('href="/account/activity?before=')[2].partition('"')[0]
        path = path and f"{PAGE}?before={path}"

    assert [page.count("and were refused") for page in pages] == [25, 25, 1]
    assert all(f"wiki/{number:02} " in "".join(pages) for number in range(51))
    assert "Nothing older." in await person.see(f"{PAGE}?before=1")
    assert "wiki/50" in await person.see(f"{PAGE}?before=x")


async def test_a_stranger_reads_nothing(person: Person) -> None:
    answer = await person.http.get(PAGE, headers={"Host": AUTH}, allow_redirects=False)

    assert (answer.status, answer.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize(("age_s", "is_new"), [(7 * DAY_S - 1, True), (7 * DAY_S, False)])
async def test_a_device_of_the_last_seven_days_is_called_new(
    here: Deciding, person: Person, age_s: int, is_new: bool
) -> None:
    async with here.acts.begin() as act:
        await act.devices.add_login(ADA, b"d" * 32, FIREFOX, here.now - age_s, 0)
        await act.logins.set_origin(unb64(person.login.login), b"d" * 32, None)

    page = await person.see("/account")

    assert (">New</span>" in page) is is_new
    assert page.count("This device") == 1


async def test_signing_out_everywhere_is_asked_first(here: Deciding, person: Person) -> None:
    await here.log_in(host=AUTH)

    asked = await person.see("/account/sessions/end-all")

    assert "This signs out 2 devices." in asked
    assert await person.press(asked, "/account/sessions/end-all") == (303, "/signed-out")
    async with here.acts.begin() as act:
        assert not await act.logins.list_live(ADA, act.now)
