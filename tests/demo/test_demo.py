"""`bastion demo` as a person starts it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.embedded import free_port

pytestmark = pytest.mark.skipif(find_spec("gateway.app") is None, reason="nothing to serve yet")

KEYS = {
    "app_url",
    "app2_url",
    "auth_url",
    "user",
    "password",
    "ca_file",
    "decision_socket",
    "database_url",
    "redis_url",
    "pids",
}


class Demo:
    """One demo process on a directory of its own."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port

    def start(self) -> dict[str, Any]:
        """SIGINT is ignored at its birth, as for anything that a script starts with &."""
        argv = [sys.executable, "-m", "gateway", "demo", "--directory", str(self.directory), "--port", str(self.port)]
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        summary = self.directory / "demo.json"
        summary.unlink(missing_ok=True)  # of one that was killed
        self.log = self.directory.with_suffix(".log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)
        signal.signal(signal.SIGINT, before)
        deadline = time.monotonic() + 50
        while self.process.poll() is None and not summary.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        if not summary.exists():
            self.process.kill()
            self.process.wait()
            pytest.fail(self.log.read_text())
        found: dict[str, Any] = json.loads(summary.read_text())
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(40)


@pytest.fixture
def demo(short_directory: Path) -> Iterator[Demo]:
    demo = Demo(short_directory / f"demo{os.getpid()}", free_port())
    yield demo
    demo.end()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def left(pids: dict[str, int], seconds: float) -> list[str]:
    """Who of them still runs after that long."""
    deadline = time.monotonic() + seconds
    while any(not gone(pid) for pid in pids.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [name for name, pid in pids.items() if not gone(pid)]


class Connection(http.client.HTTPSConnection):
    """To this machine whatever the name, because not every resolver knows *.localhost."""

    def connect(self) -> None:
        context = ssl.create_default_context(cafile=self.ca_file)
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        self.sock = context.wrap_socket(plain, server_hostname=self.host)

    ca_file = ""


def fetch(url: str, ca_file: str, **headers: str) -> tuple[int, str]:
    """Without following redirects."""
    parts = urlsplit(url)
    connection = Connection(parts.hostname or "", parts.port)
    connection.ca_file = ca_file
    with contextlib.closing(connection):
        connection.request("GET", parts.path or "/", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_demo_protects_its_app_and_keeps_its_people(demo: Demo) -> None:
    first = demo.start()

    assert set(first) == KEYS
    assert fetch(first["app_url"], first["ca_file"], Accept="text/html")[0] == 302
    assert fetch(first["app_url"] + "/public/x", first["ca_file"])[0] == 200
    assert fetch(first["auth_url"] + "/login", first["ca_file"])[0] == 200
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(40) == 0
    assert left(first["pids"], 1) == []
    assert not (demo.directory / "demo.json").exists()

    begun = time.monotonic()
    second = demo.start()

    assert time.monotonic() - begun < 6  # three on a machine of one's own
    assert second["password"] == first["password"]
    assert second["ca_file"] == first["ca_file"]


def test_kill_9_leaves_nothing_and_the_next_start_works(demo: Demo) -> None:
    summary = demo.start()

    demo.process.kill()
    demo.process.wait()

    assert left(summary["pids"], 15) == []
    assert set(demo.start()) == KEYS


def test_a_second_demo_in_one_directory_is_refused(demo: Demo) -> None:
    demo.start()
    argv = [sys.executable, "-m", "gateway", "demo", "--directory", str(demo.directory), "--port", str(demo.port)]

    second = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)

    assert second.returncode == 1
    assert "another demo runs" in second.stderr
    assert demo.process.poll() is None
