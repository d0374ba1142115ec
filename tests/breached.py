"""Corpora of breached passwords in the forms that they are downloaded in, and a server that speaks the range API."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web


def sha1_of(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


def ordered_file(path: Path, counts: Mapping[str, int], end: str = "\r\n") -> Path:
    """As the downloader writes a single file. counts: by password."""
    lines = sorted(f"{sha1_of(password)}:{count}" for password, count in counts.items())
    path.write_text("".join(f"{line}{end}" for line in lines), newline="")
    return path


def ranges_of(counts: Mapping[str, int]) -> dict[str, list[str]]:
    """Lines by prefix."""
    found = defaultdict(list)
    for digest, count in sorted((sha1_of(password), count) for password, count in counts.items()):
        found[digest[:5]].append(f"{digest[5:]}:{count}")
    return dict(found)


def range_directory(path: Path, counts: Mapping[str, int]) -> Path:
    """As the downloader writes a file for each range."""
    path.mkdir()
    for prefix, lines in ranges_of(counts).items():
        (path / f"{prefix}.txt").write_text("\r\n".join(lines), newline="")
    return path


@dataclass
class RangeServer:
    """ranges: lines by prefix. asked: prefixes and headers. broken: what it does instead of answering."""

    ranges: Mapping[str, Iterable[str]]
    url: str = ""
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    broken: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        prefix = request.match_info["prefix"]
        self.asked.append((prefix, request.headers))
        match self.broken:
            case "slow":
                await asyncio.sleep(30)
            case "status":
                return web.Response(status=503)
            case "redirect":
                return web.Response(status=302, headers={"Location": f"/elsewhere/{prefix}"})
            case "page":
                return web.Response(text="<html>maintenance</html>")
            case "endless":
                return web.Response(body=b"0" * 600_000)
            case "cut":
                assert request.transport is not None
                request.transport.abort()
            case _:
                pass
        padding = [f"{'F' * 30}{number:05X}:0" for number in range(20)]
        return web.Response(text="\r\n".join([*self.ranges.get(prefix, []), *padding]))


@asynccontextmanager
async def range_server(counts: Mapping[str, int]) -> AsyncIterator[RangeServer]:
    server = RangeServer(ranges_of(counts))
    app = web.Application()
    app.router.add_get("/range/{prefix}", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/range/"
    try:
        yield server
    finally:
        await runner.cleanup()
