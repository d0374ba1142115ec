"""The functions inside Redis with a clock that the test holds."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path

from redis.asyncio import Redis

from gateway.core.assurance.model import by_password
from gateway.core.principal.ask import Claim, Leases, Presented, ProofClaim, Question, Reply, Spend, Standing
from gateway.core.ratelimit.gcra import Limit
from gateway.core.session.login_record import Session
from gateway.stores.redis.decisions import DecisionCalls, Fill, FunctionCalls
from gateway.stores.redis.functions.library import Library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations
from gateway.waiting import answer_of
from tests.running import running

BEFORE = Path(__file__).parent / "before"
TAG, LOGIN, CREDENTIAL = "t" * 16, "l" * 22, b"c" * 16
PRESENTED = Presented(TAG, LOGIN, CREDENTIAL)
PERSON = b"sealed person"
NOW = int(time.time())  # of the real Redis, whose keys end by it
LIMIT = Limit("L", count=5, period_us=5_000_000, burst=3)


class Server:
    """The functions with a clock that the test holds (it lies in a key; the product's source asks TIME)."""

    def __init__(self, pipeline: Pipeline, redis: Redis, source: Library) -> None:
        self.pipeline = pipeline
        self.functions = FunctionCalls(pipeline, source)
        self.calls = DecisionCalls(self.functions)
        self.revocations = Revocations(self.functions)
        self.redis = redis
        self.now = NOW
        self.number = 0

    async def set_time(self, now: float) -> None:
        self.now = int(now)
        await self.redis.set("now", int(now * 1_000_000))

    async def decide(
        self,
        presented: Presented | None = PRESENTED,
        *spends: Spend,
        claim: Claim | None = None,
        proof: ProofClaim | None = None,
        request_id: str = "",
    ) -> Reply:
        self.number += 1
        question = Question(self.number, presented, claim, spends, request_id, (), proof)
        reply: Reply | None = await answer_of(lambda waiter: self.calls.ask(question, waiter))
        assert reply is not None
        return reply

    async def fill(self, leases: Leases | None, **changed: object) -> tuple[bool, bool]:
        assert leases is not None
        sessions = (Session(CREDENTIAL, by_password(NOW - 50), 0),)
        usual = Fill(TAG, LOGIN, leases, PERSON, NOW + 10_000, NOW + 600, 600, sessions)
        return await self.calls.fill(replace(usual, **changed))  # type: ignore[arg-type]  # field names of Fill

    async def bring_to_life(self, **changed: object) -> None:
        missed = await self.decide()
        assert missed.outcome is Standing.MISS
        assert await self.fill(missed.leases, **changed) == (True, True)


def held_library(before: bool = False) -> Library:
    """The product's functions, with the time that lies in the key `now`, us; their source asks TIME.

    before: those of the version before this one, which shares records with it during an upgrade.
    """
    own = resources.files("gateway.stores.redis.functions")
    text = (BEFORE if before else own).joinpath("bastion.lua").read_text("utf-8")
    real = "local t = redis.call('TIME')"
    assert text.count(real) == 1
    held = "local v = redis.call('GET', 'now') local t = {string.sub(v, 1, -7), string.sub(v, -6)}"
    return Library.of(text.replace(real, held))


@asynccontextmanager
async def serving(redis: Redis, redis_url: str) -> AsyncIterator[Server]:
    async with running(Pipeline(redis_url, 1)) as pipeline:
        server = Server(pipeline, redis, held_library())
        await server.set_time(NOW)
        yield server
