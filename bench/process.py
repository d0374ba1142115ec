"""How long a gateway takes to its first answer, and how much memory a worker takes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.figures import Figure
from bench.load import ask, rss_mb, volley
from bench.questions import question
from bench.site import OTHER, READY_WITHIN_S, SMALL_ROUTES, Site, children, policy

_ALLOWED: Final = b"HTTP/1.1 200"
_QUESTION: Final = question(OTHER, "/open/x")


def process_figures(site: Site, directory: Path, repetitions: int, count: int) -> list[Figure]:
    """From `bastion serve` to the answer of its decision listener, on stores that run, with a policy of 100 routes.

    The memory is that of a worker after it has answered.
    """
    seconds, megabytes = [], []
    for _ in range(repetitions):
        started = time.perf_counter()
        with _gateway(site, directory) as (pid, decision):
            seconds.append(time.perf_counter() - started)
            volley(decision, [_QUESTION], count=count, connections=8, expected=_ALLOWED)
            megabytes.append(rss_mb(children(pid)[0]))
    return [Figure.of("process.start_s", seconds), Figure.of("process.worker_rss_mb", megabytes)]


@contextmanager
def _gateway(site: Site, directory: Path) -> Iterator[tuple[int, str]]:
    """Its pid and its decision socket."""
    policies, decision = directory / "policies", directory / "decision.sock"
    policies.mkdir(parents=True, exist_ok=True)
    (policies / "policy.yaml").write_text(policy(SMALL_ROUTES, site.port))
    decision.unlink(missing_ok=True)
    settings = {f"BASTION_SERVER_{name}_LISTEN": f"unix:{directory / name.lower()}.sock" for name in ("WEB", "OPS")}
    settings |= {
        "BASTION_SERVER_DECISION_LISTEN": f"unix:{decision}",
        "BASTION_SERVER_WORKERS": "1",
        "BASTION_DATA_DIR": str(directory / "data"),
        "BASTION_POLICY_DIRECTORY": str(policies),
    }
    argv = [sys.executable, "-m", "gateway", "serve", "--config", str(site.directory / "config.yaml")]
    silent = subprocess.DEVNULL
    process = subprocess.Popen(argv, stdout=silent, stderr=silent, env={**os.environ, **settings})
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while not _answers(str(decision)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("bastion serve did not start")
            time.sleep(0.005)
        yield process.pid, str(decision)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _answers(address: str) -> bool:
    try:
        return ask(address, _QUESTION).startswith(_ALLOWED)
    except OSError:
        return False
