"""Who knows the old password does not slip in, and does not bring it back, while an operator sets a new one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.login import Wrong
from gateway.flows.people.passwords import Passwords
from gateway.stores.postgres.logins import Logins
from gateway.stores.postgres.users import Users
from tests.attacks.conftest import PASSWORD, House

NEW = "staple battery horse"


@asynccontextmanager
async def new_password(house: House, user_id: UUID, password: str) -> AsyncIterator[None]:
    """An operator's act, whose transaction is open inside of the block."""
    stored = await house.passwords.hash(user_id, password)
    async with house.pool.acquire() as connection, connection.transaction():
        await Users(connection, house.there.vault).set_password(user_id, stored, house.there.now)
        await Logins(connection, house.there.vault).end_all(user_id, "password_changed", house.there.now)
        yield


async def store(house: House, user_id: UUID, passwords: Passwords) -> None:
    """As these would: what is cheaper than usual is stored anew with the next login."""
    stored = await passwords.hash(user_id, PASSWORD)
    passwords.close()
    async with house.pool.acquire() as connection:
        await Users(connection, house.there.vault).set_password(user_id, stored, house.there.now)


async def until_somebody_waits(house: House) -> None:
    """For a lock in Postgres: the old password was compared, and found right."""
    for _ in range(500):
        async with house.pool.acquire() as connection:
            if await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


async def test_a_login_with_the_old_password_does_not_outlive_the_new_one(house: House) -> None:
    user_id = await house.add("eve")
    await store(house, user_id, Passwords({"p1": b"p" * 32}, threads=1))

    async with new_password(house, user_id, NEW):
        attempt = asyncio.create_task(house.attempt("eve", PASSWORD))
        await until_somebody_waits(house)

    assert isinstance(await attempt, Wrong)
    assert isinstance(await house.attempt("eve", NEW), SignedIn)
    assert len((await house.admin.show("eve")).logins) == 1


async def test_a_step_up_with_the_old_password_does_not_outlive_the_new_one(house: House) -> None:
    user_id = await house.add("eve")
    live = await house.live(await house.sign_in("eve"))

    async with new_password(house, user_id, NEW):
        attempt = asyncio.create_task(house.attempt("eve", PASSWORD, live))
        await until_somebody_waits(house)

    assert isinstance(await attempt, Wrong)
    assert (await house.admin.show("eve")).logins == ()


async def test_a_hash_that_is_renewed_does_not_bring_the_old_password_back(house: House) -> None:
    user_id = await house.add("eve")
    await store(house, user_id, Passwords({"old": b"o" * 32}, threads=1, cost=4))

    async with new_password(house, user_id, NEW):
        attempt = asyncio.create_task(house.attempt("eve", PASSWORD))
        await until_somebody_waits(house)

    assert isinstance(await attempt, Wrong)
    assert isinstance(await house.attempt("eve", PASSWORD), Wrong)
    assert isinstance(await house.attempt("eve", NEW), SignedIn)


async def test_logins_that_renew_the_hash_at_once_all_pass(house: House) -> None:
    user_id = await house.add("eve")
    usual = Passwords({"p1": b"p" * 32, "old": b"o" * 32}, threads=4)
    house.login = replace(house.login, passwords=usual)

    outcomes = await asyncio.gather(*(house.attempt("eve") for _ in range(4)))

    usual.close()
    assert [type(outcome) for outcome in outcomes] == [SignedIn] * 4
    async with house.pool.acquire() as connection:
        row = await Users(connection, house.there.vault).find(user_id)
    assert row is not None
    assert not house.passwords.is_outdated(row.password)


async def test_a_login_that_was_under_way_does_not_outlive_the_disabling(house: House) -> None:
    user_id = await house.add("eve")

    async with house.pool.acquire() as connection, connection.transaction():
        await Users(connection, house.there.vault).set_state(user_id, "disabled", house.there.now)
        attempt = asyncio.create_task(house.attempt("eve"))
        await until_somebody_waits(house)

    assert isinstance(await attempt, Wrong)
    assert (await house.admin.show("eve")).logins == ()
