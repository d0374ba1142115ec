"""What strangers and ended sessions send, however much, stays away from Postgres (threats.md R6)."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from gateway.core.forward.answer import Answer
from gateway.core.session.tokens import Token, mint
from gateway.flows.refill import FillOutcome
from tests.conftest import Pool
from tests.deciding import Deciding, deciding
from tests.faults.test_crossed_replies import OPEN, ask

MADE_UP = 40_000
AT_ONCE = 20  # each millisecond: 20,000 in a second
ENDED = 1_000
ROUNDS = 3


@pytest.fixture
async def there(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Deciding]:
    now = int((await redis.time())[0])
    async with deciding(pool, redis_url, now) as made:
        made.decisions.enforce(OPEN)
        await made.add_person()
        yield made


async def test_forty_thousand_made_up_cookies_ask_postgres_nothing(there: Deciding) -> None:
    live = await there.log_in()
    assert (await ask(there, live)).status == 200
    alone, amid, answers = list[float](), list[float](), list[Answer]()

    async def timed(into: list[float]) -> None:
        began = time.perf_counter()
        assert (await ask(there, live)).status == 200
        into.append(time.perf_counter() - began)

    for _ in range(MADE_UP // AT_ONCE):
        await timed(alone)
        forged = [mint(b"x" * 32, live.tag, there.random(16), there.random(32)) for _ in range(AT_ONCE)]
        flood = asyncio.gather(*(ask(there, one) for one in forged))
        await timed(amid)
        answers += await flood
        await asyncio.sleep(0)

    assert len(answers) == MADE_UP
    assert {answer.status for answer in answers} == {401}
    assert there.fills == [FillOutcome.FILLED], "the live session's own"
    p99 = [statistics.quantiles(times, n=100)[98] * 1000 for times in (alone, amid)]
    print(f"p99 of a live session: {p99[0]:.2f} ms alone, {p99[1]:.2f} ms right behind {AT_ONCE} made-up cookies")


async def test_a_thousand_ended_sessions_ask_postgres_once_each(there: Deciding) -> None:
    tokens = [await there.log_in() for _ in range(ENDED)]
    async with there.pool.acquire() as connection:
        await connection.execute("UPDATE logins SET ended_at = 1, ended_why = 'logout'")
    free = asyncio.Semaphore(100)

    async def in_turn(token: Token) -> int:
        async with free:
            return (await ask(there, token)).status

    for _ in range(ROUNDS):
        assert set(await asyncio.gather(*(in_turn(token) for token in tokens))) == {401}

    assert there.fills == [FillOutcome.FILLED] * ENDED
