"""How long a gateway takes to its first answer, and how much memory a worker takes."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from bench.figures import Figure
from bench.load import rss_mb
from bench.questions import question
from bench.site import OTHER, READY_WITHIN_S, Site

_QUESTION: Final = question(OTHER, "/open/x")


def process_figures(site: Site, directory: Path, repetitions: int) -> list[Figure]:
    """The memory is that of a worker that has answered for a while."""
    return [
        Figure.of("process.start_s", [_start_s(site, directory) for _ in range(repetitions)]),
        Figure.of("process.worker_rss_mb", [rss_mb(pid) for pid in site.workers]),
    ]


def _start_s(site: Site, directory: Path) -> float:
    """From `bastion serve` to the answer of its decision listener, on stores that run."""
    decision = directory / "start.sock"
    decision.unlink(missing_ok=True)
    listens = {name: f"unix:{directory / name}.sock" for name in ("web", "ops")}
    settings = {
        "BASTION_SERVER_DECISION_LISTEN": f"unix:{decision}",
        "BASTION_SERVER_WEB_LISTEN": listens["web"],
        "BASTION_SERVER_OPS_LISTEN": listens["ops"],
        "BASTION_DATA_DIR": str(directory / "data"),
    }
    argv = [sys.executable, "-m", "gateway", "serve", "--config", str(site.directory / "config.yaml")]
    started = time.perf_counter()
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **settings}
    )
    try:
        while not _answers(decision):
            if process.poll() is not None or time.perf_counter() - started > READY_WITHIN_S:
                raise SystemExit("bastion serve did not start")
            time.sleep(0.005)
        return time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _answers(address: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(1)
            one.connect(str(address))
            one.sendall(_QUESTION)
            return one.recv(65_536).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
