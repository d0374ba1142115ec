"""The ground, once for each test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.embedded import Binaries, Children, EmbeddedPostgres, EmbeddedValkey
from tests.conftest import run_apart
from tests.databases import create, urls_of
from tests.hostile.ground import Ground
from tests.hostile.policy import BACKENDS
from tests.tools import lacks


@pytest.fixture(scope="session")
def ground(
    postgres_server: EmbeddedPostgres,
    redis_server: EmbeddedValkey,
    short_directory: Path,
    children: Children,
    binaries: Binaries,
) -> Iterator[Ground]:
    run_apart(create(postgres_server, "hostile"))
    directory = short_directory / "hostile"
    database_url, owner_url = urls_of(postgres_server, "hostile").values()
    started = Ground(directory, children, binaries, database_url, owner_url, redis_server.url)
    started.start()
    yield started
    started.close()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, ground: Ground) -> str:
    name = str(request.param)
    if name in ground.missing:
        lacks(f"the app of {name}", ground.missing[name])
    return name
