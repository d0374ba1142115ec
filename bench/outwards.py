"""What goes out and what goes away: events to an endpoint, the linker beside endpoints that follow, and retention.

`python -m bench.outwards PORT` is the receiver: it takes every request.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from typing import Final
from uuid import UUID

import asyncpg
import uvloop
from aiohttp import web

from bench.evidence import fail_logins
from bench.figures import Figure
from bench.people import crowd
from bench.stores import Stores, open_stores
from gateway.core.outbox.kinds import MessageKind
from gateway.core.policy.networks import NetworkSet
from gateway.core.privacy.retention import RetentionTerms
from gateway.core.units import DAY_S
from gateway.core.webhooks.filter import read_filter
from gateway.embedded import free_port
from gateway.flows.operate.delivery import Delivery
from gateway.flows.privacy.erasure import Erasure, NodeFiles
from gateway.flows.privacy.retention import Retention
from gateway.flows.webhooks.endpoint_admin import EndpointAdmin, WantedEndpoint
from gateway.flows.webhooks.follow import MOST_WAITING, Follow
from gateway.flows.webhooks.send import WebhookPost
from gateway.outbound.guarded import GuardedClient
from gateway.resources import random_bytes

_SENDERS: Final = 4  # of a worker
_FOLLOWING: Final = 3
_HERE: Final = NetworkSet.of([ip_network("127.0.0.0/8")])
_TIMEOUT_S: Final = 10
_KEPT_S: Final = 90 * DAY_S
_OLD_LOGINS: Final = """
    INSERT INTO logins (id, user_id, created_at, persistent, idle_s, expires_at, last_seen_at, ended_at, ended_why,
                        sealed)
    SELECT decode(lpad(to_hex(number), 32, '0'), 'hex'), $1, 0, true, 86400, 86400, 0, 86400, 'logout', $2
      FROM generate_series(1, $3::int) AS number
"""


async def outwards_figures(repetitions: int, count: int) -> list[Figure]:
    """count: rows and entries of one measurement; of messages no more than may wait."""
    async with open_stores() as stores:
        following, purged, delivered = list[float](), list[float](), list[float]()
        (name,) = await crowd(stores.database_url, stores.resources.acts.vault, 1)
        await _endpoints(stores, "http://127.0.0.1:9/", "user_disabled", _FOLLOWING)
        for _ in range(repetitions):
            following.append(await _links_per_s(stores, count))
            purged.append(await _purges_per_s(stores, name, count))
        with _receiver() as url:
            await _endpoints(stores, url, "login_failed", 1)
            for _ in range(repetitions):
                delivered.append(await _deliveries_per_s(stores, min(count, MOST_WAITING)))
    return [
        Figure.of("audit.link_entries_s.three_endpoints", following),
        Figure.of("purge.rows_s", purged),
        Figure.of("webhooks.deliveries_s", delivered),
    ]


async def _endpoints(stores: Stores, url: str, events: str, count: int) -> None:
    admin = EndpointAdmin(stores.resources.acts, "cli:bench", random_bytes, _HERE, _FOLLOWING + 1)
    for _ in range(count):
        await admin.add(WantedEndpoint(url, read_filter(events), ordered=False, personal=False))


async def _links_per_s(stores: Stores, count: int) -> float:
    """The leader's two jobs run beside each other; nothing that is linked here passes a filter."""
    await fail_logins(stores, count)
    follow = Follow(stores.resources.acts, lambda: None)
    linking = asyncio.create_task(_timed_link(stores))
    while not linking.done():
        await follow.work()
    await follow.work()
    return await linking


async def _timed_link(stores: Stores) -> float:
    began = time.perf_counter()
    return await stores.link() / (time.perf_counter() - began)


async def _purges_per_s(stores: Stores, name: str, count: int) -> float:
    """Logins that ended long ago, by the rule that takes them."""
    async with stores.resources.acts.begin() as act:
        user_id = (await act.users.named(name)).id
    await _add_old_logins(stores.database_url, user_id, count)
    directory = stores.config.data_dir
    erasure = Erasure(stores.resources.acts, stores.config.keys(), NodeFiles(directory, directory))
    retention = Retention(erasure, RetentionTerms(_KEPT_S, None))
    began = time.perf_counter()
    taken = sum(run.taken for run in await retention.run())
    if taken != count:
        raise SystemExit(f"purge: {taken} of {count} logins were taken")
    return count / (time.perf_counter() - began)


async def _add_old_logins(url: str, user_id: UUID, count: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_OLD_LOGINS, user_id, bytes(150), count)
    await connection.execute("ANALYZE logins")
    await connection.close()


@dataclass(slots=True)
class _Delivered:
    """done: so many have arrived."""

    wanted: int
    done: asyncio.Event

    def count(self, outcome: str) -> None:
        if outcome != "delivered":
            raise SystemExit("webhooks: a message did not arrive")
        self.wanted -= 1
        if not self.wanted:
            self.done.set()


async def _deliveries_per_s(stores: Stores, most: int) -> float:
    """All wait before the first is sent, by as many senders as a worker has."""
    acts, client = stores.resources.acts, GuardedClient(_HERE)
    count = await fail_logins(stores, most)
    await stores.link()
    await Follow(acts, lambda: None).work()
    post = WebhookPost(acts, partial(client.post, timeout_s=_TIMEOUT_S))
    delivered = _Delivered(count, asyncio.Event())
    senders = [
        Delivery(stores.resources.pool, MessageKind.WEBHOOK, post.send, delivered.count, bury=post.bury)
        for _ in range(_SENDERS)
    ]
    began = time.perf_counter()
    running = [asyncio.create_task(sender.run()) for sender in senders]
    await delivered.done.wait()
    seconds = time.perf_counter() - began
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return count / seconds


@contextmanager
def _receiver() -> Iterator[str]:
    """Its address."""
    port = free_port()
    argv = [sys.executable, "-m", "bench.outwards", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield f"http://127.0.0.1:{port}/"
        process.terminate()


async def _receive(port: int) -> None:
    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("begun", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_receive(int(sys.argv[1])))
