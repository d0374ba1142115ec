"""What production refuses in a Redis or a Postgres that runs, and that the documented settings are enough."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import yaml
from redis.asyncio import Redis

from gateway.embedded import Account, Binaries, Children, EmbeddedPostgres, EmbeddedValkey
from gateway.flows.operate.safeguards import Safeguards, UnsafeServer
from gateway.flows.people.handoff import Go
from gateway.flows.people.logout import Ending
from gateway.outbound.probe import NoAnswer, probe
from gateway.stores.postgres.database import make_pool
from gateway.stores.postgres.replication import has_several_hosts, loses_commits
from gateway.stores.postgres.roles import Roles, set_up
from gateway.stores.redis.access import NEEDED, NEEDED_IN_CLUSTER, excesses, risks
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.pipeline import Pipeline
from tests.acl import rules
from tests.attacks.conftest import House, session_of
from tests.config.test_load import GOOD
from tests.conftest import Pool, run_apart
from tests.databases import superuser_url
from tests.faults.relay import Relay
from tests.processes import serve
from tests.running import running

INSTALL = Path(__file__).resolve().parents[2] / "docs" / "install.md"


@pytest.fixture
async def limited(primary: EmbeddedValkey, redis: Redis) -> AsyncIterator[str]:
    """The URL of the user that the installation guide makes."""
    line = re.search(r"^user (bastion on .*)$", INSTALL.read_text(), re.MULTILINE)
    assert line is not None
    await rules(redis, "SETUSER", *line[1].split())
    yield f"unix://bastion:CHANGE-THIS@{primary.socket}"
    await rules(redis, "DELUSER", "bastion")


@pytest.fixture
def redis_url(limited: str) -> str:
    """All of this module's flows act as that user."""
    return limited


def test_the_guide_and_the_refusal_name_the_same_rules() -> None:
    more = NEEDED_IN_CLUSTER.removeprefix(NEEDED).strip()

    assert f"user bastion on >CHANGE-THIS {NEEDED}\n" in INSTALL.read_text()
    assert f"rules: `{more}`" in INSTALL.read_text()


async def test_the_documented_user_may_do_all_that_bastion_does(house: House) -> None:
    """The library is loaded by it, too: Redis is empty of functions at the start."""
    await house.add("eve")
    token = await house.sign_in("eve")
    live = await house.live(token)
    assert live is not None
    journey = house.journey()
    go = await house.handoff.pass_on(live, journey, None, "")
    assert isinstance(go, Go)
    session = session_of(await house.come_back(go.code, journey))

    inside = (await house.ask("/door/x", f"__Host-bastion={session}")).status
    stranger = (await house.ask("/x", "")).status
    await house.admin.set_groups("eve", ("guests",))
    without_group = (await house.ask("/x", f"__Host-bastion={session}")).status
    await house.revocations.deny_until(token.tag, token.login, house.there.now + 600)
    denied = await house.lives(token)
    assert await house.logout.end(Ending(token.tag, token.login, ""))

    assert (inside, stranger, without_group, denied) == (200, 302, 403, False)
    assert house.there.lost == []


async def test_the_documented_user_may_do_nothing_else(limited: str) -> None:
    async with running(Pipeline(limited, 1)) as pipeline:
        assert await excesses(pipeline) == ()


WIDER = {
    "~*": {"reading keys", "writing keys"},
    "%R~*": {"reading keys"},
    "%W~*": {"writing keys"},
    "+scan": {"listing keys"},
    "+config|get": {"the server's settings"},
    "+eval": {"scripts"},
    "+function|list": {"reading and replacing functions"},
    "+publish &*": {"messages"},
    "+client|list": {"other connections"},
    "+cluster|countkeysinslot": {"the cluster's slots"},
}


@pytest.mark.parametrize(("rule", "named"), WIDER.items(), ids=WIDER)
async def test_each_rule_that_is_too_wide_is_named(limited: str, redis: Redis, rule: str, named: set[str]) -> None:
    await rules(redis, "SETUSER", "bastion", *rule.split())

    async with running(Pipeline(limited, 1)) as pipeline:
        found = await excesses(pipeline)

    assert len(found) == len(named)
    assert all(any(one.startswith(name) for name in named) for one in found)


def safeguards(
    pool: Pool, pipeline: Pipeline, told: list[str], *, enforced: bool, standbys: bool = False, role: bool = True
) -> Safeguards:
    """told: what is advised against, and what could not be looked at."""
    functions = FunctionCalls(pipeline, library())
    return Safeguards(pool, functions, "bastion", False, enforced, standbys, role, told.append, told.append)


async def test_production_refuses_the_default_user_and_names_the_right_one(
    pool: Pool, primary: EmbeddedValkey, redis: Redis
) -> None:
    assert await redis.ping()
    async with running(Pipeline(primary.url, 1)) as pipeline:
        with pytest.raises(UnsafeServer, match=re.escape(f"ACL SETUSER bastion {NEEDED}")):
            await safeguards(pool, pipeline, [], enforced=True).judge()


async def test_dev_only_says_so(pool: Pool, primary: EmbeddedValkey, redis: Redis) -> None:
    assert await redis.ping()
    told: list[str] = []
    async with running(Pipeline(primary.url, 1)) as pipeline:
        await safeguards(pool, pipeline, told, enforced=False).judge()

    assert len([one for one in told if "EVAL" in one]) == 1


async def test_the_documented_user_is_not_refused(pool: Pool, limited: str) -> None:
    async with running(Pipeline(limited, 1)) as pipeline:
        judging = safeguards(pool, pipeline, [], enforced=True)
        await judging.judge()

    assert judging.judged


async def test_a_redis_that_is_away_is_judged_when_it_is_back(pool: Pool, line: Relay, primary: EmbeddedValkey) -> None:
    line.target = line.path.with_name("nobody.sock")
    async with running(Pipeline(f"unix://{line.path}", 1)) as pipeline:
        judging = safeguards(pool, pipeline, [], enforced=True)
        await judging.judge()
        assert not judging.judged
        line.target = primary.socket
        async with asyncio.timeout(10):
            while not pipeline.connected:
                await asyncio.sleep(0.01)
        with pytest.raises(UnsafeServer):
            await judging.judge()


SETTINGS = {
    "appendonly": ("yes", "no", "appendonly is on"),
    "maxmemory-policy": ("allkeys-lru", "noeviction", "maxmemory-policy is allkeys-lru"),
    "save": ("60 1", "", "save is '60 1'"),
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_each_setting_that_is_advised_against_is_named(primary: EmbeddedValkey, redis: Redis, name: str) -> None:
    bad, good, said = SETTINGS[name]
    async with running(Pipeline(primary.url, 1)) as pipeline:
        await redis.config_set(name, good)
        before = await risks(pipeline)
        await redis.config_set(name, bad)
        after = await risks(pipeline)
        await redis.config_set(name, good)

    assert not [one for one in before if one.startswith(said)]
    assert [one for one in after if one.startswith(said)]


async def test_images_that_were_written_tell_a_user_who_cannot_read_the_setting(limited: str, redis: Redis) -> None:
    await redis.save()
    async with running(Pipeline(limited, 1)) as pipeline:
        assert 'it has written an image to disk: expected save ""' in await risks(pipeline)


async def test_a_user_who_cannot_read_a_setting_says_how_the_operator_looks_at_it(
    pool: Pool, limited: str, primary: EmbeddedValkey, redis: Redis
) -> None:
    told: list[str] = []
    async with running(Pipeline(limited, 1)) as pipeline:
        await safeguards(pool, pipeline, told, enforced=True).judge()
    hints = [one for one in told if "CONFIG GET save" in one]
    told.clear()
    async with running(Pipeline(primary.url, 1)) as pipeline:
        await safeguards(pool, pipeline, told, enforced=False).judge()

    assert len(hints) == 1
    assert await redis.config_get("save") != {}
    assert not [one for one in told if "CONFIG GET save" in one]


async def test_replicas_without_a_lower_limit_are_named(
    primary: EmbeddedValkey, other: EmbeddedValkey, redis: Redis
) -> None:
    async with Redis.from_url(other.url) as replica, running(Pipeline(primary.url, 1)) as pipeline:
        await replica.replicaof("127.0.0.1", str(primary.port))
        async with asyncio.timeout(20):
            while (await redis.info("replication"))["connected_slaves"] != 1:
                await asyncio.sleep(0.02)
        without = await risks(pipeline)
        await redis.config_set("min-replicas-to-write", "1")
        with_it = await risks(pipeline)
        await redis.config_set("min-replicas-to-write", "0")
        await replica.replicaof("NO", "ONE")

    assert [one for one in without if "min-replicas-to-write" in one]
    assert not [one for one in with_it if "min-replicas-to-write" in one]


@pytest.mark.parametrize(
    ("url", "several"),
    [
        ("postgresql://bastion:x@one.internal,two.internal/bastion", True),
        ("postgresql://bastion@one.internal:5432,two.internal:5433/bastion?sslmode=verify-full", True),
        ("postgresql://bastion@/bastion?host=/run/one,/run/two", True),
        ("postgresql://bastion@one.internal/bastion?host=/run/one,/run/two", False),
        ("postgresql://bastion:a%2Cb@one.internal/bastion", False),
        ("postgresql://bastion:a,b@one.internal/bastion", False),
        ("postgresql://bastion@/bastion?host=/run/postgresql", False),
    ],
)
def test_a_url_says_whether_there_may_be_a_failover(url: str, several: bool) -> None:
    assert has_several_hosts(url) == several


@pytest.fixture(scope="module")
def pair(short_directory: Path, children: Children, binaries: Binaries) -> Iterator[tuple[EmbeddedPostgres, Path]]:
    """A primary, and the copy of it that is to be its asynchronous standby."""
    directories = [short_directory / "pg1", short_directory / "pg2"]
    for directory in directories:
        directory.mkdir(mode=0o711)
    primary, standby = (EmbeddedPostgres(directory, children, binaries) for directory in directories)
    primary.start()
    run_apart(set_up(primary.url(), Roles()))
    standby.home.mkdir(mode=0o700)
    account = Account.for_servers()
    shutil.chown(standby.home, account.uid, account.gid)
    pg_bin = Path(f"/proc/{primary.pid}/exe").resolve().parent
    argv: list[str | Path] = [pg_bin / "pg_basebackup", "-h", primary.home, "-U", "postgres", "-R"]
    argv += ["-D", standby.home / "data", "-X", "stream", "-c", "fast"]
    done = children.spawn(argv, log=directories[1] / "copy.log", account=account, env={"PATH": "/usr/bin:/bin"})
    children.end(done, None)
    assert done.returncode == 0, (directories[1] / "copy.log").read_text()
    standby.start()
    yield primary, standby.home
    standby.stop()
    primary.stop()


async def test_an_asynchronous_standby_is_refused_and_a_synchronous_one_is_not(
    pair: tuple[EmbeddedPostgres, Path], limited: str
) -> None:
    primary, standby = pair
    url = f"postgresql://bastion@/postgres?host={standby},{primary.home}"
    async with make_pool(url, 2) as pool, running(Pipeline(limited, 1)) as pipeline:
        with pytest.raises(UnsafeServer, match=r"synchronous_standby_names is empty.*accept_loss"):
            await safeguards(pool, pipeline, [], enforced=True, standbys=has_several_hosts(url)).judge()
        await safeguards(pool, pipeline, [], enforced=True, standbys=False).judge()
        await _set(primary, "synchronous_standby_names", "*")
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT NOT pg_is_in_recovery()")
            while await loses_commits(connection):
                await asyncio.sleep(0.02)
        await safeguards(pool, pipeline, [], enforced=True, standbys=True).judge()
        async with pool.acquire() as connection:
            await connection.execute("SET synchronous_commit = local")
            assert await loses_commits(connection) == "synchronous_commit is local"


@pytest.mark.parametrize(("enforced", "role"), [(True, False), (False, True)], ids=["accepted", "dev"])
async def test_a_role_that_can_change_the_log_is_told_where_it_is_no_fault(
    superuser: Pool, limited: str, *, enforced: bool, role: bool
) -> None:
    told: list[str] = []
    async with running(Pipeline(limited, 1)) as pipeline:
        await safeguards(superuser, pipeline, told, enforced=enforced, role=role).judge()

    assert len([one for one in told if "its role is a superuser, so it can change the audit log" in one]) == 1


async def test_production_refuses_a_role_that_can_change_the_log(pool: Pool, superuser: Pool, limited: str) -> None:
    async with running(Pipeline(limited, 1)) as pipeline:
        with pytest.raises(UnsafeServer, match=r"is a superuser.*bastion migrate --roles.*owner_serves"):
            await safeguards(superuser, pipeline, [], enforced=True).judge()
        await safeguards(pool, pipeline, [], enforced=True).judge()


async def _set(server: EmbeddedPostgres, name: str, value: str) -> None:
    connection = await asyncpg.connect(server.url())
    await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway in production; ops: where it says whether it is ready."""

    process: "subprocess.Popen[bytes]"
    ops: str
    log: Path

    async def answers(self) -> bool:
        """False: it has ended, and says why in its log."""
        async with asyncio.timeout(30):
            while self.process.poll() is None:
                with suppress(NoAnswer):
                    return probe(self.ops, "/readyz")[0] == 200
                await asyncio.sleep(0.05)
        return False


@contextmanager
def served(
    directory: Path, database_url: str, redis: Mapping[str, object], environment: Mapping[str, str] = os.environ
) -> Iterator[Served]:
    listeners = {f"{name}_listen": f"unix:{directory}/{name}.sock" for name in ("web", "decision", "ops")}
    (directory / "policies").mkdir()
    document = {
        **GOOD,
        "server": {**listeners, "workers": 1},
        "database": {"url": database_url},
        "redis": dict(redis),
    }
    (directory / "config.yaml").write_text(yaml.safe_dump(document))
    argv = [sys.executable, "-m", "gateway", "serve", "--config", str(directory / "config.yaml")]
    process = serve(argv, directory / "log", environment)
    try:
        yield Served(process, listeners["ops_listen"], directory / "log")
    finally:
        process.terminate()
        process.wait(20)


async def test_a_gateway_in_production_starts_with_the_documented_user_only(
    short_directory: Path, database_url: str, limited: str, redis: Redis
) -> None:
    for name in ("narrow", "wide"):
        (short_directory / name).mkdir()
    with served(short_directory / "narrow", database_url, {"url": limited}) as right:
        assert await right.answers(), right.log.read_text()
        assert "run CONFIG GET save" in right.log.read_text()
    await rules(redis, "SETUSER", "bastion", "+eval")
    with served(short_directory / "wide", database_url, {"url": limited}) as wrong:
        assert not await wrong.answers()
        assert wrong.process.wait(20) != 0

    assert "scripts (EVAL)" in wrong.log.read_text()


async def test_a_gateway_in_production_does_not_start_as_a_superuser(
    short_directory: Path, database_url: str, limited: str
) -> None:
    (short_directory / "super").mkdir()
    with served(short_directory / "super", superuser_url(database_url), {"url": limited}) as wrong:
        assert not await wrong.answers()
        assert wrong.process.wait(20) != 0

    assert "its role is a superuser" in wrong.log.read_text()
