"""People of another system sign in with the password that they have, and nobody can tell who came from there."""

import asyncio
import time

import bcrypt
import pytest
from argon2 import low_level

from gateway.core.login.authelia import AutheliaPerson
from gateway.flows.may_change import MayNotChange
from gateway.flows.people.importing import ImportedPace, Importing
from gateway.flows.people.issuing import SignedIn
from gateway.flows.people.login import Wrong
from gateway.stores.postgres.users import Users
from tests.attacks.conftest import PASSWORD, House

SLOW = low_level.hash_secret(PASSWORD.encode(), b"saltsalt", 24, 8192, 1, 32, low_level.Type.ID).decode()
QUICK = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def arrival(username: str, password: str, *, disabled: bool = False) -> AutheliaPerson:
    return AutheliaPerson(username, "Grace Hopper", f"{username}@example.org", ("staff",), password, disabled)


async def stored(house: House, username: str) -> str:
    async with house.pool.acquire() as connection:
        return (await Users(connection, house.there.vault).named(username)).password


async def took_s(house: House, username: str, password: str) -> float:
    began = time.perf_counter()
    assert isinstance(await house.attempt(username, password), Wrong)
    return time.perf_counter() - began


@pytest.mark.parametrize("hash_", [SLOW, QUICK], ids=["argon2", "bcrypt"])
async def test_the_first_login_stores_the_password_anew(house: House, hash_: str) -> None:
    await Importing(house.admin).take_over([arrival("grace", hash_)], dry_run=False)
    sealed = await stored(house, "grace")

    wrong = await house.attempt("grace", PASSWORD + "x")
    right = await house.attempt("grace", PASSWORD)
    renewed = await stored(house, "grace")
    again = await house.attempt("grace", PASSWORD)

    assert isinstance(wrong, Wrong)
    assert isinstance(right, SignedIn)
    assert isinstance(again, SignedIn)
    assert (sealed[:6], renewed[:6]) == ("i1$p1$", "v1$p1$")
    assert hash_.rsplit("$", maxsplit=1)[-1] not in sealed


async def test_the_first_login_with_a_password_from_there_is_none_of_a_new_account(house: House) -> None:
    """login-defence.md L10: others may know it for long."""
    await Importing(house.admin).take_over([arrival("grace", QUICK)], dry_run=False)
    outcome = await house.attempt("grace", PASSWORD)
    assert isinstance(outcome, SignedIn)
    live = await house.live(outcome.token)
    assert live is not None

    with pytest.raises(MayNotChange):
        await house.factors.begin_app(live, "")


async def test_a_row_that_is_copied_to_another_person_opens_nothing(house: House) -> None:
    """threats.md D5."""
    await Importing(house.admin).take_over([arrival("grace", QUICK), arrival("eve", SLOW)], dry_run=False)
    async with house.pool.acquire() as connection:
        users = Users(connection, house.there.vault)
        eve = await users.named("eve")
        await users.set_password(eve.id, await stored(house, "grace"), house.there.now)

    assert isinstance(await house.attempt("eve", PASSWORD), Wrong)
    assert isinstance(await house.attempt("grace", PASSWORD), SignedIn)


async def test_a_disabled_person_comes_over_disabled(house: House) -> None:
    await Importing(house.admin).take_over([arrival("grace", QUICK, disabled=True)], dry_run=False)

    refused = await house.attempt("grace", PASSWORD)
    await house.admin.enable("grace")

    assert isinstance(refused, Wrong)
    assert isinstance(await house.attempt("grace", PASSWORD), SignedIn)


async def test_wrong_answers_take_as_long_as_the_slowest_imported_hash_until_none_is_left(house: House) -> None:
    """By comparisons of times: each of the quick ones would leave within a few ms."""
    pace = ImportedPace(house.admin.acts, house.passwords)
    await house.add("eve")
    await Importing(house.admin).take_over([arrival("grace", SLOW), arrival("ada2", QUICK)], dry_run=False)
    began = time.perf_counter()
    low_level.hash_secret(b"", b"saltsalt", 24, 8192, 1, 32, low_level.Type.ID)
    slow_s = time.perf_counter() - began
    before_s = await took_s(house, "nobody", "x")

    await pace.keep()
    floor_s = max(house.passwords._imported_s.values())
    times_s = [await took_s(house, name, "x") for name in ("nobody", "eve", "ada2", "grace")]
    await asyncio.gather(house.attempt("grace", PASSWORD), house.attempt("ada2", PASSWORD))
    await pace.keep()

    assert house.passwords._imported_s == {}
    assert min(times_s) >= floor_s
    assert floor_s > slow_s / 4
    assert before_s < min(times_s)
