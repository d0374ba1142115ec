"""Devices, profiles and wrong passwords in Postgres: sealed, forgotten in time, counted once."""

import asyncio
from uuid import UUID

import pytest

from gateway.core.privacy.sealing import BrokenSeal
from gateway.core.risk.device import browser_family, device_digest
from gateway.core.risk.profile import RiskProfile
from gateway.stores.postgres.database import AnyConnection
from gateway.stores.postgres.devices import DEVICES_OF_PERSON, Devices, UsedDevice
from gateway.stores.postgres.failures import WINDOW_S, LoginFailures
from gateway.stores.postgres.profiles import Profiles
from gateway.stores.postgres.recall import Recall
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool
from tests.core.risk.people import settled, taught
from tests.stores.conftest import ADA, EVE

NOW = 1_800_000_000
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
NEWER = FIREFOX.replace("132", "133")
SAFARI = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
LAPTOP = device_digest("i" * 22, FIREFOX)


async def used(connection: AnyConnection, vault: Vault, person: UUID, since: int = 0) -> UsedDevice | None:
    """What is known of the laptop."""
    return (await Recall(connection, vault).of(person, LAPTOP, since, [], NOW)).used


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        (FIREFOX, "Firefox"),
        (SAFARI, "Safari"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36", "Chrome"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0", "Edge"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36 EdgA/131.0", "Edge"),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 OPR/115.0", "Opera"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 CriOS/131.0 Mobile/15E148 Safari/604.1", "Chrome"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 FxiOS/132.0 Mobile/15E148 Safari/605.1.15", "Firefox"),
        ("curl/8.11.0", "curl"),
        ("", ""),
        ("\x00", ""),
        ("\ud800", ""),
    ],
)
def test_a_browser_has_its_family(user_agent: str, family: str) -> None:
    assert browser_family(user_agent) == family
    assert len(device_digest("i" * 22, user_agent)) == 32


def test_a_newer_version_is_the_same_device_and_another_browser_is_not() -> None:
    assert device_digest("i" * 22, NEWER) == LAPTOP
    assert device_digest("i" * 22, SAFARI) != LAPTOP
    assert device_digest("j" * 22, FIREFOX) != LAPTOP


async def test_a_device_is_known_to_its_person_until_it_is_forgotten(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        devices = Devices(connection, vault)
        before = await used(connection, vault, ADA)
        await devices.add_login(ADA, LAPTOP, FIREFOX, NOW, 0)
        await devices.add_login(ADA, LAPTOP, NEWER, NOW + 60, 0)
        found, of_eve = (
            await used(connection, vault, ADA),
            await used(connection, vault, EVE),
        )
        listed = await devices.list(ADA, 0)
        forgotten = [await devices.forget(EVE, LAPTOP), await devices.forget(ADA, LAPTOP)]
        after = await used(connection, vault, ADA)

    assert (before, of_eve, after) == (None, None, None)
    assert found == UsedDevice(NOW, NOW + 60, 2)
    assert [(one.id, one.user_agent, one.used) for one in listed] == [(LAPTOP, NEWER, found)]
    assert forgotten == [False, True]


async def test_a_device_that_was_away_too_long_begins_anew(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        devices = Devices(connection, vault)
        await devices.add_login(ADA, LAPTOP, FIREFOX, NOW, 0)
        known = [await used(connection, vault, ADA, since) for since in (NOW - 1, NOW)]
        await devices.add_login(ADA, LAPTOP, FIREFOX, NOW + 100, NOW)
        anew = await used(connection, vault, ADA, NOW)

    assert known == [UsedDevice(NOW, NOW, 1), None]
    assert anew == UsedDevice(NOW + 100, NOW + 100, 1)


async def test_of_many_devices_those_used_last_are_kept(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection, connection.transaction():
        devices = Devices(connection, vault)
        for number in range(DEVICES_OF_PERSON + 1):
            await devices.add_login(ADA, device_digest(str(number), FIREFOX), FIREFOX, NOW + number, 0)
        await devices.add_login(EVE, LAPTOP, FIREFOX, NOW - 1, 0)
        listed = await devices.list(ADA, 0)
        of_eve = await used(connection, vault, EVE)
        others = await devices.forget_others(ADA, listed[0].id)
        left = await devices.list(ADA, 0)

    assert len(listed) == DEVICES_OF_PERSON
    assert listed[-1].used.first_at == NOW + 1
    assert of_eve is not None
    assert others == DEVICES_OF_PERSON - 1
    assert left == listed[:1]


async def test_a_profile_is_read_back_and_goes_with_its_person(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection, connection.transaction():
        profiles = Profiles(connection, vault)
        empty = [await profiles.find(ADA), await profiles.hold(ADA, NOW), await profiles.find(ADA)]
        await profiles.save(ADA, settled())
        found, of_eve = await profiles.find(ADA), await profiles.find(EVE)
        await connection.execute("DELETE FROM users WHERE id = $1", ADA)
        rows = await connection.fetchval("SELECT count(*) FROM risk_profiles")

    assert empty == [RiskProfile()] * 3
    assert found == settled()
    assert (of_eve, rows) == (RiskProfile(), 0)


async def test_logins_at_once_teach_one_after_the_other(people: Pool, vault: Vault) -> None:
    async def teach(number: int) -> None:
        async with people.acquire() as connection, connection.transaction():
            profiles = Profiles(connection, vault)
            profile = await profiles.hold(ADA, NOW)
            await profiles.save(ADA, taught(profile, at=NOW + number))

    await asyncio.gather(*(teach(number) for number in range(8)))

    async with people.acquire() as connection:
        profile = await Profiles(connection, vault).find(ADA)
    assert sorted(one.at for one in profile.logins) == [NOW + number for number in range(8)]
    assert profile.networks[0].logins == 8


@pytest.mark.parametrize("table", ["devices", "risk_profiles"])
async def test_a_row_that_is_copied_to_another_person_opens_nothing(people: Pool, vault: Vault, table: str) -> None:
    async with people.acquire() as connection:
        devices, profiles = Devices(connection, vault), Profiles(connection, vault)
        for person in (ADA, EVE):
            await devices.add_login(person, LAPTOP, FIREFOX, NOW, 0)
            await profiles.hold(person, NOW)
        await connection.execute(
            f"UPDATE {table} SET sealed = (SELECT sealed FROM {table} WHERE user_id = $1) WHERE user_id = $2", ADA, EVE
        )

        with pytest.raises(BrokenSeal):
            await (devices.list(EVE, 0) if table == "devices" else profiles.find(EVE))
        assert await devices.list(ADA, 0)
        assert await profiles.find(ADA) == RiskProfile()


async def test_nothing_personal_is_in_the_tables(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        await Devices(connection, vault).add_login(ADA, LAPTOP, FIREFOX, NOW, 0)
        profiles = Profiles(connection, vault)
        await profiles.hold(ADA, NOW)
        await profiles.save(ADA, settled())
        rows = [
            *await connection.fetch("SELECT * FROM devices"),
            *await connection.fetch("SELECT * FROM risk_profiles"),
        ]

    text = b" ".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
    for word in (b"Firefox", b"203.0.113", b"52.5", b"iiii"):
        assert word not in text


async def test_wrong_passwords_count_for_an_hour_to_the_second(people: Pool, vault: Vault) -> None:
    address, device, other = "i" * 17, "d" * 17, "o" * 17
    async with people.acquire() as connection:
        failures = LoginFailures(connection)
        await failures.add([address, device], NOW)
        await failures.add([address], NOW + 10)
        counts = [
            (await Recall(connection, vault).of(ADA, LAPTOP, 0, sources, now)).failures
            for sources, now in (
                ([address], NOW + 10),
                ([device], NOW + 10),
                ([address, device], NOW + 10),
                ([other], NOW + 10),
                ([], NOW + 10),
                ([address], NOW + WINDOW_S - 1),
                ([address], NOW + WINDOW_S),
                ([address], NOW + WINDOW_S + 10),
            )
        ]

    assert counts == [2, 1, 2, 0, 0, 2, 1, 0]


async def test_of_one_source_no_more_than_32_are_counted(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        failures = LoginFailures(connection)
        for number in range(40):
            await failures.add(["i" * 17], NOW + number)

        assert (await Recall(connection, vault).of(ADA, LAPTOP, 0, ["i" * 17], NOW + 40)).failures == 32


async def test_guesses_of_one_address_at_once_do_not_wait_for_each_other(people: Pool, vault: Vault) -> None:
    async with people.acquire() as one, people.acquire() as other, one.transaction():
        await LoginFailures(one).add(["i" * 17], NOW)

        async with asyncio.timeout(10):
            await LoginFailures(other).add(["i" * 17], NOW)

        assert (await Recall(one, vault).of(ADA, LAPTOP, 0, ["i" * 17], NOW)).failures == 2


async def test_what_is_too_old_is_purged(people: Pool, vault: Vault) -> None:
    async with people.acquire() as connection:
        devices, profiles, failures = Devices(connection, vault), Profiles(connection, vault), LoginFailures(connection)
        for person, at in ((ADA, NOW), (EVE, NOW + 1)):
            await devices.add_login(person, LAPTOP, FIREFOX, at, 0)
            await profiles.hold(person, at)
        await failures.add(["i" * 17], NOW)
        await failures.add(["j" * 17], NOW + 1)

        await devices.purge(NOW)
        await profiles.purge(NOW)
        await failures.purge(NOW + WINDOW_S)

        tables = ("devices", "risk_profiles", "login_failures")
        assert [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables] == [1, 1, 1]
        assert await connection.fetchval("SELECT user_id FROM devices") == EVE
