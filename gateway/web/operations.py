"""/healthz, /readyz and /metrics, on a listener of their own that no proxy reaches."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

_TEXT_FORMAT: Final = "text/plain; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """One thing that this worker stands on. serves: requests can be answered; detail: what an operator reads."""

    serves: bool
    detail: str = "ok"


def routes(
    ready: Callable[[], Awaitable[Mapping[str, ReadinessCheck]]], metrics: Callable[[], bytes]
) -> list[web.RouteDef]:
    """healthz says that the process answers, readyz that it can do its work (503 if not)."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"}, headers=_HEADERS)

    async def readyz(_request: web.Request) -> web.Response:
        checks = await ready()
        serves = all(check.serves for check in checks.values())
        body = {"ready": serves, "checks": {name: check.detail for name, check in checks.items()}}
        return web.json_response(body, status=200 if serves else 503, headers=_HEADERS)

    async def figures(_request: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={**_HEADERS, "Content-Type": _TEXT_FORMAT})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", figures)]


_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
