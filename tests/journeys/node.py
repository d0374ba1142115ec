"""A gateway of its own behind a Caddy of its own, to which journeys do what befalls a node."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis as SyncRedis

from gateway.embedded import EmbeddedPostgres, EmbeddedValkey, free_port
from gateway.outbound.probe import NoAnswer, probe
from tests.conftest import add_unlimited_routes, run_apart
from tests.databases import create, urls_of
from tests.journeys.crowd import Crowd
from tests.processes import serve
from tests.staging import Demo, Stage


@dataclass
class Node:
    """It may end and begin again."""

    stage: Stage
    serving: "subprocess.Popen[bytes] | None" = None

    @property
    def arbiter(self) -> int:
        return int(self.stage.summary["pids"]["bastion"]) if self.serving is None else self.serving.pid

    @property
    def workers(self) -> set[int]:
        return {int(pid) for pid in Path(f"/proc/{self.arbiter}/task/{self.arbiter}/children").read_text().split()}

    @property
    def log(self) -> str:
        return (self.stage.demo.directory / "bastion.log").read_text()

    def begin(self) -> None:
        """Anew, as a supervisor would."""
        config = self.stage.demo.directory / "config.yaml"
        argv = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
        self.serving = serve(argv, self.stage.demo.directory / "bastion.log", self.stage.demo.environment)

    def ops(self, path: str) -> tuple[int, str]:
        """(0, "") where nobody answers."""
        try:
            return probe(f"unix:{self.stage.decision_socket.replace('decision', 'ops')}", path)
        except NoAnswer:
            return 0, ""

    def figure(self, name: str) -> float:
        return sum(float(line.split()[-1]) for line in self.ops("/metrics")[1].splitlines() if line.startswith(name))

    def close(self) -> None:
        if self.serving is not None:
            self.serving.terminate()
            self.serving.wait(40)
        self.stage.demo.end()


def started(directory: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, *, before: Sequence[str] = ()) -> Node:
    """With a database of the directory's name. before: argv that ends by running what follows it."""
    run_apart(create(postgres, directory.name))
    more = {
        **urls_of(postgres, directory.name),
        "BASTION_REDIS_URL": valkey.url,
        "BASTION_REDIS_TIMEOUT_MS": "2000",  # a slow machine is no failure
    }
    demo = Demo(directory, free_port(), {**os.environ, **more}, before)
    add_unlimited_routes(demo.directory)
    return Node(Stage(demo, demo.start(), postgres, valkey))


@contextmanager
def beside(first: Node, sockets: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A second node, with one worker and with data and sockets of its own in that new directory; it is ready."""
    sockets.mkdir()
    own = {f"BASTION_SERVER_{name.upper()}_LISTEN": f"unix:{sockets}/{name}" for name in ("web", "decision", "ops")}
    environment = {
        **(first.stage.demo.environment or os.environ),
        **own,
        "BASTION_DATA_DIR": str(sockets),
        "BASTION_AUDIT_CHECKPOINT_DIR": str(sockets),
        "BASTION_SERVER_WORKERS": "1",
    }
    argv: list[str | Path] = [sys.executable, "-m", "gateway", "serve", "--config"]
    argv.append(first.stage.demo.directory / "config.yaml")
    process = serve(argv, sockets / "log", environment)
    try:
        asyncio.run(until(lambda: process.poll() is not None or _ready(own["BASTION_SERVER_OPS_LISTEN"])))
        assert process.poll() is None, (sockets / "log").read_text()
        yield process
    finally:
        process.terminate()
        process.wait(40)


def _ready(ops: str) -> bool:
    try:
        return probe(ops, "/readyz")[0] == 200
    except NoAnswer:
        return False


def signed_in(node: Node) -> str:
    """Limits begin anew: all visitors share an address."""
    with SyncRedis.from_url(node.stage.valkey.url) as client:
        client.flushall()
    return node.stage.signed_in().jar["app.localhost"]["__Host-bastion"]


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1_200):
        if holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail("not within a minute")


async def replaced(node: Node, clients: Crowd, before: set[int]) -> None:
    await clients.until(lambda: len(node.workers) == len(before) and not node.workers & before)


def log_in(node: Node) -> int:
    """The answer to the form of a new visitor, with redirects followed."""
    visitor = node.stage.visitor()
    page = visitor.visit(f"{node.stage.auth}/login")
    return visitor.log_in(page, str(node.stage.summary["user"]), str(node.stage.summary["password"])).status


def in_and_out(node: Node) -> tuple[int, int]:
    """A login and a logout, as the visitor sees them."""
    visitor = node.stage.visitor()
    entered = node.stage.log_in(visitor).status
    page = visitor.visit(f"{node.stage.auth}/logout")
    return entered, visitor.submit(page, "/logout", csrf=page.field("csrf")).status
