"""A log, endpoints and what brings the one to the others, with pauses that a test can wait for."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from gateway.core.audit.catalogue import LoginFailed
from gateway.core.audit.event import Event
from gateway.core.outbox.kinds import FixedPauses, MessageKind, Pauses
from gateway.core.policy.networks import NetworkSet
from gateway.core.webhooks.filter import read_filter
from gateway.flows.act import Acts
from gateway.flows.evidence.audit_log import Linker
from gateway.flows.operate.delivery import Delivery
from gateway.flows.webhooks.endpoint_admin import EndpointAdmin, WantedEndpoint
from gateway.flows.webhooks.follow import Follow
from gateway.flows.webhooks.send import WebhookPost
from gateway.outbound.guarded import GuardedClient
from gateway.stores.postgres.endpoints import EndpointLevel, WebhookEndpoint
from gateway.stores.postgres.vault import Vault
from tests.acting import acts_of
from tests.conftest import Clock, Pool, RandomBytes
from tests.receiver import Answer, Receiver, well

LOCALHOST = NetworkSet.of([ip_network("127.0.0.0/8")])
AT_ONCE = FixedPauses((0.01,) * 9)
PROBES = Pauses(0.05, 0.1)
TIMEOUT_S = 2.0
_CLIENT = GuardedClient(LOCALHOST)


@dataclass
class Verifier:
    """A receiver with the library of Standard Webhooks. bodies: as it read them, in the order in which they came."""

    receiver: Receiver
    secret: str = ""
    answer: Answer = well
    bodies: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.receiver.answer = self._take

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = Webhook(self.secret).verify(await request.read(), dict(request.headers))
        answer = await self.answer(request)
        if answer.status < 300:
            self.bodies.append(body)
            self.ids.append(request.headers["webhook-id"])
        return answer

    @property
    def positions(self) -> list[int]:
        return [body["data"]["position"] for body in self.bodies]


@dataclass
class WebhookHouse:
    pool: Pool
    acts: Acts
    clock: Clock
    counted: Counter[str] = field(default_factory=Counter)
    most: int = 50

    @property
    def admin(self) -> EndpointAdmin:
        return EndpointAdmin(self.acts, "cli:root", RandomBytes(), LOCALHOST, self.most)

    @property
    def follow(self) -> Follow:
        return Follow(self.acts, lambda: None)

    async def add(self, url: str, events: str, *, ordered: bool = False, personal: bool = False) -> tuple[str, str]:
        admin = EndpointAdmin(self.acts, "cli:root", _random, LOCALHOST, self.most)
        return await admin.add(WantedEndpoint(url, read_filter(events), ordered, personal))

    async def endpoint(self, endpoint_id: str) -> tuple[WebhookEndpoint, EndpointLevel]:
        return await self.admin.show(endpoint_id)

    async def happen(self, *events: Event) -> None:
        """Each an act of its own, and linked."""
        for event in events:
            async with self.acts.begin(operator="cli:root") as act:
                act.record(event)
        await self.link()

    async def fail_logins(self, count: int) -> None:
        """So many entries at once."""
        async with self.acts.begin() as act:
            for number in range(count):
                act.record(LoginFailed(None, f"mark {number}", "", ""))
        await self.link()

    async def link(self) -> None:
        await Linker(self.pool, Path("/nowhere"), None, self.clock.seconds).link_all()

    async def rows(self, query: str, *values: object) -> list[Any]:
        async with self.pool.acquire() as connection:
            return list(await connection.fetch(query, *values))

    async def entries(self, kind: str) -> list[dict[str, Any]]:
        found = await self.rows("SELECT detail FROM audit_entries WHERE kind = $1 ORDER BY id", kind)
        return [json.loads(row["detail"]) for row in found]

    def delivery(self, steps: FixedPauses = AT_ONCE, probes: Pauses = PROBES, lease_s: float = 60) -> Delivery:
        post = WebhookPost(self.acts, post_to_localhost, probes)
        return Delivery(
            self.pool,
            MessageKind.WEBHOOK,
            post.send,
            lambda outcome: self.counted.update([outcome]),
            steps,
            bury=post.bury,
            lease_s=lease_s,
            poll_s=0.01,
        )

    @asynccontextmanager
    async def delivering(
        self, senders: int = 4, steps: FixedPauses = AT_ONCE, probes: Pauses = PROBES
    ) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.delivery(steps, probes).run()) for _ in range(senders)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """As a worker that leads."""

        async def following() -> None:
            while True:
                await self.link()
                await self.follow.work()
                await asyncio.sleep(0.02)

        task = asyncio.create_task(following())
        try:
            async with self.delivering():
                yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def post_to_localhost(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    await _CLIENT.post(url, body, headers, TIMEOUT_S)


def house_of(pool: Pool, vault: Vault) -> WebhookHouse:
    """Its clock has the time of day: the library refuses messages of other days."""
    clock = Clock(int(time.time()))
    return WebhookHouse(pool, acts_of(pool, clock, vault), clock)


_random = RandomBytes()
