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
from hashlib import sha256
from pathlib import Path
from typing import Final

from bench.people import signed_in
from gateway.embedded import free_port

READY_WITHIN_S: Final = 60
VERIFY_PATH: Final = "/verify"
SMALL, BIG, OTHER, MACHINE = "app.localhost", "big.localhost", "app2.localhost", "machine.localhost"
CLIENT, CLIENT_SECRET, SCOPE = "machine", "bench" * 8, "bench.read"
SMALL_ROUTES, BIG_ROUTES = 100, 10_000
_POLICY: Final = """\
# Of the benchmark. Every route has a limit, as each has by default, but none that is ever reached.
define:
  limits: {{plenty: {{rate: 1000000/s, per: caller}}, little: {{rate: 1/h, per: caller}}}}
  scopes: {{{scope}: Measure}}
defaults: {{limits: plenty}}
clients:
  {client}: {{name: Bench, type: service, secret: {{sha256: {digest}}}, scopes: {scope}, resources: {resource}}}
apps:
  machine:
    hosts: {machine}
    credentials: [session, bearer, dpop]
    allow: [{{groups: staff}}, {{scopes: {scope}}}]
    headers: strict
    routes:
{machine_routes}"""
_APP: Final = """\
  {name}:
    hosts: {host}
    allow: {{groups: staff}}
    headers: strict
    routes:
"""


def policy(big_routes: int, port: int) -> str:
    """Hosts with the same kinds of routes, one with many more, one for tokens too; and one with special cases."""
    text = [
        _POLICY.format(
            client=CLIENT,
            digest=sha256(CLIENT_SECRET.encode()).hexdigest(),
            scope=SCOPE,
            resource=f"https://{MACHINE}:{port}",
            machine=MACHINE,
            machine_routes=_routes(SMALL_ROUTES),
        )
    ]
    for name, host, count in (("small", SMALL, SMALL_ROUTES), ("big", BIG, big_routes)):
        text.append(_APP.format(name=name, host=host))
        text.append(_routes(count))
    text.append(_APP.format(name="other", host=OTHER))
    text.append("      open: {paths: /open/**, allow: anyone, limits: none}\n")
    text.append("      spent: {paths: /spent/**, limits: little}\n")
    text.append("      unlimited: {paths: /unlimited/**, limits: none}\n")
    return "".join(text)


def _routes(count: int) -> str:
    return "".join(f"      r{number}: {{paths: /area{number % 50}/item{number}/**}}\n" for number in range(count))


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
    port: int
    pids: dict[str, int]
    workers: tuple[int, ...]

    @property
    def issuer(self) -> str:
        return f"https://auth.localhost:{self.port}"

    async def signed_in(self, count: int, hosts: Sequence[str]) -> dict[str, list[str]]:
        return await signed_in(self.database_url, self.directory, count, hosts)


@contextmanager
def running_site(directory: Path, workers: int = 1) -> Iterator[Site]:
    (directory / "policies").mkdir(parents=True, exist_ok=True)
    port = free_port()
    (directory / "policies" / "demo.yaml").write_text(policy(BIG_ROUTES, port))
    summary = directory / "demo.json"
    summary.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "gateway", "demo", "--directory", str(directory), "--port", str(port)]
    settings = {
        "BASTION_SERVER_WORKERS": str(workers),
        "BASTION_SERVER_VERIFY_PATH": VERIFY_PATH,
    }
    with _process(argv, settings):
        _until(summary.exists, "the demo did not start")
        yield _site(directory, port, json.loads(summary.read_text()))


def _site(directory: Path, port: int, summary: dict[str, object]) -> Site:
    pids, decision = summary["pids"], str(summary["decision_socket"])
    assert isinstance(pids, dict)
    return Site(
        directory=directory,
        decision=decision,
        web=decision.replace("decision.sock", "web.sock"),
        database_url=str(summary["database_url"]),
        redis_url=str(summary["redis_url"]),
        port=port,
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
