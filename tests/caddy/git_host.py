"""An app that hosts git repositories over smart HTTP: git-http-backend as git ships it. It trusts Remote-User, or has a
password of its own.
"""

import asyncio
import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from tests.faults.relay import Elsewhere

_LARGEST = 16 * 1024 * 1024


def basic(user: str, password: str) -> str:
    """RFC 7617."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


@dataclass
class GitHost:
    """root: of repositories. prefix: of paths. own: of user name and password that it checks, None: it has none.
    reached: the headers of each request.
    """

    root: Path
    prefix: str
    own: tuple[str, str] | None = None
    reached: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str) -> None:
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.root / name], check=True, timeout=60)

    @contextmanager
    def serving(self, socket: Path) -> Iterator[None]:
        elsewhere = Elsewhere()
        runner = elsewhere.do(self._start(socket))
        yield
        elsewhere.do(runner.cleanup())
        elsewhere.close()

    async def _start(self, socket: Path) -> web.AppRunner:
        app = web.Application(client_max_size=_LARGEST)
        app.add_routes([web.route("*", "/{rest:.*}", self._answer)])
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
        await runner.setup()
        await web.UnixSite(runner, str(socket)).start()
        return runner

    async def _answer(self, request: web.Request) -> web.Response:
        """RFC 3875. Git allows pushes to whoever has a REMOTE_USER."""
        self.reached.append({name.lower(): value for name, value in request.headers.items()})
        user = request.headers.get("Remote-User", "")
        if self.own is not None:
            if request.headers.get("Authorization") != basic(*self.own):
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
            user = self.own[0]
        body = await request.read()
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "PATH_INFO": request.path.removeprefix(self.prefix),
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": user,
        }
        argv = ["git", "http-backend"]
        ran = await asyncio.to_thread(
            subprocess.run, argv, input=body, env=environment, capture_output=True, check=True, timeout=60
        )
        head, _, answer = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split(" ")[0])
        return web.Response(status=status, headers=headers, body=answer)
