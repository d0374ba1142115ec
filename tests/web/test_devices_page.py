"""/account/devices: a person sees what is remembered of them, and forgets each with one button."""

import json
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

from gateway.core.base64url import b64
from gateway.core.login.attempt import parse_device, remember
from gateway.core.risk.device import device_digest
from gateway.core.risk.profile import RiskProfile
from gateway.flows.people.remembered import OwnMemory
from gateway.web import devices
from gateway.web.browser import Browser
from gateway.web.forms import AuthHost
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.core.risk.people import LISBON, taught
from tests.deciding import ADA, Deciding, deciding
from tests.oauth_clients import ISSUER
from tests.risks import REMEMBER_S
from tests.web.test_apps import AUTH, Person

EVE: Final = UUID(int=2)
PAGE: Final = "/account/devices"
FORGET: Final = f"{PAGE}/forget"
COOKIE: Final = remember(KEYS.device, parse_device(""), "ada", b"d" * 16)
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
LAPTOP: Final = device_digest(parse_device(COOKIE).id, FIREFOX)
PHONE: Final = device_digest("p" * 22, "Mozilla/5.0 (iPhone) <Safari/>")


@pytest.fixture
async def here(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Deciding]:
    """ada has two devices, and was in two countries."""
    assert await redis.dbsize() == 0
    async with deciding(pool, redis_url, int(time.time())) as made:
        await made.add_person()
        async with made.acts.begin() as act:
            since = made.now - REMEMBER_S
            await act.devices.add_login(ADA, LAPTOP, FIREFOX, made.now - 90_000, since)
            await act.devices.add_login(ADA, LAPTOP, FIREFOX, made.now - 7200, since)
            await act.devices.add_login(ADA, PHONE, "Mozilla/5.0 (iPhone) <Safari/>", made.now - 60, since)
            await act.profiles.hold(ADA, made.now)
            profile = taught(RiskProfile(), at=made.now - 90_000)
            abroad = ip_address("198.51.100.4")
            await act.profiles.save(ADA, taught(profile, at=made.now - 60, address=abroad, spot=LISBON))
        yield made


@pytest.fixture
async def person(here: Deciding) -> AsyncIterator[Person]:
    html, site = Html(static_files()), AuthHost(ISSUER, KEYS.csrf)
    browser = Browser(site, KEYS, html, here.decisions, lambda host: f"https://{host}", lambda: here.now, here.random)
    app = web.Application(middlewares=page_middlewares(site, html, here.random))
    app.add_routes(devices.routes(browser, OwnMemory(here.acts, REMEMBER_S)))
    async with TestClient(TestServer(app), headers={"User-Agent": FIREFOX}) as http:
        yield Person(http, await here.log_in(host=AUTH), {"__Host-bastion-device": COOKIE})


async def test_a_person_sees_devices_places_and_hours(person: Person) -> None:
    page = unescape(await person.see(PAGE))

    assert page.count("This device") == 1
    assert page.index("Firefox on Linux") < page.index("This device") < page.index("203.0.113.0/24")
    for text in (
        "2 hours ago",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "<h3>PT</h3>",
        "<h3>DE</h3>",
        ":00</dt><dd>1</dd>",
    ):
        assert text in page
    assert "<Safari/>" not in page


@pytest.mark.parametrize(
    ("what", "value", "gone", "left"),
    [
        ("device", b64(PHONE), b64(PHONE), b64(LAPTOP)),
        ("network", "198.51.100.0/24", "<h3>198.51.100.0/24", "<h3>203.0.113.0/24"),
        ("country", "PT", "<h3>PT", "<h3>DE"),
        ("hours", "", ":00</dt>", "<h3>DE"),
    ],
)
async def test_each_is_forgotten_with_one_button(
    here: Deciding, person: Person, what: str, value: str, gone: str, left: str
) -> None:
    before = unescape(await person.see(PAGE))

    pressed = await person.press(before, FORGET, what=what, value=value)
    after = unescape(await person.see(PAGE))
    again, _ = await person.press(after, FORGET, what=what, value=value)

    assert (gone in before, left in before) == (True, True)
    assert pressed == (303, PAGE)
    assert (gone in after, left in after) == (False, True)
    assert again == 404
    async with here.pool.acquire() as connection:
        rows = await connection.fetch("SELECT detail, subject FROM audit_entries WHERE kind = 'device_forgotten'")
    assert [(json.loads(row["detail"]), row["subject"]) for row in rows] == [({"what": what}, ADA)]


@pytest.mark.parametrize(("what", "value"), [("device", "x"), ("device", "%"), ("network", "1"), ("", ""), ("all", "")])
async def test_what_is_not_remembered_can_not_be_forgotten(person: Person, what: str, value: str) -> None:
    page = await person.see(PAGE)

    assert (await person.press(page, FORGET, what=what, value=value))[0] == 404


async def test_a_device_of_somebody_else_is_not_there(here: Deciding, person: Person) -> None:
    await here.add_person(EVE, "eve")
    eve = Person(person.http, await here.log_in(EVE, host=AUTH))
    page = await eve.see(PAGE)

    assert "No device is remembered." in page
    assert "No network is remembered." in page
    assert "No hours are remembered." in page
    assert (await eve.press(page, FORGET, what="device", value=b64(PHONE)))[0] == 404
    assert b64(PHONE) in await person.see(PAGE)


async def test_who_is_not_signed_in_is_sent_to_sign_in(person: Person) -> None:
    answer = await person.http.get(PAGE, headers={"Host": AUTH}, allow_redirects=False)

    assert (answer.status, answer.headers["Location"]) == (303, "/login")
