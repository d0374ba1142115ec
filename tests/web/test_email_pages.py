"""A new e-mail address counts once it is confirmed by its signed-in person; nobody hears whether one is in use."""

import re
from base64 import b32encode
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest
from redis.asyncio import Redis

from gateway.core.mail.kinds import MailKind
from tests.attacks.phones import confirmed
from tests.conftest import Pool
from tests.web.recovery_house import Recovering, recovering_at

NEW = "ada@example.net"
PAGE = "/account/email"


@pytest.fixture
async def ada(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Recovering]:
    """Signed in."""
    async with recovering_at(pool, redis, redis_url, tmp_path) as recovering:
        await sign_in(recovering, "ada")
        yield recovering


async def sign_in(browser: Recovering, name: str) -> None:
    browser.cookies["__Host-bastion-login"] = (await browser.house.sign_in(name)).text


async def email_of(browser: Recovering, name: str = "ada") -> str:
    return (await browser.house.admin.show(name)).user.email


async def test_an_address_counts_once_it_is_confirmed_and_the_old_one_hears_of_it(ada: Recovering) -> None:
    asked = await ada.post(PAGE, email=NEW)
    before = await email_of(ada)
    link = await ada.link(MailKind.EMAIL_CONFIRM)
    opened = await ada.get(link)
    still = await email_of(ada)
    confirmed = await ada.post(link)

    assert (asked[0], opened[0], confirmed[:2]) == (200, 200, (303, PAGE))
    assert (before, still, await email_of(ada)) == ("ada@example.org", "ada@example.org", NEW)
    assert f"Mail for you goes to {NEW}." in (await ada.get(PAGE))[1]
    assert [(mail.kind, mail.to) for mail in await ada.mails()] == [
        (MailKind.EMAIL_CONFIRM, NEW),
        (MailKind.EMAIL_CHANGED, "ada@example.org"),
    ]
    assert (await ada.get(link))[0] == 410
    assert await ada.details("user_changed") == ['{"changed":"email","why":"changed_by_person"}']


async def test_the_old_address_takes_the_change_back(ada: Recovering) -> None:
    await ada.post(PAGE, email=NEW)
    await ada.post(await ada.link(MailKind.EMAIL_CONFIRM))

    await ada.post(await ada.link(MailKind.EMAIL_CHANGED), name="ada")

    assert await email_of(ada) == "ada@example.org"
    assert await ada.house.pool.fetchval("SELECT count(*) FROM logins WHERE ended_at IS NULL") == 0


async def test_nobody_hears_whether_an_address_is_in_use_but_its_owner(ada: Recovering) -> None:
    pages = [re.sub('"[^"]*"', "", (await ada.post(PAGE, email=email))[2]) for email in (NEW, "bob@example.org", "bob")]

    assert pages[0] == pages[1]
    assert "no e-mail address" in pages[2]
    assert [(mail.kind, mail.to) for mail in await ada.mails()] == [
        (MailKind.EMAIL_CONFIRM, NEW),
        (MailKind.EMAIL_TAKEN, "bob@example.org"),
    ]


async def test_a_link_works_only_where_its_person_is_signed_in(ada: Recovering) -> None:
    await ada.post(PAGE, email=NEW)
    link = await ada.link(MailKind.EMAIL_CONFIRM)
    del ada.cookies["__Host-bastion-login"]
    nobody, page = (await ada.post(link))[0], (await ada.get(link))[1]
    await sign_in(ada, "bob")
    token = link.partition("=")[2]
    other = (await ada.post("/email/confirm", form_of=PAGE, t=token))[0], (await ada.get(link))[0]
    await sign_in(ada, "ada")

    assert (nobody, "Sign in here first" in page) == (403, True)
    assert other == (410, 410)
    assert (await email_of(ada), await email_of(ada, "bob")) == ("ada@example.org", "bob@example.org")
    assert (await ada.post(link))[0] == 303


async def test_an_address_that_somebody_got_meanwhile_stays_theirs(ada: Recovering) -> None:
    await ada.post(PAGE, email=NEW)
    link = await ada.link(MailKind.EMAIL_CONFIRM)
    await ada.house.admin.set_email("bob", NEW)

    assert (await ada.post(link))[0] == 410
    assert await email_of(ada) == "ada@example.org"


async def test_a_strange_device_needs_a_code_first(ada: Recovering) -> None:
    """login-defence.md L10."""
    await ada.house.pool.execute("UPDATE logins SET confirmed_at = NULL")

    asked = await ada.post(PAGE, email=NEW)

    assert asked[:2] == (303, PAGE)
    assert 'href="/account/confirm?back=email"' in (await ada.get(PAGE))[1]
    assert await ada.mails(MailKind.EMAIL_CONFIRM) == []


async def test_a_login_that_is_not_fresh_changes_nothing(ada: Recovering) -> None:
    await ada.house.pool.execute("UPDATE sessions SET authenticated_at = authenticated_at - 601")
    revocations, token = ada.house.there.revocations, ada.cookies["__Host-bastion-login"].split(".")
    page = (await ada.get(PAGE))[1]
    await revocations.stale_login(token[1], token[2])

    assert "csrf" in page
    assert (await ada.post(PAGE, email=NEW))[:2] == (303, PAGE)
    assert await ada.mails() == []
    assert "sign out and in again" in (await ada.get(PAGE))[1]


async def test_whoever_has_a_second_factor_needs_it_for_another_address(ada: Recovering) -> None:
    """A thief with the password alone would take the account by a new address."""
    live = await ada.house.live(await ada.house.sign_in("ada"))
    assert live is not None
    await confirmed(ada.house, live)
    app = await ada.house.factors.begin_app(live, "")
    assert await ada.house.factors.confirm_app(live, pyotp.TOTP(b32encode(app.secret).decode()).now(), "") is not None

    asked = await ada.post(PAGE, email=NEW)

    assert asked[:2] == (303, PAGE)
    assert "prove your second factor first" in (await ada.get(PAGE))[1]
    assert await ada.mails(MailKind.EMAIL_CONFIRM) == []
