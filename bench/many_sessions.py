"""Latency with a million sessions in Redis against a thousand, and what one takes there.

Two gateways with a Redis each. The sessions that are asked about have their rows in Postgres; the crowd around them is
written into Redis alone, by the function that writes every record.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from bench.figures import Figure
from bench.load import fire
from bench.questions import questions
from bench.site import SMALL, Site, running_site
from gateway.core.assurance.model import by_password
from gateway.core.base64url import b64
from gateway.core.principal.ask import Leases, Presented, Question, Standing
from gateway.core.session.login_record import Session
from gateway.resources import random_bytes
from gateway.stores.redis.decisions import DecisionCalls, Fill, FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from tests.running import running

_ASKED: Final = 1_000
_AT_ONCE: Final = 2_000
_CONNECTIONS: Final = 8
_SEALED_BYTES: Final = 150  # of a person with a name, an address and two groups
_DAY_S: Final = 86_400


async def many_sessions_figures(directory: Path, repetitions: int, count: int, crowd: int) -> list[Figure]:
    latencies: dict[str, list[float]] = {"few": [], "many": []}
    with running_site(directory / "few") as few, running_site(directory / "many") as many:
        bytes_each = await _crowd(many, crowd)
        asked = {name: await _questions(site) for name, site in (("few", few), ("many", many))}
        for repetition in range(repetitions + 1):
            for name, site in (("few", few), ("many", many)):
                load = await fire(
                    site.decision, asked[name], count=count, connections=_CONNECTIONS, expected=b"HTTP/1.1 200"
                )
                if load.wrong:
                    raise SystemExit(f"{name} sessions: {load.wrong} answers were not the expected ones")
                if repetition:  # the first fills
                    latencies[name].append(load.percentile_us(0.5))
    return [
        Figure.ratio("decision.million_sessions_vs_thousand", latencies["many"], latencies["few"]),
        Figure.of("decision.p50_us_with_a_thousand_sessions", latencies["few"]),
        Figure.of("decision.redis_bytes_per_session", [bytes_each]),
    ]


async def _questions(site: Site) -> list[bytes]:
    cookies = (await site.signed_in(_ASKED, (SMALL,)))[SMALL]
    return questions(SMALL, [f"/area1/item1/{at}" for at in range(_ASKED)], cookies)


async def _crowd(site: Site, count: int) -> float:
    """That many more people with a session each; the bytes that one takes."""
    async with _redis(site.redis_url) as redis, _calls(site.redis_url) as calls:
        before = (await redis.info("memory"))["used_memory"]
        for done in range(0, count, _AT_ONCE):
            await asyncio.gather(*(_join(calls, done + at) for at in range(min(_AT_ONCE, count - done))))
        return float((await redis.info("memory"))["used_memory"] - before) / count


async def _join(calls: DecisionCalls, number: int) -> None:
    """As a refill does it: the lease first, then the record."""
    random, now = random_bytes(44 + _SEALED_BYTES), int(time.time())
    presented = Presented(b64(random[:12]), b64(random[12:28]), random[28:44])
    missed = await calls.reply_to(Question(number & 0xFFFF_FFFF, presented, None, ()))
    assert missed is not None
    assert missed.outcome is Standing.MISS
    leases = missed.leases or Leases(0, 0)
    session = Session(presented.credential, by_password(now), 0)
    fill = Fill(presented.tag, presented.login, leases, random[44:], now + _DAY_S, now + _DAY_S, _DAY_S, (session,))
    assert await calls.fill(fill) == (True, True)


@asynccontextmanager
async def _redis(url: str) -> AsyncIterator[Redis]:
    redis = Redis.from_url(url)
    try:
        yield redis
    finally:
        await redis.aclose()


@asynccontextmanager
async def _calls(url: str) -> AsyncIterator[DecisionCalls]:
    async with running(Pipeline(url, 30)) as pipeline:
        yield DecisionCalls(FunctionCalls(pipeline, library()))
