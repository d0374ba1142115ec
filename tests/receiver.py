"""A real HTTP server that takes what a webhook posts, as well or as badly as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web

Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def well(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


def with_status(status: int, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers)

    return answer


@dataclass
class Receiver:
    """heard: path, headers and body of each request, whatever was answered. taken: bodies that were answered well."""

    answer: Answer = well
    port: int = 0
    heard: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keep/s3cret-path"

    async def start(self) -> None:
        """On the port of before, if there was one."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._hear)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    async def has_taken(self, count: int) -> list[str]:
        await until(lambda: len(self.taken) >= count)
        return self.taken

    async def has_heard(self, count: int) -> None:
        await until(lambda: len(self.heard) >= count)

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.heard.append((request.path, dict(request.headers), body))
        answer = await self.answer(request)
        if answer.status < 300:
            self.taken.append(body)
        return answer


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within half a minute")


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()
