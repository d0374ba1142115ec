"""Entries of acts that change nothing else are written in groups, and nobody's answer comes before their entry."""

import asyncio
from uuid import UUID

import pytest

from gateway.core.audit.factor_events import FactorFailed
from gateway.core.audit.people_events import UserEnabled
from gateway.core.privacy.sealing import BrokenSeal, MasterKeys
from gateway.flows.act import Acts
from gateway.flows.appending import MOST_WAITING
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from tests.acting import acts_of
from tests.conftest import Pool, RandomBytes

EVE = UUID(int=2)


@pytest.fixture
def acts(pool: Pool) -> Acts:
    return acts_of(pool)


async def tell(acts: Acts, number: int) -> None:
    await acts.tell(UserEnabled(None), operator="cli:root", request_id=str(number))


async def test_all_who_wait_are_written_at_once_and_in_order(acts: Acts, pool: Pool) -> None:
    await asyncio.gather(*(tell(acts, number) for number in range(100)))

    rows = await pool.fetch("SELECT request_id, xmin::text FROM audit_entries ORDER BY id")
    assert [row["request_id"] for row in rows] == [str(number) for number in range(100)]
    assert len({row["xmin"] for row in rows}) <= 2


async def test_the_entry_of_a_caller_who_is_cancelled_is_written(acts: Acts, pool: Pool, superuser: Pool) -> None:
    async with superuser.acquire() as connection:
        async with connection.transaction():
            await connection.execute("LOCK TABLE audit_entries IN EXCLUSIVE MODE")
            first = asyncio.create_task(tell(acts, 1))
            await asyncio.sleep(0)
            second, third = asyncio.create_task(tell(acts, 2)), asyncio.create_task(tell(acts, 3))
            await asyncio.sleep(0)
            for task in (first, second):
                task.cancel()
        await third

    assert await pool.fetchval("SELECT string_agg(request_id, ' ' ORDER BY id) FROM audit_entries") == "1 2 3"
    assert first.cancelled()
    assert second.cancelled()


async def test_no_more_wait_than_a_worker_has_room_for(acts: Acts, pool: Pool, superuser: Pool) -> None:
    async with superuser.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE audit_entries IN EXCLUSIVE MODE")
        begun = asyncio.create_task(tell(acts, 0))
        while acts.appending._writer is None or acts.appending._waiting:
            await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(tell(acts, number)) for number in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(RecordUnavailable, match="wait for Postgres already"):
            await tell(acts, -1)
    await asyncio.gather(begun, *waiting)

    assert await pool.fetchval("SELECT count(*) FROM audit_entries") == MOST_WAITING + 1


async def test_one_whose_key_does_not_open_is_in_nobodys_way(acts: Acts, pool: Pool) -> None:
    failed = FactorFailed(EVE, "login", "203.0.113.7", "curl")
    async with pool.acquire() as connection, connection.transaction():
        other = Vault(MasterKeys([b"x" * 32]), b"i" * 32, RandomBytes())
        await Users(connection, other).add(NewUser(EVE, "eve", "", "", (), "x"), 1)

    ended = await asyncio.gather(tell(acts, 1), acts.tell(failed), tell(acts, 2), return_exceptions=True)

    assert [type(one) for one in ended] == [type(None), BrokenSeal, type(None)]
    assert await pool.fetchval("SELECT count(*) FROM audit_entries") == 2


async def test_while_postgres_is_away_each_caller_hears_it(acts: Acts, pool: Pool) -> None:
    await pool.close()

    ended = await asyncio.gather(*(tell(acts, number) for number in range(3)), return_exceptions=True)

    assert [type(one) for one in ended] == [RecordUnavailable] * 3
