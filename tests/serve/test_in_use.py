"""Who comes second takes nothing from the first: listeners, data_dir, checkpoint_dir."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from gateway.claims import Directories
from tests.processes import serve
from tests.serve.conftest import CONFIG, TOY, Server, until

LISTENERS = ("web", "decision", "ops")
ELSEWHERE = CONFIG.replace(".sock", "-second.sock")


async def second(server: Server, text: str = CONFIG) -> "subprocess.CompletedProcess[str]":
    """Ends by itself, or the test fails."""
    config = server.directory / "second.yaml"
    config.write_text(text.format(directory=server.directory, workers=1))
    argv = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
    return await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, check=False, timeout=30)


def inodes(server: Server) -> list[int]:
    return [(server.directory / f"{name}.sock").stat().st_ino for name in LISTENERS]


async def test_a_second_server_on_the_same_configuration_ends_and_the_first_goes_on(server: Server) -> None:
    before = inodes(server)

    ended = await second(server)

    assert ended.returncode == 1
    for name in LISTENERS:
        socket_ = f"unix:{server.directory}/{name}.sock"
        assert f"{socket_} is served by pid {server.process.pid}; end it or name other listeners" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert inodes(server) == before
    assert (await server.get("web", "/who"))[0] == (await server.get("ops", "/readyz"))[0] == 200


async def test_a_second_server_on_other_listeners_leaves_the_data_of_the_first_alone(server: Server) -> None:
    ended = await second(server, ELSEWHERE)

    data = server.directory / "data"
    expected = f"data_dir: {data} is in use by pid {server.process.pid}; end it or name another directory"
    assert (ended.returncode, expected in ended.stderr) == (1, True)
    assert not list(server.directory.glob("*-second.sock"))


async def test_two_servers_do_not_share_a_file_of_checkpoints(server: Server) -> None:
    """The first one got its directory by a reload."""
    kept = server.directory / "kept"
    server.write_config(f"{CONFIG}audit: {{{{checkpoint_dir: {kept}}}}}\nredis: {{{{timeout_ms: 781}}}}\n")
    server.process.send_signal(signal.SIGHUP)
    assert await until(lambda: server.all_have(781))

    ended = await second(server, f"{ELSEWHERE}data_dir: second-data\naudit: {{{{checkpoint_dir: {kept}}}}}\n")

    assert ended.returncode == 1
    assert f"audit.checkpoint_dir: {kept} is in use by pid {server.process.pid}" in ended.stderr


async def test_a_reload_does_not_move_into_the_data_of_another_server(server: Server, tmp_path: Path) -> None:
    other = tmp_path / "config.yaml"
    sockets = server.directory / "other"
    other.write_text(CONFIG.format(directory=sockets, workers=1))
    process = serve([sys.executable, TOY, other], tmp_path / "log")
    try:

        async def serves() -> bool:
            return (sockets / "ops.sock").exists()

        assert await until(serves)
        server.write_config(f"data_dir: {tmp_path / 'data'}\nredis: {{{{timeout_ms: 783}}}}\n{CONFIG}")
        server.process.send_signal(signal.SIGHUP)

        async def refused() -> bool:
            return bool(server.logged("directory in use, the last good configuration stays"))

        assert await until(refused)
        assert not await server.all_have(783)
    finally:
        process.terminate()
        process.wait(30)


async def test_a_dead_socket_is_replaced(server: Server) -> None:
    """The whole group is killed, so nobody could remove anything; the next start is like any other."""
    for pid in (server.process.pid, *server.workers):
        os.kill(pid, signal.SIGKILL)
    server.process.wait()
    assert (server.directory / "web.sock").is_socket()

    server.process = serve([sys.executable, TOY, server.directory / "config.yaml"], server.directory / "log")

    assert await until(lambda: server.all_have(250))


async def test_a_restart_need_not_wait_for_the_workers_of_a_killed_arbiter(server: Server) -> None:
    """They end by themselves, and answer what is under way first."""
    slow = asyncio.create_task(server.get("web", "/slow"))
    await asyncio.sleep(0.1)
    server.process.kill()
    server.process.wait()
    ours = Directories()

    taken_by = ours.take(server.directory / "data")
    ours.disown()
    server.process = serve([sys.executable, TOY, server.directory / "config.yaml"], server.directory / "log")

    assert taken_by == ""
    assert await until(lambda: server.all_have(250))
    assert await slow == (200, "whole")


async def test_a_restart_waits_for_what_is_under_way(server: Server) -> None:
    """Its sockets are gone at once, its directories when all is answered."""
    slow = asyncio.create_task(server.get("web", "/slow"))
    await asyncio.sleep(0.1)
    first = server.process
    first.terminate()

    async def refused() -> bool:
        return not (server.directory / "web.sock").exists()

    assert await until(refused)
    server.process = serve([sys.executable, TOY, server.directory / "config.yaml"], server.directory / "log")

    assert await until(lambda: server.all_have(250))
    assert await slow == (200, "whole")
    assert first.wait(30) == 0
