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
from typing import Final, NamedTuple

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
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{host}: a legacy app</title>
<style>
html {{ color-scheme: light dark; --line: #8886; --accent: #2b5fd9; }}
@media (prefers-color-scheme: dark) {{ html {{ --accent: #8fb0ff; }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ line-height: 1.2; }}
a {{ color: var(--accent); }}
ul.ways {{ list-style: none; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr));
  gap: .75rem; }}
ul.ways a {{ display: block; height: 100%; box-sizing: border-box; padding: .75rem 1rem; border: 1px solid var(--line);
  border-radius: .5rem; text-decoration: none; }}
ul.ways a:hover {{ border-color: var(--accent); }}
ul.ways small {{ display: block; color: CanvasText; opacity: .8; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }}
button {{ font: inherit; padding: .5rem 1rem; }}
</style>
<h1>Hello {user}</h1>
<p>This is <strong>{host}</strong>, an app without any login of its own. {told}</p>
<ul class="ways">
{ways}
</ul>
<h2>All that reached the app</h2>
<p id="line"><code>{line}</code></p>
<table><tr><th>header<th>value</tr>
{rows}
</table>
<form method="post" action="/.bastion/logout"><p><button>Log out everywhere</button></p></form>
</html>
"""
_SIGNED_IN: Final = (
    "You signed in at Bastion, Caddy asked Bastion about this request, and Bastion told the app your name and your"
    " groups in the <code>Remote-*</code> headers below."
)
_NOBODY: Final = (
    "The policy opens this page to everybody, so you did not have to sign in, and the <code>Remote-*</code> headers"
    " below are empty."
)


class _Way(NamedTuple):
    """at: a path of this host, or of another as `host/path`."""

    at: str
    label: str
    shows: str


_WAYS: Final = (
    _Way("/public/page", "A public page", "open to everybody"),
    _Way("/admin/page", "A page for administrators", "the policy denies it to you"),
    _Way("/strong/page", "A page that needs a fresh login", "ten minutes after signing in it asks again"),
    _Way("/api/me", "The API", "the same headers, as JSON"),
    _Way("app2.localhost/", "The second host", "no second login"),
    _Way("auth.localhost/account", "Your account", "where you are signed in"),
)


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
    user = request.headers.get("Remote-Name") or request.headers.get("Remote-User")
    text = _PAGE.format(
        host=html.escape(request.host),
        user=html.escape(user or "whoever you are"),
        told=_SIGNED_IN if user else _NOBODY,
        ways="\n".join(_ways(request.host)),
        line=html.escape(f"{request.method} {request.raw_path}"),
        rows="\n".join(_rows(request)),
    )
    return web.Response(text=text, content_type="text/html")


def _ways(host: str) -> Iterator[str]:
    """host: of the request, with its port, which the other hosts share."""
    _name, colon, port = host.partition(":")
    for way in _WAYS:
        other, slash, path = way.at.partition("/")
        href = f"https://{other}{colon}{port}{slash}{path}" if other else way.at
        yield f'<li><a href="{html.escape(href)}">{way.label}<small>{way.shows}</small></a></li>'


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
