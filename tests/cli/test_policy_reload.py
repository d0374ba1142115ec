"""`bastion policy reload --wait` on two nodes that serve (threats.md Y4)."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.outbound.probe import NoAnswer, probe
from tests.cli.conftest import Bastion
from tests.conftest import Pool

GOOD = "apps: {wiki: {hosts: wiki.example.com, allow: authenticated}}\n"
BETTER = "apps: {wiki: {hosts: wiki.example.com, allow: {groups: staff}}}\n"


@dataclass
class Node:
    """One of the fleet. commands: run as its operator would, beside it."""

    commands: Bastion
    process: Process
    ops: str

    def write(self, text: str | bytes) -> None:
        raw = text.encode() if isinstance(text, str) else text
        (self.commands.directory / "policies" / "wiki.yaml").write_bytes(raw)


@asynccontextmanager
async def node(directory: Path, like: Bastion, sockets: Path, workers: int) -> AsyncIterator[Node]:
    """It does not watch its files, as where they come one by one."""
    (directory / "policies").mkdir(parents=True, exist_ok=True)
    sockets.mkdir()
    commands = replace(like, directory=directory)
    commands.configure()
    (directory / "policies" / "wiki.yaml").write_text(GOOD)
    environment = {
        f"BASTION_SERVER_{name.upper()}_LISTEN": f"unix:{sockets}/{name}" for name in ("web", "decision", "ops")
    }
    environment |= {"BASTION_SERVER_WORKERS": str(workers), "BASTION_POLICY_WATCH": "false"}
    process = await commands.start("serve", "--dev", **environment)
    reading = asyncio.create_task(process.communicate())
    try:
        yield Node(commands, process, environment["BASTION_SERVER_OPS_LISTEN"])
    finally:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGCONT)
            os.kill(process.pid, signal.SIGTERM)
        await asyncio.wait_for(reading, 40)


async def heard_of(pool: Pool, workers: int) -> None:
    for _ in range(600):
        if await pool.fetchval("SELECT count(*) FROM policy_workers") == workers:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {workers} workers")


async def version_of(one: Node) -> str:
    try:
        _, text = await asyncio.to_thread(probe, one.ops, "/readyz")
    except NoAnswer:
        return ""
    return text.partition("version ")[2].partition('"')[0]


@pytest.mark.timeout(240)
async def test_an_operator_learns_whether_a_policy_is_in_force_everywhere(
    bastion: Bastion, pool: Pool, short_directory: Path
) -> None:
    sockets, reload = short_directory / uuid4().hex[:6], ("policy", "reload", "--dev", "--wait", "--within")
    sockets.mkdir()
    (bastion.directory / "policies").mkdir()
    nobody = await bastion("policy", "reload", "--dev", "--wait", "--within", "1s")
    assert (nobody.status, "no worker was heard of within 1 s" in nobody.err) == (1, True), nobody
    async with (
        node(bastion.directory / "one", bastion, sockets / "1", 2) as one,
        node(bastion.directory / "two", bastion, sockets / "2", 1) as two,
    ):
        await heard_of(pool, 3)
        for each in (one, two):
            each.write(BETTER)
        done = await one.commands(*reload, "60s")
        assert done.status == 0, done
        version = done.out.split()[1]
        assert done.out == f"version {version} is in force on all 3 workers\n"
        assert [await version_of(each) for each in (one, two)] == [version, version]

        one.write(GOOD)
        two.write(b"apps: \xff\n")
        unreadable = await one.commands(*reload, "8s")
        assert unreadable.status == 1
        assert "1 of 3 workers are behind:\n" in unreadable.err
        assert (
            f"{two.commands.directory / 'data'}, worker 0: refused it and serves version {version}: " in unreadable.err
        )
        assert "wiki.yaml" in unreadable.err

        broken = await two.commands("policy", "reload", "--dev")
        assert (broken.status, "wiki.yaml" in broken.err) == (1, True), "nobody is asked for what is refused here"

        two.write(GOOD)
        asked = await two.commands("policy", "reload", "--dev")
        assert asked.out.startswith("asked all workers to read policy again; here it is version ")
        assert (await one.commands(*reload, "60s")).status == 0

        os.kill(two.process.pid, signal.SIGTERM)
        await two.process.wait()
        alone = await one.commands(*reload, "60s")
        assert alone.out.endswith("is in force on all 2 workers\n"), alone
    await heard_of(pool, 0)


@pytest.mark.parametrize("within", ["0s", "soon", "-1s"])
async def test_a_time_that_is_none_is_refused(bastion: Bastion, within: str) -> None:
    refused = await bastion("policy", "reload", "--wait", "--within", within, "--dev")

    assert refused.status == 2
    assert "expected" in refused.err
