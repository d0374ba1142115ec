"""The doctor tries the stores as a worker does, and names the way out of each thing that is wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from time import time_ns

import pytest
from redis.asyncio import Redis

from gateway.embedded import EmbeddedPostgres
from gateway.flows.doctor.diagnosis import Diagnosis, Health
from gateway.flows.doctor.stores import StoresExam
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.key_checks import agree
from gateway.stores.postgres.master_keys import MasterRows, master_name
from gateway.stores.redis.access import NEEDED
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from tests.acl import rules
from tests.conftest import Pool
from tests.running import running

KEYS = {"root": b"r" * 32}


@asynccontextmanager
async def examining(pool: Pool, redis_url: str) -> AsyncIterator[StoresExam]:
    calls = FunctionCalls(Pipeline(redis_url, 5), library())
    async with running(calls):
        yield StoresExam(
            pool=pool,
            functions=calls,
            keys=KEYS,
            connections=20,
            several_hosts=False,
            owner_serves=False,
            user="out",
            in_cluster=False,
            enforced=True,
            clock_us=lambda: time_ns() // 1000,
        )


def healths(findings: list[Diagnosis]) -> dict[str, Health]:
    return {finding.check: finding.health for finding in findings}


def found(findings: list[Diagnosis], check: str) -> Diagnosis:
    (one,) = [finding for finding in findings if finding.check == check]
    return one


@pytest.fixture
async def user_url(redis: Redis, redis_socket: Path) -> AsyncIterator[str]:
    """As docs/install.md makes it."""
    await rules(redis, "SETUSER", "out", "reset", "on", ">right", *NEEDED.split())
    yield f"unix://out:right@{redis_socket}"
    await rules(redis, "DELUSER", "out")


async def test_stores_as_they_should_be_are_fine_and_stay_as_they_are(pool: Pool, user_url: str, redis: Redis) -> None:
    async with examining(pool, user_url) as exam:
        postgres, redis_ = await exam.postgres(), await exam.redis()

    assert healths(postgres) == dict.fromkeys(("postgres", "clock of postgres", "schema", "postgres role"), Health.OK)
    assert healths([one for one in redis_ if one.check != "redis settings"]) == dict.fromkeys(
        ("redis", "clock of redis", "redis user"), Health.OK
    )
    assert await pool.fetchval("SELECT count(*) FROM key_checks") == 0
    assert await redis.exists("{bastion-probe}") == 0


async def test_a_postgres_that_is_not_there_is_told_with_the_way_out(user_url: str, tmp_path: Path) -> None:
    async with make_pool(f"postgresql://bastion:x@/x?host={tmp_path}", 1) as pool, examining(pool, user_url) as exam:
        (finding,) = await exam.postgres()

    assert finding.health is Health.FAILED
    assert (
        finding.detail == f"no connection to Postgres at {tmp_path} (database x, role bastion): there is no such socket"
    )
    assert finding.advice.startswith("start Postgres")


async def test_a_database_without_the_schema_wants_a_migration(
    postgres_server: EmbeddedPostgres, user_url: str
) -> None:
    async with make_pool(postgres_server.url(), 1) as pool, examining(pool, user_url) as exam:
        schema = found(await exam.postgres(), "schema")

    assert (schema.health, schema.advice) == (Health.FAILED, "bastion migrate")
    assert "0001" in schema.detail


async def test_other_secrets_than_the_fleets_are_told(pool: Pool, user_url: str) -> None:
    async with pool.acquire() as connection:
        await agree(connection, {"root": b"other" * 8})

    async with examining(pool, user_url) as exam:
        schema = found(await exam.postgres(), "schema")

    assert schema.health is Health.FAILED
    assert "not the key that this database was made with: root" in schema.detail


async def test_a_master_key_that_this_node_lacks_is_told(pool: Pool, user_url: str) -> None:
    async with pool.acquire() as connection:
        await MasterRows(connection).begin("0a1b2c3d")

    async with examining(pool, user_url) as exam:
        schema = found(await replace(exam, keys=KEYS | {master_name("ffffffff"): b"m" * 32}).postgres(), "schema")

    assert schema.health is Health.FAILED
    assert "wrapped with the master key 0a1b2c3d" in schema.detail


async def test_more_connections_than_postgres_has_are_a_warning(pool: Pool, user_url: str) -> None:
    most = int(await pool.fetchval("SHOW max_connections"))

    async with examining(pool, user_url) as exam:
        enough = healths(await replace(exam, connections=most - 10).postgres())
        wanting = found(await replace(exam, connections=most - 9).postgres(), "postgres connections")

    assert "postgres connections" not in enough
    assert wanting.health is Health.WARNING
    assert "pool_size" in wanting.advice


@pytest.mark.parametrize(
    ("enforced", "owner_serves", "health"),
    [(True, False, Health.FAILED), (True, True, Health.WARNING), (False, False, Health.WARNING)],
)
async def test_a_role_that_can_change_the_audit_log_is_as_bad_as_at_a_start(
    superuser: Pool, user_url: str, health: Health, *, enforced: bool, owner_serves: bool
) -> None:
    async with examining(superuser, user_url) as exam:
        judged = replace(exam, enforced=enforced, owner_serves=owner_serves)
        role = found(await judged.postgres(), "postgres role")

    assert (role.health, role.detail) == (health, "is a superuser, so it can change the audit log")
    assert "bastion migrate --roles" in role.advice


@pytest.mark.parametrize(("enforced", "health"), [(True, Health.FAILED), (False, Health.WARNING)])
async def test_a_failover_that_loses_commits_is_as_bad_as_at_a_start(
    pool: Pool, user_url: str, health: Health, *, enforced: bool
) -> None:
    async with examining(pool, user_url) as exam:
        failover = found(await replace(exam, several_hosts=True, enforced=enforced).postgres(), "postgres failover")

    assert (failover.health, "synchronous_standby_names is empty" in failover.detail) == (health, True)


@pytest.mark.parametrize(
    ("ahead_s", "health", "words"),
    [
        (0.5, Health.OK, "agrees"),
        (-4, Health.WARNING, "is 4 s ahead of this machine's"),
        (4, Health.WARNING, "is 4 s behind this machine's"),
        (100, Health.FAILED, "behind this machine's"),
    ],
)
async def test_clocks_that_differ_are_told(
    pool: Pool, user_url: str, ahead_s: float, health: Health, words: str
) -> None:
    """ahead_s: of this machine's clock."""
    async with examining(pool, user_url) as exam:
        shifted = replace(exam, clock_us=lambda: time_ns() // 1000 + int(ahead_s * 1e6))
        clocks = [
            found(await shifted.postgres(), "clock of postgres"),
            found(await shifted.redis(), "clock of redis"),
        ]

    for clock in clocks:
        assert clock.health is health
        assert words in clock.detail
        assert bool(clock.advice) == (health is not Health.OK)


@pytest.mark.parametrize("right", ["fcall", "function|load", "get", "set", "del", "expire", "setrange", "info", "time"])
async def test_each_right_that_the_user_lacks_is_named_with_the_line_that_gives_it(
    pool: Pool, user_url: str, redis: Redis, right: str
) -> None:
    await rules(redis, "SETUSER", "out", f"-{right}")

    async with examining(pool, user_url) as exam:
        user = found(await exam.redis(), "redis user")

    assert user.health is Health.FAILED
    assert user.detail.startswith(f"may not +{right} (")
    assert user.advice == f"ACL SETUSER out {NEEDED}"
    await rules(redis, "SETUSER", *("out " + NEEDED).split())
    async with examining(pool, user_url) as exam:
        assert found(await exam.redis(), "redis user").health is Health.OK


async def test_a_user_that_may_do_more_is_told_so(pool: Pool, user_url: str, redis: Redis) -> None:
    await rules(redis, "SETUSER", "out", "+scan")

    async with examining(pool, user_url) as exam:
        user = found(await exam.redis(), "redis user")

    assert (user.health, user.detail) == (Health.FAILED, "is allowed listing keys (SCAN)")


async def test_a_wrong_password_of_redis_is_told(pool: Pool, user_url: str) -> None:
    async with examining(pool, user_url.replace("right", "hunter2")) as exam:
        (finding,) = await exam.redis()

    assert finding.health is Health.FAILED
    assert "WRONGPASS" in finding.detail
    assert "redis.url" in finding.advice
    assert "hunter2" not in str(finding)


async def test_a_redis_that_takes_no_writes_is_told(pool: Pool, user_url: str, redis: Redis) -> None:
    await redis.config_set("min-replicas-to-write", 1)
    try:
        async with examining(pool, user_url) as exam:
            findings = await exam.redis()
    finally:
        await redis.config_set("min-replicas-to-write", 0)

    # The library is not loaded yet, so it is the load that is refused.
    finding = found(findings, "redis")
    assert finding.health is Health.FAILED
    assert "NOREPLICAS" in finding.detail
    assert "bring a replica back" in finding.advice
