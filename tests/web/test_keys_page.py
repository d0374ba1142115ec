"""/account/keys: a person makes a key once, after a fresh login, sees it once, and ends it with one button."""

import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from gateway.flows.people.api_keys import KeyMaker
from gateway.flows.people.own_keys import OwnKeys
from gateway.web import api_keys
from gateway.web.browser import Browser
from gateway.web.forms import AuthHost
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from tests.conftest import Pool
from tests.core.forward.keys import FILES, POLICY, taking
from tests.core.forward.setting import KEYS
from tests.deciding import Deciding, deciding
from tests.flows.test_api_keys import status, users
from tests.oauth_clients import ISSUER
from tests.web.test_apps import AUTH, Person

FORM: Final = {"name": "backup <1>", "hosts": FILES, "scope:files.read": "yes", "days": "90"}
PAGE: Final = "/account/keys"


@pytest.fixture
async def here(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Deciding]:
    assert await redis.dbsize() == 0
    async with deciding(pool, redis_url, int(time.time()), context=taking()) as made:
        await made.add_person()
        yield made


@pytest.fixture
async def person(here: Deciding) -> AsyncIterator[Person]:
    html, site = Html(static_files()), AuthHost(ISSUER, KEYS.csrf)
    browser = Browser(site, KEYS, html, here.decisions, lambda host: f"https://{host}", lambda: here.now, here.random)
    app = web.Application(middlewares=page_middlewares(site, html, here.random))
    own = OwnKeys(here.acts, KeyMaker(KEYS, lambda: POLICY, here.random))
    app.add_routes(api_keys.routes(browser, own, lambda: POLICY))
    async with TestClient(TestServer(app)) as http:
        yield Person(http, await here.log_in(host=AUTH))


async def made_by(person: Person, **changed: str) -> tuple[int, str]:
    page = await person.see(PAGE)
    csrf = re.search(r'name="csrf" value="([^"]*)"', page)
    assert csrf is not None
    headers = person._headers() | {"Origin": ISSUER}
    answer = await person.http.post(
        PAGE, data={"csrf": csrf[1], **FORM, **changed}, headers=headers, allow_redirects=False
    )
    assert "no-store" in answer.headers["Cache-Control"]
    return answer.status, await answer.text()


def key_in(page: str) -> str:
    found = re.search(r'<code id="key">(bst_[\w-]{97})</code>', page)
    assert found is not None
    return found[1]


async def test_a_person_makes_a_key_sees_it_once_and_ends_it(here: Deciding, person: Person) -> None:
    answered, page = await made_by(person)
    assert answered == 200
    key = key_in(page)
    assert await status(here, key) == 200

    later = await person.see(PAGE)
    assert "bst_" not in later
    assert "backup &lt;1&gt;" in later
    action = re.search(r'action="(/account/keys/[\w-]{22}/end)"', later)
    assert action is not None
    assert await person.press(later, action[1]) == (303, PAGE)
    assert await status(here, key) == 401


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"hosts": ""}, "1 to 32 hosts"),
        ({"hosts": "evil.example"}, "no host of the policy"),
        ({"name": ""}, "a name has"),
        ({"scope:admin": "yes"}, "is not one that this person may give"),
        ({"days": "9999"}, "a key from this page lives"),
        ({"networks": "x"}, "is no network"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_made(person: Person, changed: dict[str, str], says: str) -> None:
    answered, page = await made_by(person, **changed)

    assert answered == 400
    assert says in page
    assert "bst_" not in page
    assert "You have no app passwords." in page


async def test_an_old_login_makes_and_wakes_none_but_ends_them(here: Deciding, person: Person) -> None:
    key = key_in((await made_by(person))[1])
    fresh = await person.see(PAGE)
    await users(here).set_password("ada", "correct horse battery")
    person.login = await here.log_in(host=AUTH)
    resting = await person.see(PAGE)
    wake = re.search(r'action="(/account/keys/[\w-]{22}/wake)"', resting)
    assert wake is not None
    assert "make-key" in fresh
    async with here.pool.acquire() as connection:
        await connection.execute("UPDATE sessions SET authenticated_at = authenticated_at - 601")
    await here.revocations.stale_login(person.login.tag, person.login.login)

    old = await person.see(PAGE)

    assert "make-key" not in old
    assert "/wake" not in old
    assert (await made_by(person))[0] == 303
    assert await person.press(old, wake[1]) == (303, PAGE)
    assert "Resting" in await person.see(PAGE)
    assert await person.press(old, wake[1].replace("/wake", "/end")) == (303, PAGE)
    assert "Resting" not in await person.see(PAGE)
    assert await status(here, key) == 401


async def test_a_key_rests_until_its_person_wakes_it(here: Deciding, redis: Redis, person: Person) -> None:
    key = key_in((await made_by(person))[1])
    await users(here).disable("ada")
    await users(here).enable("ada")
    person.login = await here.log_in(host=AUTH)
    assert await status(here, key) == 401

    page = await person.see(PAGE)
    wake = re.search(r'action="(/account/keys/[\w-]{22}/wake)"', page)
    assert wake is not None
    await person.press(page, wake[1])
    await redis.flushall()  # in place of the minute for which Redis remembers

    assert await status(here, key) == 200


async def test_keys_of_others_are_neither_shown_nor_ended(here: Deciding, person: Person) -> None:
    key = key_in((await made_by(person))[1])
    end = re.search(r'action="(/account/keys/[\w-]{22}/end)"', await person.see(PAGE))
    assert end is not None
    await here.add_person(UUID(int=2), "bob")
    bob = replace(person, login=await here.log_in(UUID(int=2), AUTH), cookies={})

    page = await bob.see(PAGE)
    assert "backup" not in page
    assert (await bob.press(page, end[1]))[0] == 404
    assert await status(here, key) == 200
