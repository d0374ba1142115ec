"""The log says once that a store can't be used, with the cause, and once that it can be used again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from structlog.testing import capture_logs

from gateway.flows.operate.outages import Outages
from gateway.flows.operate.readiness import Readiness
from gateway.stores.postgres.database import make_pool
from gateway.stores.redis.access import NEEDED
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from tests.acl import rules
from tests.conftest import Pool
from tests.running import running


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


async def test_an_outage_is_told_once_and_its_end_once(pool: Pool, redis: Redis, redis_socket: Path) -> None:
    """First the password is wrong, then what the user needs is not allowed."""
    calls = FunctionCalls(Pipeline(f"unix://out:right@{redis_socket}", 5), library())
    readiness, looks = Readiness(pool, calls, {}), 0

    async def attempt() -> None:
        nonlocal looks
        looks += 1
        await readiness.try_redis()

    outages = Outages({"postgres": readiness.try_postgres, "redis": attempt}, look_s=0.01)
    with capture_logs() as logged:
        async with running(calls):
            watching = asyncio.create_task(outages.run())
            await until(lambda: looks > 10)
            await rules(redis, "SETUSER", "out", "reset", "on", ">right", *NEEDED.split())
            await until(lambda: len(logged) == 2)
            await rules(redis, "SETUSER", "out", "-fcall")
            await until(lambda: len(logged) == 3)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
    await rules(redis, "DELUSER", "out")

    began, ended, denied = logged
    assert (began["log_level"], began["event"], began["store"]) == ("error", "store unavailable", "redis")
    assert began["server"] == f"Redis at unix:{redis_socket} (user out, database 0)"
    assert began["why"].startswith("WRONGPASS")
    assert "redis.url" in began["advice"]
    assert (ended["log_level"], ended["event"], ended["store"]) == ("info", "store available again", "redis")
    assert "NOPERM" in denied["why"]
    assert "the line of the ACL" in denied["advice"]


async def test_a_postgres_that_is_not_there_is_told_with_its_place(redis_url: str, tmp_path: Path) -> None:
    logged: list[Any]
    async with make_pool(f"postgresql://bastion:hunter2@/x?host={tmp_path}", 1) as nowhere:
        readiness = Readiness(nowhere, FunctionCalls(Pipeline(redis_url, 5), library()), {})
        with capture_logs() as logged, suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await Outages({"postgres": readiness.try_postgres}, look_s=0.01).run()
        state = await readiness.look()

    (line,) = logged
    assert line["server"] == f"Postgres at {tmp_path} (database x, role bastion)"
    assert line["why"] == "there is no such socket"
    assert "hunter2" not in str(line)
    assert not state["postgres"].serves
    assert "there is no such socket; start Postgres" in state["postgres"].detail
    assert "Redis at" in state["redis"].detail
