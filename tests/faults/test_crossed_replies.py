"""A bad line to Redis gives nobody another person's name, whatever it does to replies (threats.md R5)."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp import web
from redis.asyncio import Redis

from gateway.core.forward.answer import Answer
from gateway.core.forward.request import read_request
from gateway.core.policy.compile import compile_policy
from gateway.core.policy.site import Site
from gateway.core.session.tokens import Token
from gateway.web.forms import Site as OwnSite
from gateway.web.forward_auth import handler
from tests.conftest import Pool
from tests.core.forward.setting import KEYS, headers_of
from tests.deciding import HOST, Deciding, deciding
from tests.faults.relay import Passing, Relay

PEOPLE = 200
DECISIONS = 25_000  # of each seed: 100,000 in all
SEEDS = (1, 2, 3, 4)
OPEN = compile_policy(
    {"open.yaml": f"apps: {{wiki: {{hosts: {HOST}, allow: authenticated, limits: none}}}}"}, Site("auth.example.org")
)


def whole_replies(words: bytes) -> tuple[list[bytes], bytes]:
    """The replies that are there as a whole, and the beginning of the next. Only strings and errors pass here."""
    found, at = [], 0
    while (end := words.find(b"\r\n", at)) >= 0:
        end += 2
        if words[at : at + 1] == b"$":
            end += int(words[at + 1 : end - 2]) + 2
            if end > len(words):
                break
        found.append(words[at:end])
        at = end
    return found, words[at:]


@dataclass
class BadLine:
    """Delays, drops, doubles and swaps replies. wrong: how many times it did."""

    rng: random.Random
    chance: float = 0
    wrong: int = 0
    left: dict[int, bytes] = field(default_factory=dict)

    async def judge(self, passing: Passing) -> bytes:
        if not passing.answer:
            return passing.words
        replies, rest = whole_replies(self.left.pop(passing.pid, b"") + passing.words)
        if rest:
            self.left[passing.pid] = rest
        if self.rng.random() < self.chance:
            self.wrong += 1
            await self._spoil(replies)
        return b"".join(replies)

    async def _spoil(self, replies: list[bytes]) -> None:
        if not replies:
            return
        at = self.rng.randrange(len(replies))
        match self.rng.randrange(4):
            case 0:
                del replies[at]
            case 1:
                replies.insert(at, replies[at])
            case 2:
                replies[0], replies[at] = replies[at], replies[0]
            case _:
                await asyncio.sleep(self.rng.choice((0.005, 0.15)))


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
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    request = read_request((name.encode(), value.encode()) for name, value in question(token).items())
    there.decisions.start(request, answered.set_result)
    return await answered


@asynccontextmanager
async def crowd(
    pool: Pool, redis_url: str, now: int, timeout_s: float = 10
) -> AsyncIterator[tuple[Deciding, dict[str, Token]]]:
    """People by name, each signed in."""
    async with deciding(pool, redis_url, now, timeout_s) as there:
        there.decisions.enforce(OPEN)
        people = {}
        for number in range(1, PEOPLE + 1):
            await there.add_person(UUID(int=number), f"p{number}")
            people[f"p{number}"] = await there.log_in(UUID(int=number))
        yield there, people


@pytest.mark.parametrize("seed", SEEDS)
async def test_nobody_is_called_by_anothers_name_over_a_line_that_mixes_replies_up(
    pool: Pool, redis: Redis, line: Relay, redis_url: str, seed: int
) -> None:
    now, bad = int((await redis.time())[0]), BadLine(random.Random(seed))
    line.judge = bad.judge
    names, crossed = 0, list[tuple[str, str]]()
    async with crowd(pool, redis_url, now, timeout_s=0.1) as (there, people):

        async def person(name: str, token: Token) -> None:
            nonlocal names
            for _ in range(DECISIONS // PEOPLE):
                answer = await ask(there, token)
                told = headers_of(answer).get("Remote-User", "")
                names += told == name
                if told not in (name, ""):
                    crossed.append((name, told))
                if answer.status == 503:
                    await asyncio.sleep(0.01)

        bad.chance = 0.15
        await asyncio.gather(*(person(name, token) for name, token in people.items()))
        bad.chance = 0
        await asyncio.sleep(0.2)
        healed = [await _until_told(there, token) for token in list(people.values())[:20]]

    assert crossed == []
    assert bad.wrong >= 20
    assert names > 1_000, "many are answered all the same"
    assert healed == list(people)[:20]


async def _until_told(there: Deciding, token: Token) -> str:
    """Who the person is told to be, when the line is whole again."""
    async with asyncio.timeout(5):
        while (answer := await ask(there, token)).status != 200:
            await asyncio.sleep(0.05)
    return headers_of(answer)["Remote-User"]


async def test_nobody_is_called_by_anothers_name_when_askers_go_away_at_any_moment(
    pool: Pool, redis: Redis, redis_url: str, short_directory: Path
) -> None:
    """The handler of `verify_path` is cancelled in its midst, over and over, while others are answered."""
    now, rng = int((await redis.time())[0]), random.Random(7)
    path, crossed, gone, told_right = short_directory / "verify.sock", list[str](), 0, 0
    async with crowd(pool, redis_url, now) as (there, people), _verifying(there, path):

        async def person(name: str, token: Token) -> None:
            nonlocal gone, told_right
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
                    told = next((one[13:] for one in answer.split("\r\n") if one.startswith("Remote-User: ")), "")
                    told_right += told == name
                    if told not in (name, ""):
                        crossed.append(f"{name} was called {told}")
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

        await asyncio.gather(*(person(name, token) for name, token in people.items()))

    assert crossed == []
    assert gone > 1_000
    assert told_right > 1_000


@asynccontextmanager
async def _verifying(there: Deciding, path: Path) -> AsyncIterator[None]:
    app = web.Application()
    app.add_routes(handler.routes("/verify", there.decisions, OwnSite("https://auth.example.org", KEYS.csrf)))
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.UnixSite(runner, str(path), backlog=2 * PEOPLE).start()
    yield
    await runner.cleanup()
