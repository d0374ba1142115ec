"""Real decisions on a test's own Postgres and Redis, without processes and sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from redis.asyncio import Redis

from gateway.core.assurance.model import by_password
from gateway.core.base64url import b64
from gateway.core.forward.answer import Answer
from gateway.core.forward.context import Context
from gateway.core.forward.request import ForwardedRequest
from gateway.core.privacy.sealing import MasterKeys
from gateway.core.session.tokens import Token, credential_of, mint, tag_of
from gateway.flows.act import Acts
from gateway.flows.decide.decisions import Decisions
from gateway.flows.decide.refill import FillOutcome, Refill
from gateway.stores.postgres.logins import Logins, NewLogin
from gateway.stores.postgres.users import NewUser, Users
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.decisions import DecisionCalls, FunctionCalls, Functions
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations
from tests.conftest import Pool, RandomBytes
from tests.core.forward.setting import CONTEXT, KEYS
from tests.running import running

ADA = UUID(int=1)
HOST = "wiki.example.org"
Where: TypeAlias = str | Callable[[float], Functions]  # a URL, or who makes a connection with such a timeout


@dataclass
class Deciding:
    """now_us: the shell's clock; Redis has its own."""

    functions: Functions
    pool: Pool
    vault: Vault
    acts: Acts
    decisions: Decisions
    revocations: Revocations
    random: RandomBytes
    now: int
    fills: list[FillOutcome] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    working: set[asyncio.Task[Any]] = field(default_factory=set)

    async def quiet(self) -> None:
        """Returns when nothing goes on in the background."""
        while unfinished := [task for task in self.working if not task.done()]:
            await asyncio.wait(unfinished)

    async def add_person(self, user_id: UUID = ADA, name: str = "ada", groups: tuple[str, ...] = ("staff",)) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await Users(connection, self.vault).add(NewUser(user_id, name, "", "", groups, "x"), self.now)

    async def log_in(self, user_id: UUID = ADA, host: str = HOST, idle_s: int = 1800) -> Token:
        """A login with one session, which a code confirmed, as Postgres has it; Redis knows nothing yet."""
        token = mint(KEYS.mac, tag_of(KEYS.tag, user_id), self.random(16), self.random(32))
        login = NewLogin(token.login_id, user_id, self.now, False, idle_s, self.now + 86_400, "", "")
        async with self.pool.acquire() as connection, connection.transaction():
            logins = Logins(connection, self.vault)
            assert await logins.create(login)
            assert await logins.add_session(
                token.login_id, host, credential_of(host, token), by_password(self.now), self.now
            )
            await logins.set_origin(token.login_id, None, self.now)
        return token

    async def end(self, token: Token) -> None:
        """As a logout does."""
        async with self.pool.acquire() as connection, connection.transaction():
            await Logins(connection, self.vault).end(token.login_id, "logout", self.now)
        await self.revocations.end("login", token.tag, b64(token.login_id))


def functions_at(redis: Where, timeout_s: float) -> Functions:
    if isinstance(redis, str):
        return FunctionCalls(Pipeline(redis, timeout_s), library())
    return redis(timeout_s)


@asynccontextmanager
async def counting(here: Deciding, redis: Redis) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Calls of functions that this one has sent by now, as Redis logs them; other gateways may ask the same server."""
    await here.functions.servers[0].ask(("CLIENT", "SETNAME", "counted"))
    await redis.config_set("slowlog-max-len", 100_000)
    await redis.config_set("slowlog-log-slower-than", 0)

    async def calls() -> int:
        entries = await redis.slowlog_get(100_000)
        return sum((one["client_name"], one["command"][:6]) == (b"counted", b"FCALL ") for one in entries)

    try:
        yield calls
    finally:
        await redis.config_set("slowlog-log-slower-than", -1)
        await redis.slowlog_reset()


@asynccontextmanager
async def deciding(
    pool: Pool, redis: Where, now: int, timeout_s: float = 10, context: Context = CONTEXT
) -> AsyncIterator[Deciding]:
    """timeout_s: long, because a slow machine is no failure."""
    random = RandomBytes()
    vault = Vault(MasterKeys([b"m" * 32]), KEYS.blind_index, random)
    functions = functions_at(redis, timeout_s)
    calls, revocations = DecisionCalls(functions), Revocations(functions)
    tasks: set[asyncio.Task[Any]] = set()

    def spawn(work: Any) -> None:
        tasks.add(asyncio.create_task(work))

    fills: list[FillOutcome] = []
    answers: list[Answer] = []
    lost: list[str] = []

    def record(_request: ForwardedRequest, answer: Answer, _took_us: int) -> None:
        answers.append(answer)

    acts = Acts(pool, vault, revocations, lambda: now)
    refill = Refill(acts, KEYS, calls, random, spawn, fills.append, lost.append)
    decisions = Decisions(context, calls, refill, lambda: now * 1_000_000, random, spawn, record, lost.append)
    async with running(functions):
        yield Deciding(functions, pool, vault, acts, decisions, revocations, random, now, fills, answers, lost, tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
