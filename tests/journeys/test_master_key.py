"""The master key of two nodes is replaced while people log in."""

import asyncio
import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess, Popen
from typing import Any

import pytest
from cryptography.fernet import Fernet
from redis import Redis as SyncRedis

from gateway.config.values import parse_secret
from gateway.core.privacy.sealing import master_id
from gateway.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.journeys.node import Node, beside, log_in, started
from tests.zygote import bastion as run

pytestmark = pytest.mark.timeout(300)


@dataclass
class Pair:
    """first: behind Caddy, with two workers. second: has one."""

    first: Node
    second: "Popen[bytes]"

    @property
    def config(self) -> Path:
        return self.first.stage.demo.directory / "config.yaml"

    def command(self, *arguments: str) -> "CompletedProcess[str]":
        return run(*arguments, "--config", self.config, env=self.first.stage.demo.environment)

    def status(self) -> dict[str, Any]:
        told = self.command("keys", "status", "--json")
        assert told.returncode == 0, told.stderr
        found: dict[str, Any] = json.loads(told.stdout)
        return found

    def masters(self) -> list[str]:
        found = re.search(r'"master_keys": \[(.*?)\]', self.config.read_text())
        assert found is not None
        return [one.strip().strip('"') for one in found[1].split(",")]

    def give(self, *masters: str) -> None:
        """To the configuration that both read when they are told to."""
        listed = ", ".join(f'"{one}"' for one in masters)
        text = re.sub(r'"master_keys": \[.*?\]', f'"master_keys": [{listed}]', self.config.read_text())
        self.config.write_text(text)

    async def until_on(self, master: str, workers: int) -> None:
        """So many workers of three have the key."""
        async with asyncio.timeout(120):
            while not any(one["id"] == master and one["workers"] >= workers for one in self.status()["masters"]):
                await asyncio.sleep(0.5)

    async def refused_only_for(self, worker: str) -> "CompletedProcess[str]":
        """The process that a reload has replaced may report once more, and is then named too."""
        async with asyncio.timeout(60):
            while True:
                refused = await asyncio.to_thread(self.command, "keys", "rotate-master")
                assert refused.returncode == 1
                if f"{worker}; add it" in refused.stderr and refused.stderr.count("worker") == 1:
                    return refused
                await asyncio.sleep(0.5)


@pytest.fixture(scope="module")
def pair(postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey, short_directory: Path) -> Iterator[Pair]:
    first = started(short_directory / "master", postgres_server, redis_server)
    try:
        with beside(first, short_directory / "beside") as second:
            yield Pair(first, second)
    finally:
        first.close()


def logged_in(node: Node) -> int:
    """Limits begin anew: all visitors share an address."""
    with SyncRedis.from_url(node.stage.valkey.url) as client:
        client.flushall()
    return log_in(node)


async def test_a_master_key_is_replaced_while_people_log_in_and_a_node_that_lacks_it_is_named(pair: Pair) -> None:
    """The old key is then taken away from both nodes, and everybody logs in as before."""
    (old,) = pair.masters()
    new = Fernet.generate_key().decode()
    old_id, new_id = (master_id(parse_secret(one)) for one in (old, new))
    answers: list[int] = []
    ended = asyncio.Event()

    async def crowd() -> None:
        while not ended.is_set():
            answers.append(await asyncio.to_thread(logged_in, pair.first))
            await asyncio.sleep(0.2)

    logins = asyncio.create_task(crowd())
    pair.give(new, old)
    os.kill(pair.first.arbiter, signal.SIGHUP)
    await pair.until_on(new_id, 2)
    refused = await pair.refused_only_for("beside, worker 0")
    pair.second.send_signal(signal.SIGHUP)
    await pair.until_on(new_id, 3)
    async with asyncio.timeout(60):  # until the second node has told that it has the key
        while (await asyncio.to_thread(pair.command, "keys", "rotate-master")).returncode != 0:
            await asyncio.sleep(0.5)
    async with asyncio.timeout(60):
        while not (found := pair.status())["done"]:
            await asyncio.sleep(0.5)
    freed = {one["id"]: one["may_be_destroyed"] for one in found["masters"]}
    pair.give(new)
    os.kill(pair.first.arbiter, signal.SIGHUP)
    pair.second.send_signal(signal.SIGHUP)
    async with asyncio.timeout(60):
        while any(one["id"] == old_id and one["workers"] for one in pair.status()["masters"]):
            await asyncio.sleep(0.5)
    answers.append(await asyncio.to_thread(logged_in, pair.first))
    ended.set()
    await logins

    assert f"these lack the master key {new_id}: " in refused.stderr
    assert freed == {new_id: False, old_id: True}
    assert len(answers) > 5
    assert set(answers) == {200}
