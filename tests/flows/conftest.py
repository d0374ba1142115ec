"""A gateway's stores on real servers, with the parts that decide and the parts that operators use."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest
from redis.asyncio import Redis

from gateway.core.assurance.model import by_password
from gateway.core.keys import Keys
from gateway.core.principal.ask import Presented, Question, Reply, Standing
from gateway.core.privacy.sealing import MasterKeys
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.session.person import Person, unseal
from gateway.core.session.tokens import LOGIN_BYTES, SECRET_BYTES, credential_of, mint, tag_of
from gateway.flows.act import Acts
from gateway.flows.decide.refill import Refill
from gateway.flows.oauth.par import Par, ParLimits, PushedParameters
from gateway.flows.people.passwords import Passwords
from gateway.flows.people.users import Newcomer, UserAdmin
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.buckets import Buckets
from gateway.stores.redis.decisions import DecisionCalls, FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations
from gateway.waiting import answer_of
from tests.conftest import Clock, Pool, RandomBytes
from tests.core.oauth.apps import PUBLISHED, apps
from tests.running import running

KEYS = Keys.derive(b"r" * 32, b"i" * 32)
HOST = "app.example.com"
ADA = Newcomer("ada", "Ada Lovelace", "ada@example.org", ("staff",))
PASSWORD = "correct horse battery"
MINUTE_US = 60_000_000


@dataclass(slots=True)
class Stage:
    """admin acts as an operator's command does; passes() asks as a decision does."""

    pool: Pool
    vault: Vault
    random: RandomBytes
    clock: Clock
    calls: DecisionCalls
    refill: Refill
    admin: UserAdmin
    number: int = 0

    async def sign_in(self, user_id: UUID) -> Presented | None:
        """None: the person may not."""
        now, tag = self.clock.now, tag_of(KEYS.tag, user_id)
        token = mint(KEYS.mac, tag, self.random(LOGIN_BYTES), self.random(SECRET_BYTES))
        credential = credential_of(HOST, token)
        async with self.pool.acquire() as connection, connection.transaction():
            logins = Logins(connection, self.vault)
            login = NewLogin(token.login_id, user_id, now, False, 1800, now + 43_200, "203.0.113.7", "a\x1b[31mbrowser")
            if not await logins.create(login):
                return None
            assert await logins.add_session(token.login_id, HOST, credential, by_password(now), now)
            await logins.set_origin(token.login_id, None, now)  # a code confirmed it
        return Presented(token.tag, token.login, credential)

    async def passes(self, presented: Presented) -> Person | None:
        """Who Redis says it is; None: the session does not pass."""
        for _ in range(3):
            reply = await self._decide(presented)
            if reply.outcome is Standing.LIVE:
                return unseal(KEYS.person, presented.tag, reply.person)
            if reply.outcome is not Standing.MISS:
                return None
            await self.refill.fill(presented, reply)
        return None

    async def entries(self, kind: str) -> int:
        async with self.pool.acquire() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM audit_entries WHERE kind = $1", kind))

    async def waits_for_a_lock(self) -> None:
        """Until somebody does, for a minute: a test that hangs here outlives its own time limit."""
        async with asyncio.timeout(60), self.pool.acquire() as connection:
            while not await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                await asyncio.sleep(0.01)

    async def _decide(self, presented: Presented) -> Reply:
        self.number += 1
        reply: Reply | None = await answer_of(
            lambda waiter: self.calls.ask(Question(self.number, presented, None, ()), waiter)
        )
        assert reply is not None
        return reply


@pytest.fixture
def vault(random_bytes: RandomBytes) -> Vault:
    return Vault(MasterKeys([b"m" * 32]), KEYS.blind_index, random_bytes)


@pytest.fixture
def real_clock() -> Clock:
    """Begins at the time of the real Redis, whose records end by it."""
    return Clock(now=int(time.time()))


@pytest.fixture
async def pipeline(redis: Redis, redis_url: str) -> AsyncIterator[Pipeline]:
    """Connected to a Redis without keys and functions."""
    assert await redis.dbsize() == 0
    async with running(Pipeline(redis_url, 1)) as pipeline:
        yield pipeline


@pytest.fixture
async def dead_pipeline(tmp_path: Path) -> AsyncIterator[Pipeline]:
    """Nobody listens there."""
    async with running(Pipeline(f"unix://{tmp_path}/nobody.sock", 1)) as pipeline:
        yield pipeline


@pytest.fixture
async def stage(
    pool: Pool, vault: Vault, random_bytes: RandomBytes, real_clock: Clock, pipeline: Pipeline
) -> AsyncIterator[Stage]:
    functions = FunctionCalls(pipeline, library())
    calls, acts = DecisionCalls(functions), Acts(pool, vault, Revocations(functions), real_clock.seconds)
    passwords = Passwords({"p1": b"p" * 32}, threads=1, cost=4)
    async with asyncio.TaskGroup() as group:
        refill = Refill(acts, KEYS, calls, random_bytes, group.create_task, lambda _: None, lambda _: None)
        admin = UserAdmin(acts, passwords, KEYS, random_bytes, "cli:root")
        yield Stage(pool, vault, random_bytes, real_clock, calls, refill, admin)
    passwords.close()


@pytest.fixture
def admin_without_redis(stage: Stage, dead_pipeline: Pipeline) -> UserAdmin:
    nobody = Revocations(FunctionCalls(dead_pipeline, library()))
    return replace(stage.admin, acts=replace(stage.admin.acts, revocations=nobody))


@pytest.fixture
def par(stage: Stage, pipeline: Pipeline) -> Par:
    """Of the clients in tests/core/oauth/apps.py; with budgets of 3 and 2."""
    limits = ParLimits(
        BucketNames(KEYS.bucket), Limit("OAUTH.PAR", 3, MINUTE_US, 3), Limit("OAUTH.PAR_PUBLIC", 2, MINUTE_US, 2)
    )
    pushed = PushedParameters(stage.admin.acts, KEYS.pushed, stage.random)
    return Par(pushed, Buckets(FunctionCalls(pipeline, library())), limits, apps, lambda: PUBLISHED)


@pytest.fixture
def files(tmp_path: Path) -> NodeFiles:
    return NodeFiles(tmp_path / "evidence", tmp_path)


@pytest.fixture
def erasure(stage: Stage, files: NodeFiles) -> Erasure:
    return Erasure(stage.admin.acts, KEYS, files)
