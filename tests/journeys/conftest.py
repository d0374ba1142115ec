"""One whole Bastion for the journeys: demo, Caddy and app on the test servers' own Postgres and Redis."""

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis as redis_sync

from gateway.embedded import EmbeddedPostgres, EmbeddedValkey, free_port
from tests.staging import Demo, Seen, Visitor


@dataclass(frozen=True)
class Stage:
    """summary: demo.json."""

    demo: Demo
    summary: dict[str, Any]
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    @property
    def app(self) -> str:
        return str(self.summary["app_url"])

    @property
    def app2(self) -> str:
        return str(self.summary["app2_url"])

    @property
    def auth(self) -> str:
        return str(self.summary["auth_url"])

    @property
    def decision_socket(self) -> str:
        return str(self.summary["decision_socket"])

    def visitor(self) -> Visitor:
        return Visitor(str(self.summary["ca_file"]))

    def log_in(self, visitor: Visitor, url: str = "", **more: str) -> Seen:
        page = visitor.visit(url or self.app + "/")
        assert page.url.startswith(self.auth), page
        return visitor.log_in(page, str(self.summary["user"]), str(self.summary["password"]), **more)

    def signed_in(self) -> Visitor:
        """A visitor with a session on the first host."""
        visitor = self.visitor()
        assert self.log_in(visitor).status == 200
        return visitor

    def hits(self) -> int:
        """How many requests have reached the app."""
        return int(self.visitor().send("GET", self.app + "/hits").json()["count"])

    def logged(self) -> list[dict[str, Any]]:
        """What the gateway has logged."""
        lines = (self.demo.directory / "bastion.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture(scope="session")
def running_stage(
    postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey, short_directory: Path
) -> Iterator[Stage]:
    asyncio.run(_create_database(postgres_server))
    urls = {"BASTION_DATABASE_URL": postgres_server.url("journeys"), "BASTION_REDIS_URL": redis_server.url}
    demo = Demo(short_directory / "stage", free_port(), {**os.environ, **urls})
    yield Stage(demo, demo.start(), postgres_server, redis_server)
    demo.end()


@pytest.fixture
def stage(running_stage: Stage) -> Stage:
    """As it was at the start, as far as limits are concerned: all visitors share one address."""
    with redis_sync.Redis.from_url(running_stage.valkey.url) as client:
        client.flushall()
    return running_stage


async def _create_database(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute("CREATE DATABASE journeys")
    finally:
        await connection.close()
