"""A live login gains what is proven in it, and factors change only for whoever has proven enough (L2, L8, R12)."""

import pytest

from gateway.core.assurance.model import OTP, PWD
from gateway.core.assurance.need import Need, read_need
from gateway.core.assurance.steps import PASSWORD as PASSWORD_PROOF
from gateway.core.assurance.steps import RECOVERY_CODE, TOTP, Steps, Unmeetable
from gateway.flows.may_change import MayNotChange
from gateway.flows.people.handoff import AskAgain, Go
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.own_factors import NewCodes
from gateway.flows.people.second_step import WrongCode
from gateway.flows.people.step_up import NotProven, Over, TypedProof
from tests.attacks.conftest import PASSWORD, House, session_of
from tests.attacks.phones import (
    VISIT,
    Phone,
    ada_with_phone,
    alive,
    enrol,
    first_step,
    let_time_pass,
    second_step,
    signed_in,
    stepped,
)


async def test_stepping_up_adds_to_the_login_and_the_old_secret_gains_nothing(house: House) -> None:
    await house.add("ada")
    token = await house.sign_in("ada")
    live = await alive(house, token)
    phone = await enrol(house, live)

    assert await house.step_up.asked(live, Need(mfa=True)) == Steps((frozenset({RECOVERY_CODE}), frozenset({TOTP})))
    new = await house.step_up.prove(live, TypedProof("", phone.code()), VISIT)

    assert isinstance(new, SignedIn)
    stronger, old = await house.live(new.token), await house.live(token)
    assert stronger is not None
    assert old is not None
    assert new.token.login == live.token.login
    assert (stronger.facts.assurance.amr, stronger.facts.assurance.mfa_at > 0) == (PWD | OTP, True)
    assert (old.facts.assurance.amr, old.facts.assurance.mfa_at) == (PWD, 0)
    assert isinstance(await house.handoff.pass_on(old, house.journey("mfa"), None, ""), AskAgain)
    assert isinstance(await house.step_up.prove(old, TypedProof("", phone.code(1)), VISIT), Over)


async def test_a_session_of_a_host_inherits_and_a_password_takes_no_factor_away(house: House) -> None:
    phone = await ada_with_phone(house)
    live = await stepped(house, phone)

    journey = house.journey("mfa")
    go = await house.handoff.pass_on(live, journey, None, "")
    assert isinstance(go, Go)
    session = session_of(await house.come_back(go.code, journey))
    assert (await house.ask("/mfa/x", f"__Host-bastion={session}")).status == 200

    again = await house.step_up.prove(live, TypedProof(PASSWORD, ""), VISIT)
    assert isinstance(again, SignedIn)
    renewed = await house.live(again.token)
    assert renewed is not None
    assert renewed.facts.assurance.mfa_at == live.facts.assurance.mfa_at
    assert renewed.facts.assurance.amr == PWD | OTP


@pytest.mark.parametrize(
    "shown", [TypedProof("", ""), TypedProof("wrong", ""), TypedProof("", "000000"), TypedProof("wrong", "right")]
)
async def test_a_wrong_proof_steps_nothing_up(house: House, shown: TypedProof) -> None:
    await house.add("ada")
    live = await signed_in(house, "ada")
    phone = await enrol(house, live)
    given = TypedProof(shown.password, phone.code() if shown.code == "right" else shown.code)

    assert isinstance(await house.step_up.prove(live, given, VISIT), NotProven)

    async with house.pool.acquire() as connection:
        assert await connection.fetchval("SELECT max(mfa_at) FROM sessions") == 0
        assert await connection.fetchval("SELECT max(last_step) FROM totp") == 0  # a wrong password uses no code up


async def test_who_has_no_factor_is_told_which_would_do(house: House) -> None:
    await house.add("ada")
    live = await signed_in(house, "ada")

    assert await house.step_up.asked(live, Need(mfa=True)) == Unmeetable(frozenset({TOTP}))
    assert await house.step_up.asked(live, Need(within_s=1, since=house.there.now + 1)) == Steps(
        (frozenset({PASSWORD_PROOF}),)
    )
    assert await house.step_up.asked(live, read_need("something new")) == Unmeetable(frozenset())


async def test_a_factor_is_changed_only_by_who_has_just_proven_it(house: House) -> None:
    await house.add("ada")
    weak = await signed_in(house, "ada")
    phone = await enrol(house, weak)
    strong = await stepped(house, phone)

    for attempt in (house.factors.begin_app, house.factors.renew_codes, house.factors.remove_app):
        with pytest.raises(MayNotChange):
            await attempt(weak, "")
    house.there.now += 601
    with pytest.raises(MayNotChange):
        await house.factors.remove_app(strong, "")
    house.there.now -= 1
    assert await house.factors.remove_app(strong, "")

    assert isinstance(await house.attempt("ada"), SignedIn)


async def test_an_old_login_enrols_nothing(house: House) -> None:
    await house.add("ada")
    live = await signed_in(house, "ada")

    house.there.now += 601

    with pytest.raises(MayNotChange):
        await house.factors.begin_app(live, "")


async def test_a_new_app_counts_from_its_first_code_on_and_the_old_one_until_then(house: House) -> None:
    old = await ada_with_phone(house)
    live = await stepped(house, old)
    new = Phone((await house.factors.begin_app(live, "")).secret)
    assert await house.factors.confirm_app(live, "000000", "") is None
    await let_time_pass(house)

    assert isinstance(await second_step(house, await first_step(house), new.code()), WrongCode)
    assert isinstance(await second_step(house, await first_step(house), old.code()), SignedIn)
    made = await house.factors.confirm_app(live, new.code(), "")
    assert made == NewCodes(())  # those of before stay
    await let_time_pass(house)

    assert isinstance(await second_step(house, await first_step(house), old.code()), WrongCode)
    assert isinstance(await second_step(house, await first_step(house), new.code()), SignedIn)


async def test_the_code_that_confirmed_an_app_opens_nothing(house: House) -> None:
    await house.add("ada")
    live = await signed_in(house, "ada")
    phone = Phone((await house.factors.begin_app(live, "")).secret)
    code = phone.code()
    assert await house.factors.confirm_app(live, code, "") is not None

    assert isinstance(await second_step(house, await first_step(house), code), WrongCode)
