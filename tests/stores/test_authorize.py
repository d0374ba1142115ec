"""What the authorization endpoint keeps: codes and pushed requests are used once, and the latest consent counts."""

import asyncio

import pytest

from gateway.core.oauth.code import CodeContent
from gateway.core.privacy.sealing import BrokenSeal
from gateway.stores.postgres.app_consents import AppConsents
from gateway.stores.postgres.codes import KEPT_S, Codes
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.pushed_requests import KEPT_MINUTES, PushedRequests
from gateway.stores.postgres.users import Users
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool
from tests.stores.conftest import ADA, EVE

LOGIN, HASH, GRANT = b"l" * 16, b"h" * 32, b"g" * 16
NOW = 1_000
CONTENT = CodeContent(
    redirect_uri="https://spa.example.com/cb",
    scopes=("openid", "notes.read"),
    resource="https://api.example.com",
    code_challenge="c" * 43,
    nonce="secret nonce",
    jkt="",
    claims={"userinfo": {"name": {}}},
    authenticated_at=NOW,
    mfa_at=0,
    amr=("pwd",),
    offline=False,
)


@pytest.fixture
async def login(people: Pool, vault: Vault) -> Pool:
    """LOGIN of ada lives."""
    async with people.acquire() as connection, connection.transaction():
        logins = Logins(connection, vault)
        assert await logins.create(NewLogin(LOGIN, ADA, NOW, False, 600, 5_000, "", ""))
    return people


@pytest.fixture
async def code(login: Pool, vault: Vault) -> Pool:
    async with login.acquire() as connection, connection.transaction():
        await Codes(connection, vault).add(HASH, "spa", ADA, LOGIN, CONTENT, NOW + 60)
    return login


async def test_a_code_reads_back_and_is_used_once(code: Pool, vault: Vault) -> None:
    async with code.acquire() as connection, connection.transaction():
        codes = Codes(connection, vault)
        found = await codes.lock(HASH)
        await codes.use(HASH, NOW + 5, GRANT)
        used = await codes.lock(HASH)
        await codes.use(HASH, NOW + 9, b"x" * 16)
        again = await codes.lock(HASH)

    assert found is not None
    assert (found.client, found.user_id, found.login_id, found.content) == ("spa", ADA, LOGIN, CONTENT)
    assert (found.expires_at, found.used_at, found.grant_id) == (NOW + 60, 0, b"")
    assert used == again
    assert used is not None
    assert (used.used_at, used.grant_id) == (NOW + 5, GRANT)


async def test_a_code_is_locked_by_one_at_a_time(code: Pool, vault: Vault) -> None:
    async def exchange() -> bool:
        async with code.acquire() as connection, connection.transaction():
            codes = Codes(connection, vault)
            row = await codes.lock(HASH)
            assert row is not None
            await asyncio.sleep(0.01)
            await codes.use(HASH, NOW, GRANT)
            return row.used_at == 0

    assert sorted(await asyncio.gather(*(exchange() for _ in range(4)))) == [False, False, False, True]


async def test_no_content_of_a_code_lies_in_clear(code: Pool) -> None:
    async with code.acquire() as connection:
        sealed = await connection.fetchval("SELECT content FROM codes")

    assert all(part not in sealed for part in (b"secret nonce", b"spa.example.com", b"notes.read"))


async def test_a_content_moved_to_another_person_is_not_read(code: Pool, vault: Vault) -> None:
    async with code.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE codes SET user_id = $1", EVE)
        with pytest.raises(BrokenSeal):
            await Codes(connection, vault).lock(HASH)


@pytest.mark.parametrize(("after", "left"), [(0, True), (1, False)])
async def test_codes_are_deleted_when_nobody_asks_for_them(code: Pool, vault: Vault, after: int, left: bool) -> None:
    async with code.acquire() as connection, connection.transaction():
        codes = Codes(connection, vault)
        await codes.purge(NOW + 60 + KEPT_S + after)
        assert (await codes.lock(HASH) is not None) is left


async def test_a_live_login_is_held(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection, connection.transaction():
        logins = Logins(connection, vault)
        assert await logins.hold(LOGIN, NOW)
        assert not await logins.hold(b"x" * 16, NOW)
        await logins.end(LOGIN, "logout", NOW)
        assert not await logins.hold(LOGIN, NOW)


async def test_the_login_of_a_disabled_person_is_not_held(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection, connection.transaction():
        await Users(connection, vault).set_state(ADA, "disabled", NOW)
        assert not await Logins(connection, vault).hold(LOGIN, NOW)


async def test_a_held_login_ends_after_the_transaction(login: Pool, vault: Vault) -> None:
    async with login.acquire() as connection:
        async with connection.transaction():
            assert await Logins(connection, vault).hold(LOGIN, NOW)
            ending = asyncio.create_task(_end(login, vault))
            done, _ = await asyncio.wait({ending}, timeout=0.05)
            assert not done
        assert await ending


async def _end(pool: Pool, vault: Vault) -> bool:
    async with pool.acquire() as connection:
        return await Logins(connection, vault).end(LOGIN, "logout", NOW)


async def test_the_latest_consent_counts(people: Pool) -> None:
    async with people.acquire() as connection:
        consents = AppConsents(connection)
        before = await consents.scopes(ADA, "spa", "api")
        await consents.give(ADA, "spa", "api", {"openid"}, NOW)
        await consents.give(ADA, "spa", "api", {"openid", "notes.read"}, NOW)
        given = await consents.scopes(ADA, "spa", "api")
        others = [await consents.scopes(*key) for key in ((EVE, "spa", "api"), (ADA, "x", "api"), (ADA, "spa", "x"))]

    assert (before, given) == (frozenset(), frozenset({"openid", "notes.read"}))
    assert others == [frozenset()] * 3


async def test_a_withdrawn_consent_is_none_until_it_is_given_again(people: Pool) -> None:
    async with people.acquire() as connection:
        consents = AppConsents(connection)
        for resource in ("one", "two"):
            await consents.give(ADA, "spa", resource, {"openid"}, NOW)
        await consents.give(ADA, "other", "one", {"openid"}, NOW)

        assert await consents.withdraw(ADA, "spa", NOW)
        assert not await consents.withdraw(ADA, "spa", NOW)
        assert [await consents.scopes(ADA, "spa", resource) for resource in ("one", "two")] == [frozenset()] * 2
        assert await consents.scopes(ADA, "other", "one") == {"openid"}

        await consents.give(ADA, "spa", "one", {"email"}, NOW)
        assert await consents.scopes(ADA, "spa", "one") == {"email"}


async def test_a_pushed_request_is_found_often_and_used_once(people: Pool) -> None:
    async with people.acquire() as connection:
        pushed = PushedRequests(connection)
        assert await pushed.add(HASH, "spa", b"sealed", NOW + 60, now=NOW, most=1)
        for _ in range(2):
            found = await pushed.find(HASH)
            assert found is not None
            assert (found.client, found.parameters, found.expires_at, found.used) == ("spa", b"sealed", NOW + 60, False)
        assert await pushed.use(HASH, NOW)
        assert not await pushed.use(HASH, NOW)
        used = await pushed.find(HASH)
        assert used is not None
        assert used.used
        assert await pushed.find(b"x" * 32) is None
        assert not await pushed.use(b"x" * 32, NOW)


async def test_only_so_many_pushed_requests_wait(people: Pool) -> None:
    """Those that are used or over don't count."""
    async with people.acquire() as connection:
        pushed = PushedRequests(connection)

        async def add(number: int, now: int) -> bool:
            return await pushed.add(bytes([number]) * 32, "spa", b"", now + 60, now=now, most=2)

        assert [await add(number, NOW) for number in (1, 2, 3)] == [True, True, False]
        await pushed.use(b"\1" * 32, NOW)
        assert [await add(number, NOW) for number in (3, 4)] == [True, False]
        assert await add(4, NOW + 61)


async def test_pushed_requests_that_nobody_used_fill_no_disk_until_they_are_deleted(people: Pool) -> None:
    """A browser may work on one for an hour, so rows are kept that long, whether anybody opens them or not."""
    async with people.acquire() as connection:
        pushed = PushedRequests(connection)

        async def add(number: int, now: int) -> bool:
            return await pushed.add(bytes([number]) * 32, "spa", b"", now + 60, now=now, most=2)

        minutes = [NOW + 61 * number for number in range(5)]
        added = [await add(2 * minute + one, now) for minute, now in enumerate(minutes) for one in (0, 1)]

        assert added == [True] * 2 * KEPT_MINUTES + [False] * 2
        await pushed.purge(minutes[1])
        assert await add(9, minutes[4])


@pytest.mark.parametrize(("before", "left"), [(NOW + 60, True), (NOW + 61, False)])
async def test_old_pushed_requests_are_deleted(people: Pool, before: int, left: bool) -> None:
    async with people.acquire() as connection:
        pushed = PushedRequests(connection)
        await pushed.add(HASH, "spa", b"", NOW + 60, now=NOW, most=1)
        await pushed.purge(before)
        assert (await pushed.find(HASH) is not None) is left
