"""Counts requests to the console and to its API by how they ended."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.web.ways import CONSOLE_PATH

_API: Final = f"{CONSOLE_PATH}/api"


def counting(count: Callable[[str], None]) -> Middleware:
    """The outermost one: inside of it each error has become an answer. count: hears "page answered", "api refused"."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_below(request.path, CONSOLE_PATH):
            return await handler(request)
        response = await handler(request)
        count(f"{'api' if _is_below(request.path, _API) else 'page'} {_outcome(response.status)}")
        return response

    return counted


def _is_below(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def _outcome(status: int) -> str:
    """A page that sends somebody to sign in, or to prove a factor, has answered."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "failed"
    return "refused" if status >= HTTPStatus.BAD_REQUEST else "answered"
