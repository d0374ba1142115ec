"""`bastion demo` as a person starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.embedded import free_port
from tests.staging import Demo, fetch

pytestmark = pytest.mark.skipif(find_spec("gateway.app") is None, reason="nothing to serve yet")

KEYS = {
    "app_url",
    "app2_url",
    "api_url",
    "issuer",
    "client_id",
    "redirect_uri",
    "auth_url",
    "user",
    "password",
    "admin_url",
    "admin_user",
    "admin_password",
    "admin_totp_secret",
    "ca_file",
    "decision_socket",
    "database_url",
    "redis_url",
    "pids",
}


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


def start(directory: Path, port: int) -> "subprocess.CompletedProcess[str]":
    """One that is expected to end by itself."""
    argv = [sys.executable, "-m", "gateway", "demo", "--directory", str(directory), "--port", str(port)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)


def test_the_demo_protects_its_app_keeps_its_people_and_survives_kill_9(demo: Demo) -> None:
    first = demo.start()

    assert set(first) == KEYS
    told = demo.log.read_text().splitlines()
    steps = [line.removeprefix("starting: ").split()[0] for line in told if line.startswith("starting: ")]
    assert steps == ["Postgres", "Valkey", "the", "Bastion,"]
    assert told[len(steps)] == "Bastion is ready."
    assert fetch(first["app_url"], first["ca_file"], Accept="text/html")[0] == 302
    assert fetch(first["app_url"] + "/public/x", first["ca_file"])[0] == 200
    assert fetch(first["auth_url"] + "/login", first["ca_file"])[0] == 200
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(40) == 0
    assert left(first["pids"], 1) == []
    assert not (demo.directory / "demo.json").exists()

    second = demo.start()

    assert second["password"] == first["password"]
    assert second["ca_file"] == first["ca_file"]

    demo.process.kill()
    demo.process.wait()

    assert left(second["pids"], 15) == []
    assert set(demo.start()) == KEYS


def test_a_second_demo_in_one_directory_or_on_one_port_is_refused_and_leaves_nothing(
    demo: Demo, tmp_path: Path
) -> None:
    summary = demo.start()

    there = start(demo.directory, free_port())
    port = start(tmp_path / "other", demo.port)

    assert (there.returncode, port.returncode) == (1, 1)
    expected = f"another demo runs in {demo.directory} (pid {demo.process.pid}); end it, or name another --directory"
    assert expected in there.stderr
    expected = f"port {demo.port} is in use by another demo (pid {demo.process.pid}); name another with --port"
    assert expected in port.stderr
    assert not (tmp_path / "other").exists()
    assert fetch(summary["app_url"] + "/public/x", summary["ca_file"])[0] == 200


def test_a_demo_on_the_port_of_another_program_is_refused_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        refused = start(tmp_path / "demo", other.getsockname()[1])

    assert refused.returncode == 1
    assert f"is in use by pid {os.getpid()}; name another with --port" in refused.stderr
    assert not (tmp_path / "demo").exists()
