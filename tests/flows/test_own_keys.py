"""A person's own keys while their sessions end: what a thief begins before that passes no more after it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.change import CodeNeeded
from gateway.core.assurance.model import by_password
from gateway.core.principal.ask import LoginFacts
from gateway.core.session.person import Person
from gateway.flows.decide.decisions import LiveLogin
from gateway.flows.may_change import MayNotChange
from gateway.flows.people.api_keys import rest_keys
from gateway.flows.people.own_keys import OwnKeys
from tests.attacks.phones import VISIT
from tests.conftest import Pool
from tests.core.forward.keys import TAKING, taking
from tests.core.forward.setting import ADA, KEYS
from tests.deciding import HOST, Deciding, deciding
from tests.flows.test_api_keys import WANTED, maker, users

Try = Callable[[], Awaitable[object]]


@pytest.fixture
async def here(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Deciding]:
    assert await redis.dbsize() == 0
    async with deciding(pool, redis_url, int(time.time()), context=taking()) as made:
        await made.add_person()
        yield made


@pytest.fixture
async def live(here: Deciding) -> LiveLogin:
    """As Redis told it a moment ago."""
    token = await here.log_in()
    presented = TAKING.tokens.presented(HOST, token.text)
    assert presented is not None
    facts = LoginFacts(by_password(here.now), here.now + 43_200, here.now + 1800)
    return LiveLogin(presented, Person(ADA, "ada", "", "", ("staff",), 1), facts)


@pytest.fixture
def own(here: Deciding) -> OwnKeys:
    return OwnKeys(here.acts, maker(here))


async def waiting(pool: Pool, count: int) -> None:
    """Returns when so many wait for a lock in the database."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(60), pool.acquire() as connection:
        while await connection.fetchval(query) < count:
            await asyncio.sleep(0.01)


async def passing(here: Deciding) -> int:
    """How many keys do not rest."""
    async with here.acts.begin() as act:
        return sum(one.rests_at is None for one in await act.api_keys.list_live(ADA, here.now))


async def while_all_ends(here: Deciding, attempt: Try) -> object:
    """attempt begins when all of the person has ended and is not committed; what it raises."""
    async with here.acts.begin() as act:
        await act.users.set_password(ADA, "another", act.now)
        await act.logins.end_all(ADA, "password_changed", act.now)
        await rest_keys(act, KEYS.tag, ADA)
        task: asyncio.Task[Any] = asyncio.create_task(_made(attempt))
        await waiting(here.pool, 1)
    return await task


async def _made(attempt: Try) -> object:
    try:
        return await attempt()
    except MayNotChange as error:
        return error


async def test_no_key_is_made_by_a_login_that_ends_meanwhile(here: Deciding, own: OwnKeys, live: LiveLogin) -> None:
    assert isinstance(await while_all_ends(here, lambda: own.make(live, WANTED, VISIT)), MayNotChange)
    assert await own.list(live) == []


async def test_no_key_is_woken_by_a_login_that_ends_meanwhile(here: Deciding, own: OwnKeys, live: LiveLogin) -> None:
    await own.make(live, WANTED, VISIT)
    key = (await own.list(live))[0].id

    assert isinstance(await while_all_ends(here, lambda: own.wake(live, key, "r")), MayNotChange)
    assert await passing(here) == 0


async def test_a_key_that_is_being_made_rests_with_the_others(here: Deciding, own: OwnKeys, live: LiveLogin) -> None:
    """The other order: the key is first, and is not committed when all ends."""
    async with here.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT id FROM logins FOR UPDATE")
        making = asyncio.create_task(own.make(live, WANTED, VISIT))
        await waiting(here.pool, 1)
        ending = asyncio.create_task(users(here).end_sessions("ada", None, "lost phone"))
        await waiting(here.pool, 2)
    with suppress(MayNotChange):
        await making
    assert await ending == 1

    assert await passing(here) == 0


async def test_a_login_that_has_ended_makes_and_wakes_none(here: Deciding, own: OwnKeys, live: LiveLogin) -> None:
    await own.make(live, WANTED, VISIT)
    key = (await own.list(live))[0].id
    await users(here).end_sessions("ada", None, "lost phone")

    with pytest.raises(MayNotChange):
        await own.make(live, WANTED, VISIT)
    with pytest.raises(MayNotChange):
        await own.wake(live, key, "r")
    assert (len(await own.list(live)), await passing(here)) == (1, 0)


async def test_a_strange_device_makes_and_wakes_none(here: Deciding, own: OwnKeys, live: LiveLogin) -> None:
    """login-defence.md X3: a key outlasts the login."""
    await own.make(live, WANTED, VISIT)
    key = (await own.list(live))[0].id
    await here.pool.execute("UPDATE logins SET confirmed_at = NULL")

    with pytest.raises(MayNotChange) as refused:
        await own.make(live, WANTED, VISIT)
    with pytest.raises(MayNotChange):
        await own.wake(live, key, "r")
    assert refused.value.lacking == CodeNeeded()
    assert len(await own.list(live)) == 1


async def test_two_keys_at_once_do_not_wait_for_each_other_for_ever(own: OwnKeys, live: LiveLogin) -> None:
    made = await asyncio.gather(*(own.make(live, WANTED, VISIT) for _ in range(8)))

    assert len(set(made)) == len(await own.list(live)) == 8
