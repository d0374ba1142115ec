"""A breached password is changed at the login on a settled device, and disabled elsewhere (threats.md L1)."""

import json
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

import pytest

from gateway.core.login.attempt import Typed
from gateway.core.password.rules import DEFAULT_RULES
from gateway.core.ratelimit.gcra import Limit, Per
from gateway.flows.people.forced_change import ForcedChange
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import AskedFactor, BlockedLogin, LoginAnswer, Wrong
from gateway.flows.people.new_passwords import BadPassword, NewPasswords
from gateway.flows.people.second_step import BreachedPassword, ChangeNext, Gone, SomebodyElses
from gateway.flows.people.throttle import ChangeThrottle
from gateway.flows.people.users import Newcomer
from tests.attacks.conftest import AUTH_HOST, BUCKET_NAMES, PASSWORD, House
from tests.attacks.phones import Phone, alive, enrol, let_time_pass
from tests.attacks.test_breached_logins import Corpus, asking
from tests.attacks.test_mailed_codes import FIREFOX, HOME, with_mail
from tests.waiting_mail import waiting_mail

NEW: Final = "plum violin cabin zephyr"
DAY_S: Final = 86_400
PLENTY: Final = Limit("PASSWORD.CHANGE", 1_000, 60_000_000, 1_000, Per.PRINCIPAL)


@dataclass
class Owner:
    """ada at home, on a device that is settled. Her password turned out to be a breached one."""

    house: House
    change: ForcedChange
    cookie: str = ""

    @property
    def visit(self) -> Visit:
        return Visit(ip_address(HOME), FIREFOX, self.cookie, "")

    async def try_in(self, password: str = PASSWORD) -> LoginAnswer:
        outcome = await self.house.login.attempt(Typed("ada", password, keep=True), self.visit, None)
        if isinstance(outcome, SignedIn):
            self.cookie = outcome.device
        return outcome

    async def begin(self) -> str:
        """The attempt cookie of a login that waits."""
        asked = await self.try_in()
        assert isinstance(asked, AskedFactor)
        return asked.cookie

    async def choose(self, attempt: str, new: str = NEW, shown_for: str = "") -> SignedIn | Gone | SomebodyElses:
        waiting = await self.change.waiting(attempt)
        return await self.change.change(
            attempt, shown_for or (waiting.user_id_text if waiting else ""), new, self.visit, None
        )

    async def kinds(self) -> list[str]:
        rows = await self.house.pool.fetch("SELECT kind FROM audit_entries ORDER BY id")
        return [row["kind"] for row in rows]


@pytest.fixture
async def ada(house: House) -> Owner:
    with_mail(house)
    await house.admin.add(Newcomer("ada", "", "ada@example.org", ()), PASSWORD)
    throttle = ChangeThrottle(house.login.throttle.buckets, BUCKET_NAMES, PLENTY)
    new = NewPasswords(house.passwords, DEFAULT_RULES)
    owner = Owner(house, ForcedChange(house.acts, new, house.login.risk, house.login.issuing, throttle))
    await owner.try_in()
    house.there.now += 7 * DAY_S
    assert isinstance(await owner.try_in(), SignedIn)
    asking(house, Corpus("found"), at_login="change")
    return owner


async def test_on_a_settled_device_another_password_comes_first(ada: Owner) -> None:
    house, attempt = ada.house, await ada.begin()
    assert await house.there.decisions.authenticate(attempt, AUTH_HOST) is None
    assert await house.second.waiting(attempt) is None, "no code completes it"

    with pytest.raises(BadPassword):
        await ada.choose(attempt, PASSWORD)
    with pytest.raises(BadPassword):
        await ada.choose(attempt, "short")
    assert isinstance(await ada.choose(attempt, shown_for="other"), SomebodyElses)
    done = await ada.choose(attempt)

    assert isinstance(done, SignedIn)
    assert done.max_age_s > 0, "she stays signed in, as she asked"
    assert (await alive(house, done.token)).person.username == "ada"
    assert len((await house.admin.show("ada")).logins) == 1, "all others ended"
    assert isinstance(await ada.choose(attempt), Gone)
    asking(house, Corpus("clear"))
    assert isinstance(await ada.try_in(), Wrong)
    assert isinstance(await ada.try_in(NEW), SignedIn)
    assert await waiting_mail(house.acts, "password_changed")


async def test_on_another_device_the_password_is_disabled(ada: Owner) -> None:
    house = ada.house
    thief = replace(ada, cookie="")

    assert await thief.try_in() == BlockedLogin("breached")

    assert isinstance(await thief.try_in(), Wrong)
    assert isinstance(await ada.try_in(), Wrong), "a mailed link or an operator sets another one"
    kinds = await ada.kinds()
    assert kinds[kinds.index("login_blocked") :][:2] == ["login_blocked", "password_disabled"]
    assert await waiting_mail(house.acts, "password_disabled")
    await house.admin.set_password("ada", NEW)
    asking(house, Corpus("clear"))
    assert isinstance(await ada.try_in(NEW), SignedIn)


async def with_phone(ada: Owner) -> Phone:
    asking(ada.house, Corpus("clear"))
    signed_in = await ada.try_in()
    assert isinstance(signed_in, SignedIn)
    phone = await enrol(ada.house, await alive(ada.house, signed_in.token))
    asking(ada.house, Corpus("found"), at_login="change")
    return phone


async def prove(ada: Owner, attempt: str, code: str) -> object:
    waiting = await ada.house.second.waiting(attempt)
    assert waiting is not None
    return await ada.house.second.prove(attempt, waiting.user_id_text, code, ada.visit, None)


async def test_the_factor_comes_before_the_change_and_counts_after_it(ada: Owner) -> None:
    phone = await with_phone(ada)
    attempt = await ada.begin()
    assert await ada.change.waiting(attempt) is None, "nobody changes it without the factor"

    assert isinstance(await prove(ada, attempt, phone.code()), ChangeNext)
    done = await ada.choose(attempt)

    assert isinstance(done, SignedIn)
    assurance = (await alive(ada.house, done.token)).facts.assurance
    assert assurance.mfa_at > 0


async def test_with_the_factor_on_another_device_the_password_is_disabled_too(ada: Owner) -> None:
    phone = await with_phone(ada)
    thief = replace(ada, cookie="")
    attempt = await thief.begin()
    await let_time_pass(ada.house)

    assert isinstance(await prove(thief, attempt, phone.code()), BreachedPassword)

    assert await ada.change.waiting(attempt) is None
    assert isinstance(await ada.try_in(), Wrong)
    assert (await ada.kinds()).count("password_disabled") == 1


async def test_who_waits_for_a_change_is_as_good_as_gone_after_ten_minutes(ada: Owner) -> None:
    attempt = await ada.begin()

    ada.house.there.now += 600

    assert isinstance(await ada.choose(attempt), Gone)
    details = await ada.house.pool.fetch("SELECT detail FROM audit_entries WHERE kind = 'login_step_up'")
    assert [json.loads(one["detail"])["factors"] for one in details] == [["new_password"]]
