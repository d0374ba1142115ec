"""Idle time is the same whether Redis remembers it or has lost it (threats.md R7)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from gateway.core.session.tokens import Token
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.pipeline import Pipeline
from tests.conftest import Pool
from tests.deciding import Deciding, deciding
from tests.flows.test_decisions import ask
from tests.stores.live import NOW, held_library

IDLE_S, MOST_LOST_S, LAST_AT = 900, 60, 660


@dataclass
class Timed:
    """Decisions whose Redis has the time that a test sets; the shell's own clock stands still."""

    here: Deciding
    redis: Redis

    async def asks(self, token: Token, after_s: int) -> int:
        """The status, so long after the login."""
        await self.redis.set("now", (NOW + after_s) * 1_000_000)
        status = (await ask(self.here, token)).status
        await self.here.quiet()
        return status

    async def asks_after_a_loss(self, token: Token, after_s: int) -> int:
        await self.redis.flushall()
        return await self.asks(token, after_s)


@pytest.fixture
async def timed(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Timed]:
    await redis.set("now", NOW * 1_000_000)

    def functions(timeout_s: float) -> FunctionCalls:
        return FunctionCalls(Pipeline(redis_url, timeout_s), held_library())

    async with deciding(pool, functions, NOW) as here:
        await here.add_person()
        yield Timed(here, redis)


@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize("every_s", [7, 59, 61, 110, 660])
async def test_after_a_loss_idle_ends_at_most_a_minute_early_and_never_late(
    timed: Timed, every_s: int, lossy: bool
) -> None:
    """Active every so often until LAST_AT; lossy: each time Redis has just been emptied."""
    token = await timed.here.log_in(idle_s=IDLE_S)
    asks = timed.asks_after_a_loss if lossy else timed.asks
    active = [await asks(token, after_s) for after_s in range(0, LAST_AT + 1, every_s)]
    ends_at = (len(active) - 1) * every_s + IDLE_S

    remembered = await timed.asks(token, ends_at)
    lost = await timed.asks_after_a_loss(token, ends_at)
    earlier = await timed.asks_after_a_loss(token, ends_at - MOST_LOST_S - 1)

    assert set(active) == {200}
    assert (remembered, lost, earlier) == (401, 401, 200)


async def test_activity_that_is_told_after_a_refill_of_the_person_alone_is_told(timed: Timed) -> None:
    token = await timed.here.log_in(idle_s=IDLE_S)
    await timed.asks(token, 0)
    await timed.here.revocations.stale_person(token.tag)

    await timed.asks(token, MOST_LOST_S)

    assert await timed.asks_after_a_loss(token, IDLE_S) == 200
