"""What decisions are compared with: constant answers on the same socket, by the same load, in processes of their own.

`python -m bench.rivals aiohttp SOCKET`: an application with one constant handler.
`python -m bench.rivals httptools SOCKET [FILE]`: httptools over asyncio and nothing else, the least that HTTP costs
here. FILE has the bytes of the answer, if it is to be another than an empty 200.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, cast

import httptools
import uvloop
from aiohttp import web

_BACKLOG: Final = 1024  # a crowd connects at once; who finds it full is a 502 of Caddy's
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def serve_aiohttp(path: str) -> None:
    """As gateway/worker.py runs its own web application: uvloop, no access log, nothing in between."""

    async def decide(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/decide", decide)
    runner = web.AppRunner(app, handle_signals=False, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, path, backlog=_BACKLOG).start()
    await asyncio.Event().wait()


class _Responder(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Headers are handed over, as to anybody who reads them."""

    def on_message_complete(self) -> None:
        self._transport.write(self._answer)


async def serve_httptools(path: str, answer: str = "") -> None:
    written = Path(answer).read_bytes() if answer else _ANSWER
    server = await asyncio.get_running_loop().create_unix_server(lambda: _Responder(written), path, backlog=_BACKLOG)
    await server.serve_forever()


SERVE: Final[dict[str, Callable[..., Coroutine[Any, Any, None]]]] = {
    "aiohttp": serve_aiohttp,
    "httptools": serve_httptools,
}

if __name__ == "__main__":
    uvloop.run(SERVE[sys.argv[1]](*sys.argv[2:]))
