"""What an operator does for somebody who lost a second factor opens one door once (threats.md X2, X12)."""

from dataclasses import replace
from uuid import UUID

import pytest

from gateway.core.login.outcome import LoginRules
from gateway.core.session.tokens import Token
from gateway.flows.people.factor_admin import FactorAdmin
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.second_step import Gone, WrongCode
from gateway.flows.people.users import BadReason
from tests.attacks.conftest import House
from tests.attacks.phones import ada_with_phone, enrol, first_step, kinds, second_step, signed_in
from tests.core.forward.setting import KEYS


def admin(house: House) -> FactorAdmin:
    return FactorAdmin(house.acts, KEYS, house.there.random, house.factors.notices, "cli:root")


async def test_a_code_of_an_operator_stands_in_once_and_a_newer_one_takes_its_place(house: House) -> None:
    await ada_with_phone(house)
    older = await admin(house).make_code("ada", 3600, "phone at home")
    newer = await admin(house).make_code("ada", 3600, "phone at home")

    cookie = await first_step(house)
    assert await second_step(house, cookie, older) == WrongCode(4)
    assert isinstance(await second_step(house, cookie, newer), SignedIn)
    assert await second_step(house, await first_step(house), newer) == WrongCode(4)
    assert (await kinds(house)).count("operator_code_made") == 2
    assert (await admin(house).show("ada")).recovery_codes == 10


async def test_a_code_of_an_operator_ends_on_the_second(house: House) -> None:
    await ada_with_phone(house)
    code = await admin(house).make_code("ada", 60, "phone at home")

    house.there.now += 60

    assert await second_step(house, await first_step(house), code) == WrongCode(4)


async def test_a_code_needs_a_reason(house: House) -> None:
    await ada_with_phone(house)

    for reason in ("", " ", "two\nlines", "x" * 201):
        with pytest.raises(BadReason):
            await admin(house).make_code("ada", 60, reason)


async def test_a_reset_takes_all_factors_and_logins_away(house: House) -> None:
    phone = await ada_with_phone(house)
    await admin(house).make_code("ada", 3600, "phone at home")
    waits = await first_step(house)
    outcome = await second_step(house, await first_step(house), phone.code())
    assert isinstance(outcome, SignedIn)

    assert await admin(house).reset("ada", "phone lost")

    assert not await house.lives(outcome.token)
    assert isinstance(await second_step(house, waits, phone.codes[0]), Gone)
    assert isinstance(await house.sign_in("ada"), Token)
    found = await admin(house).show("ada")
    assert (found.factors, found.recovery_codes, found.operator_codes) == ((), 0, 0)
    assert not await admin(house).reset("ada", "phone lost")
    assert (await kinds(house)).count("factor_removed") == 1


async def test_a_factor_is_asked_by_risk_alone_where_the_operator_says_so(house: House) -> None:
    phone = await ada_with_phone(house)
    usual, house.login = house.login, replace(house.login, rules=LoginRules(ask="risk", step_up_at=101))
    assert isinstance(await house.attempt("ada"), SignedIn)

    house.login = replace(usual, rules=LoginRules(ask="risk", step_up_at=0))
    assert isinstance(await second_step(house, await first_step(house), phone.code()), SignedIn)


async def test_a_code_that_was_made_for_a_lost_factor_stands_for_no_mailed_code(house: House) -> None:
    """X12: whoever has it and the password needs the mailbox all the same."""
    await ada_with_phone(house)
    code = await admin(house).make_code("ada", 3600, "phone lost")
    user = (await house.admin.show("ada")).user

    assert not await confirms(house, user.id, code)

    assert isinstance(await second_step(house, await first_step(house), code), SignedIn), "it is not used up"


async def test_a_code_that_was_made_for_a_mailed_one_stands_for_no_factor(house: House) -> None:
    await house.add("ada")
    code = await admin(house).make_code("ada", 3600, "mail is down")
    user = (await house.admin.show("ada")).user
    await enrol(house, await signed_in(house, "ada"))

    assert await second_step(house, await first_step(house), code) == WrongCode(4)

    assert await confirms(house, user.id, code)
    assert not await confirms(house, user.id, code), "it works once"


async def confirms(house: House, user_id: UUID, code: str) -> bool:
    """In place of a mailed code."""
    async with house.acts.begin() as act:
        return await house.second.confirming.take(act, user_id, code, b"", None)
