"""A legacy app with sessions of its own, in a thread: it asks who somebody is once, and believes its cookie since."""

import asyncio
import html
import threading
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from aiohttp import WSMsgType, web
from multidict import CIMultiDict

T = TypeVar("T")
# Where the app has a session of its own, and the attributes of its cookie. The cookie is named after the path.
SESSIONS: Final = {
    "/session": "Path=/",
    "/secure": "Path=/; Secure",
    "/domain": "Path=/; Domain=one.bastion.test",
    "/site": "Path=/; Domain=bastion.test",
    "/till/session": "Path=/till/session",
}
COOKIES: Final = {path: path.strip("/").replace("/", "_") for path in SESSIONS} | {"/secure": "__Secure-app"}


@dataclass(frozen=True, slots=True)
class Request:
    """What reached the app. user: as Bastion says."""

    host: str
    method: str
    path: str
    user: str
    headers: CIMultiDict[str]

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class Written:
    """A page that a test wrote. delay_s: before the answer."""

    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/html"
    delay_s: float = 0.0


class LegacyApp:
    """written: by path without its query."""

    def __init__(self, socket: Path) -> None:
        self.reached: list[Request] = []
        self.written: dict[str, Written] = {}
        self._sessions: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        application = web.Application()
        application.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        self._do(self._start(socket))

    def close(self) -> None:
        self._do(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def forget(self) -> None:
        """What has reached it and what was written; sessions go on, as in any app."""
        self.reached.clear()
        self.written.clear()

    def lines(self, host: str = "") -> list[str]:
        return [one.line for one in self.reached if not host or one.host == host]

    async def _start(self, socket: Path) -> None:
        await self._runner.setup()
        await web.UnixSite(self._runner, str(socket)).start()

    def _do(self, act: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await act

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(20)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        user = request.headers.get("Remote-User", "")
        headers = CIMultiDict(request.headers)
        self.reached.append(Request(request.host.partition(":")[0], request.method, request.raw_path, user, headers))
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await _echo(request)
        written = self.written.get(request.path)
        if written is not None:
            await asyncio.sleep(written.delay_s)
            return web.Response(text=written.text, headers=written.headers, content_type=written.content_type)
        if request.path in SESSIONS:
            return self._session(request, user)
        return web.Response(text=_page(f"Hello {user or 'stranger'}", request), content_type="text/html")

    def _session(self, request: web.Request, user: str) -> web.Response:
        name = COOKIES[request.path]
        known = self._sessions.get(request.cookies.get(name, ""))
        response = web.Response(text=_page(f"Desk of {known or user}", request), content_type="text/html")
        if known is None:
            number = str(len(self._sessions))
            self._sessions[number] = user
            response.headers["Set-Cookie"] = f"{name}={number}; {SESSIONS[request.path]}"
        return response


def _page(title: str, request: web.Request) -> str:
    line = html.escape(f"{request.method} {request.raw_path}")
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<h1>{html.escape(title)}</h1><p id="line">{line}</p>
<form method="post" action="/.bastion/logout"><button>Log out everywhere</button></form></html>"""


async def _echo(request: web.Request) -> web.WebSocketResponse:
    channel = web.WebSocketResponse()
    await channel.prepare(request)
    async for message in channel:
        if message.type is WSMsgType.TEXT:
            await channel.send_str(f"echo {message.data}")
    return channel
