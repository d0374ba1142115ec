"""A thief with a password, on a device that is new to its person, makes nothing that outlasts his login (L10, X3)."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, Final

import pytest

from gateway.core.assurance.change import FRESH, FRESH_WITH_FACTOR, CodeNeeded
from gateway.core.login.attempt import Typed
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.may_change import MayNotChange, hold_for_change, lacking_for_change
from gateway.flows.people.confirm_login import ConfirmLogin
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.own_passkeys import OwnPasskeys
from gateway.flows.people.step_up import TypedProof
from gateway.flows.people.users import Newcomer
from tests.attacks.conftest import PASSWORD, House
from tests.attacks.phones import alive, enrol, kinds
from tests.attacks.test_mailed_codes import FIREFOX, HOME, admin, with_mail
from tests.waiting_mail import waiting_mail

DAY_S: Final = 86_400


@dataclass
class Device:
    """A browser in ada's own network: 30 points where it is new to her, so it is asked for nothing."""

    house: House
    cookie: str = ""

    @property
    def visit(self) -> Visit:
        return Visit(ip_address(HOME), FIREFOX, self.cookie, "")

    async def sign_in(self) -> LiveLogin:
        outcome = await self.house.login.attempt(Typed("ada", PASSWORD, keep=False), self.visit, None)
        assert isinstance(outcome, SignedIn)
        self.cookie = outcome.device
        return await alive(self.house, outcome.token)

    async def prove_password(self, live: LiveLogin) -> LiveLogin:
        outcome = await self.house.step_up.prove(live, TypedProof(PASSWORD, ""), self.visit)
        assert isinstance(outcome, SignedIn)
        return await alive(self.house, outcome.token)


@pytest.fixture
async def own(house: House) -> Device:
    """The device of ada's first login."""
    with_mail(house)
    await house.admin.add(Newcomer("ada", "", "ada@example.org", ()), PASSWORD)
    device = Device(house)
    await device.sign_in()
    return device


async def lacks(house: House, live: LiveLogin) -> object:
    async with house.acts.begin() as act:
        return await lacking_for_change(act, live)


def confirming(house: House) -> ConfirmLogin:
    return ConfirmLogin(house.acts, house.second.confirming, house.second.throttle)


Try = Callable[[House, LiveLogin], Awaitable[Any]]


async def _remove_passkey(house: House, live: LiveLogin) -> object:
    own = OwnPasskeys(house.factors, house.second.proofs.passkeys)
    return await own.remove(live, b"x" * 32, "r")


async def _hold(house: House, live: LiveLogin) -> None:
    async with house.acts.begin() as act:
        await hold_for_change(act, live)


CHANGES: Final[Mapping[str, Try]] = {
    "app": lambda house, live: house.factors.begin_app(live, "r"),
    "recovery codes": lambda house, live: house.factors.renew_codes(live, "r"),
    "remove the app": lambda house, live: house.factors.remove_app(live, "r"),
    "passkey": _remove_passkey,
    "what outlasts it": _hold,
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_strange_device_changes_nothing_for_seven_days(own: Device, change: str) -> None:
    """Known by his own first login, he is still a stranger (L10)."""
    house, thief = own.house, Device(own.house)
    begun = house.there.now
    await thief.sign_in()

    for after_s in (0, 3600, 7 * DAY_S - 1):
        house.there.now = begun + after_s
        live = await thief.sign_in()
        with pytest.raises(MayNotChange) as refused:
            await CHANGES[change](house, live)
        assert refused.value.lacking == CodeNeeded()

    house.there.now = begun + 7 * DAY_S
    assert await lacks(house, await thief.sign_in()) is None


async def test_the_first_login_of_a_new_account_counts_as_a_code_and_no_other_does(own: Device) -> None:
    house = own.house
    await house.admin.add(Newcomer("eve", "", "", ()), PASSWORD)
    outcomes = [await house.login.attempt(Typed("eve", PASSWORD, keep=False), own.visit, None) for _ in range(2)]
    first, second = [await alive(house, one.token) for one in outcomes if isinstance(one, SignedIn)]

    assert await lacks(house, first) is None
    assert await lacks(house, second) == CodeNeeded()


async def test_of_first_logins_at_once_one_is_the_first(own: Device) -> None:
    house = own.house
    await house.admin.add(Newcomer("eve", "", "", ()), PASSWORD)

    outcomes = await gather(*(house.login.attempt(Typed("eve", PASSWORD, False), own.visit, None) for _ in range(8)))

    tokens = [one.token for one in outcomes if isinstance(one, SignedIn)]
    found = [await lacks(house, await alive(house, token)) for token in tokens]
    assert (len(found), found.count(None)) == (8, 1)


async def test_nobody_who_was_there_at_the_upgrade_is_new(own: Device) -> None:
    house = own.house
    await house.add("eve")
    await house.pool.execute("DELETE FROM fresh_accounts")

    assert await lacks(house, await alive(house, await house.sign_in("eve"))) == CodeNeeded()


async def test_a_mailed_code_speaks_for_the_login_that_asked_for_it(own: Device) -> None:
    house, confirm = own.house, confirming(own.house)
    device, other = Device(house), Device(house)
    live, another = await device.sign_in(), await other.sign_in()
    assert (await confirm.form(live)).needed

    assert await confirm.send(live, device.visit)
    (mail,) = await waiting_mail(house.acts, "sign_in_code")
    assert not await confirm.confirm(another, mail.code, other.visit)
    assert not await confirm.confirm(live, "00000000", device.visit)
    assert await confirm.confirm(live, mail.code, device.visit)

    assert await lacks(house, live) is None
    assert await lacks(house, another) == CodeNeeded()
    assert live.facts.assurance.mfa_at == 0
    assert not await confirm.confirm(live, mail.code, device.visit)
    assert (await kinds(house)).count("step_up") == 1


@pytest.mark.parametrize(("after_s", "tries", "expected"), [(599, 4, True), (600, 0, False), (0, 5, False)])
async def test_it_is_good_for_ten_minutes_and_five_tries(
    own: Device, after_s: int, tries: int, *, expected: bool
) -> None:
    house, confirm, device = own.house, confirming(own.house), Device(own.house)
    live = await device.sign_in()
    await confirm.send(live, device.visit)
    (mail,) = await waiting_mail(house.acts, "sign_in_code")

    for _ in range(tries):
        assert not await confirm.confirm(live, "00000000", device.visit)
    house.there.now += after_s

    assert await confirm.confirm(live, mail.code, device.visit) is expected


async def test_an_operators_code_speaks_for_one_login_once(own: Device) -> None:
    with_mail(own.house, is_on=False)
    house, confirm, device = own.house, confirming(own.house), Device(own.house)
    live, another = await device.sign_in(), await device.sign_in()
    assert not (await confirm.form(live)).can_mail
    assert not await confirm.send(live, device.visit)
    code = await admin(house).make_code("ada", 3600, "identified by telephone")

    assert await confirm.confirm(live, code, device.visit)
    assert not await confirm.confirm(another, code, device.visit)


async def test_a_login_that_a_mailed_code_admitted_may_change_things(own: Device) -> None:
    house = own.house
    strange = replace(own.visit, address=ip_address("198.51.100.4"), device="")
    asked = await house.login.attempt(Typed("ada", PASSWORD, keep=False), strange, None)
    cookie = getattr(asked, "cookie", "")
    waiting = await house.second.waiting(cookie)
    assert waiting is not None
    (mail,) = await waiting_mail(house.acts, "sign_in_code")

    outcome = await house.second.prove(cookie, waiting.user_id_text, mail.code, strange, None)

    assert isinstance(outcome, SignedIn)
    assert await lacks(house, await alive(house, outcome.token)) is None


async def test_with_a_factor_only_the_factor_counts(own: Device) -> None:
    house = own.house
    first = await own.sign_in()
    confirm = confirming(house)
    await confirm.send(first, own.visit)
    (mail,) = await waiting_mail(house.acts, "sign_in_code")
    assert await confirm.confirm(first, mail.code, own.visit)

    await enrol(house, first)

    assert await lacks(house, first) == FRESH_WITH_FACTOR


async def test_a_password_proven_elsewhere_takes_the_device_along(own: Device) -> None:
    """A thief of the session alone, who knows the password: the settled device speaks for him no more."""
    house = own.house
    house.there.now += 7 * DAY_S
    live = await own.sign_in()
    assert await lacks(house, live) is None

    stolen = await Device(house).prove_password(live)

    assert await lacks(house, stolen) == CodeNeeded()


async def test_a_login_that_is_too_old_is_told_so_first(own: Device) -> None:
    house, device = own.house, Device(own.house)
    live = await device.sign_in()

    house.there.now += 601

    assert await lacks(house, live) == FRESH


async def test_a_login_that_has_ended_changes_nothing(own: Device) -> None:
    house = own.house
    house.there.now += 7 * DAY_S
    live = await own.sign_in()
    await house.admin.end_sessions("ada", None, "test")

    with pytest.raises(MayNotChange):
        await _hold(house, live)


async def test_a_forgotten_device_is_settled_no_more(own: Device) -> None:
    house = own.house
    house.there.now += 7 * DAY_S
    live = await own.sign_in()
    assert await lacks(house, live) is None

    await house.pool.execute("DELETE FROM devices")

    assert await lacks(house, live) == CodeNeeded()
