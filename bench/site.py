"""A gateway of the benchmark's own: a demo with one worker and a policy of many routes, and the rivals beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.people import signed_in
from gateway.embedded import free_port

READY_WITHIN_S: Final = 60
VERIFY_PATH: Final = "/verify"
SMALL, BIG, OTHER = "app.localhost", "big.localhost", "app2.localhost"
SMALL_ROUTES, BIG_ROUTES = 100, 10_000
_POLICY: Final = """\
# Of the benchmark. Every route has a limit, as each has by default, but none that is ever reached.
define: {limits: {plenty: {rate: 1000000/s, per: caller}, little: {rate: 1/h, per: caller}}}
defaults: {limits: plenty}
apps:
"""
_APP: Final = """\
  {name}:
    hosts: {host}
    allow: {{groups: staff}}
    headers: strict
    routes:
"""


def policy(big_routes: int) -> str:
    """Two hosts with the same kinds of routes, one with many more; and one with special cases."""
    text = [_POLICY]
    for name, host, count in (("small", SMALL, SMALL_ROUTES), ("big", BIG, big_routes)):
        text.append(_APP.format(name=name, host=host))
        text += [f"      r{number}: {{paths: /area{number % 50}/item{number}/**}}\n" for number in range(count)]
    text.append(_APP.format(name="other", host=OTHER))
    text.append("      open: {paths: /open/**, allow: anyone, limits: none}\n")
    text.append("      spent: {paths: /spent/**, limits: little}\n")
    text.append("      unlimited: {paths: /unlimited/**, limits: none}\n")
    return "".join(text)


def paths(routes: int, each: int) -> list[str]:
    """Paths under every route, so that no look-up is the one before."""
    return [f"/area{at % routes % 50}/item{at % routes}/page{at // routes}" for at in range(routes * each)]


@dataclass(frozen=True, slots=True)
class Site:
    """pids: of all that runs. workers: of the gateway."""

    directory: Path
    decision: str
    web: str
    database_url: str
    redis_url: str
    pids: dict[str, int]
    workers: tuple[int, ...]

    async def signed_in(self, count: int, hosts: Sequence[str]) -> dict[str, list[str]]:
        return await signed_in(self.database_url, self.directory, count, hosts)


@contextmanager
def running_site(directory: Path) -> Iterator[Site]:
    (directory / "policies").mkdir(parents=True, exist_ok=True)
    (directory / "policies" / "demo.yaml").write_text(policy(BIG_ROUTES))
    summary = directory / "demo.json"
    summary.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "gateway", "demo", "--directory", str(directory), "--port", str(free_port())]
    settings = {
        "BASTION_SERVER_WORKERS": "1",
        "BASTION_SERVER_VERIFY_PATH": VERIFY_PATH,
    }
    with _process(argv, settings):
        _until(summary.exists, "the demo did not start")
        yield _site(directory, json.loads(summary.read_text()))


def _site(directory: Path, summary: dict[str, object]) -> Site:
    pids, decision = summary["pids"], str(summary["decision_socket"])
    assert isinstance(pids, dict)
    return Site(
        directory=directory,
        decision=decision,
        web=decision.replace("decision.sock", "web.sock"),
        database_url=str(summary["database_url"]),
        redis_url=str(summary["redis_url"]),
        pids=pids,
        workers=children(pids["bastion"]),
    )


def children(pid: int) -> tuple[int, ...]:
    """The workers of a gateway."""
    return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@contextmanager
def rival(kind: str, directory: Path, *more: str) -> Iterator[tuple[str, int]]:
    """Its socket and its pid. kind and more: as in bench/rivals.py."""
    directory.mkdir(parents=True, exist_ok=True)
    address = directory / f"{kind}.sock"
    address.unlink(missing_ok=True)
    with _process([sys.executable, "-m", "bench.rivals", kind, str(address), *more]) as pid:
        _until(address.exists, f"{kind} did not start")
        yield str(address), pid


@contextmanager
def _process(argv: Sequence[str], settings: dict[str, str] | None = None) -> Iterator[int]:
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env={**os.environ, **(settings or {})})
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _until(ready: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not ready():
        if time.monotonic() > deadline:
            sys.exit(otherwise)
        time.sleep(0.02)


@contextmanager
def a_core_for(pids: Sequence[int], others: Sequence[int]) -> Iterator[None]:
    """These processes have one, and the others share the rest: in life the others have machines of their own."""
    cores = sorted(os.sched_getaffinity(0))
    _keep(pids, cores[:1])
    _keep(others, cores[1:] or cores)
    try:
        yield
    finally:
        _keep([*pids, *others], cores)


def _keep(pids: Sequence[int], cores: Sequence[int]) -> None:
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores)
