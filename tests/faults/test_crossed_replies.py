"""A bad line to Redis gives nobody another person's name, whatever it does to replies (threats.md R5)."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import pytest
from aiohttp import web
from redis.asyncio import Redis

from gateway.core.errors import StoreUnavailable
from gateway.core.forward.answer import Answer
from gateway.core.forward.request import read_request
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.core.session.tokens import Token
from gateway.embedded import EmbeddedValkey
from gateway.waiting import answer_of
from gateway.web.forms import AuthHost as OwnSite
from gateway.web.forward_auth import handler
from tests.conftest import Pool
from tests.core.forward.setting import KEYS, headers_of
from tests.deciding import HOST, Deciding, deciding
from tests.exhaustive import EXHAUSTIVE
from tests.faults.bad_lines import BadLine, ForgingLine, Mark, Mischief
from tests.faults.relay import Relay, relaying

PEOPLE = 200
DECISIONS = 100_000 if EXHAUSTIVE else 30_000
NAMED = DECISIONS * 6 // 10  # of them at least, or the lines are so bad that nothing is tried
SEEDS = (1, 2, 3, 4)  # of the lines
AT_ONCE = 15
TIMEOUT_S = 0.08
CHANCE = 0.15
MISCHIEF = 25 if EXHAUSTIVE else 6  # of each kind on each line, at least
FEW, ROUNDS = 20, 25
OPEN = compile_policy(
    {"open.yaml": f"apps: {{wiki: {{hosts: {HOST}, allow: authenticated, limits: none}}}}"}, Site("auth.example.org")
)


def question(token: Token) -> dict[str, str]:
    return {
        "host": HOST,
        "x-request-id": "7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11",
        "x-forwarded-method": "GET",
        "x-forwarded-uri": "/x",
        "x-forwarded-host": HOST,
        "x-forwarded-proto": "https",
        "x-forwarded-for": "198.51.100.7",
        "cookie": f"__Host-bastion={token.text}",
    }


async def ask(there: Deciding, token: Token) -> Answer:
    request = read_request((name.encode(), value.encode()) for name, value in question(token).items())
    return await answer_of(lambda waiter: there.decisions.start(request, waiter))


def told(answer: Answer) -> str:
    return headers_of(answer).get("Remote-User", "")


@dataclass
class Observer:
    """Who was called by which name. named: answers that told the right one."""

    named: int = 0
    crossed: list[tuple[str, str]] = field(default_factory=list)

    def note(self, name: str, told: str) -> None:
        self.named += told == name
        if told not in (name, ""):
            self.crossed.append((name, told))


Asker: TypeAlias = Callable[[Deciding, Token], Awaitable[str]]


@asynccontextmanager
async def node(pool: Pool, redis_url: str, now: int, timeout_s: float = 10) -> AsyncIterator[Deciding]:
    async with deciding(pool, redis_url, now, timeout_s) as there:
        there.decisions.enforce(OPEN)
        yield there


async def crowd(there: Deciding, count: int = PEOPLE) -> dict[str, Token]:
    """People by name, each signed in."""
    people = {}
    for number in range(1, count + 1):
        await there.add_person(UUID(int=number), f"p{number}")
        people[f"p{number}"] = await there.log_in(UUID(int=number))
    return people


@dataclass(frozen=True, slots=True)
class BadNode:
    """free: so many people are answered at a time, so that a bad reply doesn't fail everybody's."""

    there: Deciding
    line: BadLine
    observer: Observer
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def decide(self, name: str, token: Token) -> None:
        for _ in range(DECISIONS // len(SEEDS) // PEOPLE):
            async with self.free:
                answer = await ask(self.there, token)
                self.observer.note(name, told(answer))
                if answer.status == 503:
                    await asyncio.sleep(0.03)


@asynccontextmanager
async def bad_nodes(pool: Pool, redis: Redis, server: EmbeddedValkey, directory: Path) -> AsyncIterator[list[BadNode]]:
    """Each with a line of its own, which is whole yet."""
    now = int((await redis.time())[0])
    async with AsyncExitStack() as stack:
        nodes = []
        for seed in SEEDS:
            line, path = BadLine(random.Random(seed), late_s=2 * TIMEOUT_S), directory / f"bad{seed}.sock"
            await stack.enter_async_context(relaying(path, server.socket, line.judge))
            stack.callback(path.unlink)
            there = await stack.enter_async_context(node(pool, f"unix://{path}", now, TIMEOUT_S))
            nodes.append(BadNode(there, line, Observer()))
        yield nodes


async def test_nobody_is_called_by_anothers_name_over_lines_that_mix_replies_up(
    pool: Pool, redis: Redis, primary: EmbeddedValkey, short_directory: Path
) -> None:
    """DECISIONS about 200 people, by four nodes."""
    async with bad_nodes(pool, redis, primary, short_directory) as nodes:
        people = await crowd(nodes[0].there)
        for one in nodes:
            one.line.chance = CHANCE
        await asyncio.gather(*(one.decide(name, token) for one in nodes for name, token in people.items()))
        for one in nodes:
            one.line.chance = 0
        await asyncio.sleep(2 * TIMEOUT_S)
        healed = [[await _until_told(one.there, token) for token in list(people.values())[:20]] for one in nodes]

    assert [one.observer.crossed for one in nodes] == [[]] * len(nodes)
    assert min(one.line.did[mischief] for one in nodes for mischief in Mischief) >= MISCHIEF
    assert sum(one.observer.named for one in nodes) >= NAMED
    assert healed == [list(people)[:20]] * len(nodes)


async def _until_told(there: Deciding, token: Token) -> str:
    """Who the person is told to be, when the line is whole again."""
    async with asyncio.timeout(5):
        while (answer := await ask(there, token)).status != 200:
            await asyncio.sleep(0.05)
    return told(answer)


async def on_a_host(there: Deciding, token: Token) -> str:
    """Who the app is told, "" nobody."""
    return told(await ask(there, token))


async def on_the_auth_host(there: Deciding, token: Token) -> str:
    """Who sees their own account, "" nobody."""
    try:
        live = await there.decisions.authenticate(token.text, HOST)
    except StoreUnavailable:
        return ""
    return "" if live is None else live.person.username


@dataclass(frozen=True, slots=True)
class Forged:
    """A node over a line that forges. ask: where it is asked who somebody is."""

    there: Deciding
    line: ForgingLine
    ask: Asker

    async def observe(self) -> Observer:
        """All are asked about at once and in rounds, so that replies to many come together."""
        observer, people = Observer(), await crowd(self.there, FEW)
        await self._all_told(people)
        self.line.on = True
        for _ in range(ROUNDS):
            names = await asyncio.gather(*(self.ask(self.there, token) for token in people.values()))
            for name, told_name in zip(people, names, strict=True):
                observer.note(name, told_name)
            if not any(names):
                await asyncio.sleep(0.03)
        self.line.on = False
        await self._all_told(people)
        return observer

    async def _all_told(self, people: dict[str, Token]) -> None:
        assert [await _until_told(self.there, token) for token in people.values()] == list(people)


@pytest.fixture(params=[on_a_host, on_the_auth_host], ids=["host", "auth host"])
async def forged(
    request: pytest.FixtureRequest, pool: Pool, redis: Redis, line: Relay, redis_url: str
) -> AsyncIterator[Forged]:
    forging = ForgingLine(set(Mark))
    line.judge = forging.judge
    async with node(pool, redis_url, int((await redis.time())[0])) as there:
        yield Forged(there, forging, request.param)


@pytest.mark.parametrize("left", Mark)
async def test_each_mark_of_a_reply_keeps_names_apart_where_the_others_are_forged(forged: Forged, left: Mark) -> None:
    forged.line.forged = set(Mark) - {left}

    observer = await forged.observe()

    assert observer.crossed == []
    assert forged.line.crossed >= FEW * ROUNDS // 4


async def test_who_has_the_keys_and_forges_every_mark_is_seen_to_call_people_by_anothers_name(forged: Forged) -> None:
    """So the observer of these tests would see it."""
    observer = await forged.observe()

    assert len(observer.crossed) == forged.line.crossed >= FEW * ROUNDS // 4


async def test_nobody_is_called_by_anothers_name_when_askers_go_away_at_any_moment(
    pool: Pool, redis: Redis, redis_url: str, short_directory: Path
) -> None:
    """The handler of `verify_path` is cancelled in its midst, over and over, while others are answered."""
    now, rng = int((await redis.time())[0]), random.Random(7)
    path, observer, gone = short_directory / "verify.sock", Observer(), 0
    async with node(pool, redis_url, now) as there, _verifying(there, path):
        people = await crowd(there)

        async def person(name: str, token: Token) -> None:
            nonlocal gone
            for _ in range(20):
                reader, writer = await asyncio.open_unix_connection(path)
                head = "".join(f"{key}: {value}\r\n" for key, value in question(token).items())
                writer.write(f"GET /verify HTTP/1.1\r\n{head}\r\n".encode())
                if rng.random() < 0.5:
                    for _ in range(rng.randrange(12)):
                        await asyncio.sleep(0)
                    writer.transport.abort()
                    with suppress(OSError):
                        await writer.wait_closed()
                    gone += 1
                    continue
                with suppress(asyncio.IncompleteReadError):
                    answer = (await reader.readuntil(b"\r\n\r\n")).decode()
                    user = next((one[13:] for one in answer.split("\r\n") if one.startswith("Remote-User: ")), "")
                    observer.note(name, user)
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

        await asyncio.gather(*(person(name, token) for name, token in people.items()))

    assert observer.crossed == []
    assert gone > 1_000
    assert observer.named > 1_000


@asynccontextmanager
async def _verifying(there: Deciding, path: Path) -> AsyncIterator[None]:
    app = web.Application()
    app.add_routes(handler.routes("/verify", there.decisions, OwnSite("https://auth.example.org", KEYS.csrf)))
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.UnixSite(runner, str(path), backlog=2 * PEOPLE).start()
    yield
    await runner.cleanup()
