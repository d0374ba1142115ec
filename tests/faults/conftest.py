"""The flows of people on stores that a test may stop, restore and replace: Redis is reached by way of a relay."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from gateway.embedded import Binaries, Children, EmbeddedPostgres, EmbeddedValkey, free_port
from tests.attacks.conftest import house
from tests.conftest import add_routes, run_apart
from tests.databases import copy_template, forgive
from tests.faults.relay import Cut, Elsewhere, Passing, Relay, relaying
from tests.staging import Demo, Stage

__all__ = ["house"]

TIGHT = ("principal", "ip", "everyone")  # routes of a relayed demo with two requests an hour


def _valkey(directory: Path, children: Children, binaries: Binaries) -> Iterator[EmbeddedValkey]:
    directory.mkdir(mode=0o711)
    server = EmbeddedValkey(directory, children, binaries, port=free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def primary(short_directory: Path, children: Children, binaries: Binaries) -> Iterator[EmbeddedValkey]:
    """The Redis that the relay leads to at the start of each test."""
    yield from _valkey(short_directory / "one", children, binaries)


@pytest.fixture(scope="session")
def other(short_directory: Path, children: Children, binaries: Binaries) -> Iterator[EmbeddedValkey]:
    """A second Redis, for those who need a replica."""
    yield from _valkey(short_directory / "two", children, binaries)


@pytest.fixture
async def line(short_directory: Path, primary: EmbeddedValkey) -> AsyncIterator[Relay]:
    """Between the gateway and Redis."""
    async with relaying(short_directory / "line.sock", primary.socket) as relay:
        yield relay
    (short_directory / "line.sock").unlink(missing_ok=True)


@pytest.fixture
def redis_url(line: Relay) -> str:
    return f"unix://{line.path}"


@pytest.fixture
async def redis(primary: EmbeddedValkey) -> AsyncIterator[Redis]:
    """The primary itself, empty, without the relay."""
    async with Redis.from_url(primary.url, socket_timeout=5) as client:
        await client.replicaof("NO", "ONE")
        await client.flushall()
        await client.function_flush()
        yield client


@dataclass(slots=True)
class Reaper:
    """Kills the process whose message is the one after so many others; that message is lost with it.

    after: None lets all pass. killed: the process, 0 as long as none was. only: messages of other processes don't
    count; None: those of all do.
    """

    after: int | None = None
    killed: int = 0
    only: int | None = None

    async def judge(self, passing: Passing) -> bytes:
        if self.only not in (None, passing.pid):
            return passing.words
        if self.after == 0 and not self.killed:
            self.killed = passing.pid
            os.kill(passing.pid, signal.SIGKILL)
            raise Cut
        if self.after is not None:
            self.after -= 1
        return passing.words


@dataclass(frozen=True, slots=True)
class Relayed:
    """A demo whose workers reach Postgres and Redis, and whose Caddy reaches the workers, by way of relays."""

    stage: Stage
    reaper: Reaper
    decisions: Relay
    to_redis: Relay


@pytest.fixture
def relayed(running_relayed: Relayed) -> Relayed:
    """Wrong passwords are forgotten, and everybody's next login may change things."""
    run_apart(forgive(running_relayed.stage.postgres, "relayed"))
    return running_relayed


@pytest.fixture(scope="session")
def running_relayed(
    short_directory: Path, postgres_server: EmbeddedPostgres, database_template: str, primary: EmbeddedValkey
) -> Iterator[Relayed]:
    directory = short_directory / "relayed"
    directory.mkdir(mode=0o711)
    assert database_template
    asyncio.run(copy_template(postgres_server, "relayed"))
    reaper, elsewhere = Reaper(), Elsewhere()
    decisions = Relay(directory / "decision.sock", directory / "workers.sock")
    to_postgres = Relay(directory / ".s.PGSQL.5432", postgres_server.home / ".s.PGSQL.5432", reaper.judge)
    to_redis = Relay(directory / "redis.sock", primary.socket, reaper.judge)
    relays = (decisions, to_postgres, to_redis)
    for relay in relays:
        elsewhere.do(relay.start())
    environment = {
        "BASTION_DATABASE_URL": f"postgresql://bastion@/relayed?host={quote(str(directory), safe='')}",
        "BASTION_REDIS_URL": f"unix://{to_redis.path}",
        "BASTION_SERVER_DECISION_LISTEN": f"unix:{decisions.target}",
    }
    demo = Demo(directory, free_port(), {**os.environ, **environment})
    add_routes(directory, *(f"{per}: {{paths: /tight/{per}/**, limits: {{rate: 2/h, per: {per}}}}}" for per in TIGHT))
    yield Relayed(Stage(demo, demo.start(), postgres_server, primary), reaper, decisions, to_redis)
    demo.end()
    for relay in relays:
        elsewhere.do(relay.close())
    elsewhere.close()
