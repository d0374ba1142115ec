"""The notice of a lock has a link: it opens the door for the browser that posts it, and for nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.http import SERVER_SOFTWARE
from redis.asyncio import Redis

from gateway.core.login.attempt import Typed
from gateway.core.mail.kinds import MailKind
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import LockedOut, LoginAnswer, Wrong
from tests.attacks.conftest import PASSWORD
from tests.conftest import Pool
from tests.waiting_mail import text_of
from tests.web.recovery_house import Recovering, recovering_at


@pytest.fixture
async def recovering(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Recovering]:
    async with recovering_at(pool, redis, redis_url, tmp_path) as recovering:
        yield recovering


async def attempt(recovering: Recovering, password: str = PASSWORD, device: str = "") -> LoginAnswer:
    visit = Visit(None, SERVER_SOFTWARE, device, "")
    return await recovering.house.login.attempt(Typed("ada", password, keep=False), visit, None)


async def locked(recovering: Recovering) -> str:
    """The link."""
    for number in range(10):
        assert isinstance(await attempt(recovering, f"guess {number}"), Wrong)
    assert isinstance(await attempt(recovering), LockedOut)
    return await recovering.link(MailKind.LOCKED)


async def test_the_link_opens_the_door_for_the_browser_that_posts_it_alone(recovering: Recovering) -> None:
    link = await locked(recovering)

    done = await recovering.post(link, name="ADA")

    assert done[:2] == (303, "/login")
    assert isinstance(await attempt(recovering, device=recovering.device), SignedIn)
    assert isinstance(await attempt(recovering), LockedOut)
    assert (await recovering.get(link))[0] == 410
    assert await recovering.details("unlocked") == ['{"locks":["password known","factor known"],"why":"by_link"}']


async def test_five_more_passwords_are_looked_at_there(recovering: Recovering) -> None:
    await recovering.post(await locked(recovering), name="ada")

    ended = [type(await attempt(recovering, f"more {number}", recovering.device)) for number in range(6)]

    assert ended == [Wrong] * 5 + [LockedOut]
    assert isinstance(await attempt(recovering, device=recovering.device), LockedOut)
    assert len(await recovering.mails(MailKind.LOCKED)) == 2


@pytest.mark.parametrize(("later", "outcome"), [(899, SignedIn), (900, LockedOut)])
async def test_it_stays_open_for_15_minutes(recovering: Recovering, later: int, outcome: type) -> None:
    await recovering.post(await locked(recovering), name="ada")
    await recovering.house.pool.execute("UPDATE lockouts SET until = until + 900 WHERE device = ''")

    recovering.house.there.now += later

    assert isinstance(await attempt(recovering, device=recovering.device), outcome)


async def test_a_scanner_and_another_person_open_nothing_and_use_nothing_up(recovering: Recovering) -> None:
    link = await locked(recovering)

    for fields in ({}, {"name": ""}, {"name": "bob"}):
        assert (await recovering.post(link, **fields))[0] == 400

    assert isinstance(await attempt(recovering, device=recovering.device), LockedOut)
    assert (await recovering.post(link, name="ada@example.org"))[0] == 303


async def test_the_notice_says_where_the_last_guess_came_from(recovering: Recovering) -> None:
    await locked(recovering)

    (mail,) = await recovering.mails(MailKind.LOCKED)

    assert mail.to == "ada@example.org"
    assert "Sign in in this browser:\nhttps://auth.example.com/unlock?t=" in text_of(mail)


async def test_a_name_that_nobody_has_is_told_to_nobody(recovering: Recovering) -> None:
    for number in range(10):
        await recovering.house.attempt("nobody", f"guess {number}")

    assert len(await recovering.details("locked")) == 1
    assert await recovering.mails() == []
