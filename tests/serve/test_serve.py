"""A real arbiter with real workers: three sockets, crashes and the end."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

import gateway.metrics
from tests.serve.conftest import CONFIG, TOY, Server, until


async def test_each_socket_speaks_its_own_protocol(server: Server) -> None:
    assert json.loads((await server.get("web", "/who"))[1])["workers"] == 2
    assert (await server.get("web", "/healthz"))[0] == 404
    assert (await server.get("ops", "/who"))[0] == 404
    assert (await server.get("decision", "/anything"))[0] == 200
    assert [(await server.get(where, "/admin"))[0] for where in ("admin", "web")] == [200, 404]
    assert (server.directory / "web.sock").stat().st_mode & 0o777 == 0o660


async def test_readyz_and_metrics_are_those_of_all_workers(server: Server) -> None:
    pids = await server.pids(2)
    assert len(pids) == 2
    asked = 20
    for _time in range(asked):
        await server.get("web", "/who")

    status, text = await server.get("ops", "/metrics")

    assert status == 200
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines['bastion_logins_total{outcome="accepted"}']) >= asked + 2
    assert float(lines["bastion_workers"]) == 2
    assert json.loads((await server.get("ops", "/readyz"))[1]) == {
        "ready": True,
        "checks": {"toy": "ok", "policy": "ok"},
    }
    (server.directory / "config.yaml.ill").touch()
    assert (await server.get("ops", "/readyz"))[0] == 503
    assert (await server.get("ops", "/healthz"))[0] == 200


async def test_the_log_names_each_worker_that_serves(server: Server) -> None:
    lines = server.logged("worker serves")

    assert {line["pid"] for line in lines} == await server.pids(2)
    assert {line["number"] for line in lines} == {0, 1}
    assert [line["compiled"] for line in lines] == [not str(gateway.metrics.__file__).endswith(".py")] * 2


async def test_a_killed_worker_is_replaced_while_the_others_go_on(server: Server) -> None:
    first, second = await server.pids(2)

    os.kill(first, signal.SIGKILL)

    assert (await server.get("web", "/who"))[0] == 200

    async def replaced() -> bool:
        pids = await server.pids(2)
        return len(pids) == 2 and first not in pids and second in pids

    assert await until(replaced)
    assert server.process.poll() is None


async def test_a_killed_worker_is_not_counted_any_more(server: Server) -> None:
    """After a reload its successor has another place among the figures."""
    before = await server.pids(2)
    server.process.send_signal(signal.SIGHUP)

    async def all_old_are_gone() -> bool:
        return not any(Path(f"/proc/{pid}").exists() for pid in before)

    assert await until(all_old_are_gone)
    os.kill(max(await server.pids(2)), signal.SIGKILL)

    async def counted() -> bool:
        metrics = (await server.get("ops", "/metrics"))[1]
        return "\nbastion_worker_starts_total 5.0\n" in metrics and "\nbastion_workers 2.0\n" in metrics

    assert await until(counted)


async def test_a_crash_while_no_worker_can_start_is_mended_later(server: Server) -> None:
    first, second = await server.pids(2)
    broken = server.directory / "config.yaml.broken"
    broken.touch()

    os.kill(first, signal.SIGKILL)
    await asyncio.sleep(3)

    assert await server.pids(2) == {second}
    broken.unlink()

    async def two_again() -> bool:
        return len(await server.pids(2)) == 2

    assert await until(two_again)


def test_a_server_that_never_could_start_ends(short_directory: Path) -> None:
    directory = short_directory / uuid4().hex[:8]
    directory.mkdir()
    (directory / "config.yaml").write_text(CONFIG.format(directory=directory, workers=2))
    (directory / "config.yaml.broken").touch()

    argv: list[str | Path] = [sys.executable, TOY, directory / "config.yaml"]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)

    assert ended.returncode != 0
    assert "this worker cannot start" in ended.stderr


async def test_usr1_makes_every_worker_read_policy_again(server: Server) -> None:
    server.process.send_signal(signal.SIGUSR1)

    async def reloaded() -> bool:
        return "read again" in (await server.get("ops", "/readyz"))[1]

    assert await until(reloaded)


async def test_who_reads_a_policy_without_end_still_ends_when_told(server: Server) -> None:
    (server.directory / "config.yaml.endless").touch()
    pids = await server.pids(2)
    server.process.send_signal(signal.SIGUSR1)
    await asyncio.sleep(1.5)  # a beat
    server.process.send_signal(signal.SIGUSR1)

    assert await server.pids(2) == pids, "they serve meanwhile"
    server.process.terminate()
    assert server.process.wait(15) == 0


async def test_term_answers_what_is_under_way_and_leaves_nothing(server: Server) -> None:
    pids = await server.pids(2)
    slow = asyncio.create_task(server.get("web", "/slow"))
    await asyncio.sleep(0.1)

    server.process.terminate()

    assert await slow == (200, "whole")
    assert server.process.wait(30) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not (server.directory / "web.sock").exists()


async def test_term_answers_what_comes_on_a_connection_that_was_just_opened(server: Server) -> None:
    """A form among it, which the proxy would not send twice."""
    reader, writer = await asyncio.open_unix_connection(server.directory / "web.sock")
    await asyncio.sleep(0.1)  # until a worker has it
    server.process.terminate()

    async def refused() -> bool:
        return not (server.directory / "web.sock").exists()

    assert await until(refused)

    head = b""
    while b"Connection: close\r\n" not in head:  # until then the worker has not heard that it ends
        writer.write(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
        assert "pid" in json.loads(await reader.readexactly(length))
    assert await reader.read() == b""
    writer.close()
    assert server.process.wait(30) == 0


@pytest.mark.parametrize("where", ["decision", "web"])
async def test_a_burst_of_connections_waits_for_workers_that_are_held_up(server: Server, where: str) -> None:
    """The proxy answers 502 to whatever finds no room: over unix sockets it is told at once."""
    path = str(server.directory / f"{where}.sock")
    for pid in server.workers:
        os.kill(pid, signal.SIGSTOP)
    with ExitStack() as stack:
        try:
            for _ in range(1_000):
                one = stack.enter_context(socket.socket(socket.AF_UNIX))
                one.setblocking(False)
                one.connect(path)
        finally:
            for pid in server.workers:
                os.kill(pid, signal.SIGCONT)

    assert (await server.get("web", "/who"))[0] == 200


async def test_health_asks_the_ops_listener(server: Server) -> None:
    config = server.directory / "config.yaml"

    def health(*options: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "-m", "gateway", "health", "--config", str(config), *options]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)

    assert health().returncode == health("--ready").returncode == 0
    Path(f"{config}.ill").touch()
    assert health().returncode == 0
    assert health("--ready").returncode == 1
    server.process.kill()
    server.process.wait()
    await until(lambda: asyncio.sleep(0.5, result=True))
    assert "does not answer" in health().stderr


async def test_workers_end_when_the_arbiter_is_killed(server: Server) -> None:
    pids = await server.pids(2)

    server.process.kill()

    async def gone() -> bool:
        return not any(Path(f"/proc/{pid}").exists() for pid in pids)

    assert await until(gone)
