"""Clocks that differ or jump (threats.md R8), functions that are lost or of two versions (R10), limits that change."""

import asyncio
from collections.abc import AsyncIterator
from importlib import resources

import pytest
from redis.asyncio import Redis

from gateway.core.policy.compile import Site, compile_policy
from gateway.core.principal.ask import Question, Reply, Spend, Standing
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import Library, library
from gateway.stores.redis.pipeline import Argument
from gateway.stores.redis.wire import login_key, person_key, read_reply
from tests.conftest import Pool
from tests.deciding import deciding
from tests.faults.test_crossed_replies import OPEN, ask
from tests.flows.test_decisions import ask as ask_at
from tests.stores.live import CREDENTIAL, LIMIT, LOGIN, NOW, PRESENTED, TAG, Server, serving

HOUR_S, SKEW_S = 3_600, 300
FLUSHES = 20
TIGHT = """
define: {{limits: {{tight: {rate}}}}}
apps: {{wiki: {{hosts: wiki.example.org, allow: anyone, identity: optional, limits: tight}}}}
"""


@pytest.fixture
async def server(redis: Redis, redis_url: str) -> AsyncIterator[Server]:
    async with serving(redis, redis_url) as server:
        yield server


@pytest.mark.parametrize(("step_s", "outcome"), [(-HOUR_S, Standing.LIVE), (HOUR_S, Standing.ENDED)])
async def test_a_clock_that_steps_by_an_hour_lets_nobody_back_in_and_blocks_nobody_for_long(
    server: Server, step_s: int, outcome: Standing
) -> None:
    spend = Spend(TAG, "who", LIMIT)
    await server.bring_to_life()
    while (await server.decide(PRESENTED, spend)).spent[0].allowed:
        pass
    await server.set_time(NOW + step_s)

    stepped = await server.decide()
    limited = await server.decide(None, spend)
    await server.set_time(NOW + step_s + LIMIT.window_us // 1_000_000 + 1)
    later = await server.decide(None, spend)
    await server.revocations.end("login", TAG, LOGIN)
    await server.set_time(NOW)

    assert stepped.outcome is outcome
    assert limited.spent[0].retry_after_us <= LIMIT.window_us
    assert later.spent[0].allowed
    assert (await server.decide()).outcome is Standing.ENDED


@pytest.mark.parametrize("skew_s", [-SKEW_S, 0, SKEW_S])
async def test_a_worker_whose_clock_is_off_decides_as_redis_says(
    pool: Pool, redis: Redis, redis_url: str, skew_s: int
) -> None:
    now = int((await redis.time())[0])
    async with deciding(pool, redis_url, now + skew_s) as there:
        there.now = now  # the login was made elsewhere
        await there.add_person()
        fresh, old, over = [await there.log_in() for _ in range(3)]
        async with pool.acquire() as connection:
            change = "UPDATE sessions SET authenticated_at = $2 WHERE login_id = $1"
            await connection.execute(change, fresh.login_id, now - 540)
            await connection.execute(change, old.login_id, now - 660)
            await connection.execute("UPDATE logins SET expires_at = $2 WHERE id = $1", over.login_id, now - 1)
        answers = [(await ask_at(there, token, "/fresh/x")).outcome for token in (fresh, old, over)]

    assert answers == ["allow", "step_up", "login"]


def swapped() -> Library:
    """Another version, whose decide takes the credential before the login."""
    text = resources.files("gateway.stores.redis.functions").joinpath("bastion.lua").read_text("utf-8")
    ours = "local number, login, request = tonumber(argv[1]), argv[2], argv[4]"
    assert text.count(ours) == 1
    return Library.of(text.replace(ours, f"argv[2], argv[3] = argv[3], argv[2]\n  {ours}"))


async def decided(functions: FunctionCalls, number: int, *arguments: Argument) -> Reply | None:
    keys = [person_key(TAG), login_key(TAG, LOGIN)]
    raw = await functions.ask("decide", keys, number, *arguments, "", "")
    return read_reply(Question(number, PRESENTED, None, ()), raw)


async def test_two_versions_whose_arguments_differ_serve_side_by_side(server: Server) -> None:
    ours, theirs = FunctionCalls(server.pipeline, library()), FunctionCalls(server.pipeline, swapped())
    now = int((await server.redis.time())[0])  # these ask Redis for the time
    await server.set_time(now)
    await server.bring_to_life(expires_at=now + 10_000, idle_at=now + 600)

    for number in range(20):
        for functions, arguments in ((ours, (LOGIN, CREDENTIAL)), (theirs, (CREDENTIAL, LOGIN))):
            reply = await decided(functions, number, *arguments)
            assert reply is not None
            assert (reply.outcome, reply.login) == (Standing.LIVE, LOGIN)
    await server.revocations.end("login", TAG, LOGIN)

    assert [
        None if reply is None else reply.outcome
        for reply in (await decided(ours, 1, LOGIN, CREDENTIAL), await decided(theirs, 2, CREDENTIAL, LOGIN))
    ] == [Standing.ENDED, Standing.ENDED]


@pytest.mark.parametrize("signed_in", [True, False])
async def test_two_workers_with_different_limits_do_not_refill_each_others_bucket(
    pool: Pool, redis: Redis, redis_url: str, signed_in: bool
) -> None:
    """As in each rolling change of policy or configuration: a bucket is clamped to the window of who asks."""
    now = int((await redis.time())[0])
    async with deciding(pool, redis_url, now) as narrow, deciding(pool, redis_url, now) as wide:
        for there, rate in ((narrow, "10/h"), (wide, "10/d")):
            there.decisions.enforce(
                compile_policy({"wiki.yaml": TIGHT.format(rate=rate)}, Site("auth.example.org"), with_tests=False)
            )
        await narrow.add_person()
        token = await narrow.log_in() if signed_in else None
        answers = [await ask_at(there, token, "/x") for _ in range(200) for there in (narrow, wide)]

    passed = [there for there, answer in zip("nw" * 200, answers, strict=True) if answer.status == 200]
    assert (passed.count("n"), passed.count("w")) == (10, 10)


async def test_functions_that_are_flushed_under_load_let_nobody_in_and_keep_nobody_out(
    pool: Pool, redis: Redis, redis_url: str
) -> None:
    now, over = int((await redis.time())[0]), asyncio.Event()
    inside, outside = list[int](), list[int]()
    async with deciding(pool, redis_url, now) as there:
        there.decisions.enforce(OPEN)
        await there.add_person()
        live, ended = await there.log_in(), await there.log_in()
        assert (await ask(there, ended)).status == 200
        await there.end(ended)

        async def proxy() -> None:
            while not over.is_set():
                inside.append((await ask(there, live)).status)
                outside.append((await ask(there, ended)).status)

        async def flush() -> None:
            for _ in range(FLUSHES):
                await redis.function_flush()
                await asyncio.sleep(0.02)
            over.set()

        await asyncio.gather(flush(), *(proxy() for _ in range(20)))
        last = [(await ask(there, token)).status for token in (live, ended)]

    assert last == [200, 401]
    assert set(outside) == {401}
    assert set(inside) == {200}
    assert len(inside) > 10 * FLUSHES
