"""What strangers and ended sessions send, however much, stays away from Postgres (threats.md R6)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest
from redis.asyncio import Redis

from gateway.core.session.tokens import Token, mint
from gateway.embedded import EmbeddedPostgres
from gateway.flows.decide.refill import FillOutcome
from gateway.web.forward_auth.listener import Listener
from gateway.web.forward_auth.strangers import AT_ONCE
from tests.conftest import Pool
from tests.core.forward.setting import CONTEXT, KEYS
from tests.deciding import Deciding, deciding
from tests.faults.test_crossed_replies import OPEN, ask, question

MADE_UP = 40_000
STRANGERS = 100
ENDED = 1_000
ROUNDS = 3
_HEARD = "SELECT pid, query_start FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'"
Heard: TypeAlias = set[tuple[int, datetime]]


@pytest.fixture
async def there(pool: Pool, redis: Redis, redis_url: str) -> AsyncIterator[Deciding]:
    now = int((await redis.time())[0])
    async with deciding(pool, redis_url, now) as made:
        made.decisions.enforce(OPEN)
        await made.add_person()
        yield made


@dataclass(frozen=True, slots=True)
class Observer:
    """Postgres's own word, by a connection to another database, which is not counted."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    database: str

    async def heard(self) -> Heard:
        """Of each connection to the test's database, when its newest statement began."""
        return {(row["pid"], row["query_start"]) for row in await self.connection.fetch(_HEARD, self.database)}


@pytest.fixture
async def observer(pool: Pool, postgres_server: EmbeddedPostgres) -> AsyncIterator[Observer]:
    database = await pool.fetchval("SELECT current_database()")
    connection = await asyncpg.connect(postgres_server.url())
    yield Observer(connection, database)
    await connection.close()


@dataclass
class Door:
    """The listener's socket, strangers in turn as in the product. waiting: the most of them that waited at once."""

    path: Path
    waiting: int = 0

    def note(self, waiting: int) -> None:
        self.waiting = max(self.waiting, waiting)


@asynccontextmanager
async def door_of(there: Deciding, path: Path) -> AsyncIterator[Door]:
    door = Door(path)
    listener = Listener(there.decisions.start, (), goes_first=CONTEXT.tokens.are_in, tell_waiting=door.note)
    server = await asyncio.get_running_loop().create_unix_server(listener, path)
    yield door
    server.close()
    await listener.drain(1)


@dataclass(frozen=True, slots=True)
class Caller:
    """One connection of the proxy's."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, token: Token) -> int:
        head = "".join(f"{name}: {value}\r\n" for name, value in question(token).items())
        self.writer.write(f"GET /decide? HTTP/1.1\r\n{head}\r\n".encode())
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in answer.split(b"\r\n") if line.startswith(b"Content-Length:"))
        await self.reader.readexactly(length)
        return int(answer[9:12])


@asynccontextmanager
async def calling(door: Door) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_unix_connection(door.path)
    yield Caller(reader, writer)
    writer.close()
    await writer.wait_closed()


async def test_forty_thousand_made_up_cookies_reach_no_postgres_and_a_live_session_passes_amid_them(
    there: Deciding, observer: Observer, short_directory: Path
) -> None:
    """Over the listener's socket. They name the live login, or logins that nobody has."""
    live, strangers, lives, over = await there.log_in(), Counter[int](), Counter[int](), asyncio.Event()

    async def flood(number: int) -> None:
        async with calling(door) as caller:
            for _ in range(MADE_UP // STRANGERS):
                login = live.login_id if number % 2 else there.random(16)
                strangers[await caller.ask(mint(b"x" * 32, live.tag, login, there.random(32)))] += 1

    async def be_live() -> None:
        async with calling(door) as caller:
            while not over.is_set():
                lives[await caller.ask(live)] += 1

    async with door_of(there, short_directory / "floods.sock") as door, calling(door) as caller:
        assert await caller.ask(live) == 200
        before = await observer.heard()
        living = asyncio.create_task(be_live())
        await asyncio.gather(*(flood(number) for number in range(STRANGERS)))
        over.set()
        await living
        after = await observer.heard()
        unknown = await caller.ask(mint(KEYS.mac, live.tag, there.random(16), there.random(32)))
        at_last = await observer.heard()

    assert after == before, "Postgres was told something"
    assert strangers == {401: MADE_UP}
    assert set(lives) == {200}
    assert lives[200] >= 100
    assert door.waiting > AT_ONCE, "they had to wait for their turn"
    assert (unknown, at_last == after) == (401, False), "what does reach Postgres is seen"
    assert there.fills == [FillOutcome.FILLED] * 2


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
