"""/static/*: the few files that pages link, named by their content, so that browsers keep them for a year."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from gateway.web.html import StaticFile

_A_YEAR: Final = "public, max-age=31536000, immutable"
_A_WHILE: Final = "public, max-age=300"


def routes(files: Mapping[str, StaticFile]) -> list[web.RouteDef]:
    """A name with another content's digest gets today's content for a short while: nodes may be of two versions."""

    async def serve(request: web.Request) -> web.Response:
        stem, _, suffix = request.match_info["name"].rpartition(".")
        file = files.get(f"{stem.partition('.')[0]}.{suffix}")
        if file is None:
            raise web.HTTPNotFound
        headers = {
            "Cache-Control": _A_YEAR if request.path == file.path else _A_WHILE,
            # Protected hosts show pages of ours that link these.
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        charset = "utf-8" if file.content_type.startswith("text/") else None
        return web.Response(body=file.content, content_type=file.content_type, charset=charset, headers=headers)

    return [web.get("/static/{name}", serve)]
