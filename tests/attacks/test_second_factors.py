"""Between the password and the code nobody is somebody, and no code counts twice (threats.md L9, L20, D5)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import OTP, PWD, amr_values
from gateway.core.login.attempt import Typed
from gateway.core.privacy.sealing import BrokenSeal
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.login import AskedFactor
from gateway.flows.people.second_step import Gone, SomebodyElses, WrongCode
from tests.attacks.conftest import AUTH_HOST, PASSWORD, House, session_of
from tests.attacks.phones import (
    VISIT,
    Phone,
    ada_with_phone,
    alive,
    at_once,
    enrol,
    first_step,
    kinds,
    let_time_pass,
    second_step,
    signed_in,
    stepped,
)


async def test_a_password_and_a_code_sign_in(house: House) -> None:
    phone = await ada_with_phone(house)

    outcome = await second_step(house, await first_step(house), phone.code())

    assert isinstance(outcome, SignedIn)
    live = await house.live(outcome.token)
    assert live is not None
    assert live.facts.assurance.amr == PWD | OTP
    assert amr_values(live.facts.assurance) == ("pwd", "otp", "mfa")
    assert (await kinds(house))[-2:] == ["login_step_up", "login"]


async def test_whoever_has_only_the_attempt_is_nobody(house: House) -> None:
    """As every cookie of ours, and as a hand-off code."""
    await ada_with_phone(house)
    cookie = await first_step(house)

    assert await house.there.decisions.authenticate(cookie, AUTH_HOST) is None
    for name in ("", "-attempt", "-login", "-way", "-last", "-device", "-csrf", "-ended", "-gone"):
        assert (await house.ask("/x", f"__Host-bastion{name}={cookie}")).status == 302
    for path in (f"/.bastion/callback?code={cookie}", f"/x?code={cookie}"):
        assert not session_of(await house.ask(path, f"__Host-bastion-attempt={cookie}"))


async def test_who_was_signed_in_stays_so_until_the_second_step(house: House) -> None:
    phone = await ada_with_phone(house)
    await house.add("bob")
    token = await house.sign_in("bob")
    bob = await alive(house, token)

    cookie = await first_step(house, current=bob)
    assert await house.lives(token)
    outcome = await second_step(house, cookie, phone.code(), current=bob)

    assert isinstance(outcome, SignedIn)
    assert not await house.lives(token)


async def test_fifty_proofs_of_one_step_at_once_make_one_login(house: House, redis: Redis) -> None:
    phone = await ada_with_phone(house)
    cookies = [await first_step(house) for _ in range(50)]
    await redis.flushall()
    code = phone.code()

    outcomes = await at_once(second_step(house, cookie, code) for cookie in cookies)

    assert [type(one) for one in outcomes].count(SignedIn) == 1
    assert [type(one) for one in outcomes].count(WrongCode) == 49
    assert (await kinds(house)).count("login") == 2  # the one that enrolled it


async def test_fifty_proofs_of_one_recovery_code_at_once_make_one_login(house: House) -> None:
    phone = await ada_with_phone(house)
    cookies = [await first_step(house) for _ in range(50)]

    outcomes = await at_once(second_step(house, cookie, phone.codes[0].lower()) for cookie in cookies)

    assert [type(one) for one in outcomes].count(SignedIn) == 1
    await house.admin.unlock("ada")
    assert (await house.factors.overview(await stepped(house, phone))).codes_left == 9


async def test_an_attempt_is_completed_once(house: House) -> None:
    phone = await ada_with_phone(house)
    cookie = await first_step(house)

    assert isinstance(await second_step(house, cookie, phone.code(1)), SignedIn)
    assert isinstance(await second_step(house, cookie, phone.codes[0]), Gone)


async def test_a_used_step_and_those_before_it_count_no_more(house: House) -> None:
    phone = await ada_with_phone(house)
    assert isinstance(await second_step(house, await first_step(house), phone.code(1)), SignedIn)

    cookie = await first_step(house)

    assert await second_step(house, cookie, phone.code(1)) == WrongCode(4)
    assert await second_step(house, cookie, phone.code(0)) == WrongCode(3)


@pytest.mark.parametrize("wrong", ["", "000000", "12345", "x" * 64, "\0", "A" * 24, "\uff11" * 6])
async def test_five_wrong_codes_end_the_attempt(house: House, wrong: str) -> None:
    phone = await ada_with_phone(house)
    cookie = await first_step(house)

    left = [await second_step(house, cookie, wrong) for _ in range(5)]

    assert left == [WrongCode(4), WrongCode(3), WrongCode(2), WrongCode(1), WrongCode(0)]
    assert isinstance(await second_step(house, cookie, phone.code()), Gone)
    assert (await kinds(house))[-7:] == ["factor_failed"] * 5 + ["login_abandoned", "password_doubted"]


async def test_no_more_than_five_codes_are_looked_at_however_many_come_at_once(house: House) -> None:
    await ada_with_phone(house)
    cookie = await first_step(house)

    outcomes = await at_once(second_step(house, cookie, "000000") for _ in range(20))

    assert [type(one) for one in outcomes].count(WrongCode) == 5


Change = Callable[[House, LiveLogin, Phone], Awaitable[object]]
CHANGES: dict[str, Change] = {
    "password": lambda house, _live, _phone: house.admin.set_password("ada", "another horse battery staple"),
    "disabled": lambda house, _live, _phone: house.admin.disable("ada"),
    "disabled and enabled": lambda house, _live, _phone: off_and_on(house),
    "address": lambda house, _live, _phone: house.admin.set_email("ada", "ada@example.org"),
    "factor removed": lambda house, live, _phone: house.factors.remove_app(live, ""),
    "factor added": lambda house, live, _phone: enrol(house, live),
    "codes": lambda house, live, _phone: house.factors.renew_codes(live, ""),
}


async def off_and_on(house: House) -> None:
    await house.admin.disable("ada")
    await house.admin.enable("ada")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_changes_between_the_steps_ends_the_attempt(house: House, change: Change) -> None:
    phone = await ada_with_phone(house)
    live = await stepped(house, phone)
    cookie = await first_step(house)
    await let_time_pass(house)

    await change(house, live, phone)

    assert isinstance(await second_step(house, cookie, phone.code()), Gone)
    assert await house.second.waiting(cookie) is None


async def test_an_attempt_lasts_for_ten_minutes(house: House) -> None:
    phone = await ada_with_phone(house)
    first, second = await first_step(house), await first_step(house)

    house.there.now += 599
    assert isinstance(await second_step(house, first, phone.code()), SignedIn)
    house.there.now += 1
    assert isinstance(await second_step(house, second, phone.codes[0]), Gone)

    await house.second.purge()
    assert (await kinds(house))[-2:] == ["login_abandoned", "password_doubted"]
    async with house.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM attempts") == 0


async def test_the_tab_of_another_person_is_told_and_costs_no_try(house: House) -> None:
    phone = await ada_with_phone(house)
    await house.add("bob")
    await enrol(house, await signed_in(house, "bob"))
    bobs = await house.second.waiting(await first_step(house, "bob"))
    cookie = await first_step(house)
    assert bobs is not None

    assert isinstance(await second_step(house, cookie, "000000", bobs.user_id_text), SomebodyElses)
    assert isinstance(await second_step(house, cookie, phone.code()), SignedIn)


async def test_a_factor_that_was_copied_to_another_person_opens_nothing(house: House) -> None:
    phone = await ada_with_phone(house)
    root = await house.add("root")
    async with house.pool.acquire() as connection:
        await connection.execute("UPDATE totp SET user_id = $1", root)
        await connection.execute("UPDATE recovery_codes SET user_id = $1", root)
        await connection.execute("UPDATE attempts SET user_id = $1", root)

    with pytest.raises(BrokenSeal):
        await house.attempt("root")
    async with house.pool.acquire() as connection:
        await connection.execute("DELETE FROM totp")
    live = await signed_in(house, "root")
    await enrol(house, live)
    async with house.pool.acquire() as connection:
        await connection.execute("UPDATE recovery_codes SET user_id = $1", root)

    assert isinstance(await second_step(house, await first_step(house, "root"), phone.codes[0]), WrongCode)


async def test_completions_and_changes_of_the_password_at_once_never_block_each_other(house: House) -> None:
    """No share of the person is ever upgraded: 20 of both end, and no attempt outlives its password."""
    phone = await ada_with_phone(house)
    cookies = [await first_step(house) for _ in range(20)]

    outcomes = await asyncio.wait_for(
        asyncio.gather(
            *(second_step(house, cookie, code) for cookie, code in zip(cookies, phone.codes * 2, strict=True)),
            *(house.admin.set_password("ada", f"another horse battery staple {number}") for number in range(20)),
        ),
        60,
    )

    assert {type(one) for one in outcomes[:20]} <= {SignedIn, Gone, WrongCode}
    assert isinstance(await second_step(house, cookies[0], phone.codes[0]), Gone)


async def test_a_password_that_was_changed_ends_the_login_that_just_began(house: House) -> None:
    phone = await ada_with_phone(house)
    cookie = await first_step(house)
    outcome = await second_step(house, cookie, phone.code())
    assert isinstance(outcome, SignedIn)

    await house.admin.set_password("ada", "another horse battery staple")

    assert not await house.lives(outcome.token)
    assert not isinstance(
        await house.login.attempt(Typed("ada", PASSWORD, keep=False), VISIT, None), SignedIn | AskedFactor
    )
