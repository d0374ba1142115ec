"""/account/password: a person changes their password with the current one, in words, and other logins end."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from gateway.core.base64url import b64
from gateway.core.login.throttle import LoginLimits
from gateway.core.password.rules import DEFAULT_RULES
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.session.tokens import Token
from gateway.flows.people.login import LockedOut
from gateway.flows.people.new_passwords import NewPasswords
from gateway.flows.people.password_change import PasswordChange
from gateway.flows.people.throttle import ChangeThrottle, LoginThrottle
from gateway.stores.redis.buckets import Buckets
from gateway.web import password
from gateway.web.account import LEAKED, changed_password, what_ended
from gateway.web.browser import Browser
from gateway.web.forms import MAX_BODY_BYTES, AuthHost
from gateway.web.html import Html, static_files
from gateway.web.middleware import page_middlewares
from tests.attacks.conftest import PASSWORD, House, open_house
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.deciding import functions_at
from tests.oauth_clients import ISSUER
from tests.running import running
from tests.web.test_apps import AUTH, Person

NEW = "plum violin cabin zephyr"
PAGE = "/account/password"
BURST = 5
CHANGES = 3


@dataclass
class Changing:
    house: House
    person: Person
    other: Token

    async def post(self, **fields: str) -> tuple[int, str, str]:
        """Status, where it leads, and the page."""
        found = re.search(r'name="csrf" value="([^"]*)"', await self.person.see(PAGE))
        assert found is not None
        form = {"csrf": found[1], "current": PASSWORD, "new": NEW, "again": fields.get("new", NEW), **fields}
        answer = await self.person.http.post(
            PAGE,
            data=form,
            headers=self.person._headers() | {"Origin": ISSUER, "X-Forwarded-For": "203.0.113.7"},
            allow_redirects=False,
        )
        for line in answer.headers.getall("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.person.cookies[name] = value
        return answer.status, answer.headers.get("Location", ""), unescape(await answer.text())

    async def entries(self, kind: str) -> list[str]:
        rows = await self.house.pool.fetch("SELECT detail FROM audit_entries WHERE kind = $1 ORDER BY id", kind)
        return [row["detail"] for row in rows]

    async def grow_old(self) -> None:
        """The login is 601 s old."""
        await self.house.pool.execute("UPDATE sessions SET authenticated_at = authenticated_at - 601")
        await self.house.there.revocations.stale_login(self.person.login.tag, self.person.login.login)


@pytest.fixture
async def changing(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Changing]:
    assert await redis.dbsize() == 0
    async with open_house(pool, redis_url, tmp_path) as house, running(functions_at(redis_url, 1)) as functions:
        await house.add("ada")
        token, other = await house.sign_in("ada"), await house.sign_in("ada")
        limits = LoginLimits.of(BucketNames(KEYS.bucket), Limit("AUTH.LOGIN", BURST, 60_000_000, BURST))
        throttle = LoginThrottle(Buckets(functions), lambda: limits)
        names = BucketNames(KEYS.bucket)
        changes = ChangeThrottle(Buckets(functions), names, Limit("PASSWORD.CHANGE", CHANGES, 3_600_000_000, CHANGES))
        new, lockouts = NewPasswords(house.passwords, DEFAULT_RULES), house.login.lockouts
        change = PasswordChange(house.acts, new, throttle, lockouts, changes, KEYS)
        html, site, there = Html(static_files()), AuthHost(ISSUER, KEYS.csrf), house.there
        browser = Browser(
            site, KEYS, html, there.decisions, lambda host: f"https://{host}", lambda: there.now, there.random
        )
        app = web.Application(middlewares=page_middlewares(site, html, there.random), client_max_size=MAX_BODY_BYTES)
        app.add_routes(password.routes(browser, change))
        async with TestClient(TestServer(app)) as http:
            yield Changing(house, Person(http, token), other)


async def test_a_new_password_is_set_and_only_the_login_that_asked_goes_on(changing: Changing) -> None:
    house, login = changing.house, changing.person.login
    assert await house.lives(changing.other)

    assert (await changing.post())[:2] == (303, "/account")

    assert what_ended(changing.person.cookies["__Host-bastion-ended"]) == (
        "Your password is changed. 1 other device was signed out."
    )
    assert await house.lives(login)
    assert not await house.lives(changing.other)
    user = (await house.admin.show("ada")).user
    assert await house.passwords.verify(user.id, NEW, user.password)
    assert await changing.entries("password_changed") == [
        f'{{"logins":["{b64(changing.other.login_id)}"],"why":"changed_by_person"}}'
    ]


async def test_a_wrong_current_password_changes_nothing_is_recorded_and_is_throttled(changing: Changing) -> None:
    """The budget is that of the login page: five at once from an address."""
    answers = [await changing.post(current=f"wrong {number}") for number in range(BURST + 1)]

    assert [status for status, _, _ in answers] == [403] * BURST + [429]
    assert "That is not your current password" in answers[0][2]
    assert "Too many attempts" in answers[-1][2] or "many sign-in attempts" in answers[-1][2]
    assert await changing.entries("login_failed") == [f'{{"login":"{changing.person.login.login}"}}'] * BURST
    assert await changing.house.lives(changing.other)
    assert (await changing.post())[0] == 429


async def test_who_is_locked_out_changes_nothing_also_with_the_right_password(changing: Changing) -> None:
    """Ten wrong passwords at the login page, from browsers that the person did not log in from, as this one."""
    for number in range(10):
        await changing.house.attempt("ada", f"guess {number}")

    wrong, right = await changing.post(current="wrong"), await changing.post()

    assert (wrong[0], right[0]) == (403, 403)
    assert "That is not your current password" in right[2]
    assert (await changing.entries("login_failed"))[-2:] == [
        f'{{"login":"{changing.person.login.login}","why":"locked"}}'
    ] * 2
    assert await changing.entries("password_changed") == []
    assert await changing.house.lives(changing.other)


async def test_wrong_current_passwords_lock_the_login_page_too(changing: Changing) -> None:
    for number in range(9):
        await changing.house.attempt("ada", f"guess {number}")
    await changing.post(current="wrong")

    assert len(await changing.entries("locked")) == 1
    assert isinstance(await changing.house.attempt("ada"), LockedOut)


async def test_a_person_changes_their_password_so_many_times_an_hour_and_complaints_cost_nothing(
    changing: Changing,
) -> None:
    used = [PASSWORD, *(f"{word} violin cabin zephyr" for word in ("plum", "fig", "quince", "medlar"))]
    assert (await changing.post(new="too short"))[0] == 400
    for current, new in pairwise(used[: CHANGES + 1]):
        assert (await changing.post(current=current, new=new))[:2] == (303, "/account")

    assert (await changing.post(current=used[CHANGES], new=used[CHANGES + 1]))[0] == 429
    assert len(await changing.entries("password_changed")) == CHANGES


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"new": "plum violin ca"}, "at least 15 characters; this has 14"),
        ({"new": "passwordpassword"}, "too easy to guess"),
        ({"new": PASSWORD}, "It is the current password."),
        ({"new": NEW, "again": NEW + "x"}, "are not the same"),
        ({"new": ""}, "at least 15 characters; this has 0"),
        ({"new": "two\nlines of many words"}, "one line"),
    ],
)
async def test_what_is_wrong_with_the_new_one_is_said_without_script(
    changing: Changing, fields: dict[str, str], says: str
) -> None:
    status, _, page = await changing.post(**fields)

    assert status == 400
    assert says in page
    assert not fields["new"] or fields["new"] not in page
    assert PASSWORD not in page
    assert await changing.entries("password_changed") == []
    assert await changing.house.lives(changing.other)


@pytest.mark.parametrize("character", ["x", "й", "\U0001f41d"])
async def test_three_passwords_of_1024_characters_of_any_script_fit_into_the_form(
    changing: Changing, character: str
) -> None:
    longest = "plum violin cabin zephyr ".ljust(1024, character)
    assert (await changing.post(new=longest))[:2] == (303, "/account")

    assert (await changing.post(current=longest, new=longest + "x"))[0] == 400
    assert (await changing.post(current=longest, new=longest[:-1] + "!"))[0] == 303


async def test_the_login_must_be_fresh(changing: Changing) -> None:
    await changing.grow_old()

    page = await changing.person.see(PAGE)
    assert 'id="change-password"' not in page
    assert "signed in within the last 10 minutes" in page
    csrf = re.search(r'name="csrf" value="([^"]*)"', page)
    assert csrf is not None
    assert await changing.person.press(page, PAGE, current=PASSWORD, new=NEW, again=NEW) == (303, PAGE)
    assert await changing.entries("password_changed") == []


async def test_a_strange_device_needs_a_code_first(changing: Changing) -> None:
    """login-defence.md L10: known by the thief's own first login, it is still strange."""
    await changing.house.pool.execute("UPDATE logins SET confirmed_at = NULL")

    page = await changing.person.see(PAGE)
    assert 'id="change-password"' not in page
    assert 'href="/account/confirm?back=password"' in page
    assert await changing.person.press(page, PAGE, current=PASSWORD, new=NEW, again=NEW) == (303, PAGE)
    assert await changing.entries("password_changed") == []


async def test_who_has_a_factor_must_have_proven_it_and_may_choose_a_shorter_password(changing: Changing) -> None:
    """Eight characters, and not seven."""
    house, user_id = changing.house, (await changing.house.admin.show("ada")).user.id
    async with house.acts.begin() as act:
        await act.factors.add_app(b"a" * 16, user_id, b"s" * 20, act.now)
        await act.factors.confirm_app(b"a" * 16, user_id, 1, act.now)

    page = await changing.person.see(PAGE)
    assert 'href="/login/step-up"' in page
    assert 'id="change-password"' not in page
    assert await changing.person.press(page, PAGE, current=PASSWORD, new=NEW, again=NEW) == (303, PAGE)
    assert await changing.entries("password_changed") == []

    await house.pool.execute("UPDATE sessions SET mfa_at = authenticated_at, amr = amr | 2")
    await house.there.revocations.stale_login(changing.person.login.tag, changing.person.login.login)

    assert "At least 8 characters" in await changing.person.see(PAGE)
    status, _, page = await changing.post(new="q7#Vz!p")
    assert (status, "at least 8 characters; this has 7" in page) == (400, True)
    assert (await changing.post(new="q7#Vz!pR"))[0] == 303


async def test_former_passwords_are_refused_and_take_no_more_of_the_budget_than_one(changing: Changing) -> None:
    assert (await changing.post())[0] == 303
    assert (await changing.post(current=NEW, new="sloe harbour quartz mitten"))[0] == 303

    for former in (PASSWORD, NEW):
        status, _, page = await changing.post(current="sloe harbour quartz mitten", new=former)
        assert (status, "used before" in page) == (400, True)


async def test_of_two_changes_at_once_one_finds_another_current_password(changing: Changing) -> None:
    answers = await asyncio.gather(changing.post(), changing.post(new="sloe harbour quartz mitten"))

    assert sorted(answer[0] for answer in answers) == [303, 403]
    assert len(await changing.entries("password_changed")) == 1


async def test_password_managers_find_the_form_and_its_fields(changing: Changing) -> None:
    answer = await changing.person.http.get(
        "/.well-known/change-password", headers={"Host": AUTH}, allow_redirects=False
    )
    page = await changing.person.see(PAGE)

    assert (answer.status, answer.headers["Location"]) == (303, PAGE)
    assert re.findall(r'autocomplete="([\w-]+)"', page) == [
        "username", "current-password", "new-password", "new-password"
    ]  # fmt: skip
    assert "onpaste" not in page


async def test_somebody_who_is_not_signed_in_changes_nothing(changing: Changing) -> None:
    page = await changing.person.see(PAGE)
    await changing.house.account.end_all(
        (await changing.house.live(changing.person.login)) or pytest.fail("signed in"), "r"
    )

    assert await changing.person.press(page, PAGE, current=PASSWORD, new=NEW, again=NEW) == (303, "/login")
    assert await changing.entries("password_changed") == []


def test_the_next_page_says_what_could_not_be_told() -> None:
    assert what_ended("password") == "Your password is changed. Other devices may stay signed in for up to a minute."
    assert what_ended("password.0") == "Your password is changed. No other device is signed in."
    assert what_ended(changed_password(1, breached=True)) == (
        "Your password is changed. It is in lists of passwords that leaked elsewhere: please choose another one. "
        "1 other device was signed out."
    )
    assert what_ended(LEAKED).startswith("Your password is in lists of passwords that leaked elsewhere")
    assert what_ended("passwords") == ""
    assert what_ended("password.x") == ""
