"""A receiver of webhooks on this machine that takes everything, for tests without a loop of their own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_WITHIN_S = 60


@dataclass
class Inbox:
    """messages: headers and body of each, as they came."""

    port: int = 0
    messages: list[tuple[dict[str, str], str]] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def take(self, headers: dict[str, str], body: str) -> None:
        with self._came:
            self.messages.append((headers, body))
            self._came.notify_all()

    def wait_until(self, holds: Callable[[], bool]) -> None:
        with self._came:
            assert self._came.wait_for(holds, _WITHIN_S), self.messages


@contextmanager
def inbox() -> Iterator[Inbox]:
    box = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_response(204)
            self.end_headers()
            box.take(dict(self.headers), body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its signature
            """Not on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        box.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield box
        server.shutdown()
