"""Stores of the benchmark's own, and what a worker opens on them: for flows that are measured without a gateway."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from gateway.config import Config, load_config
from gateway.embedded import Children, EmbeddedPostgres, EmbeddedValkey
from gateway.flows.evidence.audit_log import Linker
from gateway.resources import Resources, clock, key_marks, open_resources
from gateway.stores.postgres.key_checks import agree
from gateway.stores.postgres.migrate import migrate


@dataclass(frozen=True, slots=True)
class Stores:
    """A Postgres that waits for its disk as in production, a Valkey, and the resources of one process."""

    config: Config
    resources: Resources
    database_url: str

    async def link(self) -> int:
        """As the leader does it: how many entries were linked."""
        return await Linker(self.resources.pool, self.config.data_dir, None, clock).link_all()


@asynccontextmanager
async def open_stores() -> AsyncIterator[Stores]:
    children = Children()
    with tempfile.TemporaryDirectory(prefix="bastion-bench-", dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o755)
        postgres, valkey = EmbeddedPostgres(directory, children), EmbeddedValkey(directory, children)
        try:
            postgres.start()
            valkey.start()
            config = _config(directory, postgres.url(), valkey.url)
            await _prepare(config)
            async with open_resources(config) as resources:
                yield Stores(config, resources, postgres.url())
        finally:
            valkey.stop()
            postgres.stop()
            children.close()


def _config(directory: Path, database_url: str, redis_url: str) -> Config:
    file = directory / "config.yaml"
    settings = {
        "profile": "dev",
        "data_dir": str(directory / "data"),
        "database": {"url": database_url},
        "redis": {"url": redis_url},
    }
    file.write_text(json.dumps(settings))
    return load_config(file, dev=True, environ={}).config


async def _prepare(config: Config) -> None:
    await asyncio.to_thread(config.data_dir.mkdir, exist_ok=True)
    connection = await asyncpg.connect(config.database.url)
    await migrate(connection)
    async with connection.transaction():
        await agree(connection, key_marks(config))
    await connection.close()
