"""A legacy app that knows nothing of Bastion: it shows what reached it, and sends headers that are too lax."""

import argparse
import asyncio
import html
import json
import os
import signal
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler

_LAX: Final = {
    "Content-Security-Policy": "default-src * 'unsafe-inline'",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Credentials": "true",
    "Cache-Control": "public, max-age=60",
    "X-Powered-By": "Legacy/1.0",
    "Server": "Legacy/1.0",
}
_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{host}: a legacy app</title>
<h1>Hello {user}</h1>
<p>This is <strong>{host}</strong>, an app without any login of its own. This is all that reached it:</p>
<p id="line"><code>{line}</code></p>
<table><tr><th>header<th>value</tr>
{rows}
</table>
<form method="post" action="/.bastion/logout"><button>Log out everywhere</button></form>
</html>
"""


def make_app() -> web.Application:
    """hits counts every request that reached it, so that a test sees which did not."""
    hits: list[str] = []

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/hits":
            hits.append(f"{request.method} {request.path}")
        return await handler(request)

    async def tell_hits(_request: web.Request) -> web.Response:
        return web.json_response({"count": len(hits), "last": hits[-20:]})

    app = web.Application(middlewares=[count])
    app.add_routes(
        [
            web.get("/hits", tell_hits),
            web.get("/ws", _echo_websocket),
            web.route("*", "/api/{rest:.*}", _echo),
            web.route("*", "/{rest:.*}", _page),
        ]
    )
    app.on_response_prepare.append(_add_lax_headers)
    return app


async def _page(request: web.Request) -> web.Response:
    user = request.headers.get("Remote-Name") or request.headers.get("Remote-User") or "stranger"
    text = _PAGE.format(
        host=html.escape(request.host),
        user=html.escape(user),
        line=html.escape(f"{request.method} {request.raw_path}"),
        rows="\n".join(_rows(request)),
    )
    return web.Response(text=text, content_type="text/html")


def _rows(request: web.Request) -> Iterator[str]:
    for name, value in sorted(request.headers.items()):
        yield f"<tr><td>{html.escape(name)}<td>{html.escape(value)}</tr>"


async def _echo(request: web.Request) -> web.Response:
    """Names in lower case; a header that came twice is a list of two."""
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name.lower(), []).append(value)
    body = (await request.read()).decode("utf-8", "replace")
    return web.json_response({"method": request.method, "target": request.raw_path, "headers": headers, "body": body})


async def _echo_websocket(request: web.Request) -> web.WebSocketResponse:
    """First who is there, then each text back."""
    channel = web.WebSocketResponse()
    await channel.prepare(request)
    await channel.send_str(json.dumps({"user": request.headers.get("Remote-User", "")}))
    async for message in channel:
        if message.type is WSMsgType.TEXT:
            await channel.send_str(f"echo {message.data}")
    return channel


async def _add_lax_headers(_request: web.Request, response: web.StreamResponse) -> None:
    if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        response.headers.update(_LAX)


async def _serve(socket: Path) -> None:
    runner = web.AppRunner(make_app(), access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()
    await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("socket", type=Path)
    path: Path = parser.parse_args().socket
    path.unlink(missing_ok=True)
    os.umask(0o117)
    asyncio.run(_serve(path))
