"""/static/*: the few files that pages link, named by their content, so that browsers keep them for a year.

/favicon.ico: for clients that read no page.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from gateway.web.html import StaticFile

_A_YEAR: Final = "public, max-age=31536000, immutable"
_A_WHILE: Final = "public, max-age=300"
_SVG: Final = "image/svg+xml"
# Of a picture that is opened by itself. An operator's logo may have styles within; nothing in it runs.
_PICTURE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"


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
        if file.content_type == _SVG:
            headers["Content-Security-Policy"] = _PICTURE_POLICY
        charset = "utf-8" if file.content_type.startswith("text/") else None
        return web.Response(body=file.content, content_type=file.content_type, charset=charset, headers=headers)

    async def favicon(_request: web.Request) -> web.Response:
        file = files["favicon.ico"]
        return web.Response(body=file.content, content_type=file.content_type, headers={"Cache-Control": _A_WHILE})

    return [web.get("/static/{name}", serve), web.get("/favicon.ico", favicon)]
