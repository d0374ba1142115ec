"""One cluster for all tests that leave it whole, and one of its own for each that breaks it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from gateway.embedded import Binaries, Children
from gateway.stores.redis.cluster import Cluster
from gateway.stores.redis.decisions import Functions
from tests.attacks.conftest import House, open_house
from tests.cluster.servers import Servers
from tests.conftest import Pool

F = TypeVar("F", bound=Functions)


@pytest.fixture(scope="session")
def started(short_directory: Path, children: Children, binaries: Binaries) -> Iterator[Servers]:
    servers = Servers(short_directory / "cluster", children, binaries)
    servers.start()
    yield servers
    servers.stop()


@pytest.fixture
def servers(started: Servers) -> Servers:
    """Empty of keys and of functions."""
    for node in started.nodes:
        node.do("FLUSHALL")
        node.do("FUNCTION", "FLUSH")
        node.do("CONFIG", "RESETSTAT")
    return started


@pytest.fixture
def breakable(
    tmp_path_factory: pytest.TempPathFactory, short_directory: Path, children: Children, binaries: Binaries
) -> Iterator[Servers]:
    directory = short_directory / tmp_path_factory.mktemp("own").name
    servers = Servers(directory, children, binaries)
    servers.start()
    yield servers
    servers.stop()


@asynccontextmanager
async def running(functions: F) -> AsyncIterator[F]:
    task = asyncio.create_task(functions.run())
    await functions.ready()
    yield functions
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def cluster(servers: Servers) -> AsyncIterator[Cluster]:
    async with running(servers.connect()) as cluster:
        yield cluster


@pytest.fixture
async def house(pool: Pool, servers: Servers, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(pool, servers.connect, tmp_path) as house:
        yield house
