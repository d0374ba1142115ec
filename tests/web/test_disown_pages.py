"""This wasn't me: the link ends everything and disables the password; a scanner that submits forms does nothing."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.core.mail.kinds import MailKind
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.login import Wrong
from tests.conftest import Pool
from tests.web.recovery_house import NEW, Recovering, recovering_at


@pytest.fixture
async def recovering(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Recovering]:
    async with recovering_at(pool, redis, redis_url, tmp_path) as recovering:
        yield recovering


async def test_this_wasnt_me_ends_everything_and_disables_the_password(recovering: Recovering) -> None:
    house = recovering.house
    await house.admin.set_password("ada", NEW)
    login = await house.attempt("ada", NEW)
    assert isinstance(login, SignedIn)
    await _ask_for_later(recovering)
    link, reset = await recovering.link(MailKind.PASSWORD_CHANGED), await recovering.link()

    done = await recovering.post(link, name="ADA@example.org")

    assert done[:2] == (303, "/disown/done")
    assert not await house.lives(login.token)
    assert isinstance(await house.attempt("ada", NEW), Wrong)
    assert (await recovering.get(link))[0] == 410
    assert (await recovering.get(reset))[0] == 410, "the intruder may have asked for it"
    await recovering.ask("ada")
    assert (
        await recovering.post(await recovering.link(), new="other words for a lock", again="other words for a lock")
    )[0] == 303
    assert isinstance(await house.attempt("ada", "other words for a lock"), SignedIn)
    assert len(await recovering.details("disowned")) == 1


async def _ask_for_later(recovering: Recovering) -> None:
    await recovering.ask("ada")


async def test_a_scanner_that_opens_every_link_and_submits_every_form_does_nothing(recovering: Recovering) -> None:
    """Outlook's does (login-defence.md L12). The links work after it."""
    house = recovering.house
    await house.admin.set_password("ada", NEW)
    await house.admin.set_email("bob", "other@example.org")
    await recovering.ask("ada")
    login = await house.attempt("ada", NEW)
    assert isinstance(login, SignedIn)
    links = [
        await recovering.link(kind) for kind in (MailKind.RESET_LINK, MailKind.PASSWORD_CHANGED, MailKind.EMAIL_CHANGED)
    ]

    for link in links:
        for _ in range(2):
            assert (await recovering.get(link))[0] == 200
            assert (await recovering.post(link))[0] == 400
            assert (await recovering.post(link, name="", new="", again=""))[0] == 400

    assert await house.lives(login.token)
    assert isinstance(await house.attempt("ada", NEW), SignedIn)
    assert [(await recovering.get(link))[0] for link in links] == [200, 200, 200]


async def test_taking_back_a_change_of_address_restores_it(recovering: Recovering) -> None:
    house = recovering.house
    await house.admin.set_email("ada", "thief@example.org")
    link = await recovering.link(MailKind.EMAIL_CHANGED)

    wrong = await recovering.post(link, name="bob")
    done = await recovering.post(link, name="ada")

    user = (await house.admin.show("ada")).user
    assert (wrong[0], done[0]) == (400, 303)
    assert user.email == "ada@example.org"
    assert isinstance(await house.attempt("ada"), Wrong)
    assert [re.findall(r'"why":"(\w+)"', one) for one in await recovering.details("user_changed")] == [[], ["undone"]]
