"""/account/apps: a person sees which apps have access, and ends one with one button."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.core.base64url import b64
from gateway.core.session.tokens import Token
from gateway.flows.oauth.grants import Apps
from gateway.flows.people.account import Account
from gateway.stores.postgres.app_consents import AppConsents
from gateway.web import account, apps
from gateway.web.browser import Browser
from gateway.web.forms import AuthHost
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.deciding import ADA
from tests.oauth_clients import ISSUER
from tests.web.oauth_house import House

AUTH = "auth.example.org"


@dataclass
class Person:
    """A browser in which somebody is signed in on the auth host."""

    http: "TestClient[web.Request, web.Application]"
    login: Token
    cookies: dict[str, str] = field(default_factory=dict)

    async def see(self, path: str) -> str:
        answer = await self.http.get(path, headers=self._headers(), allow_redirects=False)
        assert answer.status == 200, answer.headers
        for line in answer.headers.getall("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return await answer.text()

    async def press(self, page: str, path: str, **changed: str) -> tuple[int, str]:
        found = re.search(r'name="csrf" value="([^"]*)"', page)
        assert found is not None
        headers = self._headers() | {"Origin": ISSUER}
        form = {"csrf": found[1], **changed}
        answer = await self.http.post(path, data=form, headers=headers, allow_redirects=False)
        return answer.status, answer.headers.get("Location", "")

    def _headers(self) -> dict[str, str]:
        cookies = {"__Host-bastion-login": self.login.text, **self.cookies}
        return {"Host": AUTH, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


@pytest.fixture
async def person(house: House) -> AsyncIterator[Person]:
    html, site, decisions = Html(static_files()), AuthHost(ISSUER, KEYS.csrf), house.here.decisions
    browser = Browser(
        site, KEYS, html, decisions, lambda host: f"https://{host}", house.clock.seconds, house.here.random
    )
    app = web.Application(middlewares=page_middlewares(site, html, house.here.random))
    policy = lambda: house.policy[0]  # noqa: E731 - two users
    access = Apps(house.acts, KEYS, policy)
    app.add_routes(
        [
            *apps.routes(browser, access, policy),
            *account.routes(browser, Account(house.acts, KEYS), access),
        ]
    )
    async with TestClient(TestServer(app)) as http:
        yield Person(http, await house.here.log_in(host=AUTH))


async def test_the_page_says_who_may_do_what_in_words(house: House, person: Person) -> None:
    await house.tokens("spa", person.login, "openid email notes.read")

    page = await person.see("/account/apps")

    assert "Notes" in page
    assert "Read your notes" in page
    assert "Read your e-mail address" in page
    assert "just now" in page
    assert 'action="/account/apps/spa/end"' in page
    assert "Team wiki" not in page


async def test_without_apps_the_page_says_so(person: Person) -> None:
    assert "No app has access." in await person.see("/account/apps")


async def test_the_button_ends_what_an_app_was_about_to_get(house: House, person: Person) -> None:
    """A code lives for a minute: without this, an app that keeps one back is in again when the person has gone."""
    await house.tokens("spa", person.login)
    kept, other = await house.code("spa", person.login), await house.code("wiki", person.login)

    await person.press(await person.see("/account/apps"), "/account/apps/spa/end")

    assert (await house.exchange("spa", kept)).error == "invalid_grant"
    assert (await house.exchange("wiki", other)).status == 200
    assert await house.live_grants() == 1


async def test_one_button_ends_all_that_an_app_has_on_all_devices(house: House, person: Person) -> None:
    elsewhere = await house.here.log_in()
    here, there = await house.tokens("spa", person.login), await house.tokens("spa", elsewhere)
    wiki = await house.tokens("wiki", person.login)
    for one in (here, there, wiki):
        assert await house.passes(one["access_token"])

    status, location = await person.press(await person.see("/account/apps"), "/account/apps/spa/end")

    assert (status, location) == (303, "/account/apps")
    assert not await house.passes(here["access_token"])
    assert not await house.passes(there["access_token"])
    assert (await house.refresh("spa", here["refresh_token"])).error == "invalid_grant"
    assert await house.passes(wiki["access_token"])
    page = await person.see("/account/apps")
    assert "Team wiki" in page
    assert "Notes" not in page
    assert [one[1] for one in await house.entries("grant_ended")] == [str(ADA)] * 2


async def test_ending_an_app_withdraws_the_consent(house: House, person: Person, pool: Pool) -> None:
    await house.tokens("spa", person.login)
    async with pool.acquire() as connection:
        await AppConsents(connection).give(ADA, "spa", ISSUER, ["openid"], house.clock.now)

    await person.press(await person.see("/account/apps"), "/account/apps/spa/end")

    async with pool.acquire() as connection:
        assert await AppConsents(connection).scopes(ADA, "spa", ISSUER) == frozenset()


async def test_nobody_ends_the_apps_of_another_or_without_the_form(house: House, person: Person) -> None:
    await house.here.add_person(user_id := ADA.__class__(int=2), "eve")
    eve = Person(person.http, await house.here.log_in(user_id, AUTH))
    body = await house.tokens("spa", person.login)

    await eve.press(await eve.see("/account"), "/account/apps/spa/end")
    forged = await person.press('name="csrf" value="x"', "/account/apps/spa/end")

    assert forged[0] == 403
    assert await house.passes(body["access_token"])
    assert "No app has access." in await eve.see("/account/apps")


async def test_what_ended_meanwhile_is_no_error(person: Person) -> None:
    page = await person.see("/account")

    assert (await person.press(page, "/account/apps/nobody/end"))[0] == 303
    assert (await person.press(page, "/account/apps/%2e%2e/end"))[0] in (303, 404)


@pytest.mark.parametrize("path", ["/account/apps", "/account/apps/spa/end"])
async def test_who_is_not_signed_in_is_sent_to_sign_in(house: House, person: Person, path: str) -> None:
    body, page = await house.tokens("spa", person.login), await person.see("/account/apps")
    stranger = Person(person.http, await house.here.log_in(host="wiki.example.org"), person.cookies)

    if path.endswith("end"):
        assert await stranger.press(page, path) == (303, "/login")
    else:
        answer = await person.http.get(path, headers=stranger._headers(), allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert await house.passes(body["access_token"])


async def test_the_devices_list_shows_no_app_as_a_site(house: House, person: Person) -> None:
    await house.tokens("spa", person.login)
    await house.here.log_in()

    page = await person.see("/account")

    assert "client:" not in page
    assert "wiki.example.org" in page
    assert "this page only" in page
    assert 'href="/account/apps"' in page


async def test_a_grant_that_a_reused_token_ended_is_told(house: House, person: Person) -> None:
    first = (await house.tokens("spa", person.login))["refresh_token"]
    await house.refresh("spa", (await house.refresh("spa", first)).body["refresh_token"])
    assert (await house.refresh("spa", first)).error == "invalid_grant"

    for path in ("/account/apps", "/account"):
        assert "We ended the access of Notes" in await person.see(path)


async def test_a_device_that_signs_out_takes_its_apps_with_it(house: House, person: Person) -> None:
    elsewhere = await house.here.log_in()
    body = await house.tokens("spa", elsewhere)
    assert await house.passes(body["access_token"])

    page = await person.see("/account")
    status, _ = await person.press(page, f"/account/sessions/{b64(elsewhere.login_id)}/end")

    assert status == 303
    assert not await house.passes(body["access_token"])
    assert "No app has access." in await person.see("/account/apps")


@pytest.mark.parametrize("client", ["nobody", "%00", "%ED%A0%80", "%FF", "x" * 4000, "..%2Fkeys"])
async def test_a_name_that_no_app_has_ends_nothing(house: House, person: Person, client: str) -> None:
    await house.tokens("spa", person.login)

    assert await person.press(await person.see("/account/apps"), f"/account/apps/{client}/end") == (
        303,
        "/account/apps",
    )
    assert await house.live_grants() == 1
