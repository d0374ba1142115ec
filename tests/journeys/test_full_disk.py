"""A node on whose disk no file can be made and none grows by a block: more than files that just don't grow."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.journeys.crowd import WELL, crowd
from tests.journeys.disk import Disk, on_a_disk, why_not
from tests.journeys.node import Node, in_and_out, log_in, replaced, signed_in, started, until

STARTS = "bastion_worker_starts_total"
WHOLE = {"ended-logins.jsonl.lock", "keys", "policy-last-good.json", "settings-last.json"}


@dataclass(frozen=True)
class Filled:
    """disk: with the node's data, checkpoints and log; full while a test runs."""

    node: Node
    disk: Disk

    @property
    def data(self) -> set[str]:
        return {file.name for file in (self.disk.root / "data").iterdir()}

    @property
    def last_good(self) -> str:
        return str(json.loads((self.disk.root / "data" / "policy-last-good.json").read_text())["sources"]["demo.yaml"])

    def change_policy(self, comment: str) -> None:
        policy = self.node.stage.demo.directory / "policies" / "demo.yaml"
        policy.write_text(f"{policy.read_text()}# {comment}\n")
        os.kill(self.node.arbiter, signal.SIGHUP)


@pytest.fixture(scope="module")
def node_on_a_disk(
    postgres_server: EmbeddedPostgres, redis_server: EmbeddedValkey, short_directory: Path
) -> Iterator[Filled]:
    directory, disk = short_directory / "full", short_directory / "full" / "disk"
    disk.mkdir(parents=True)
    if why := why_not(disk):
        pytest.skip(f"no file system may be mounted here: {why}")
    for name in ("data", "checkpoints", "bastion.log"):
        (directory / name).symlink_to(disk / name)
    node = started(directory, postgres_server, redis_server, before=on_a_disk(disk))
    yield Filled(node, Disk.of(node.stage.demo.process.pid, disk))
    node.close()


@pytest.fixture
async def roomy(node_on_a_disk: Filled) -> AsyncIterator[Filled]:
    """Before it is full."""
    await asyncio.to_thread(signed_in, node_on_a_disk.node)
    yield node_on_a_disk
    node_on_a_disk.disk.clear()


@pytest.fixture
def filled(roomy: Filled) -> Filled:
    roomy.disk.fill()
    return roomy


async def test_a_disk_without_a_block_or_an_inode_fails_nobody_and_a_reload_works(filled: Filled) -> None:
    node, disk = filled.node, filled.disk
    visitor = await asyncio.to_thread(signed_in, node)
    async with crowd(node.stage, visitor) as clients:
        starts = node.figure(STARTS)
        entered, left = await asyncio.to_thread(in_and_out, node)
        before = node.workers
        filled.change_policy("changed on a full disk")
        await replaced(node, clients, before)
        await clients.hears(20)
        started_again = node.figure(STARTS) - starts
        counts, was_full, during, kept = clients.all_counts(0), disk.full, filled.data, filled.last_good
        disk.clear()
        before = node.workers
        filled.change_policy("changed when there was room")
        await replaced(node, clients, before)

    assert was_full
    assert started_again == len(before), "no worker has ended because of it"
    assert (entered, left) == (200, 200)
    assert counts.keys() == {WELL}
    assert during <= WHOLE, "nothing half-written lies about"
    assert "changed on a full disk" not in kept, "the policy before, whole"
    assert "changed when there was room" in filled.last_good


async def test_without_postgres_a_logout_on_it_ends_the_session_and_one_before_it_is_recorded_all_the_same(
    roomy: Filled,
) -> None:
    """The second visitor is told that it may be forgotten; the first one's journal needs no room to be emptied."""
    node, journal = roomy.node, roomy.disk.root / "data" / "ended-logins.jsonl"
    visitors = [await asyncio.to_thread(node.stage.signed_in) for _ in range(2)]
    pages = [await asyncio.to_thread(visitor.visit, f"{node.stage.auth}/logout") for visitor in visitors]
    before = node.workers

    answers, after = [], []
    node.stage.postgres.stop()
    try:
        for visitor, page in zip(visitors, pages, strict=True):
            answers.append(await asyncio.to_thread(visitor.submit, page, "/logout", csrf=page.field("csrf")))
            after.append(await asyncio.to_thread(visitor.fetch, f"{node.stage.app}/api/x"))
            take_the_rest_of_its_block(journal)
            roomy.disk.fill()
        journalled, was_full = journal.read_text().count("{"), roomy.disk.full
    finally:
        node.stage.postgres.start()
    await until(lambda: not journal.exists())

    assert was_full
    assert [answer.status for answer in answers] == [200, 503]
    assert [one.status for one in after] == [401, 401]
    assert journalled == 1
    assert node.workers == before
    assert await asyncio.to_thread(log_in, node) == 200


def take_the_rest_of_its_block(file: Path) -> None:
    """With a line that says nothing; else another would still find room in it."""
    if left := -file.stat().st_size % 4096:
        with file.open("ab") as opened:
            opened.write(b"x" * (left - 1) + b"\n")
