"""Opens what a worker stands on, in order, and closes it in the opposite order; reads the clock and random bytes."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import structlog

from gateway.config import Config
from gateway.core.password.breached import BreachVerdict
from gateway.core.policy.networks import NetworkSet
from gateway.core.privacy.sealing import MasterKeys, master_id
from gateway.core.ratelimit.slots import BucketNames
from gateway.flows.act import Acts
from gateway.flows.mail.notices import Notices
from gateway.flows.people.breaches import Breaches
from gateway.flows.people.passwords import Passwords
from gateway.flows.people.risk import Risk, RiskRules
from gateway.outbound.ranges import Ranges
from gateway.stores.files.breach_index import BreachIndex
from gateway.stores.files.geoip import GeoIp
from gateway.stores.files.network_lists import NetworkLists
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.master_keys import master_name
from gateway.stores.postgres.vault import Vault
from gateway.stores.redis.cluster import Cluster
from gateway.stores.redis.decisions import FunctionCalls, Functions
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from gateway.stores.redis.revocations import Revocations

_PASSWORD_THREADS: Final = 2
_FIRST_CONNECTION_S: Final = 2.0
CONSOLE_CONNECTIONS: Final = 2  # of each worker
_CONSOLE_STATEMENT_S: Final = 3
_CONSOLE_IDLE_S: Final = 30.0
_LOG: Final = structlog.stdlib.get_logger("gateway.resources")


def clock_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def clock() -> int:
    """Seconds since 1970, UTC."""
    return time.time_ns() // 1_000_000_000


def random_bytes(size: int) -> bytes:
    """From the operating system."""
    return os.urandom(size)


def key_marks(config: Config) -> dict[str, bytes]:
    """Keys by the names under which the database knows them (threats.md D2).

    A master key's name is its own digest, because master keys come and go; the others stay.
    """
    secrets = config.secrets
    assert secrets.root_key is not None
    assert secrets.index_key is not None
    marks = {"root": secrets.root_key, "index": secrets.index_key}
    marks |= {f"pepper {name}": pepper for name, pepper in secrets.peppers.items()}
    marks |= {master_name(master_id(key)): key for key in secrets.master_keys}
    return marks


class Background:
    """Everything that runs beside the requests; an error in it ends the worker."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._group.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def end(self) -> None:
        """What goes on for ever is cancelled; the group waits until it is over."""
        for task in self._running:
            task.cancel()


@dataclass(frozen=True, slots=True)
class Resources:
    """Built once for a process. console: as acts, on a few connections of its own, so that whoever searches in the
    console, or a script that uses its API in a loop, takes none from logins (ui.md U12).
    """

    pool: "asyncpg.Pool[asyncpg.Record]"
    functions: Functions
    acts: Acts
    console: Acts
    passwords: Passwords
    background: Background


@asynccontextmanager
async def open_resources(config: Config) -> AsyncIterator[Resources]:
    """Also while Postgres or Redis is away: what needs them fails until they are back."""
    passwords = Passwords(config.secrets.peppers, _PASSWORD_THREADS)
    functions = _functions(config)
    async with AsyncExitStack() as stack:
        stack.callback(passwords.close)
        url = config.database.url
        pool = await stack.enter_async_context(make_pool(url, config.database.pool_size))
        console_pool = await stack.enter_async_context(_console_pool(url))
        background = Background(await stack.enter_async_context(asyncio.TaskGroup()))
        stack.callback(background.end)
        background.spawn(functions.run())
        with suppress(TimeoutError):
            await asyncio.wait_for(functions.ready(), _FIRST_CONNECTION_S)
        acts = Acts(pool, make_vault(config), Revocations(functions), clock)
        console = Acts(console_pool, acts.vault, acts.revocations, clock)
        yield Resources(pool, functions, acts, console, passwords, background)


def _console_pool(url: str) -> "asyncpg.Pool[asyncpg.Record]":
    return make_pool(
        url,
        CONSOLE_CONNECTIONS,
        statement_s=_CONSOLE_STATEMENT_S,
        idle_s=_CONSOLE_IDLE_S,
        name="bastion console",
    )


def _functions(config: Config) -> Functions:
    redis = config.redis
    if redis.cluster:
        return Cluster(redis.url, redis.seeds, redis.timeout_ms / 1000, library())
    return FunctionCalls(Pipeline(redis.url, redis.timeout_ms / 1000), library())


def breaches_of(config: Config, count: Callable[[BreachVerdict], None]) -> Breaches:
    """As configured. count: hears of each verdict."""
    breach = config.breach
    return Breaches(_corpus(config), count, breach.at_change, breach.when_unreachable)


def _corpus(config: Config) -> Callable[[bytes], Awaitable[bool]] | None:
    breach = config.breach
    if breach.source == "api":
        return Ranges(breach.api, NetworkSet.of(breach.allow_networks), time.monotonic).has
    if breach.source != "index":
        return None
    index = BreachIndex(config.breach_index)
    return lambda digest: asyncio.to_thread(index.has, digest)


def notices_of(config: Config) -> Notices:
    return Notices(config.mail.is_on, config.links.lifetimes_s, random_bytes)


def make_vault(config: Config) -> Vault:
    assert config.secrets.index_key is not None
    return Vault(MasterKeys(config.secrets.master_keys), config.keys().blind_index, random_bytes)


def make_risk(config: Config, acts: Acts, observe: Callable[[int], None] = lambda _points: None) -> Risk:
    """Files that can't be used are left out, and the log hears why. observe: as Risk has it."""

    def complain(why: str) -> None:
        _LOG.warning("a file of the risk score is left out", why=why)

    section = config.risk
    rules = RiskRules(
        weights=section.weighed(),
        remember_s=section.remember_s,
        known=NetworkSet.of(section.known_networks),
        shared=NetworkSet.of(section.shared_networks),
        uncounted=NetworkSet.of((*section.known_networks, *config.named_networks())),
    )
    geoip, anonymising = GeoIp(section.geoip, complain), NetworkLists(section.anonymising_networks, complain)
    return Risk(acts, rules, geoip, anonymising, BucketNames(config.keys().bucket), observe)
