"""Guesses at a second factor with the right password: a lock of its own that looks like a wrong code (L15, L16)."""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from types import FrameType
from uuid import UUID

import pytest

from gateway.core.login.attempt import Typed
from gateway.core.login.lockout import Door, Lockout, Proving
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import AskedFactor
from gateway.flows.people.own_passkeys import OwnPasskeys
from gateway.flows.people.passkey_proofs import PasskeyShown
from gateway.flows.people.second_step import Proven, WrongCode
from gateway.flows.people.step_up import NotProven, TypedProof
from gateway.stores.postgres.lockouts import LockoutRows
from tests.attacks.conftest import PASSWORD, RELYING_PARTY, House
from tests.attacks.phones import (
    VISIT,
    Phone,
    ada_with_phone,
    alive,
    enrol,
    first_step,
    kinds,
    let_time_pass,
    second_step,
    signed_in,
)
from tests.attacks.test_lockout import details, lockout_at
from tests.attacks.test_password_races import until_somebody_waits
from tests.authenticator import Authenticator

_COUNTED = {"fernet.py": ("encrypt", "decrypt"), "connection.py": ("execute", "_execute")}
WRONG = "000000"


async def ada_of(house: House) -> UUID:
    return (await house.admin.show("ada")).user.id


async def guess(house: House, times: int) -> list[Proven]:
    """Five at most in each attempt."""
    cookies = [await first_step(house) for _ in range(0, times, 5)]
    return [await second_step(house, cookies[number // 5], WRONG) for number in range(times)]


async def lock(house: House) -> None:
    assert [type(one) for one in await guess(house, 10)] == [WrongCode] * 10


async def device_of(house: House, phone: Phone) -> str:
    await let_time_pass(house)
    done = await second_step(house, await first_step(house), phone.code())
    assert isinstance(done, SignedIn)
    return done.device


async def from_device(house: House, device: str, code: str) -> Proven:
    visit = Visit(None, "", device, "")
    asked = await house.login.attempt(Typed("ada", PASSWORD, keep=False), visit, None)
    assert isinstance(asked, AskedFactor)
    waiting = await house.second.waiting(asked.cookie)
    assert waiting is not None
    return await house.second.prove(asked.cookie, waiting.user_id_text, code, visit, None)


async def test_ten_wrong_codes_lock_the_door_of_the_second_factor_alone(house: House) -> None:
    phone = await ada_with_phone(house)
    own, ada = await device_of(house, phone), await ada_of(house)
    await let_time_pass(house)

    await lock(house)

    assert await second_step(house, await first_step(house), phone.code()) == WrongCode(4), "the password is not locked"
    assert await second_step(house, await first_step(house), phone.codes[0]) == WrongCode(4)
    assert isinstance(await from_device(house, own, phone.code()), SignedIn)
    assert (await lockout_at(house, Door(ada, Proving.FACTOR))).until == house.there.now + 900
    assert (await lockout_at(house, Door(ada, Proving.PASSWORD))).failed_at == ()
    assert await details(house, "locked") == [
        {"device": "strange", "proving": "factor", "until": house.there.now + 900}
    ]
    assert [one.get("why") for one in await details(house, "factor_failed")] == [None] * 10 + ["locked"] * 2


async def test_a_code_that_nobody_looked_at_is_not_used_up(house: House) -> None:
    phone = await ada_with_phone(house)
    await lock(house)
    cookie = await first_step(house)
    assert await second_step(house, cookie, phone.codes[0]) == WrongCode(4)
    assert await second_step(house, cookie, phone.code()) == WrongCode(3)

    assert await house.admin.unlock("ada") == 1

    assert isinstance(await second_step(house, cookie, phone.code()), SignedIn)
    assert isinstance(await second_step(house, await first_step(house), phone.codes[0]), SignedIn)


async def test_the_tenth_code_may_still_be_right_and_the_lock_ends_on_its_second(house: House) -> None:
    phone = await ada_with_phone(house)
    await guess(house, 9)
    assert isinstance(await second_step(house, await first_step(house), phone.code()), SignedIn)
    await let_time_pass(house)
    await guess(house, 1)

    house.there.now += 899
    assert isinstance(await second_step(house, await first_step(house), phone.code()), WrongCode)
    house.there.now += 1
    assert isinstance(await second_step(house, await first_step(house), phone.code()), SignedIn)


async def test_a_known_device_has_a_door_of_its_own(house: House) -> None:
    phone = await ada_with_phone(house)
    own = await device_of(house, phone)
    await let_time_pass(house)
    for _ in range(10):
        assert isinstance(await from_device(house, own, WRONG), WrongCode)

    assert isinstance(await from_device(house, own, phone.code()), WrongCode)
    assert isinstance(await second_step(house, await first_step(house), phone.code()), SignedIn)


async def test_a_step_up_counts_at_the_same_door_and_is_locked_with_it(house: House) -> None:
    phone = await ada_with_phone(house)
    done = await second_step(house, await first_step(house), phone.code())
    assert isinstance(done, SignedIn)
    live = await alive(house, done.token)
    await let_time_pass(house)
    for _ in range(10):
        assert isinstance(await house.step_up.prove(live, TypedProof("", WRONG), VISIT), NotProven)

    assert isinstance(await house.step_up.prove(live, TypedProof("", phone.code()), VISIT), NotProven)
    assert isinstance(await second_step(house, await first_step(house), phone.code()), WrongCode)
    await house.admin.unlock("ada")
    assert isinstance(await house.step_up.prove(live, TypedProof("", phone.code()), VISIT), SignedIn)


async def test_a_passkey_never_looks_at_a_door(house: House) -> None:
    await house.add("ada")
    phone = await enrol(house, await signed_in(house, "ada"))
    proofs = house.second.proofs.passkeys
    key, own = Authenticator(RELYING_PARTY.id, RELYING_PARTY.origin), OwnPasskeys(house.factors, proofs)
    done = await second_step(house, await first_step(house), phone.code())
    assert isinstance(done, SignedIn)
    live, browser = await alive(house, done.token), "b" * 43
    await own.enrol(live, PasskeyShown(key.enrol(await own.options(live, browser)), browser), "Key", "")
    await lock(house)

    cookie = await first_step(house)
    waiting = await house.second.waiting(cookie, browser)
    assert waiting is not None
    shown = PasskeyShown(key.prove(waiting.options), browser)

    assert isinstance(await house.second.prove(cookie, waiting.user_id_text, "", VISIT, None, shown), SignedIn)


async def test_a_right_code_that_comes_while_the_lock_is_written_is_too_late(house: House) -> None:
    """Of guesses at once no more count than of others."""
    phone = await ada_with_phone(house)
    door = Door(await ada_of(house), Proving.FACTOR)
    await guess(house, 9)
    cookie = await first_step(house)

    async with house.pool.acquire() as connection, connection.transaction():
        lockouts = LockoutRows(connection)
        await lockouts.hold(door)
        late = asyncio.create_task(second_step(house, cookie, phone.code()))
        await until_somebody_waits(house)
        await lockouts.save(door, Lockout((), 900, house.there.now + 900))

    assert await late == WrongCode(4)
    assert (await kinds(house)).count("login") == 1


async def steps_of(work: Awaitable[Proven]) -> Counter[str]:
    steps: Counter[str] = Counter()

    def see(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name in _COUNTED.get(Path(code.co_filename).name, ()):
            steps[code.co_name] += 1

    sys.setprofile(see)
    try:
        assert isinstance(await work, WrongCode)
    finally:
        sys.setprofile(None)
    return steps


@pytest.mark.parametrize("kind", ["app", "recovery"])
async def test_at_a_locked_door_a_right_code_costs_what_a_wrong_one_does(house: House, kind: str) -> None:
    phone = await ada_with_phone(house)
    wrong, right = (WRONG, phone.code()) if kind == "app" else ("A" * 24, phone.codes[0])
    warm, cookie = await first_step(house), await first_step(house)
    for code in (WRONG, "A" * 24):
        await second_step(house, warm, code)
    looked = await steps_of(second_step(house, cookie, wrong))
    await guess(house, 7)

    cookie = await first_step(house)
    locked = [await steps_of(second_step(house, cookie, code)) for code in (wrong, right)]

    assert locked == [looked, looked]
