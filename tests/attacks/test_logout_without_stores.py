"""A logout ends the session wherever it still can, whatever else fails."""

from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from gateway.core.errors import StoreUnavailable
from gateway.core.session.tokens import Token
from gateway.flows.people.logout import Ending, Logout
from gateway.flows.transaction import RecordUnavailable
from gateway.stores.files.journal import Journal
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations
from tests.attacks.conftest import House


async def closed_pool() -> "asyncpg.Pool[asyncpg.Record]":
    """Postgres does not answer."""
    pool = await asyncpg.create_pool(host="/nowhere", min_size=0)
    await pool.close()
    return pool


async def without_postgres(house: House) -> Logout:
    return replace(house.logout, acts=replace(house.acts, pool=await closed_pool()))


async def signed_in(house: House) -> Token:
    await house.add("eve")
    token = await house.sign_in("eve")
    assert await house.lives(token)
    return token


async def test_without_postgres_and_with_a_full_disk_the_session_is_over_all_the_same(
    house: House, tmp_path: Path
) -> None:
    """It is not said to be done, because the journal could not take it."""
    token = await signed_in(house)
    nowhere = Journal(tmp_path / "no such directory" / "journal")
    logout = replace(await without_postgres(house), journal=nowhere)

    with pytest.raises(RecordUnavailable, match="the journal can't be written"):
        await logout.end(Ending(token.tag, token.login, ""))

    assert not await house.lives(token)


async def test_an_end_that_was_journalled_stays_when_it_is_completed(house: House) -> None:
    token = await signed_in(house)
    without = await without_postgres(house)
    assert not await without.end(Ending(token.tag, token.login, ""))

    assert await house.logout.complete() == 1

    assert not await house.lives(token)
    assert (await house.admin.show("eve")).logins == ()
    assert await house.logout.complete() == 0


async def test_a_session_that_came_back_meanwhile_ends_when_the_journal_is_completed(
    house: House, redis: Redis
) -> None:
    """Redis lost the marker, and asked Postgres before Postgres was told."""
    token = await signed_in(house)
    without = await without_postgres(house)
    assert not await without.end(Ending(token.tag, token.login, ""))
    await redis.flushall()
    assert await house.lives(token), "nobody knows of the logout but the journal"

    await house.logout.complete()

    assert not await house.lives(token)


async def test_the_journal_is_kept_until_redis_has_heard_of_it(house: House, tmp_path: Path) -> None:
    token = await signed_in(house)
    without = await without_postgres(house)
    assert not await without.end(Ending(token.tag, token.login, ""))
    nobody = Revocations(FunctionCalls(Pipeline(f"unix://{tmp_path}/nobody.sock", 1), library()))

    with pytest.raises(StoreUnavailable):
        await replace(house.logout, acts=replace(house.acts, revocations=nobody)).complete()

    assert await house.logout.complete() == 1


async def test_a_journal_that_cannot_be_read_is_put_off_and_ends_no_worker(house: House, tmp_path: Path) -> None:
    """What is raised is what workers put off; anything else would end them, one after the other."""
    unreadable = tmp_path / "journal"
    unreadable.mkdir()

    with pytest.raises(RecordUnavailable, match="the journal"):
        await replace(house.logout, journal=Journal(unreadable)).complete()


async def test_without_postgres_and_redis_the_journal_remembers(house: House, tmp_path: Path) -> None:
    token = await signed_in(house)
    nobody = Revocations(FunctionCalls(Pipeline(f"unix://{tmp_path}/nobody.sock", 1), library()))
    acts = replace(house.acts, pool=await closed_pool(), revocations=nobody)
    without = replace(house.logout, acts=acts)

    with pytest.raises(StoreUnavailable):
        await without.end(Ending(token.tag, token.login, ""))

    assert await house.logout.complete() == 1
    assert (await house.admin.show("eve")).logins == ()
