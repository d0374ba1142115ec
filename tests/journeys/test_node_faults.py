"""A node reloads, ends, dies in part, runs out of disk and loses its stores: what clients of Caddy see of it.

docs/operations.md has it as a table.
"""

import asyncio
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis as SyncRedis

from gateway.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.exhaustive import sampled
from tests.journeys.crowd import WELL, Crowd, Kind, crowd
from tests.journeys.node import Node, in_and_out, log_in, replaced, signed_in, started, until
from tests.staging import Seen, Visitor

NO_REDIS = {Kind.PUBLIC: {WELL}, Kind.SIGNED_IN: {503}, Kind.STRANGER: {WELL}, Kind.LOGIN_PAGE: {WELL}}


@pytest.fixture(scope="module")
def running_node(
    postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey, short_directory: Path
) -> Iterator[Node]:
    node = started(short_directory / "node", postgres_server, redis_server)
    yield node
    node.close()


@pytest.fixture
async def asking(running_node: Node) -> AsyncIterator[tuple[Node, Crowd]]:
    """A node that serves, and sixteen clients that ask it."""
    visitor = await asyncio.to_thread(signed_in, running_node)
    async with crowd(running_node.stage, visitor) as clients:
        yield running_node, clients


async def test_a_reload_under_load_fails_no_request(asking: tuple[Node, Crowd]) -> None:
    node, clients = asking
    begun = time.monotonic()

    for _ in range(3):
        before = node.workers
        os.kill(node.arbiter, signal.SIGHUP)
        await replaced(node, clients, before)
        await clients.hears(20)

    assert clients.all_counts(begun).keys() == {WELL}
    assert clients.all_counts(begun).total() > 180


async def test_a_reload_whose_young_workers_are_killed_leaves_no_old_one(asking: tuple[Node, Crowd]) -> None:
    """The youngest, some time after its birth; those that served already take what they were answering."""
    node, clients = asking
    begun, before, killed = time.monotonic(), node.workers, set[int]()

    os.kill(node.arbiter, signal.SIGHUP)
    for delay_s in (0, 0.1, 0.3, 0.6, 1.2):
        await clients.until(lambda: bool(node.workers - before))
        await asyncio.sleep(delay_s)
        victim = max(node.workers - before)
        os.kill(victim, signal.SIGKILL)
        killed.add(victim)
        await clients.until(lambda: not node.workers & killed)
    await clients.until(lambda: len(node.workers) == 2 and not node.workers & before)
    await clients.hears(20)

    counts = clients.all_counts(begun)
    assert counts.keys() <= {WELL, 502}
    assert counts[502] <= len(killed) * len(Kind) * clients.each


async def test_a_worker_that_is_killed_takes_at_most_what_it_was_answering(asking: tuple[Node, Crowd]) -> None:
    """Caddy asks again on another connection where it may, so mostly nothing fails."""
    node, clients = asking
    begun, kills = time.monotonic(), 4

    for _ in range(kills):
        victim = max(node.workers)
        os.kill(victim, signal.SIGKILL)
        await two_serve(node, clients, {victim})
        await clients.hears(20)

    counts = clients.all_counts(begun)
    assert counts.keys() <= {WELL, 502}
    assert counts[502] <= kills * len(Kind) * clients.each


async def test_questions_wait_for_a_new_worker_when_all_were_killed(asking: tuple[Node, Crowd]) -> None:
    """The arbiter holds the sockets; a machine that starts no worker within Caddy's three seconds answers 504."""
    node, clients = asking
    begun, victims = time.monotonic(), node.workers

    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    await two_serve(node, clients, victims)
    await clients.settles(20)

    counts = clients.all_counts(begun)
    assert counts.keys() <= {WELL, 502, 504}
    assert counts[502] <= len(Kind) * clients.each
    assert clients.counts(Kind.SIGNED_IN, begun)[WELL] >= 20, "with the session that they had"


async def two_serve(node: Node, clients: Crowd, dead: set[int]) -> None:
    await clients.until(lambda: node.figure("bastion_workers") == len(node.workers - dead) == 2)


async def test_a_node_that_was_told_to_end_is_502_until_it_begins_again(asking: tuple[Node, Crowd]) -> None:
    node, clients = asking
    begun, arbiter, serving = time.monotonic(), node.arbiter, node.serving
    hits = await asyncio.to_thread(node.stage.hits)

    os.kill(arbiter, signal.SIGTERM)
    await clients.until(lambda: node.ops("/healthz")[0] == 0 and ended(arbiter, serving))
    gone = time.monotonic()
    await clients.hears(20)
    absent = clients.all_counts(gone)
    node.begin()
    await clients.settles(20)

    assert clients.all_counts(begun).keys() <= {WELL, 502}
    assert absent.keys() == {502}
    assert clients.counts(Kind.SIGNED_IN, gone)[WELL] >= 20, "with the session that they had"
    assert await asyncio.to_thread(node.stage.hits) >= hits


def ended(pid: int, serving: "subprocess.Popen[bytes] | None") -> bool:
    """One that we started has to be waited for; one of the demo becomes a zombie, which has no children."""
    if serving is not None:
        return serving.poll() is not None
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("number", sampled([signal.SIGTERM, signal.SIGHUP], 1))
async def test_who_is_signing_in_when_the_node_is_told_to_reload_or_to_end_is_signed_in(
    running_node: Node, number: signal.Signals
) -> None:
    """All of them have passed the limits in Redis, and their passwords are being compared, when the signal comes."""
    node = running_node
    await asyncio.to_thread(signed_in, node)
    visitors = [node.stage.visitor() for _ in range(4)]
    pages = [await asyncio.to_thread(visitor.visit, f"{node.stage.auth}/login") for visitor in visitors]
    arbiter, serving, before = node.arbiter, node.serving, node.workers
    with SyncRedis.from_url(node.stage.valkey.url) as client:
        client.flushall()
        client.config_resetstat()
        with ThreadPoolExecutor(4) as threads:
            posted = [threads.submit(post_login, node, *pair) for pair in zip(visitors, pages, strict=True)]
            while client.info("commandstats").get("cmdstat_fcall", {"calls": 0})["calls"] < len(visitors):
                await asyncio.sleep(0.002)
            os.kill(arbiter, number)
            statuses = [await asyncio.wrap_future(one) for one in posted]

    assert statuses == [303] * 4
    assert all("__Host-bastion-login" in visitor.jar["auth.localhost"] for visitor in visitors)
    if number is signal.SIGTERM:
        await until(lambda: ended(arbiter, serving))
        node.begin()
    await until(lambda: node.figure("bastion_workers") == 2 and not node.workers & before)
    seen = [await asyncio.to_thread(visitor.visit, f"{node.stage.app}/") for visitor in visitors]
    assert [one.status for one in seen] == [200] * 4


def post_login(node: Node, visitor: Visitor, page: Seen) -> int:
    fields = {"csrf": page.field("csrf"), "j": page.field("j")}
    user, password = str(node.stage.summary["user"]), str(node.stage.summary["password"])
    return visitor._post(page, "/login", **fields, name=user, password=password).status


async def test_redis_gone_and_back_is_503_for_who_is_signed_in_and_signs_nobody_out(
    asking: tuple[Node, Crowd],
) -> None:
    node, clients = asking
    failures = node.figure('bastion_store_failures_total{store="redis"}')
    begun = time.monotonic()

    node.stage.valkey.kill()
    await clients.until(lambda: clients.counts(Kind.SIGNED_IN, begun)[503] > 0)
    gone = time.monotonic()
    await clients.hears(20)
    ready, absent = node.ops("/readyz"), {kind: clients.counts(kind, gone).keys() for kind in Kind}
    refused = await asyncio.to_thread(log_in, node)
    node.stage.valkey.start()
    await clients.settles(20)

    assert absent == NO_REDIS
    assert clients.all_counts(begun).keys() == {WELL, 503}
    assert refused == 503
    assert (ready[0], "no connection to Redis" in ready[1]) == (503, True)
    assert node.figure('bastion_store_failures_total{store="redis"}') >= failures + 20
    assert await asyncio.to_thread(log_in, node) == 200


async def test_redis_that_hangs_is_503_too_and_goes_on_by_itself(asking: tuple[Node, Crowd]) -> None:
    node, clients = asking
    begun = time.monotonic()

    os.kill(node.stage.valkey.pid, signal.SIGSTOP)
    try:
        await clients.until(lambda: clients.counts(Kind.SIGNED_IN, begun)[503] > 0)
        hung = time.monotonic()
        await clients.until(lambda: clients.counts(Kind.SIGNED_IN, hung).total() >= 5)
        absent = {kind: clients.counts(kind, hung).keys() for kind in Kind}
    finally:
        os.kill(node.stage.valkey.pid, signal.SIGCONT)
    await clients.settles(20)

    assert absent == NO_REDIS
    assert clients.all_counts(begun).keys() == {WELL, 503}


async def test_postgres_gone_and_back_fails_nobody_but_who_signs_in(asking: tuple[Node, Crowd]) -> None:
    node, clients = asking
    begun = time.monotonic()

    node.stage.postgres.stop()
    try:
        await clients.hears(20)
        refused, ready = await asyncio.to_thread(log_in, node), node.ops("/readyz")
    finally:
        node.stage.postgres.start()
    await clients.hears(20)

    assert clients.all_counts(begun).keys() == {WELL}
    assert refused == 503
    assert (ready[0], "nobody can log in" in ready[1]) == (200, True)
    assert await asyncio.to_thread(log_in, node) == 200


def limit_files(node: Node, size: int) -> None:
    """No file of the node grows beyond it; 0 is what a full disk is, its log included."""
    for pid in (node.arbiter, *node.workers):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_a_full_disk_fails_nobody_and_a_reload_works(asking: tuple[Node, Crowd]) -> None:
    node, clients = asking
    begun, before = time.monotonic(), node.workers
    data, policy = node.stage.demo.directory / "data", node.stage.demo.directory / "policies" / "demo.yaml"

    limit_files(node, 0)
    logged = len(node.log)
    entered, left = await asyncio.to_thread(in_and_out, node)
    policy.write_text(policy.read_text() + "# changed\n")
    os.kill(node.arbiter, signal.SIGHUP)
    await replaced(node, clients, before)
    await clients.hears(20)
    allowed = {"ended-logins.jsonl.lock", "keys", "policy-last-good.json", "settings-last.json"}
    during, files = len(node.log), sorted(file.name for file in data.iterdir())
    limit_files(node, resource.RLIM_INFINITY)
    os.kill(node.arbiter, signal.SIGUSR1)
    await clients.hears(20)

    assert (entered, left) == (200, 200)
    assert clients.all_counts(begun).keys() == {WELL}
    assert during == logged, "the disk was full for the log too"
    assert set(files) <= allowed, "nothing half-written lies about"
    assert json.loads((data / "policy-last-good.json").read_text())["sources"].keys() == {"demo.yaml", "tokens.yaml"}
    await clients.until(lambda: len(node.log) > during)


async def test_a_logout_without_postgres_on_a_full_disk_ends_the_session_and_says_that_it_is_not_recorded(
    running_node: Node,
) -> None:
    node = running_node
    await asyncio.to_thread(signed_in, node)
    visitor = await asyncio.to_thread(node.stage.signed_in)
    before = await asyncio.to_thread(visitor.fetch, f"{node.stage.app}/api/x")
    page = await asyncio.to_thread(visitor.visit, f"{node.stage.auth}/logout")

    limit_files(node, 0)
    node.stage.postgres.stop()
    try:
        answer = await asyncio.to_thread(visitor.submit, page, "/logout", csrf=page.field("csrf"))
        after = await asyncio.to_thread(visitor.fetch, f"{node.stage.app}/api/x")
    finally:
        node.stage.postgres.start()
        limit_files(node, resource.RLIM_INFINITY)

    assert before.status == 200
    assert answer.status == 503
    assert after.status == 401
    await until(lambda: node.ops("/readyz") == (200, node.ops("/readyz")[1]))
