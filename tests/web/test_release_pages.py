"""A blocked login waits for its person, who lets exactly that browser try again by mail (threats.md L5, L12, L18)."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.core.login.attempt import Typed
from gateway.core.login.outcome import LoginRules
from gateway.core.mail.kinds import MailKind
from gateway.flows.people.factor_admin import FactorAdmin
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import BlockedLogin, LoginAnswer
from tests.attacks.conftest import AUTH_HOST, PASSWORD, House
from tests.attacks.phones import alive
from tests.attacks.test_mailed_codes import FIREFOX, HOME, with_mail
from tests.conftest import Pool
from tests.core.forward.setting import KEYS
from tests.web.recovery_house import NEW, Recovering, recovering_at

BLOCKED = BlockedLogin("risk")


@dataclass
class Traveller:
    """A browser that scores 40 for ada, where 40 is too much. attempt: the cookie of her blocked login."""

    recovering: Recovering
    attempt: str = ""

    @property
    def house(self) -> House:
        return self.recovering.house

    def visit(self, attempt: str) -> Visit:
        return Visit(ip_address("198.51.100.4"), FIREFOX, "", "", attempt)

    async def try_in(self, name: str = "ada", password: str = PASSWORD, attempt: str | None = None) -> LoginAnswer:
        visit = self.visit(self.attempt if attempt is None else attempt)
        outcome = await self.house.login.attempt(Typed(name, password, keep=False), visit, None)
        if isinstance(outcome, BlockedLogin):
            self.attempt = outcome.cookie
        return outcome

    async def release(self) -> tuple[int, str, str]:
        link = await self.recovering.link(MailKind.LOGIN_RELEASE)
        return await self.recovering.post(link, name="ada")

    async def scores(self) -> list[tuple[int, list[str]]]:
        """Of the blocked logins."""
        found = [json.loads(one) for one in await self.recovering.details("login_blocked")]
        return [(one["score"], one["factors"]) for one in found]


@pytest.fixture
async def ada(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Traveller]:
    """She has logged in at home, and travels."""
    async with recovering_at(pool, redis, redis_url, tmp_path) as recovering:
        house = recovering.house
        with_mail(house)
        house.login = replace(house.login, rules=LoginRules(block_at=40))
        home = Visit(ip_address(HOME), FIREFOX, "", "")
        assert isinstance(await house.login.attempt(Typed("ada", PASSWORD, keep=False), home, None), SignedIn)
        yield Traveller(recovering)


async def test_exactly_the_blocked_browser_may_try_again(ada: Traveller) -> None:
    blocked = await ada.try_in()
    mine, other = ada.attempt, Traveller(ada.recovering)
    link = await ada.recovering.link(MailKind.LOGIN_RELEASE)
    assert await other.try_in() == BLOCKED

    scanned = await ada.recovering.post(link)
    done = await ada.recovering.post(link, name="ada@example.org")

    assert (blocked, scanned[0], done[:2]) == (BLOCKED, 400, (303, "/release/done"))
    assert await other.try_in() == BLOCKED
    assert await ada.try_in(attempt="") == BLOCKED
    outcome = await ada.try_in(attempt=mine)
    assert isinstance(outcome, SignedIn)
    assert (await alive(ada.house, outcome.token)).facts.assurance.mfa_at == 0
    assert len(await ada.recovering.details("login_released")) == 1


@pytest.mark.parametrize(("after_s", "is_in"), [(899, True), (900, False)])
async def test_it_may_for_fifteen_minutes(ada: Traveller, after_s: int, *, is_in: bool) -> None:
    await ada.try_in()
    await ada.release()

    ada.house.there.now += after_s

    assert isinstance(await ada.try_in(), SignedIn) is is_in


async def test_what_releases_is_nobody_and_releases_nothing_by_itself(ada: Traveller) -> None:
    await ada.try_in()

    assert await ada.house.there.decisions.authenticate(ada.attempt, AUTH_HOST) is None
    assert await ada.try_in() == BLOCKED
    for path in ("/release", "/release?t=" + "x" * 43):
        assert (await ada.recovering.get(path))[0] == 410


async def test_a_changed_password_ends_what_was_released(ada: Traveller) -> None:
    await ada.try_in()
    await ada.release()

    await ada.house.admin.set_password("ada", NEW)

    assert await ada.try_in(password=NEW) == BLOCKED


async def test_the_link_works_once_and_for_its_person_alone(ada: Traveller) -> None:
    await ada.try_in()
    link = await ada.recovering.link(MailKind.LOGIN_RELEASE)

    assert (await ada.recovering.post(link, name="bob"))[0] == 400
    assert (await ada.recovering.post(link, name="ada"))[0] == 303
    assert (await ada.recovering.get(link))[0] == 410


async def test_the_password_is_doubted_until_then(ada: Traveller) -> None:
    for _ in range(2):
        await ada.try_in()
    await ada.release()
    assert await ada.try_in(attempt="") == BLOCKED

    strange = ["new_device", "new_network"]
    assert [factors for _points, factors in await ada.scores()] == [
        strange,
        [*strange, "failures", "doubted"],
        [*strange, "failures"],
    ]
    assert await ada.recovering.details("password_doubted") == ['{"why":"blocked"}'] * 2


@pytest.mark.parametrize("release", ["mail", "operator"])
async def test_an_operators_code_lets_a_blocked_login_through(ada: Traveller, release: str) -> None:
    house = ada.house
    if release == "operator":
        house.login = replace(house.login, rules=replace(house.login.rules, release="operator"))
    blocked = await ada.try_in()
    assert isinstance(blocked, BlockedLogin)
    assert blocked.mailed is (release == "mail")
    assert len(await ada.recovering.mails(MailKind.LOGIN_BLOCKED)) == (release == "operator")
    code = await FactorAdmin(house.acts, KEYS, house.there.random, ada.recovering.notices, "cli:root").make_code(
        "ada", 3600, "identified by telephone"
    )
    waiting = await house.second.waiting(ada.attempt)
    assert waiting is not None

    outcome = await house.second.prove(ada.attempt, waiting.user_id_text, code, ada.visit(""), None)

    assert waiting.confirms == "operator_code"
    assert isinstance(outcome, SignedIn)


async def test_five_links_an_hour_are_sent(ada: Traveller) -> None:
    ada.house.there.now -= ada.house.there.now % 3600
    mailed = [one.mailed for one in [await ada.try_in() for _ in range(6)] if isinstance(one, BlockedLogin)]

    assert mailed == [True] * 5 + [False]
    assert len(await ada.recovering.mails(MailKind.LOGIN_RELEASE)) == 5
    assert len(await ada.recovering.mails(MailKind.LOGIN_BLOCKED)) == 1


async def test_a_blocked_login_that_nobody_releases_is_no_abandoned_one(ada: Traveller) -> None:
    await ada.try_in()

    ada.house.there.now += 700_000
    await ada.house.second.purge()

    assert await ada.recovering.details("login_abandoned") == []
    assert await ada.house.pool.fetchval("SELECT count(*) FROM attempts") == 0
