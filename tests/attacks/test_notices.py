"""Whoever has a stolen password: the person hears of the login, of the left one, and of each change of factors."""

from base64 import b32encode
from dataclasses import replace
from ipaddress import ip_address

import pyotp

from gateway.core.login.attempt import Typed
from gateway.core.mail.kinds import MailKind
from gateway.core.mail.links import LinkKind
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.mail.notices import Notices
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.users import Newcomer
from tests.attacks.conftest import PASSWORD, House
from tests.attacks.phones import enrol, first_step, second_step, signed_in
from tests.waiting_mail import text_of, waiting_mail

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def with_notices(house: House) -> None:
    """The house tells people from here on."""
    lifetimes = dict.fromkeys(LinkKind, 604_800)
    notices = Notices(is_on=True, lifetimes_s=lifetimes, random=house.there.random)
    house.login = replace(house.login, issuing=replace(house.login.issuing, notices=notices))
    house.factors = replace(house.factors, notices=notices)


async def sign_in(house: House, device: str = "") -> SignedIn:
    visit = Visit(ip_address("203.0.113.7"), FIREFOX, device, "")
    outcome = await house.login.attempt(Typed("ada", PASSWORD, keep=False), visit, None)
    assert isinstance(outcome, SignedIn)
    return outcome


async def kinds(house: House) -> list[MailKind]:
    return [mail.kind for mail in await waiting_mail(house.acts)]


async def test_a_login_on_a_new_device_is_told_and_one_on_a_known_device_is_not(house: House) -> None:
    with_notices(house)
    await house.admin.add(Newcomer("ada", "", "ada@example.org", ()), PASSWORD)

    first = await sign_in(house)
    nothing = await kinds(house)
    await sign_in(house, first.device)
    known = await kinds(house)
    await sign_in(house)

    (mail,) = await waiting_mail(house.acts)
    assert (nothing, known, mail.kind) == ([], [], MailKind.NEW_DEVICE)
    assert "Device: Firefox on Linux\nAddress: 203.0.113.7\nRisk score: " in text_of(mail)
    assert "This wasn't me:\nhttps://auth.example.com/disown?t=" in text_of(mail)


async def test_a_change_of_second_factors_is_told(house: House) -> None:
    with_notices(house)
    await house.admin.add(Newcomer("ada", "", "ada@example.org", ()), PASSWORD)
    live = await house.live((await sign_in(house)).token)
    assert isinstance(live, LiveLogin)

    app = await house.factors.begin_app(live, "")
    totp = pyotp.TOTP(b32encode(app.secret).decode())
    wrong = await house.factors.confirm_app(live, "000000", "")
    told_before = await kinds(house)
    right = await house.factors.confirm_app(live, totp.now(), "")

    assert (wrong, told_before) == (None, [])
    assert right is not None
    assert await kinds(house) == [MailKind.FACTOR_ADDED]


async def test_a_used_recovery_code_is_told_and_that_three_are_left(house: House) -> None:
    await house.admin.add(Newcomer("ada", "", "ada@example.org", ()), PASSWORD)
    phone = await enrol(house, await signed_in(house, "ada"))
    with_notices(house)
    proofs = replace(house.second.proofs, notices=house.factors.notices)
    house.second = replace(house.second, proofs=proofs)

    told = []
    for code in phone.codes[:7]:
        assert isinstance(await second_step(house, await first_step(house), code), SignedIn)
        told.append(MailKind.RECOVERY_CODES_LOW in await kinds(house))

    assert MailKind.RECOVERY_CODE_USED in await kinds(house)
    assert told == [False] * 6 + [True]
