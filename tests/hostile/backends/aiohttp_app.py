"""An app of aiohttp: `python aiohttp_app.py SOCKET LOG`. Each handler says that it was the one."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from tests.hostile.backends.told import REST, TREES, Told


def application(log: Path) -> web.Application:
    told = Told(log)

    def handler(handles: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            body = await request.read()
            pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers]
            answered = told.answer(handles, request.method, request.raw_path, pairs, len(body), request.match_info)
            return web.Response(text=answered.text, headers=answered.headers)

        return answer

    app = web.Application()
    for name, prefix in TREES.items():
        app.router.add_route("*", prefix, handler(name))
        app.router.add_route("*", prefix + "/{rest:.*}", handler(name))
    app.router.add_route("*", "/{files:(?i:files)}", handler("files"))
    app.router.add_route("*", "/{files:(?i:files)}/{rest:.*}", handler("files"))
    app.router.add_route("*", "/u/{name}", handler("own"))
    app.router.add_route("*", "/u/{name}/{rest:.*}", handler("own"))
    app.router.add_route("*", "/page/{page}", handler("page"))
    app.router.add_route("*", "/page/{page}/", handler("page"))
    for path in ("/form", "/form/"):
        app.router.add_get(path, handler("form"))
        app.router.add_post(path, handler("post"))
    app.router.add_route("*", "/{rest:.*}", handler(REST))
    return app


if __name__ == "__main__":
    web.run_app(application(Path(sys.argv[2])), path=sys.argv[1], print=None, access_log=None)
