"""A browser before a node that has no proxy: pages and decisions come over the node's sockets."""

import http.client
import socket
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from tests.staging import NAVIGATION, Seen, Visitor

AUTH, APP = "auth.example.com", "app.example.com"
POLICY = f"apps: {{app: {{hosts: {APP}, allow: authenticated}}}}\n"


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self.path))


@dataclass
class NodeVisitor(Visitor):
    """directory: of the sockets. What is not of the auth host is asked as Caddy asks it."""

    directory: Path = Path()

    def send(self, method: str, url: str, headers: dict[str, str] | None = None, body: str | None = None) -> Seen:
        parts = urlsplit(url)
        host, target = parts.hostname or "", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"Host": host, "X-Forwarded-For": self.source, "X-Forwarded-Proto": "https", **(headers or {})}
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.get(host, {}).items())
        sent |= {"Cookie": cookies} if cookies else {}
        decided = {
            "X-Forwarded-Host": host,
            "X-Forwarded-Method": method,
            "X-Forwarded-Uri": target,
            "X-Request-Id": str(uuid4()),
        }
        with closing(_Connection(self.directory / ("web.sock" if host == AUTH else "decision.sock"))) as connection:
            if host == AUTH:
                connection.request(method, target, body, sent)
            else:
                connection.request("GET", "/decide", headers=sent | decided)
            answer = connection.getresponse()
            seen = Seen(url, answer.status, answer.headers, answer.read().decode())
        self._keep(host, answer.headers.get_all("Set-Cookie") or [])
        return seen


def journey(directory: Path, source: str, name: str, password: str) -> Sequence[tuple[str, int, bool]]:
    """From an app to the login, into the app, and out again.

    Of each step: where it ended, its status, and whether the page has the name.
    """
    visitor, app = NodeVisitor("", source=source, directory=directory), f"https://{APP}/"
    login = visitor.visit(app)
    wrong = visitor.log_in(login, name, "not it")
    inside = visitor.log_in(wrong, name, password)
    account = visitor.visit(f"https://{AUTH}/account")
    leaving = visitor.visit(f"https://{AUTH}/logout")
    left = visitor.submit(leaving, "/logout", csrf=leaving.field("csrf"))
    outside = visitor.send("GET", app, NAVIGATION)
    steps = (login, wrong, inside, account, leaving, left, outside)
    return [(seen.url.partition("?")[0], seen.status, name in seen.text) for seen in steps]
