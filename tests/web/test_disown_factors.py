"""This wasn't me: what somebody else added within 7 days goes, and the passkey that they used counts no more."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.core.mail.kinds import MailKind
from gateway.flows.people.issuing import SignedIn, Visit
from gateway.flows.people.login import Wrong
from gateway.flows.people.own_passkeys import OwnPasskeys
from gateway.flows.people.passkey_proofs import PasskeyRefused, PasskeyShown, Why
from gateway.flows.people.passkey_sign_in import PasskeySignIn
from tests.attacks.conftest import RELYING_PARTY
from tests.attacks.phones import alive, enrol, signed_in
from tests.authenticator import Authenticator
from tests.conftest import Pool
from tests.web.recovery_house import NEW, Recovering, id_of, recovering_at

WEEK = 7 * 86_400
BROWSER = "b" * 43


@pytest.fixture
async def recovering(pool: Pool, redis: Redis, redis_url: str, tmp_path: Path) -> AsyncIterator[Recovering]:
    async with recovering_at(pool, redis, redis_url, tmp_path) as recovering:
        yield recovering


async def told(recovering: Recovering, kind: MailKind = MailKind.FACTOR_ADDED) -> str:
    """The link of a notice."""
    async with recovering.house.acts.begin() as act:
        await recovering.notices.tell(act, await id_of(recovering), kind)
    return await recovering.link(kind)


async def age(recovering: Recovering, table: str, seconds: int) -> None:
    column = "confirmed_at" if table == "totp" else "created_at"
    await recovering.house.pool.execute(f"UPDATE {table} SET {column} = $1", recovering.house.there.now - seconds)


async def left(recovering: Recovering) -> dict[str, int]:
    counts = "SELECT (SELECT count(*) FROM totp) AS totp, (SELECT count(*) FROM recovery_codes) AS codes"
    row = await recovering.house.pool.fetchrow(counts)
    assert row is not None
    return dict(row)


@pytest.mark.parametrize(
    ("app_s", "codes_s", "stays"),
    [
        (WEEK - 1, WEEK - 1, {"totp": 0, "codes": 0}),
        (WEEK, WEEK - 1, {"totp": 1, "codes": 0}),
        (WEEK, WEEK, {"totp": 1, "codes": 10}),
        (WEEK - 1, WEEK, {"totp": 0, "codes": 0}),
    ],
)
async def test_an_app_and_codes_that_are_younger_than_a_week_go(
    recovering: Recovering, app_s: int, codes_s: int, stays: dict[str, int]
) -> None:
    await enrol(recovering.house, await signed_in(recovering.house, "ada"))
    await age(recovering, "totp", app_s)
    await age(recovering, "recovery_codes", codes_s)

    assert (await recovering.post(await told(recovering), name="ada"))[0] == 303

    assert await left(recovering) == stays
    removed = ['{"factor":"totp","why":"disowned"}'] if app_s < WEEK else []
    assert await recovering.details("factor_removed") == removed


async def test_a_disabled_password_is_set_anew_by_the_mail_and_the_factor_that_stayed(recovering: Recovering) -> None:
    phone = await enrol(recovering.house, await signed_in(recovering.house, "ada"))
    await age(recovering, "totp", WEEK)
    await recovering.post(await told(recovering), name="ada")
    await recovering.ask("ada")
    reset = await recovering.link()

    alone = await recovering.post(reset, new=NEW, again=NEW)
    both = await recovering.post(reset, new=NEW, again=NEW, code=phone.code())

    assert (alone[0], both[0]) == (403, 303)
    assert isinstance(await recovering.house.attempt("ada"), Wrong)


def passkey(number: int) -> Authenticator:
    return Authenticator(RELYING_PARTY.id, RELYING_PARTY.origin, id=f"passkey-of-ada-{number}".encode())


async def sign_in_by(recovering: Recovering, key: Authenticator, address: str) -> SignedIn | PasskeyRefused:
    house, proofs = recovering.house, recovering.house.second.proofs.passkeys
    issuing = replace(house.login.issuing, notices=recovering.notices)
    flow = PasskeySignIn(house.acts, proofs, house.login.risk, issuing, house.login.throttle, lambda _: None)
    options = proofs.sign_in_options(BROWSER, house.there.now)
    visit = Visit(ip_address(address), "curl", "", "")
    return await flow.attempt(PasskeyShown(key.prove(options), BROWSER), visit, None, keep=False)


async def test_the_passkey_of_that_login_is_suspended_and_another_one_goes_on(recovering: Recovering) -> None:
    house, stolen, own = recovering.house, passkey(1), passkey(2)
    live = await signed_in(house, "ada")
    keys = OwnPasskeys(house.factors, house.second.proofs.passkeys)
    await keys.enrol(live, PasskeyShown(stolen.enrol(await keys.options(live, BROWSER)), BROWSER), "Old", "")
    done = await sign_in_by(recovering, stolen, "203.0.113.7")
    assert isinstance(done, SignedIn)
    live = await alive(house, done.token)
    await keys.enrol(live, PasskeyShown(own.enrol(await keys.options(live, BROWSER)), BROWSER), "New", "")
    await age(recovering, "passkeys", WEEK)
    thief = await sign_in_by(recovering, stolen, "198.51.100.9")
    assert isinstance(thief, SignedIn)

    assert (await recovering.post(await recovering.link(MailKind.NEW_DEVICE), name="ada"))[0] == 303

    assert not await house.lives(thief.token)
    refused = await sign_in_by(recovering, stolen, "198.51.100.9")
    assert isinstance(refused, PasskeyRefused)
    assert refused.why is Why.SUSPENDED
    assert isinstance(await sign_in_by(recovering, own, "203.0.113.7"), SignedIn)
    assert '"suspended":"yes"' in (await recovering.details("disowned"))[0]


async def test_a_passkey_that_was_added_within_a_week_is_removed(recovering: Recovering) -> None:
    house, key = recovering.house, passkey(1)
    live = await signed_in(house, "ada")
    keys = OwnPasskeys(house.factors, house.second.proofs.passkeys)
    await keys.enrol(live, PasskeyShown(key.enrol(await keys.options(live, BROWSER)), BROWSER), "Key", "")
    elsewhere = await sign_in_by(recovering, key, "198.51.100.9")
    assert isinstance(elsewhere, SignedIn)

    await recovering.post(await told(recovering), name="ada")

    assert not await house.lives(elsewhere.token), "proven by what was removed, on whatever device (X2)"
    assert await house.pool.fetchval("SELECT count(*) FROM passkeys") == 0
    (removed,) = await recovering.details("factor_removed")
    assert json.loads(removed).items() >= {"factor": "passkey", "why": "disowned"}.items()


async def test_what_a_login_taught_that_has_ended_already_is_forgotten_too(recovering: Recovering) -> None:
    """The intruder signed out before the person found the mail."""
    house = recovering.house
    await signed_in(house, "ada")
    await house.admin.end_sessions("ada", None, "signed out")

    async with house.acts.begin() as act:
        before = await act.profiles.find(await id_of(recovering))
    await recovering.post(await told(recovering), name="ada")
    async with house.acts.begin() as act:
        after = await act.profiles.find(await id_of(recovering))

    assert len(before.logins) == 1
    assert after.logins == ()
