"""The key of a month is made once, at its first use, and never again after it was destroyed."""

import asyncio
from datetime import UTC, datetime

from gateway.core.privacy.periods import Period
from gateway.core.privacy.sealing import MasterKeys
from gateway.stores.postgres.period_keys import PeriodKeys
from gateway.stores.postgres.vault import Vault
from tests.conftest import Pool, RandomBytes


def at(year: int, month: int) -> int:
    return int(datetime(year, month, 15, tzinfo=UTC).timestamp())


NOVEMBER, DECEMBER = at(2026, 11), at(2026, 12)


async def key_of(pool: Pool, vault: Vault, moment: int) -> Period:
    async with pool.acquire() as connection, connection.transaction():
        return await PeriodKeys(connection, vault).of(moment)


async def destroy(pool: Pool, month: str) -> None:
    """As retention does."""
    async with pool.acquire() as connection:
        await connection.execute(
            "UPDATE audit_period_keys SET wrapped = NULL, destroyed_at = 1 WHERE month = $1", month
        )


def another(random_bytes: RandomBytes) -> Vault:
    """Of another process on the same database."""
    return Vault(MasterKeys([b"m" * 32]), b"i" * 32, random_bytes)


async def test_of_many_who_ask_one_makes_the_key(pool: Pool, random_bytes: RandomBytes) -> None:
    found = await asyncio.gather(*(key_of(pool, another(random_bytes), NOVEMBER) for _ in range(4)))

    assert len({(one.month, one.key.raw) for one in found}) == 1
    assert found[0].month == "2026-11"


async def test_a_month_has_another_key_than_the_next(pool: Pool, vault: Vault) -> None:
    november, december = await key_of(pool, vault, NOVEMBER), await key_of(pool, vault, DECEMBER)

    assert november.key != december.key
    assert await key_of(pool, vault, NOVEMBER) == november


async def test_a_key_whose_transaction_failed_is_not_remembered(pool: Pool, vault: Vault) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        keys = PeriodKeys(connection, vault)
        lost = [await keys.of(NOVEMBER), await keys.of(NOVEMBER)]
        await transaction.rollback()

    kept = await key_of(pool, vault, NOVEMBER)

    assert lost[0] == lost[1] != kept
    assert await key_of(pool, vault, NOVEMBER) == kept


async def test_a_stored_key_of_the_newest_month_is_asked_for_once(pool: Pool, vault: Vault) -> None:
    made = await key_of(pool, vault, DECEMBER)
    await key_of(pool, vault, DECEMBER)
    await key_of(pool, vault, NOVEMBER)
    await destroy(pool, "2026-11")

    assert vault.period == made
    assert (await key_of(pool, vault, NOVEMBER)).month == "2026-12"


async def test_where_all_months_are_destroyed_the_one_after_them_begins(pool: Pool, vault: Vault) -> None:
    await key_of(pool, vault, NOVEMBER)
    await destroy(pool, "2026-11")

    found = await key_of(pool, vault, NOVEMBER)

    assert found.month == "2026-12"
    assert await key_of(pool, vault, NOVEMBER) == found


async def test_a_destroyed_month_is_not_opened(pool: Pool, vault: Vault) -> None:
    for moment in (NOVEMBER, DECEMBER):
        await key_of(pool, vault, moment)
    await destroy(pool, "2026-11")

    async with pool.acquire() as connection:
        keys = PeriodKeys(connection, vault)
        opened = await keys.opened({"2026-11", "2026-12", "2027-01"})

    assert opened.keys() == {"2026-12"}
