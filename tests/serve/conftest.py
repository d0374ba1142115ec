"""A server whose app is a toy, as a process of its own."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from tests.processes import serve

TOY = Path(__file__).with_name("toy.py")
CONFIG = """\
profile: dev
admin:
  listen: unix:{directory}/admin.sock
server:
  web_listen: unix:{directory}/web.sock
  decision_listen: unix:{directory}/decision.sock
  ops_listen: unix:{directory}/ops.sock
  workers: {workers}
"""

_AT_ONCE = 8


@dataclass(slots=True)
class Server:
    directory: Path
    process: "subprocess.Popen[bytes]"

    async def get(self, where: str, path: str) -> tuple[int, str]:
        """On a connection of its own."""
        connector = aiohttp.UnixConnector(path=str(self.directory / f"{where}.sock"))
        async with aiohttp.ClientSession(connector=connector) as session, session.get(f"http://x{path}") as answer:
            return answer.status, await answer.text()

    async def pids(self, enough: int, most: int = 400) -> set[int]:
        """The workers that answer, asked until there are enough of them, and no more than most times.

        Several at once: of single ones the same worker may take all.
        """
        found: set[int] = set()
        for _attempt in range(0, most, _AT_ONCE):
            answers = await asyncio.gather(*(self.get("web", "/who") for _ in range(_AT_ONCE)))
            found |= {json.loads(text)["pid"] for _, text in answers}
            if len(found) >= enough:
                break
        return found

    @property
    def workers(self) -> set[int]:
        """Also those that do not serve yet, or are ending."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in listed.split()}

    async def serves(self, pid: int) -> bool:
        """Whether the worker is among those that answer just now."""
        return pid in await self.pids(len(self.workers), 8)

    async def all_have(self, timeout_ms: int) -> bool:
        """There are two workers, both serve, and each has this configuration."""
        if len(self.workers) != 2 or "\nbastion_workers 2.0\n" not in (await self.get("ops", "/metrics"))[1]:
            return False
        answers = [json.loads((await self.get("web", "/who"))[1]) for _ in range(20)]
        return {answer["timeout_ms"] for answer in answers} == {timeout_ms}

    def logged(self, event: str) -> list[dict[str, object]]:
        """The lines of the log that say just that."""
        lines = (self.directory / "log").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def write_config(self, text: str) -> None:
        (self.directory / "config.yaml").write_text(text.format(directory=self.directory, workers=2))


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if await true():
                return True
        except (OSError, aiohttp.ClientError):
            pass
        await asyncio.sleep(0.05)
    return False


@pytest.fixture
async def server(short_directory: Path) -> AsyncIterator[Server]:
    directory = short_directory / uuid4().hex[:8]
    directory.mkdir()
    config = directory / "config.yaml"
    config.write_text(CONFIG.format(directory=directory, workers=2))
    process = serve([sys.executable, TOY, config], directory / "log")
    started = Server(directory, process)

    async def both_serve() -> bool:
        return "\nbastion_workers 2.0\n" in (await started.get("ops", "/metrics"))[1]

    assert await until(both_serve), (directory / "log").read_text()
    yield started
    if started.process.poll() is None:
        started.process.terminate()
    started.process.wait(30)
