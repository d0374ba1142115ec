"""A forgotten password is set anew by a mailed link, and nobody is signed in by it."""

import asyncio
import re
import sys
from base64 import b32encode
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Literal
from uuid import UUID

import pyotp
import pytest
from redis.asyncio import Redis

from gateway.core.login.attempt import Typed
from gateway.core.login.outcome import LoginRules
from gateway.core.mail.kinds import MailKind
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import AskedFactor, LoginAnswer, Wrong
from gateway.flows.people.users import Newcomer
from tests.attacks.conftest import PASSWORD
from tests.conftest import Pool
from tests.oauth_clients import ISSUER
from tests.web.recovery_house import COUNTED, NEW, Recovering, id_of, recovering_at


@pytest.fixture
async def recovering(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Recovering]:
    async with recovering_at(pool, redis, redis_url, tmp_path) as recovering:
        yield recovering


async def test_a_mailed_link_sets_a_password_and_ends_all_logins(recovering: Recovering) -> None:
    house = recovering.house
    login = await house.sign_in("ada")

    await recovering.ask("ada@example.org")
    link = await recovering.link()
    opened = await recovering.get(link)
    set_ = await recovering.post(link, new=NEW, again=NEW)

    assert opened[0] == 200
    assert set_[:2] == (303, "/reset/done")
    assert "Your password is set" in (await recovering.get("/reset/done"))[1]
    assert not await house.lives(login)
    assert isinstance(await house.attempt("ada"), Wrong)
    assert isinstance(await house.attempt("ada", NEW), SignedIn)
    assert [mail.kind for mail in await recovering.mails()] == [MailKind.RESET_LINK, MailKind.PASSWORD_RESET]
    assert len(await recovering.details("password_reset")) == 1


async def test_every_kind_of_access_ends_with_a_reset(recovering: Recovering) -> None:
    """Logins, offline grants and keys: the acts that end them are those of disabling (login-defence.md X2)."""
    user_id = await id_of(recovering)
    await _offline_grant_and_key(recovering, user_id)

    await recovering.ask("ada")
    link = await recovering.link()
    await recovering.post(link, new=NEW, again=NEW)

    pool = recovering.house.pool
    assert await pool.fetchval("SELECT ended_why FROM grants WHERE kind = 'offline'") == "password_reset"
    assert await pool.fetchval("SELECT rests_at FROM api_keys") is not None


async def _offline_grant_and_key(recovering: Recovering, user_id: UUID) -> None:
    house = recovering.house
    login, now = await house.sign_in("ada"), house.there.now
    await house.pool.execute(
        "INSERT INTO grants (id, kind, client, user_id, login_id, scope, resource, authenticated_at, mfa_at, amr, jkt,"
        " generation, rotated_at, created_at, expires_at, idle_s, last_used_at)"
        " VALUES ($1, 'offline', 'spa', $2, $3, '{openid}', 'x', $4, 0, '{pwd}', '', 1, $4, $4, $5, 3600, $4)",
        b"g" * 16, user_id, login.login_id, now, now + 86_400,
    )  # fmt: skip
    await house.pool.execute(
        "INSERT INTO api_keys (id, user_id, sealed, hash, scope, hosts, networks, created_at)"
        " VALUES ($1, $2, '', $3, '{files}', '{app.example.org}', '{}', $4)",
        b"k" * 16, user_id, b"h" * 32, now,
    )  # fmt: skip


async def test_a_link_works_once_and_using_one_kills_all(recovering: Recovering) -> None:
    await recovering.ask("ada")
    first = await recovering.link()
    await recovering.ask("ada")
    second = await recovering.link()
    before = [(await recovering.get(link))[0] for link in (first, second)]

    used = await recovering.post(second, new=NEW, again=NEW)

    assert (before, used[0]) == ([200, 200], 303), "a new one kills no older one"
    for link in (first, second):
        status, page = await recovering.get(link)
        assert (status, "This link works no more" in page) == (410, True)
        used_again = await recovering.post("/reset", form_of="/forgot", t=link.partition("=")[2], new=NEW, again=NEW)
        assert used_again[0] == 410


async def test_of_many_at_once_one_sets_the_password(recovering: Recovering) -> None:
    await recovering.ask("ada")
    link = await recovering.link()
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', (await recovering.get(link))[1]))
    passwords = [f"{NEW} {number}" for number in range(12)]

    async def use(password: str) -> int:
        headers = recovering._headers() | {"Origin": ISSUER, "X-Forwarded-For": "203.0.113.7"}
        data = {**form, "new": password, "again": password}
        answer = await recovering.http.post("/reset", data=data, headers=headers, allow_redirects=False)
        return answer.status

    statuses = Counter(await asyncio.gather(*map(use, passwords)))

    assert statuses[303] == 1, statuses
    assert set(statuses) <= {303, 410, 503}
    assert len(await recovering.details("password_reset")) == 1


async def test_a_link_is_over_after_its_time_and_for_a_disabled_person(recovering: Recovering) -> None:
    house = recovering.house
    await recovering.ask("ada")
    link = await recovering.link()
    await house.admin.disable("ada")
    disabled = await recovering.get(link)
    await house.admin.enable("ada")
    enabled = await recovering.get(link)
    await recovering.ask("ada")
    link = await recovering.link()
    house.there.now += 1799
    still = await recovering.get(link)
    house.there.now += 1
    over = await recovering.get(link)

    assert (disabled[0], enabled[0], still[0], over[0]) == (410, 410, 200, 410)


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "..%2f", "ä" * 43])
async def test_what_is_no_token_opens_nothing(recovering: Recovering, token: str) -> None:
    assert (await recovering.get(f"/reset?t={token}"))[0] == 410
    assert (await recovering.get(f"/disown?t={token}"))[0] == 410


async def test_a_bad_password_is_refused_in_words_and_the_link_stays(recovering: Recovering) -> None:
    await recovering.ask("ada")
    link = await recovering.link()

    short = await recovering.post(link, new="short", again="short")
    twice = await recovering.post(link, new=NEW, again="another")
    current = await recovering.post(link, new=PASSWORD, again=PASSWORD)

    assert [short[0], twice[0], current[0]] == [400, 400, 400]
    assert "The new password and its repetition are not the same." in twice[2]
    assert (await recovering.post(link, new=NEW, again=NEW))[0] == 303


async def test_a_link_of_another_kind_opens_no_form(recovering: Recovering) -> None:
    """Not even with the same token in its address."""
    await recovering.house.admin.set_password("ada", "walnut kettle orbit fresco")
    await recovering.ask("ada")
    reset, undo = await recovering.link(), await recovering.link(MailKind.PASSWORD_CHANGED)

    assert (await recovering.get(undo.replace("/disown", "/reset")))[0] == 410
    assert (await recovering.get(reset.replace("/reset", "/disown")))[0] == 410
    assert [(await recovering.get(link))[0] for link in (reset, undo)] == [200, 200]


async def test_the_same_page_whoever_is_meant(recovering: Recovering) -> None:
    await recovering.house.admin.add(Newcomer("noaddress", "", "", ()), PASSWORD)
    await recovering.house.admin.disable("bob")

    pages = [await recovering.ask(name) for name in ("ada", "ada@example.org", "nobody", "noaddress", "bob", "x" * 300)]

    assert set(pages) == {pages[0]}
    assert pages[0][0] == 200
    assert len(await recovering.mails(MailKind.RESET_LINK)) == 2
    outcomes = [
        re.findall(r'"outcome":"(\w+)"', detail)[0] for detail in await recovering.details("password_reset_asked")
    ]
    assert outcomes == ["sent", "sent", "unknown", "no_address", "disabled"]


async def test_a_name_that_nobody_has_costs_the_steps_of_one_that_somebody_has(recovering: Recovering) -> None:
    for name in ("ada", "nobody"):
        await recovering.ask(name)  # the first statement of a connection is prepared

    known, unknown = await steps_of(recovering, "ada"), await steps_of(recovering, "nobody")
    limited, limited_unknown = await steps_of(recovering, "ada", 3), await steps_of(recovering, "nobody", 3)

    assert known == unknown
    assert limited == limited_unknown
    assert known["encrypt"] >= 2
    assert known["execute"] + known["_execute"] >= 5


async def steps_of(recovering: Recovering, name: str, times: int = 1) -> Counter[str]:
    steps: Counter[str] = Counter()

    def see(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name in COUNTED.get(Path(code.co_filename).name, ()):
            steps[code.co_name] += 1

    for _ in range(times):
        steps.clear()
        sys.setprofile(see)
        try:
            await recovering.ask(name)
        finally:
            sys.setprofile(None)
    return steps


async def test_the_fourth_ask_in_an_hour_from_one_network_looks_alike_and_sends_nothing(
    recovering: Recovering,
) -> None:
    pages = [await recovering.ask(name) for name in ("ada", "ADA", "ada@example.org", "ada")]
    sent = len(await recovering.mails())
    await recovering.ask("ada", "198.51.100.9")

    assert set(pages) == {pages[0]}
    assert (sent, len(await recovering.mails())) == (3, 4), "whatever the spelling; another network has its own"


async def test_strangers_can_not_spend_the_budget_of_a_known_device(recovering: Recovering) -> None:
    """Of one person 20 a day go out, but for devices in which they have signed in (threats.md L6)."""
    signed_in = await recovering.house.attempt("ada")
    assert isinstance(signed_in, SignedIn)
    for number in range(24):
        await recovering.ask("ada", f"198.51.{number}.9")
    sent = len(await recovering.mails(MailKind.RESET_LINK))
    recovering.device = signed_in.device
    await recovering.ask("ada", "198.51.1.9")

    assert (sent, len(await recovering.mails(MailKind.RESET_LINK))) == (20, 21)


async def test_a_page_behind_a_link_tells_its_address_to_nobody(recovering: Recovering) -> None:
    await recovering.ask("ada")
    answer = await recovering.http.get(await recovering.link(), headers=recovering._headers())

    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ada" not in await answer.text(), "whoever opens it hears nothing of the account"


async def test_an_invited_person_chooses_the_first_password(recovering: Recovering) -> None:
    """Until then no password fits."""
    house = recovering.house
    await house.admin.invite(Newcomer("cleo", "", "cleo@example.org", ()))
    before = [await house.attempt("cleo", password) for password in ("", PASSWORD)]

    set_ = await recovering.post(await recovering.link(MailKind.INVITATION), new=NEW, again=NEW)

    assert all(isinstance(one, Wrong) for one in before)
    assert set_[0] == 303
    assert isinstance(await house.attempt("cleo", NEW), SignedIn)


async def test_a_reset_forgets_the_other_devices(recovering: Recovering) -> None:
    house = recovering.house
    await house.attempt("ada")
    assert await house.pool.fetchval("SELECT count(*) FROM devices") >= 1

    await recovering.ask("ada")
    await recovering.post(await recovering.link(), new=NEW, again=NEW)

    assert await house.pool.fetchval("SELECT count(*) FROM devices") == 0


async def test_whoever_has_a_second_factor_needs_it_besides_the_mail(recovering: Recovering) -> None:
    """A wrong code leaves the link, and the password, as they are."""
    house = recovering.house
    live = await house.live(await house.sign_in("ada"))
    assert live is not None
    app = await house.factors.begin_app(live, "")
    totp = pyotp.TOTP(b32encode(app.secret).decode())
    codes = await house.factors.confirm_app(live, totp.now(), "")
    assert codes is not None
    await recovering.ask("ada")
    link = await recovering.link()

    none = await recovering.post(link, new=NEW, again=NEW)
    wrong = await recovering.post(link, new=NEW, again=NEW, code="000000")
    right = await recovering.post(link, new=NEW, again=NEW, code=codes.codes[0])

    assert [none[0], wrong[0], right[0]] == [403, 403, 303]
    assert len(await recovering.details("factor_failed")) == 2
    assert len(await recovering.details("password_reset")) == 1


ATTEMPT = "__Host-bastion-attempt"


async def sign_in_abroad(recovering: Recovering, cookie: str, password: str = NEW) -> LoginAnswer:
    """A strange network: from here a login without a factor needs a code."""
    visit = Visit(ip_address("198.51.100.4"), "Firefox", "", "", cookie)
    return await recovering.house.login.attempt(Typed("ada", password, keep=False), visit, None)


async def chosen_by_link(recovering: Recovering, name: str = "ada") -> str:
    """What the browser has after a new password by a mailed link."""
    await recovering.ask(name)
    assert (await recovering.post(await recovering.link(), new=NEW, again=NEW))[0] == 303
    return recovering.cookies[ATTEMPT]


async def at_home_before(recovering: Recovering, without_factor: Literal["mail", "refuse"] = "mail") -> None:
    house = recovering.house
    confirming = replace(house.login.confirming, notices=recovering.notices)
    house.login = replace(house.login, rules=LoginRules(without_factor=without_factor), confirming=confirming)
    home = Visit(ip_address("203.0.113.7"), "Firefox", "", "")
    assert isinstance(await house.login.attempt(Typed("ada", PASSWORD, keep=False), home, None), SignedIn)


async def test_a_reset_stands_once_for_the_mailed_code_of_the_next_login_here(recovering: Recovering) -> None:
    await at_home_before(recovering)
    cookie = await chosen_by_link(recovering)

    assert isinstance(await sign_in_abroad(recovering, cookie), SignedIn)

    pool = recovering.house.pool
    newest = await pool.fetchval(
        "SELECT confirmed_at FROM logins ORDER BY created_at DESC, ended_at NULLS FIRST LIMIT 1"
    )
    assert newest == recovering.house.there.now
    assert await pool.fetchval("SELECT count(*) FROM attempts WHERE waits_for = 'reset'") == 0


@pytest.mark.parametrize("without", ["browser", "person", "time", "password", "rule"])
async def test_without_one_of_these_a_reset_confirms_nothing(recovering: Recovering, without: str) -> None:
    await at_home_before(recovering, "refuse" if without == "rule" else "mail")
    cookie, password = await chosen_by_link(recovering, "bob" if without == "person" else "ada"), NEW
    if without == "browser":
        cookie = ""
    elif without == "time":
        recovering.house.there.now += 900
    elif without == "password":
        password = "a newer plum violin cabin"
        await recovering.house.admin.set_password("ada", password)
    elif without == "person":
        password = PASSWORD

    assert isinstance(await sign_in_abroad(recovering, cookie, password), AskedFactor)
