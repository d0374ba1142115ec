"""The other sides of Caddy, in a thread of their own: the decision, an app, and an app that speaks bytes."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from aiohttp import WSMsgType, web
from multidict import CIMultiDict

from gateway.core.forward.connection import connection_trick
from gateway.core.forward.names import to_delete
from gateway.core.forward.request import Fields, MalformedRequest, request_of

T = TypeVar("T")
Pairs = list[tuple[str, str]]
IDENTITY: Final = {
    "Remote-User": "ada",
    "Remote-Groups": "staff,admins",
    "Remote-Name": "Ada Lovelace",
    "Remote-Email": "ada@example.org",
    "X-Auth-Request-User": "ada",
    "X-Auth-Request-Groups": "staff,admins",
    "X-Auth-Request-Preferred-Username": "Ada Lovelace",
    "X-Auth-Request-Email": "ada@example.org",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived; header names in their spelling."""

    method: str
    target: str
    headers: Pairs
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known.lower() == name.lower()]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value


@dataclass(slots=True)
class Decision:
    """Answers what the test says, and remembers what it was asked. delay_s: before each answer.

    What the client said is judged as the gateway judges it. words: for the snippet, in place of those of an allow.
    """

    status: int = 200
    headers: Pairs = field(default_factory=lambda: list(IDENTITY.items()))
    body: bytes = b""
    delay_s: float = 0
    words: Pairs | None = None
    asked: list[Seen] = field(default_factory=list)

    def allow(self, **more: str) -> None:
        """more: header names with underscores for hyphens."""
        self.headers = [*IDENTITY.items(), *((name.replace("_", "-"), value) for name, value in more.items())]

    async def answer_to(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await _seen(request))
        await asyncio.sleep(self.delay_s)
        fields = Fields(request.raw_headers)
        try:
            asked = request_of(fields)
        except MalformedRequest:
            return web.Response(status=400)
        said = to_delete(asked.taken, frozenset())
        if said is None or connection_trick(asked):
            return web.Response(status=400)
        lines = [line.partition(": ") for line in said.decode().split("\r\n")[:-1]]
        words = self.words
        if words is None:
            words = [("X-Bastion-Allow", "one-by-one"), *((name, value) for name, _, value in lines)]
        return web.Response(status=self.status, headers=CIMultiDict([*self.headers, *words]), body=self.body)


@dataclass(slots=True)
class App:
    """Answers with its own headers, and echoes on a WebSocket."""

    status: int = 200
    headers: Pairs = field(default_factory=list)
    body: bytes = b"from the app"
    reached: list[Seen] = field(default_factory=list)

    async def answer_to(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            self.reached.append(Seen(request.method, request.raw_path, _pairs(request), b""))
            return await self._echo(request)
        self.reached.append(await _seen(request))
        return web.Response(status=self.status, headers=CIMultiDict(self.headers), body=self.body)

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        channel = web.WebSocketResponse()
        channel.headers.update(CIMultiDict(self.headers))
        await channel.prepare(request)
        async for message in channel:
            if message.type is WSMsgType.TEXT:
                await channel.send_str(f"echo {message.data}")
        return channel


@dataclass(slots=True)
class RawApp:
    """Answers each connection's first head with the same bytes, and keeps all that it receives.

    After a 101 it goes on listening.
    """

    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    received: bytearray = field(default_factory=bytearray)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received += await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        if self.answer.startswith(b"HTTP/1.1 101"):
            while chunk := await reader.read(65_536):
                self.received += chunk
        writer.close()


SOCKETS: Final = ("decision", "web", "console", "app", "raw")


class Doubles:
    """All of them on unix sockets in one directory, until close()."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.decision, self.app, self.raw = Decision(), App(), RawApp()
        self.web, self.console = App(), App()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runners: list[web.AppRunner] = []
        self.start_decision()
        self._do(self._serve("app.sock", self._answer_as_app))
        self._do(self._serve("web.sock", self._answer_as_web))
        self._do(self._serve("console.sock", self._answer_as_console))
        self._raw = self._do(asyncio.start_unix_server(self._talk, self.path("raw.sock")))

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def forget(self) -> None:
        """As new; each test begins so."""
        self.decision, self.app, self.raw = Decision(), App(), RawApp()
        self.web, self.console = App(), App()

    def start_decision(self) -> None:
        self._decision = self._do(self._serve("decision.sock", self._decide))

    def stop_decision(self) -> None:
        self._do(self._decision.cleanup())

    def close(self) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        return await self.decision.answer_to(request)

    async def _answer_as_app(self, request: web.Request) -> web.StreamResponse:
        return await self.app.answer_to(request)

    async def _answer_as_web(self, request: web.Request) -> web.StreamResponse:
        return await self.web.answer_to(request)

    async def _answer_as_console(self, request: web.Request) -> web.StreamResponse:
        return await self.console.answer_to(request)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.raw.talk(reader, writer)

    async def _close(self) -> None:
        self._raw.close()
        for runner in self._runners:
            await runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, name: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.AppRunner:
        application = web.Application(client_max_size=1 << 30)
        application.router.add_route("*", "/{rest:.*}", handler)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, self.path(name)).start()
        self._runners.append(runner)
        return runner

    def _do(self, act: Awaitable[T]) -> T:
        return asyncio.run_coroutine_threadsafe(_awaited(act), self._loop).result(20)


async def _awaited(act: Awaitable[T]) -> T:
    return await act


async def _seen(request: web.Request) -> Seen:
    return Seen(request.method, request.raw_path, _pairs(request), await request.read())


def _pairs(request: web.Request) -> Pairs:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers]
