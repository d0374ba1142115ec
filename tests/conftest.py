"""Real servers, one set for each test process, and a clock and random bytes that the test holds."""

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import settings
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

import gateway.demo
from gateway.embedded import Binaries, Children, EmbeddedPostgres, EmbeddedValkey, free_port
from tests.clients.declared import ROUTE, declare
from tests.databases import (
    SHARED,
    TEMPLATE,
    copy_template,
    create,
    empty_shared,
    execute,
    forgive,
    make_shared,
    make_template,
    serving_url,
    superuser_url,
    urls_of,
)
from tests.exhaustive import EXAMPLES, EXHAUSTIVE
from tests.oauth_clients import ES256, PS256, jwks_text
from tests.reports import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_xdist_make_scheduler,
)
from tests.staging import Demo, Stage

__all__ = [
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_makereport",
    "pytest_xdist_make_scheduler",
]

# A slow machine is no failure. The same examples each time, so that a failure is of the change at hand.
settings.register_profile("bastion", deadline=None, max_examples=EXAMPLES, derandomize=not EXHAUSTIVE)
settings.load_profile("bastion")

KEYS_AT = "/api/keys"  # of the first host: where API keys come in
CAREFUL = "careful"  # the group whose people have to set up a second factor
OWN_AT = "/api/own"  # of the first host: where the app checks Basic itself

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


def _binaries() -> Binaries:
    def named(name: str) -> Path | None:
        return Path(os.environ[name]) if os.environ.get(name) else None

    return Binaries(named("BASTION_PG_BIN"), named("BASTION_VALKEY_BIN"), named("BASTION_CADDY_BIN"))


@dataclass(slots=True)
class Clock:
    """now_us is handed over as the product's clock; time passes only by advance()."""

    now: int = 1_790_000_000
    micros: int = 0

    def __call__(self) -> int:
        return self.now_us()

    def now_us(self) -> int:
        return self.now * 1_000_000 + self.micros

    def seconds(self) -> int:
        return self.now

    def advance(self, seconds: int) -> None:
        self.now += seconds


@dataclass(slots=True)
class RandomBytes:
    """Reproducible and never twice the same."""

    source: random.Random = field(default_factory=lambda: random.Random(7))

    def __call__(self, size: int) -> bytes:
        return self.source.randbytes(size)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def random_bytes() -> RandomBytes:
    return RandomBytes()


@pytest.fixture(scope="session")
def short_directory() -> Iterator[Path]:
    """A directory whose path is short enough for unix sockets; pytest's tmp_path may not be."""
    _sweep()
    directory = Path(tempfile.mkdtemp(prefix=f"bastion-test-{os.getpid()}-", dir="/tmp"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    children = Children()
    yield children
    children.close()


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    return _binaries()


@pytest.fixture(scope="session")
def postgres_server(short_directory: Path, children: Children, binaries: Binaries) -> Iterator[EmbeddedPostgres]:
    # Several stages with nodes of several workers, each with pools of its own, live at once on this one server.
    server = EmbeddedPostgres(short_directory, children, binaries, durable=False, settings={"max_connections": "400"})
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(short_directory: Path, children: Children, binaries: Binaries) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(short_directory, children, binaries)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_url(redis_server: EmbeddedValkey) -> str:
    return redis_server.url


@pytest.fixture(scope="session")
def redis_socket(redis_server: EmbeddedValkey) -> Path:
    return redis_server.socket


@pytest.fixture
async def redis(redis_server: EmbeddedValkey) -> AsyncIterator[Redis]:
    """Empty of keys and of functions."""
    client = Redis.from_url(redis_server.url, retry=Retry(NoBackoff(), 0), socket_timeout=5)
    await client.flushall()
    await client.function_flush()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def database_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database with all migrations, to be copied."""
    run_apart(make_template(postgres_server))
    return TEMPLATE


@pytest.fixture(scope="session")
def shared_database(postgres_server: EmbeddedPostgres, database_template: str) -> str:
    assert database_template
    run_apart(make_shared(postgres_server))
    return serving_url(postgres_server, SHARED)


@pytest.fixture
async def database_url(postgres_server: EmbeddedPostgres, shared_database: str) -> str:
    """Migrated and empty, with nobody connected; it refuses to have its schema changed."""
    await empty_shared(postgres_server)
    return shared_database


@pytest.fixture
async def own_database_url(postgres_server: EmbeddedPostgres, database_template: str) -> AsyncIterator[str]:
    """A migrated database that no other test has seen."""
    assert database_template
    name = f"test_{uuid4().hex}"
    await copy_template(postgres_server, name)
    yield serving_url(postgres_server, name)
    await execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool:
        yield pool


@pytest.fixture
async def superuser(database_url: str) -> AsyncIterator[Pool]:
    """Of the same database: who tampers with what the gateway itself may not touch."""
    async with asyncpg.create_pool(superuser_url(database_url), min_size=0, max_size=2) as pool:
        yield pool


@pytest.fixture(scope="session")
def running_stage(
    postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey, short_directory: Path
) -> Iterator[Stage]:
    run_apart(create(postgres_server, "journeys"))
    urls = {**urls_of(postgres_server, "journeys"), "BASTION_REDIS_URL": redis_server.url}
    required = {"BASTION_MFA_REQUIRED_FOR": CAREFUL}
    demo = Demo(short_directory / "stage", free_port(), {**os.environ, **urls, **required})
    own = f"{{paths: {OWN_AT}/**, allow: [authenticated, {{app_token: own}}], note: the app checks it}}"
    add_unlimited_routes(demo.directory, f"own: {own}")
    add_apps(demo.directory, demo.port)
    declare(demo.directory / "policies", demo.port)
    yield Stage(demo, demo.start(), postgres_server, redis_server)
    demo.end()


@pytest.fixture
def stage(running_stage: Stage) -> Stage:
    """As it was at the start, as far as limits are concerned: all visitors share one address."""
    with SyncRedis.from_url(running_stage.valkey.url) as client:
        client.flushall()
    run_apart(forgive(running_stage.postgres, "journeys"))
    return running_stage


def add_unlimited_routes(directory: Path, *more: str) -> None:
    """For races: the demo's own routes would answer 429 after the first hundreds. Others take tokens, API keys."""
    add_routes(
        directory,
        "race: {paths: /race/**, limits: none}",
        "open: {paths: /open/**, allow: anyone, limits: none}",
        "proved: {paths: /api/proved/**, credentials: [session, dpop], allow: {scopes: notes.read}}",
        f"keys: {{paths: {KEYS_AT}/**, credentials: [session, api_key, {{api_key: basic}}], allow: {{scopes: files}}}}",
        ROUTE,
        *more,
    )


def add_apps(directory: Path, port: int) -> None:
    """`cli`, which people come back to on their own device, `page`, whose tokens are bound to keys, and `bank`."""
    app = f"https://app.localhost:{port}"
    clients = f"""
define:
  scopes: {{files: Read and write your files}}
  key_scopes: {{files: authenticated}}
  app_tokens: {{own: {{header: Authorization, starts: "Basic "}}}}
clients:
  cli:
    name: Command line
    type: native
    redirect_uris: ["http://127.0.0.1/cb", "com.example.cli:/cb"]
    scopes: openid
  page:
    name: Page
    type: spa
    redirect_uris: {app}/public/callback
    scopes: [openid, notes.read]
    resources: {app}
    require: {{dpop: true}}
  bank:
    name: Payments
    type: web
    profile: fapi2
    redirect_uris: {app}/public/callback
    jwks: {jwks_text(ES256, PS256)}
    scopes: [openid, notes.read]
    resources: {app}
"""
    (directory / "policies" / "clients.yaml").write_text(clients)


def add_routes(directory: Path, *routes: str) -> None:
    """To the first host of a demo that has not started yet."""
    (directory / "policies").mkdir(parents=True)
    demo = Path(gateway.demo.__file__).with_name("policy.yaml").read_text()
    assert demo.count("    routes:\n") == 1
    more = "".join(f"      {route}\n" for route in routes)
    (directory / "policies" / "demo.yaml").write_text(demo.replace("    routes:\n", f"    routes:\n{more}"))


def run_apart(work: Coroutine[Any, Any, None]) -> None:
    """In a thread, because the browser's fixture has a running loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def _sweep() -> None:
    """What test processes left behind that were killed."""
    for left in Path("/tmp").glob("bastion-test-*-*"):
        pid = left.name.split("-")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc").exists():
            shutil.rmtree(left, ignore_errors=True)
