"""A server process whose app is a toy: what it shows is the arbiter's and the worker's own doing."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from aiohttp import web

from gateway.config import Config, load_config
from gateway.serve import serve
from gateway.web import operations
from gateway.web.operations import ReadinessCheck
from gateway.worker import Served, Start

CONFIG = Path(sys.argv[1])


class Decisions(asyncio.Protocol):
    def __init__(self, living: set["Decisions"]) -> None:
        self._living = living

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._living.add(self)

    def data_received(self, _data: bytes) -> None:
        pid = str(os.getpid()).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(pid), pid))

    def connection_lost(self, _error: Exception | None) -> None:
        self._living.discard(self)


@asynccontextmanager
async def build(start: Start) -> AsyncIterator[Served]:
    if Path(f"{CONFIG}.broken").exists():
        raise RuntimeError("this worker cannot start")
    living: set[Decisions] = set()
    told = {
        "pid": os.getpid(),
        "workers": start.config.server.workers,
        "timeout_ms": start.config.redis.timeout_ms,
    }
    logins = start.slot.cell("bastion_logins", "accepted")

    async def who(_request: web.Request) -> web.Response:
        logins.add()
        return web.json_response(told)

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response(text="whole")

    async def ready() -> Mapping[str, ReadinessCheck]:
        policy = ReadinessCheck(serves=True, detail=Path(f"{CONFIG}.loads").read_text() if reloads else "ok")
        return {"toy": ReadinessCheck(serves=not Path(f"{CONFIG}.ill").exists()), "policy": policy}

    reloads: list[int] = []

    async def reload_policy() -> None:
        if Path(f"{CONFIG}.endless").exists():
            await asyncio.Event().wait()
        reloads.append(1)
        Path(f"{CONFIG}.loads").write_text("read again")

    async def drain(_seconds: float) -> None:
        for connection in living:
            connection.transport.close()

    web_app, ops_app, admin_app = web.Application(), web.Application(), web.Application()
    admin_app.add_routes([web.get("/admin", who)])
    web_app.add_routes([web.get("/who", who), web.get("/slow", slow)])
    ops_app.add_routes(operations.routes(ready, start.metrics.render))
    yield Served(web_app, ops_app, lambda: Decisions(living), drain, reload_policy, admin_app)


def config() -> Config:
    return load_config(CONFIG, environ={}).config


if __name__ == "__main__":
    serve(config(), config, build)
