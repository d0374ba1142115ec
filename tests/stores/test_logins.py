"""Logins end once, sessions are added to living logins only, and the race of both has one winner."""

import asyncio

import pytest

from gateway.core.assurance.model import HWK, OTP, PWD, USER, Assurance, by_password
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.users import Users
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool
from tests.stores.conftest import ADA, EVE

LOGIN = b"l" * 16
NOW = 1_000


def new_login(login_id: bytes = LOGIN, *, idle_s: int = 600, expires_at: int = 5_000) -> NewLogin:
    return NewLogin(login_id, ADA, NOW, False, idle_s, expires_at, "203.0.113.7", "Firefox")


@pytest.fixture
async def login(people: Pool, vault: Vault) -> Pool:
    """LOGIN of ada lives, with one session on the auth host."""
    async with people.acquire() as connection, connection.transaction():
        logins = Logins(connection, vault)
        assert await logins.create(new_login())
        assert await logins.add_session(LOGIN, "auth", b"c" * 16, by_password(NOW), NOW)
    return people


async def test_a_login_reads_back(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection:
        found = await Logins(connection, vault).find(LOGIN)

    assert found is not None
    assert (found.user_id, found.idle_s, found.expires_at, found.last_seen_at, found.ended) == (
        ADA,
        600,
        5_000,
        NOW,
        False,
    )
    assert [(one.host, one.credential, one.assurance.authenticated_at, one.until) for one in found.sessions] == [
        ("auth", b"c" * 16, NOW, 0)
    ]


async def test_last_seen_never_goes_back(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection:
        logins = Logins(connection, vault)
        await logins.confirm(LOGIN, NOW + 50)
        found = await logins.confirm(LOGIN, NOW + 20)

    assert found is not None
    assert found.last_seen_at == NOW + 50


async def test_an_ended_login_ends_once_and_takes_no_session(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection:
        logins = Logins(connection, vault)
        first = await logins.end(LOGIN, "logout", NOW + 1)
        second = await logins.end(LOGIN, "logout", NOW + 2)
        added = await logins.add_session(LOGIN, "wiki", b"d" * 16, by_password(NOW), NOW + 2)
        await logins.confirm(LOGIN, NOW + 100)
        found = await logins.find(LOGIN)

    assert (first, second, added) == (True, False, False)
    assert found is not None
    assert found.ended
    assert found.last_seen_at == NOW


async def test_a_new_session_is_a_use_of_its_login(login: Pool, vault: Vault) -> None:
    """The record is read anew after it; a lag of Postgres must not end the login then."""
    async with login.acquire() as connection:
        logins = Logins(connection, vault)
        await logins.add_session(LOGIN, "wiki", b"d" * 16, by_password(NOW), NOW + 300)
        await logins.add_session(LOGIN, "wiki", b"e" * 16, by_password(NOW), NOW + 200)
        found = await logins.find(LOGIN)

    assert found is not None
    assert found.last_seen_at == NOW + 300


async def test_a_disabled_person_gets_neither_login_nor_session(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection:
        await Users(connection, vault).set_state(ADA, "disabled", NOW)
        logins = Logins(connection, vault)

        assert not await logins.create(new_login(b"m" * 16))
        assert not await logins.add_session(LOGIN, "wiki", b"d" * 16, by_password(NOW), NOW)


@pytest.mark.parametrize(
    "proven", [by_password(NOW), Assurance(NOW - 5, NOW, PWD | OTP, 0), Assurance(NOW, NOW - 5, HWK | USER, 100)]
)
async def test_a_secret_keeps_what_it_has_proven(login: Pool, vault: Vault, proven: Assurance) -> None:
    async with login.acquire() as connection, connection.transaction():
        logins = Logins(connection, vault)
        assert await logins.add_session(LOGIN, "wiki", b"d" * 16, proven, NOW)

        found = await logins.find(LOGIN)

    assert found is not None
    assert found.sessions[-1].assurance == proven


@pytest.mark.parametrize(("now", "added"), [(4_999, True), (5_000, False)])
async def test_a_login_takes_sessions_until_it_expires(login: Pool, vault: Vault, now: int, added: bool) -> None:
    async with login.acquire() as connection:
        assert await Logins(connection, vault).add_session(LOGIN, "wiki", b"d" * 16, by_password(NOW), now) is added


async def test_the_newest_five_sessions_of_a_host_stay(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection:
        logins = Logins(connection, vault)
        for number in range(7):
            await logins.add_session(LOGIN, "wiki", bytes([number]) * 16, by_password(NOW), NOW + number)
        found = await logins.find(LOGIN)

    assert found is not None
    assert [one.credential[0] for one in found.sessions if one.host == "wiki"] == [2, 3, 4, 5, 6]
    assert [one.host for one in found.sessions if one.host != "wiki"] == ["auth"]


async def test_a_session_is_not_over_with_its_own_insert_however_many_come_in_its_second(
    login: Pool, vault: Vault
) -> None:
    async with login.acquire() as connection:
        logins = Logins(connection, vault)
        for number in range(20, 0, -1):  # where the ids alone decide, each is the first to go
            assert await logins.add_session(LOGIN, "wiki", bytes([number]) * 16, by_password(NOW), NOW)
            found = await logins.find(LOGIN)
            assert found is not None
            there = [one.credential[0] for one in found.sessions if one.host == "wiki"]
            assert number in there
            assert len(there) == min(5, 21 - number)


async def test_a_replaced_session_has_twenty_seconds_from_the_first_time(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection:
        logins = Logins(connection, vault)
        await logins.replace_session(LOGIN, b"c" * 16, NOW + 1)
        await logins.replace_session(LOGIN, b"c" * 16, NOW + 10)
        found = await logins.find(LOGIN)

    assert found is not None
    assert found.sessions[0].until == NOW + 21


async def test_end_all_leaves_the_named_one_and_other_people(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection:
        logins = Logins(connection, vault)
        await logins.create(new_login(b"m" * 16))
        await logins.create(NewLogin(b"e" * 16, EVE, NOW, False, 600, 5_000, "", ""))
        ended = await logins.end_all(ADA, "ended_by_person", NOW + 1, except_login=LOGIN)
        rest = await logins.end_all(ADA, "ended_by_person", NOW + 1)
        eve = await logins.find(b"e" * 16)

    assert (ended, rest) == ([b"m" * 16], [LOGIN])
    assert eve is not None
    assert not eve.ended


@pytest.mark.parametrize(("now", "shown"), [(NOW + 599, 1), (NOW + 600, 0)])
async def test_idle_logins_are_not_shown(login: Pool, vault: Vault, now: int, shown: int) -> None:
    async with login.acquire() as connection:
        live = await Logins(connection, vault).list_live(ADA, now)

    assert len(live) == shown
    assert all((one.address, one.user_agent, one.hosts) == ("203.0.113.7", "Firefox", ("auth",)) for one in live)


async def test_fifty_hand_offs_race_one_logout_and_none_outlives_it(login: Pool, vault: Vault) -> None:
    async def hand_off(number: int) -> bool:
        async with login.acquire() as connection, connection.transaction():
            host = f"h{number}"
            return await Logins(connection, vault).add_session(LOGIN, host, bytes([number]) * 16, by_password(NOW), NOW)

    async def log_out() -> None:
        async with login.acquire() as connection, connection.transaction():
            await Logins(connection, vault).end(LOGIN, "logout", NOW)

    added = await asyncio.gather(*(hand_off(number) for number in range(25)), log_out(), *map(hand_off, range(25, 50)))
    async with login.acquire() as connection:
        found = await Logins(connection, vault).find(LOGIN)
        late = await Logins(connection, vault).add_session(LOGIN, "late", b"z" * 16, by_password(NOW), NOW)

    assert found is not None
    assert found.ended
    assert not late
    assert sum(one is True for one in added) == len(found.sessions) - 1
