"""The embedded servers survive kill -9 and never outlive their parent."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from gateway.embedded import (
    Binaries,
    Children,
    EmbeddedCaddy,
    EmbeddedPostgres,
    EmbeddedValkey,
    ServerFailed,
    free_port,
    home_of,
    servers,
)
from gateway.embedded.binaries import caddy_binary
from tests.exhaustive import sampled

# Where the tests were started with & in a script, SIGINT is ignored at the birth of each of their processes.
PARENT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from gateway.embedded import Children, EmbeddedPostgres, EmbeddedValkey

directory, children = Path(sys.argv[1]), Children()
postgres, valkey = EmbeddedPostgres(directory, children, durable=False), EmbeddedValkey(directory, children)
postgres.start()
valkey.start()
print(postgres.pid, valkey.pid, children.watchdog_pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"bastion-test-{os.getpid()}-", dir="/tmp") as made:
        Path(made).chmod(0o711)
        yield Path(made)


def gone(pid: int) -> bool:
    """A zombie that nobody has reaped yet counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


async def test_postgres_keeps_its_rows_over_kill_9(directory: Path, children: Children, binaries: Binaries) -> None:
    server = EmbeddedPostgres(directory, children, binaries)
    server.start()
    connection = await asyncpg.connect(server.url())
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    await connection.close()

    server.kill()
    server.start()

    # The file of the killed server says "ready" too; start must not have believed it.
    assert (server.home / "data" / "postmaster.pid").read_text().splitlines()[0] == str(server.pid)
    connection = await asyncpg.connect(server.url())
    assert await connection.fetchval("SELECT n FROM kept") == 7
    await connection.close()
    server.stop()


async def test_valkey_restarts_empty_on_the_same_directory(
    directory: Path, children: Children, binaries: Binaries
) -> None:
    server = EmbeddedValkey(directory, children, binaries)
    server.start()
    async with Redis.from_url(server.url) as client:
        await client.set("key", "value")

    server.kill()
    server.start()

    async with Redis.from_url(server.url) as client:
        assert await client.get("key") is None
    server.stop()


@pytest.mark.parametrize("number", sampled([signal.SIGKILL, signal.SIGINT, signal.SIGTERM]))
def test_servers_end_with_their_parent(directory: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, directory], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 3
    assert not any(gone(pid) for pid in pids)

    parent.send_signal(number)
    parent.wait(60)
    parent.stdout.close()

    assert within(60, lambda: all(gone(pid) for pid in pids))


def test_the_watchdog_alone_ends_a_child(directory: Path) -> None:
    """Where the kernel has no death signal: the pipe closes, and a child that ignores SIGINT is killed."""
    children = Children()
    deaf = ["/bin/sh", "-c", "trap '' INT; while :; do sleep 1; done"]
    process = children.spawn(deaf, log=directory / "log", env={"PATH": "/usr/bin:/bin"})
    time.sleep(0.3)

    children.close()

    assert process.wait(5) == -signal.SIGKILL


def test_valkey_takes_no_core_from_others(directory: Path, children: Children, binaries: Binaries) -> None:
    valkey = EmbeddedValkey(directory, children, binaries)

    valkey.start()

    assert os.sched_getscheduler(valkey.pid) == os.SCHED_BATCH
    valkey.stop()


def test_caddy_is_ready_when_its_certificates_are(directory: Path, children: Children, binaries: Binaries) -> None:
    caddy, port = EmbeddedCaddy(directory, children, binaries), free_port()
    options = f"admin off\npersist_config off\nskip_install_trust\nauto_https disable_redirects\nhttps_port {port}\n"

    caddy.start(
        f"{{\n{options}}}\nhttps://app.localhost:{port} {{\nrespond ok\n}}\n", hosts=["app.localhost"], https_port=port
    )

    assert caddy.ca_file.exists()
    caddy.stop()


@pytest.mark.parametrize(("silent", "starts"), [(1, True), (2, False)])
def test_a_caddy_that_shows_no_certificate_is_started_once_more(
    directory: Path,
    children: Children,
    binaries: Binaries,
    monkeypatch: pytest.MonkeyPatch,
    silent: int,
    *,
    starts: bool,
) -> None:
    monkeypatch.setattr(servers, "_START_WITHIN_S", 5.0)
    begun, moody = directory / "begun", directory / "moody"
    moody.write_text(
        f'#!/bin/sh\n[ "$1" = run ] && echo once >> {begun}\n'
        f'[ "$1" = run ] && [ $(wc -l < {begun}) -le {silent} ] && exec sleep 60\nexec {caddy_binary(binaries)} "$@"\n'
    )
    moody.chmod(0o755)
    caddy = EmbeddedCaddy(directory, children, replace(binaries, caddy=moody))
    port = free_port()
    options = f"admin off\npersist_config off\nskip_install_trust\nauto_https disable_redirects\nhttps_port {port}\n"
    site = f"{{\n{options}}}\nhttps://app.localhost:{port} {{\nrespond ok\n}}\n"

    def start() -> None:
        caddy.start(site, hosts=["app.localhost"], https_port=port)

    if starts:
        start()
        caddy.stop()
    else:
        with pytest.raises(ServerFailed):
            start()
    assert len(begun.read_text().splitlines()) == 2


def test_a_server_that_cannot_start_says_why(directory: Path, children: Children, binaries: Binaries) -> None:
    caddy = EmbeddedCaddy(directory, children, binaries)

    with pytest.raises(ServerFailed, match="no_such_directive"):
        caddy.start("http://localhost:1 {\nno_such_directive\n}\n", hosts=["localhost"])


def test_a_long_path_gets_one_short_home_for_ever(directory: Path) -> None:
    long = directory / ("x" * 100)
    long.mkdir()

    assert len(os.fsencode(home_of(long))) < 70
    assert home_of(long) == home_of(long)
    home_of(long).rmdir()


@pytest.mark.skipif(os.getuid() != 0, reason="only root changes accounts")
def test_a_closed_directory_gets_an_open_home(directory: Path) -> None:
    closed = directory / "closed"
    closed.mkdir(mode=0o700)

    assert home_of(directory) == directory
    assert home_of(closed) != closed
    home_of(closed).rmdir()
