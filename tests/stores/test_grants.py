"""Grants stand on living logins only, end once, and an app that acts for itself has one."""

import asyncio
from dataclasses import replace

import pytest

from gateway.stores.postgres.grants import GRANTS_OF_APP, GRANTS_OF_LOGIN, KEPT_S, GrantKind, Grants, NewGrant
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.used_ids import LATE_S, UsedIds
from gateway.stores.postgres.users import Users
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool
from tests.stores.conftest import ADA, EVE

LOGIN, NOW = b"l" * 16, 1_000
GRANT = NewGrant(
    id=b"g" * 16,
    client="wiki",
    user_id=ADA,
    login_id=LOGIN,
    scopes=("email", "openid"),
    resource="https://auth.example.org",
    authenticated_at=NOW - 50,
    mfa_at=0,
    amr=("pwd",),
    jkt="",
    refresh_hash=b"0" * 32,
    created_at=NOW,
    expires_at=9_000,
    idle_s=600,
)


@pytest.fixture
async def granted(people: Pool, vault: Vault) -> Pool:
    """GRANT of ada's login."""
    async with people.acquire() as connection, connection.transaction():
        assert await Logins(connection, vault).create(NewLogin(LOGIN, ADA, NOW, False, 600, 5_000, "", ""))
        await Grants(connection).add(GRANT)
    return people


async def test_a_grant_reads_back(granted: Pool) -> None:
    async with granted.acquire() as connection:
        found = await Grants(connection).find(GRANT.id)

    assert found is not None
    assert (found.kind, found.client, found.user_id, found.login_id, found.scopes, found.resource, found.amr) == (
        "login",
        "wiki",
        ADA,
        LOGIN,
        ("email", "openid"),
        "https://auth.example.org",
        ("pwd",),
    )
    assert (found.generation, found.refresh_hash, found.previous_hash, found.rotated_at) == (0, b"0" * 32, None, NOW)
    assert not found.ended


async def test_what_is_added_is_what_is_found(granted: Pool) -> None:
    async with granted.acquire() as connection, connection.transaction():
        grants = Grants(connection)
        added = await grants.add(replace(GRANT, id=b"h" * 16, jkt="key", mfa_at=NOW, kind="offline"))

        assert (added.id, added.kind, added.jkt) == (b"h" * 16, "offline", "key")
        assert await grants.find(added.id) == added


async def test_a_refresh_token_becomes_the_previous_one(granted: Pool) -> None:
    async with granted.acquire() as connection:
        await Grants(connection).rotate(GRANT.id, b"1" * 32, NOW + 5)
        found = await Grants(connection).find(GRANT.id)

    assert found is not None
    assert (found.generation, found.refresh_hash, found.previous_hash) == (1, b"1" * 32, b"0" * 32)
    assert (found.rotated_at, found.last_used_at, found.created_at) == (NOW + 5, NOW + 5, NOW)


async def test_a_grant_ends_once(granted: Pool) -> None:
    async with granted.acquire() as connection:
        grants = Grants(connection)
        ended = [await grants.end(GRANT.id, why, NOW) for why in ("revoked", "revoked")]
        found = await grants.find(GRANT.id)

    assert ended == [True, False]
    assert found is not None
    assert found.ended


@pytest.mark.parametrize(("now", "held"), [(4_999, True), (5_000, False)])
async def test_a_grant_is_held_while_its_login_lives(granted: Pool, now: int, held: bool) -> None:
    async with granted.acquire() as connection:
        assert (await Grants(connection).lock(GRANT.id, now) is not None) is held


@pytest.mark.parametrize("over", ["login", "person"])
async def test_nothing_is_held_whose_login_or_person_is_over(granted: Pool, vault: Vault, over: str) -> None:
    async with granted.acquire() as connection:
        if over == "login":
            await Logins(connection, vault).end(LOGIN, "logout", NOW)
        else:
            await Users(connection, vault).set_state(ADA, "disabled", NOW)
        grants = Grants(connection)

        assert await grants.lock(GRANT.id, NOW) is None
        assert await grants.list_live(NOW) == []
        found = await grants.find(GRANT.id)
        assert found is not None
        assert not found.ended, "nobody wrote to the grant"


async def test_those_that_live_are_listed_by_person_and_app(granted: Pool, vault: Vault) -> None:
    async with granted.acquire() as connection:
        await Logins(connection, vault).create(NewLogin(b"m" * 16, EVE, NOW, False, 600, 5_000, "", ""))
        grants = Grants(connection)
        await grants.add(replace(GRANT, id=b"h" * 16, user_id=EVE, login_id=b"m" * 16, client="grafana"))
        await grants.stand(b"s" * 16, "robot", ("notes.read",), "https://api.example.org", NOW, most_s=9_000)

        assert [one.client for one in await grants.list_live(NOW)] == ["grafana", "robot", "wiki"]
        assert [one.client for one in await grants.list_live(NOW, user_id=ADA)] == ["wiki"]
        assert [one.client for one in await grants.list_live(NOW, client="robot")] == ["robot"]
        await grants.end(GRANT.id, "revoked", NOW)
        assert await grants.list_live(NOW, user_id=ADA) == []


@pytest.mark.parametrize(("after_s", "listed"), [(599, True), (600, False)])
async def test_a_grant_that_idled_too_long_is_not_listed(
    granted: Pool, vault: Vault, after_s: int, listed: bool
) -> None:
    async with granted.acquire() as connection:
        await Logins(connection, vault).confirm(LOGIN, NOW + 10)

        assert bool(await Grants(connection).list_live(NOW + after_s)) is listed


async def test_the_oldest_of_an_app_are_surplus(granted: Pool) -> None:
    async with granted.acquire() as connection:
        grants = Grants(connection)
        for number in range(1, GRANTS_OF_APP):
            assert await grants.surplus(LOGIN, "wiki") == []
            await grants.add(replace(GRANT, id=bytes([number]) * 16, created_at=NOW + number))
        surplus = await grants.surplus(LOGIN, "wiki")

        assert [one.id for one in surplus] == [GRANT.id]
        assert await grants.surplus(LOGIN, "grafana") == []


async def test_the_oldest_of_a_login_is_surplus_whatever_its_app(granted: Pool) -> None:
    async with granted.acquire() as connection:
        grants = Grants(connection)
        for number in range(1, GRANTS_OF_LOGIN):
            assert await grants.surplus(LOGIN, "new") == []
            fresh = replace(GRANT, id=bytes([number]) * 16, created_at=NOW + number, client=f"app-{number}")
            await grants.add(fresh)

        assert [one.id for one in await grants.surplus(LOGIN, "new")] == [GRANT.id]


async def test_an_app_that_acts_for_itself_has_one_grant_however_many_ask_at_once(pool: Pool) -> None:
    async def ask(fresh_id: bytes) -> tuple[bytes, bool]:
        async with pool.acquire() as connection, connection.transaction():
            found, made = await Grants(connection).stand(
                fresh_id, "robot", ("a", "b"), "https://api", NOW, most_s=9_000
            )
            return found.id, made

    got = await asyncio.gather(*(ask(bytes([number]) * 16) for number in range(8)))

    assert len({grant_id for grant_id, _ in got}) == 1
    assert sorted(made for _, made in got) == [False] * 7 + [True]


async def test_another_scope_is_another_standing_grant_and_so_is_one_after_the_end(pool: Pool) -> None:
    async with pool.acquire() as connection:
        grants = Grants(connection)
        first, _ = await grants.stand(b"1" * 16, "robot", ("a",), "https://api", NOW, most_s=9_000)
        other, _ = await grants.stand(b"2" * 16, "robot", ("a", "b"), "https://api", NOW, most_s=9_000)
        await grants.end(first.id, "revoked", NOW)
        next_one, made = await grants.stand(b"3" * 16, "robot", ("a",), "https://api", NOW, most_s=9_000)

    assert len({first.id, other.id, next_one.id}) == 3
    assert made


@pytest.mark.parametrize(("after_s", "written"), [(59, NOW), (60, NOW + 60)])
async def test_the_last_use_of_a_standing_grant_is_written_once_a_minute(
    pool: Pool, after_s: int, written: int
) -> None:
    async with pool.acquire() as connection:
        grants = Grants(connection)
        first, _ = await grants.stand(b"1" * 16, "robot", ("a",), "https://api", NOW, most_s=9_000)
        again, made = await grants.stand(b"2" * 16, "robot", ("a",), "https://api", NOW + after_s, most_s=9_000)
        found = await grants.find(first.id)

    assert (again.id, made) == (first.id, False)
    assert found is not None
    assert found.last_used_at == written


async def test_what_has_been_over_for_a_week_is_forgotten(granted: Pool, vault: Vault) -> None:
    async with granted.acquire() as connection:
        grants = Grants(connection)
        await Logins(connection, vault).create(NewLogin(b"m" * 16, ADA, NOW, False, 600, 10**9, "", ""))
        made: list[tuple[GrantKind, int]] = [("login", 10**9), ("offline", 10**9), ("login", 10**9)]
        for number, (kind, expires_at) in enumerate(made):
            login_id = LOGIN if number < 2 else b"m" * 16
            fresh = replace(GRANT, id=bytes([number]) * 16, kind=kind, expires_at=expires_at, login_id=login_id)
            await grants.add(fresh)
        await grants.end(GRANT.id, "revoked", NOW)

        await grants.purge(NOW + KEPT_S)
        assert await grants.find(GRANT.id) is not None
        await grants.purge(NOW + KEPT_S + 1)
        assert await grants.find(GRANT.id) is None
        await grants.purge(5_000 + KEPT_S + 1)
        left = [number for number in range(3) if await grants.find(bytes([number]) * 16)]

    assert left == [1, 2], "the first one's login is over; an offline grant goes on without it"


async def test_an_id_counts_once_for_each_client_and_kind(pool: Pool) -> None:
    async def use(kind: str, client: str) -> bool:
        async with pool.acquire() as connection, connection.transaction():
            return await UsedIds(connection).use(kind, client, b"h" * 32, NOW)

    same = await asyncio.gather(*(use("assertion", "bank") for _ in range(8)))

    assert sorted(same) == [False] * 7 + [True]
    assert await use("assertion", "other")
    assert await use("code", "bank")


async def test_an_id_that_is_too_old_to_count_is_forgotten(pool: Pool) -> None:
    """By everybody's clock: that of the leader, who forgets, may be ahead (R8)."""
    async with pool.acquire() as connection:
        used = UsedIds(connection)
        await used.use("assertion", "bank", b"h" * 32, NOW)
        await used.purge(NOW + LATE_S)
        assert not await used.use("assertion", "bank", b"h" * 32, NOW)
        await used.purge(NOW + LATE_S + 1)
        assert await used.use("assertion", "bank", b"h" * 32, NOW)
