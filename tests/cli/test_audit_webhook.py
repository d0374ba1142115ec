"""A gateway that serves posts its checkpoints to another host, and what that host kept shows a log that was cut off."""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.flows.evidence.audit_log import Linker
from gateway.outbound.probe import NoAnswer, probe
from gateway.resources import clock
from tests.cli.conftest import Bastion
from tests.cli.test_audit import cut_off
from tests.conftest import Pool
from tests.receiver import Receiver, receiving

BEARER = "b" * 40


@pytest.fixture
async def logged(bastion: Bastion, pool: Pool) -> Bastion:
    """Three entries under a checkpoint of two minutes ago, and a fourth since; no gateway has served yet."""
    await bastion("user", "add", "ada", "--email", "ada@example.org", "--password-stdin", stdin="correct horse battery")
    for group in ("staff", "ops"):
        await bastion("user", "groups", "ada", "--set", group)
    before = Linker(pool, bastion.directory / "data", bastion.directory / "checkpoints", lambda: clock() - 120)
    await before.work()
    await bastion("user", "groups", "ada", "--set", "crew")
    return bastion


@asynccontextmanager
async def serving(bastion: Bastion, directory: Path, receiver: Receiver, **more: str) -> AsyncIterator[str]:
    """A gateway with one worker; the address of its figures. What it writes is in bastion.directory/log."""
    (bastion.directory / "policies").mkdir(exist_ok=True)
    (bastion.directory / "bearer").write_text(BEARER)
    environment = {
        f"BASTION_SERVER_{name.upper()}_LISTEN": f"unix:{directory}/{name}.sock" for name in ("web", "decision", "ops")
    }
    environment |= more | {
        "BASTION_SERVER_WORKERS": "1",
        "BASTION_AUDIT_CHECKPOINT_WEBHOOK": receiver.url,
        "BASTION_AUDIT_WEBHOOK_BEARER_FILE": str(bastion.directory / "bearer"),
    }
    process = await bastion.start("serve", "--dev", **environment)
    reading = asyncio.create_task(process.communicate())
    try:
        yield environment["BASTION_SERVER_OPS_LISTEN"]
    finally:
        await _end(process)
        out, err = await reading
        (bastion.directory / "log").write_bytes(out + err)


async def _end(process: Process) -> None:
    if process.returncode is None:
        os.kill(process.pid, signal.SIGTERM)
    await asyncio.wait_for(process.wait(), 30)


async def has_counted(ops: str, outcome: str, count: int) -> None:
    name = f'bastion_checkpoint_deliveries_total{{outcome="{outcome}"}} '
    for _ in range(600):
        try:
            _, text = await asyncio.to_thread(probe, ops, "/metrics")
        except NoAnswer:
            text = ""
        found = next((line for line in text.splitlines() if line.startswith(name)), "0")
        if float(found.rpartition(" ")[2]) >= count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{outcome} never came to {count}")


async def test_a_tail_cut_to_an_older_checkpoint_is_found_with_what_the_webhook_was_sent(
    logged: Bastion, pool: Pool, short_directory: Path
) -> None:
    """The other host is away when the gateway starts; who owns the node then cuts log and checkpoints alike."""
    directory, outside = short_directory / uuid4().hex[:8], logged.directory / "outside"
    directory.mkdir()
    outside.mkdir()
    file = logged.directory / "checkpoints" / "checkpoints.jsonl"
    (key,) = file.parent.glob("*.pub.pem")
    shutil.copy(key, outside / "key.pem")
    async with receiving() as receiver:
        await receiver.stop()
        async with serving(logged, directory, receiver) as ops:
            await has_counted(ops, "failed", 1)
            assert (await asyncio.to_thread(probe, ops, "/healthz"))[0] == 200
            await receiver.start()
            taken = await receiver.has_taken(2)
            await has_counted(ops, "delivered", 2)
    (outside / "checkpoints.jsonl").write_text("".join(taken))
    assert "".join(taken) == file.read_text()
    assert {headers["Authorization"] for _, headers, _ in receiver.heard} == {f"Bearer {BEARER}"}

    await cut_off(pool, 3)
    file.write_text(taken[0])
    believing = await logged("audit", "verify")
    outsider = await logged(
        "audit", "verify", "--checkpoints", "outside/checkpoints.jsonl", "--public-key", "outside/key.pem"
    )

    assert believing.status == 0, "the node itself shows nothing"
    assert outsider.status == 1
    assert outsider.out.startswith("FAULT: the chain ends at position 3, but the checkpoint of ")
    log = (logged.directory / "log").read_text()
    assert "the webhook does not take checkpoints of the audit log" in log
    assert "the webhook takes checkpoints again" in log
    assert BEARER not in log
    assert "s3cret" not in log
