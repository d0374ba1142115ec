"""A strange login of somebody without a factor needs a code, which is no factor (login-defence.md section 1, L11)."""

import json
from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from gateway.core.assurance.model import PWD, amr_values
from gateway.core.login.attempt import Typed
from gateway.core.login.outcome import LoginRules
from gateway.core.login.pre_login import attempt_hash
from gateway.flows.mail.notices import Notices
from gateway.flows.people.beyond_mail import BeyondMail
from gateway.flows.people.factor_admin import FactorAdmin
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import AskedFactor, LoginAnswer
from gateway.flows.people.second_step import Gone, Proven, Waiting, WrongCode
from gateway.flows.people.step_up import NotProven, TypedProof
from gateway.flows.people.users import Newcomer
from tests.attacks.conftest import AUTH_HOST, PASSWORD, House
from tests.attacks.phones import alive, at_once, enrol, kinds
from tests.core.forward.setting import KEYS
from tests.waiting_mail import waiting_mail
from tests.web.recovery_house import LIFETIMES

HOME, ABROAD = "203.0.113.7", "198.51.100.4"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"


@dataclass
class Strange:
    """A browser that is new to ada, in a network that is: 40 points."""

    house: House
    address: str = ABROAD
    device: str = ""

    @property
    def visit(self) -> Visit:
        return Visit(ip_address(self.address), FIREFOX, self.device, "")

    async def try_in(self, name: str = "ada") -> LoginAnswer:
        outcome = await self.house.login.attempt(Typed(name, PASSWORD, keep=False), self.visit, None)
        if isinstance(outcome, SignedIn):
            self.device = outcome.device
        return outcome

    async def begin(self) -> str:
        """The attempt cookie."""
        asked = await self.try_in()
        assert isinstance(asked, AskedFactor)
        return asked.cookie

    async def waiting(self, cookie: str) -> Waiting:
        waiting = await self.house.second.waiting(cookie)
        assert waiting is not None
        return waiting

    async def prove(self, cookie: str, code: str) -> Proven:
        waiting = await self.house.second.waiting(cookie)
        return await self.house.second.prove(cookie, waiting.user_id_text if waiting else "", code, self.visit, None)

    async def code(self) -> str:
        """Of the newest mail."""
        return (await waiting_mail(self.house.acts, "sign_in_code"))[-1].code


def with_mail(house: House, *, is_on: bool = True) -> None:
    notices = Notices(is_on=is_on, lifetimes_s=LIFETIMES, random=house.there.random)
    issuing = replace(house.login.issuing, notices=notices)
    confirming = replace(house.login.confirming, notices=notices)
    house.login = replace(house.login, issuing=issuing, confirming=confirming, rules=LoginRules())
    house.second = replace(house.second, issuing=issuing, confirming=confirming)


def admin(house: House) -> FactorAdmin:
    return FactorAdmin(house.acts, KEYS, house.there.random, house.login.issuing.notices, "cli:root")


@pytest.fixture
async def thief(house: House) -> Strange:
    """ada has logged in at home, so that there is something to be unlike."""
    with_mail(house)
    await house.admin.add(Newcomer("ada", "", "ada@example.org", ()), PASSWORD)
    assert isinstance(await Strange(house, HOME).try_in(), SignedIn)
    return Strange(house)


async def test_a_mailed_code_admits_the_login_and_is_no_factor(thief: Strange) -> None:
    house, cookie = thief.house, await thief.begin()
    assert await house.there.decisions.authenticate(cookie, AUTH_HOST) is None
    assert (await thief.waiting(cookie)).confirms == "mail_code"

    outcome = await thief.prove(cookie, await thief.code())

    assert isinstance(outcome, SignedIn)
    assurance = (await alive(house, outcome.token)).facts.assurance
    assert (assurance.mfa_at, assurance.amr, assurance.risk) == (0, PWD, 40)
    assert amr_values(assurance) == ("pwd",)
    assert (await kinds(house))[-2:] == ["login_step_up", "login"]
    assert isinstance(await thief.prove(cookie, await thief.code()), Gone)


async def test_the_code_has_eight_digits_and_is_nowhere_in_the_database(thief: Strange) -> None:
    await thief.begin()
    (mail,) = await waiting_mail(thief.house.acts, "sign_in_code")

    stored = await thief.house.pool.fetchval("SELECT mail_code FROM attempts")

    assert (len(mail.code), mail.code.isdigit(), len(stored)) == (8, True, 32)
    assert mail.to == "ada@example.org"
    lane = await thief.house.pool.fetchval("SELECT kind FROM outbox WHERE state = 'waiting'")
    assert lane == "mail"  # not that of notices (X8)


async def test_a_code_is_bound_to_its_attempt(thief: Strange) -> None:
    first, second = await thief.begin(), await Strange(thief.house).begin()
    of_first, of_second = [mail.code for mail in await waiting_mail(thief.house.acts, "sign_in_code")]

    assert await thief.prove(second, of_first) == WrongCode(4)
    assert await thief.prove(first, of_second) == WrongCode(4)
    assert isinstance(await thief.prove(first, f" {of_first[:4]}-{of_first[4:]} "), SignedIn)


async def test_a_code_that_is_copied_to_another_attempt_confirms_nothing(thief: Strange) -> None:
    """threats.md D5."""
    first = await thief.begin()
    code = await thief.code()
    second = await Strange(thief.house).begin()

    await thief.house.pool.execute(
        "UPDATE attempts SET mail_code = (SELECT mail_code FROM attempts WHERE hash = $1)", attempt_hash(first)
    )

    assert await thief.prove(second, code) == WrongCode(4)
    assert isinstance(await thief.prove(first, code), SignedIn)


async def test_five_wrong_codes_end_the_attempt_and_ada_hears_of_it(thief: Strange) -> None:
    cookie = await thief.begin()
    code = await thief.code()

    left = [await thief.prove(cookie, wrong) for wrong in ("", "0" * 8, "1234567", "x", "A" * 24)]

    assert left == [WrongCode(4), WrongCode(3), WrongCode(2), WrongCode(1), WrongCode(0)]
    assert isinstance(await thief.prove(cookie, code), Gone)
    assert (await kinds(thief.house))[-3:] == ["factor_failed", "login_abandoned", "password_doubted"]
    assert await waiting_mail(thief.house.acts, "password_known")


@pytest.mark.parametrize(("after_s", "expected"), [(599, SignedIn), (600, Gone)])
async def test_a_code_lives_for_ten_minutes(thief: Strange, after_s: int, expected: type) -> None:
    cookie = await thief.begin()
    code = await thief.code()

    thief.house.there.now += after_s

    assert isinstance(await thief.prove(cookie, code), expected)


async def test_fifty_proofs_of_one_code_at_once_make_one_login(thief: Strange, redis: Redis) -> None:
    cookie = await thief.begin()
    code = await thief.code()
    await redis.flushall()

    outcomes = await at_once(thief.prove(cookie, code) for _ in range(50))

    assert [type(one) for one in outcomes].count(SignedIn) == 1
    assert [type(one) for one in outcomes].count(Gone) == 49


async def test_five_codes_an_hour_are_sent_and_nothing_else_is_held_back_by_them(thief: Strange) -> None:
    house = thief.house
    house.there.now -= house.there.now % 3600  # the hour begins
    asked = [(await thief.waiting(await thief.begin())).confirms for _ in range(6)]
    codes = await waiting_mail(house.acts, "sign_in_code")
    house.there.now += 3600

    later = (await thief.waiting(await thief.begin())).confirms

    assert asked == ["mail_code"] * 5 + ["operator_code"]
    assert (len(codes), later) == (5, "mail_code")
    assert await house.pool.fetchval("SELECT count(*) FROM notices WHERE NOT told") == 0


@pytest.mark.parametrize("why", ["no mail", "no address", "refuse"])
async def test_where_no_code_can_be_mailed_an_operators_code_admits(thief: Strange, why: str) -> None:
    house = thief.house
    if why == "no mail":
        with_mail(house, is_on=False)
    elif why == "no address":
        await house.admin.set_email("ada", "")
    else:
        house.login = replace(house.login, rules=LoginRules(without_factor="refuse"))
    cookie = await thief.begin()

    assert (await thief.waiting(cookie)).confirms == "operator_code"
    assert await thief.prove(cookie, "12345678") == WrongCode(4)
    code = await admin(house).make_code("ada", 3600, "identified by telephone")
    outcome = await thief.prove(cookie, code)

    assert isinstance(outcome, SignedIn)
    assert (await alive(house, outcome.token)).facts.assurance.mfa_at == 0
    assert not await waiting_mail(house.acts, "sign_in_code")
    (detail,) = await house.pool.fetch("SELECT detail FROM audit_entries WHERE kind = 'login_step_up'")
    assert json.loads(detail["detail"])["factors"] == ["operator_code"]
    assert (await kinds(house))[-2:] == ["recovery_code_used", "login"]


async def test_an_operators_code_is_no_factor_of_somebody_without_one(thief: Strange) -> None:
    """X12: typed into the page that asks a live login for more, it is worth nothing, and stays."""
    house = thief.house
    home = Strange(house, HOME)
    signed_in = await home.try_in()
    assert isinstance(signed_in, AskedFactor | SignedIn)
    cookie = await thief.begin()
    outcome = await thief.prove(cookie, await thief.code())
    assert isinstance(outcome, SignedIn)
    code = await admin(house).make_code("ada", 3600, "identified by telephone")

    shown = await house.step_up.prove(await alive(house, outcome.token), TypedProof("", code), thief.visit)

    assert isinstance(shown, NotProven)
    assert (await admin(house).show("ada")).operator_codes == 1


async def test_who_disables_the_steps_is_asked_nothing(thief: Strange) -> None:
    thief.house.login = replace(thief.house.login, rules=LoginRules(without_factor="admit"))

    assert isinstance(await thief.try_in(), SignedIn)


async def test_a_changed_password_ends_the_wait_for_a_code(thief: Strange) -> None:
    cookie = await thief.begin()
    code = await thief.code()

    await thief.house.admin.set_password("ada", "plum violin cabin zephyr")

    assert isinstance(await thief.prove(cookie, code), Gone)


async def test_ada_hears_of_an_operators_code(thief: Strange) -> None:
    await admin(thief.house).make_code("ada", 3600, "identified by telephone")

    assert await waiting_mail(thief.house.acts, "operator_code_made")


async def test_serve_counts_whom_only_an_operator_can_help(house: House) -> None:
    """L23: ada has a phone, bert an address; nobody reaches carol, and of the disabled nobody asks."""
    for name, email in (("ada", ""), ("bert", "bert@example.org"), ("carol", ""), ("gone", "")):
        await house.admin.add(Newcomer(name, "", email, ()), PASSWORD)
    signed_in = await house.attempt("ada")
    assert isinstance(signed_in, SignedIn)
    await enrol(house, await alive(house, signed_in.token))
    await house.admin.disable("gone")

    with capture_logs() as logs:
        await BeyondMail(house.acts, mails=True).warn()
        await BeyondMail(house.acts, mails=False).warn()

    assert [line["people"] for line in logs] == [1, 2]
