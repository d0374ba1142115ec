"""A store that can't be used says which one it is, why, and what to do; and never its password."""

import getpass
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from gateway.core.errors import Outage, StoreUnavailable
from gateway.embedded import EmbeddedPostgres, free_port
from gateway.flows.transaction import RecordUnavailable, transaction
from gateway.stores.postgres.database import NotConnected, connect, make_pool
from gateway.stores.redis.access import NEEDED
from gateway.stores.redis.cluster import Cluster
from gateway.stores.redis.decisions import FunctionCalls
from gateway.stores.redis.functions.library import library
from gateway.stores.redis.outage import advised
from gateway.stores.redis.pipeline import Pipeline
from tests.acl import rules
from tests.conftest import run_apart
from tests.databases import execute
from tests.running import running

ME = getpass.getuser()
ROLES = """
DO $$ BEGIN
    CREATE ROLE daemon LOGIN;
    CREATE ROLE out_unknown_account LOGIN;
    CREATE ROLE out_closed;
    CREATE ROLE out_password LOGIN PASSWORD 'right';
    CREATE ROLE out_rejected LOGIN;
    CREATE ROLE out_full LOGIN CONNECTION LIMIT 0;
    CREATE ROLE out_stranger LOGIN;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$
"""
ACCESS = """
local all daemon,out_unknown_account peer
local all out_password scram-sha-256
local all out_rejected reject
"""
REFUSED = {
    "daemon@/postgres": (
        "Peer authentication failed",
        f"you are {ME}; this database lets the account `daemon` in: sudo -u daemon ...",
    ),
    "out_unknown_account@/postgres": (
        "Peer authentication failed",
        "`out_unknown_account` in, which this machine has not: create it, or name another role in database.url",
    ),
    "out_password:wrong@/postgres": (
        "password authentication failed",
        "give the password of out_password in database.url",
    ),
    "out_password@/postgres": ("password", "give the password of out_password in database.url"),
    "out_nobody@/postgres": (
        'role "out_nobody" does not exist',
        "name another role in database.url, or: createuser out_nobody",
    ),
    "out_closed@/postgres": ("not permitted to log in", "ALTER ROLE out_closed LOGIN"),
    "out_rejected@/postgres": ("pg_hba.conf", "add a line for this database, role and address to pg_hba.conf"),
    "out_full@/postgres": ("too many connections", "lower database.pool_size"),
    "postgres@/out_none": ('database "out_none" does not exist', "createdb -O postgres out_none"),
    "out_stranger@/out_closed": (
        "permission denied for database",
        "GRANT CONNECT ON DATABASE out_closed TO out_stranger",
    ),
}


@pytest.fixture(scope="module")
def guarded(postgres_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """With a few roles that it does not let in; for all others it is as it was."""
    rules = postgres_server.home / "data" / "pg_hba.conf"
    if ACCESS not in rules.read_text():
        rules.write_text(ACCESS + rules.read_text())
    for statement in (
        ROLES,
        "DROP DATABASE IF EXISTS out_closed",
        "CREATE DATABASE out_closed",
        "REVOKE CONNECT ON DATABASE out_closed FROM PUBLIC",
        "SELECT pg_reload_conf()",
    ):
        run_apart(execute(postgres_server, statement))
    return postgres_server


async def outage_at(url: str) -> Outage:
    with pytest.raises(NotConnected) as refused:
        await (await connect(url, 5, "test")).close()
    return refused.value.outage


@pytest.mark.parametrize(("url", "reason", "advice"), [(url, *told) for url, told in REFUSED.items()])
async def test_what_postgres_refuses_is_told_with_the_way_out(
    guarded: EmbeddedPostgres, url: str, reason: str, advice: str
) -> None:
    outage = await outage_at(f"postgresql://{url}?host={quote(str(guarded.home), safe='')}")

    who, _, database = url.partition("@/")
    role = who.partition(":")[0]
    assert outage.server == f"Postgres at {guarded.home} (database {database}, role {role})"
    assert reason in outage.reason
    assert advice in outage.advice
    assert "wrong" not in str(outage)


@pytest.mark.parametrize(
    ("hosts", "reason", "advice"),
    [
        ("/?host=/no/such/directory", "there is no such socket", "correct the directory of its socket in database.url"),
        ("127.0.0.1:{port}/", "connection refused", "start Postgres, or correct host and port"),
        ("no-such-host.invalid/", "the host name has no address", "correct the host"),
        ("localhost:{port},127.0.0.1:{port}/", "", "start Postgres, or correct"),
    ],
)
async def test_a_postgres_that_is_not_there_is_told_with_its_place(hosts: str, reason: str, advice: str) -> None:
    outage = await outage_at("postgresql://bastion:hunter2@" + hosts.format(port=free_port()))

    assert reason in outage.reason
    assert advice in outage.advice
    assert "hunter2" not in str(outage)
    assert hosts.partition("=")[2] in outage.server


async def test_a_server_that_says_nothing_did_not_answer_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NotConnected) as refused:
        await connect(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/x", 0.1, "test")

    assert refused.value.outage.reason == "no answer in time"


async def test_a_flow_hears_the_cause_too(short_directory: Path) -> None:
    async with make_pool(f"postgresql://bastion:hunter2@/x?host={short_directory}/none", 1) as pool:
        with pytest.raises(RecordUnavailable) as unavailable:
            async with transaction(pool):
                pass

    expected = (
        f"no connection to Postgres at {short_directory}/none (database x, role bastion): there is no such socket; "
    )
    assert str(unavailable.value).startswith(expected)


@pytest.fixture
async def user(redis: Redis) -> AsyncIterator[Redis]:
    """As an administrator; `out` may do what the documented user may, with the password `right`."""
    await rules(redis, "SETUSER", "out", "reset", "on", ">right", *NEEDED.split())
    yield redis
    await rules(redis, "DELUSER", "out")


async def outage_of(url: str, *command: str) -> Outage:
    async with running(Pipeline(url, 5)) as pipeline:
        with pytest.raises(StoreUnavailable) as unavailable:
            await pipeline.ask(command or ("TIME",))
    return advised(unavailable.value.outage)


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("who", "query", "reason", "advice"),
    [
        ("out:wrong@", "", "WRONGPASS", "compare user and password of redis.url with the ACL"),
        ("nobody:wrong@", "", "WRONGPASS", "compare user and password of redis.url with the ACL"),
        ("out:right@", "?db=77", "DB index is out of range", "name a database that there is"),
        (":wrong@", "", "without any password configured", "leave the password out of redis.url"),
    ],
)
async def test_what_redis_refuses_is_told_with_the_way_out(
    redis_socket: Path, who: str, query: str, reason: str, advice: str
) -> None:
    outage = await outage_of(f"unix://{who}{redis_socket}{query}")

    user, database = who.partition(":")[0] or "default", query.rpartition("=")[2] or "0"
    assert outage.server == f"Redis at unix:{redis_socket} (user {user}, database {database})"
    assert reason in outage.reason
    assert advice in outage.advice
    assert "wrong" not in str(outage)


@pytest.mark.usefixtures("user")
async def test_a_user_that_lacks_a_right_is_told_where_the_line_is(redis_socket: Path) -> None:
    outage = await outage_of(f"unix://out:right@{redis_socket}", "KEYS", "*")

    assert "no permissions to run the 'keys' command" in outage.reason
    assert outage.advice == "give the user of redis.url what it needs: the line of the ACL is in docs/install.md"


async def test_a_library_that_redis_does_not_load_is_told_by_its_refusal(user: Redis, redis_socket: Path) -> None:
    """Not by the functions that are missing then."""
    await rules(user, "SETUSER", "out", "-function|load")
    async with running(FunctionCalls(Pipeline(f"unix://out:right@{redis_socket}", 5), library())) as calls:
        with pytest.raises(StoreUnavailable) as refused:
            await calls.ask("stale", ["{tag}"])
        await rules(user, "SETUSER", "out", "+function|load", "-get")
        with pytest.raises(StoreUnavailable) as denied:
            await calls.ask("stale", ["{tag}"])
        await rules(user, "SETUSER", "out", "+get")
        await calls.ask("stale", ["{tag}"])

    assert "no permissions to run the 'function|load' command" in str(refused.value)
    assert "no permissions to run the 'get' command" in str(denied.value)
    assert "the line of the ACL" in advised(denied.value.outage).advice


@pytest.mark.parametrize(
    ("url", "reason", "advice"),
    [
        ("unix://bastion:hunter2@/no/such.sock", "there is no such socket", "correct the path in redis.url"),
        ("redis://bastion:hunter2@127.0.0.1:{port}", "connection refused", "correct host and port in redis.url"),
        ("redis://bastion:hunter2@localhost:{port}", "", "start Redis, or correct"),
        ("redis://bastion:hunter2@no-such-host.invalid", "the host name has no address", "correct the host"),
    ],
)
async def test_a_redis_that_is_not_there_is_told_with_its_place(url: str, reason: str, advice: str) -> None:
    outage = await outage_of(url.format(port=free_port()))

    assert reason in outage.reason
    assert advice in outage.advice
    assert "user bastion" in outage.server
    assert "hunter2" not in str(outage)


async def test_a_cluster_of_which_no_server_is_reached_tells_why() -> None:
    port = free_port()
    async with running(Cluster(f"rediss://bastion:hunter2@127.0.0.1:{port}", [], 5, library())) as cluster:
        with pytest.raises(StoreUnavailable) as unavailable:
            await cluster.ask("stale", ["{tag}"])

    assert f"no connection to Redis at rediss://127.0.0.1:{port} (user bastion, database 0)" in str(unavailable.value)
    assert "connection refused; start Redis" in str(unavailable.value)
    assert "hunter2" not in str(unavailable.value)
