"""A whole demo as a process, and a visitor that talks to it through Caddy as a browser does."""

import contextlib
import http.client
import json
import re
import signal
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from redis import Redis

from gateway.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.processes import serve

NAVIGATION = {
    "Accept": "text/html,application/xhtml+xml",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Site": "none",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
}
_REDIRECTS = (301, 302, 303, 307, 308)
_START_WITHIN_S = 100  # others start beside it


class Demo:
    """One demo process on a directory of its own."""

    def __init__(
        self,
        directory: Path,
        port: int,
        environment: dict[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        """before: argv that ends by running what follows it, in the same process."""
        self.directory = directory
        self.port = port
        self.environment = environment
        self.before = before

    def start(self) -> dict[str, Any]:
        """SIGINT is ignored at its birth, as for anything that a script starts with &."""
        argv = [sys.executable, "-m", "gateway", "demo", "--directory", str(self.directory), "--port", str(self.port)]
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        summary = self.directory / "demo.json"
        summary.unlink(missing_ok=True)  # of one that was killed
        self.log = self.directory.with_suffix(".log")
        self.log.unlink(missing_ok=True)
        self.process = serve([*self.before, *argv], self.log, self.environment)
        signal.signal(signal.SIGINT, before)
        deadline = time.monotonic() + _START_WITHIN_S
        while self.process.poll() is None and not summary.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        if not summary.exists():
            self.process.kill()
            self.process.wait()
            pytest.fail(self.log.read_text())
        found: dict[str, Any] = json.loads(summary.read_text())
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(40)


class Connection(http.client.HTTPSConnection):
    """To this machine whatever the name, because not every resolver knows *.localhost."""

    def connect(self) -> None:
        context = ssl.create_default_context(cafile=self.ca_file)
        source = (self.source, 0) if self.source else None
        plain = socket.create_connection(("127.0.0.1", self.through or self.port), 10, source)
        self.sock = context.wrap_socket(plain, server_hostname=self.host)

    ca_file = ""
    through = 0
    source = ""


def fetch(url: str, ca_file: str, **headers: str) -> tuple[int, str]:
    """Without following redirects."""
    answer = Visitor(ca_file).send("GET", url, headers)
    return answer.status, answer.text


@dataclass(frozen=True)
class Seen:
    """An answer. url: of the request that it belongs to."""

    url: str
    status: int
    headers: http.client.HTTPMessage
    text: str

    def json(self) -> Any:
        return json.loads(self.text)

    def field(self, name: str) -> str:
        """The value of a form's field."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found is not None, self.text
        return unescape(found[1])


@dataclass
class Visitor:
    """A browser without a window: cookies by host, redirects, forms. through: a port in place of those of URLs.

    source: its address, one of this machine.
    """

    ca_file: str
    jar: dict[str, dict[str, str]] = field(default_factory=dict)
    through: int = 0
    source: str = ""

    def send(self, method: str, url: str, headers: dict[str, str] | None = None, body: str | None = None) -> Seen:
        """One request, with exactly these headers and the host's cookies."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        sent = dict(headers or {})
        cookies = self.jar.get(host, {})
        if cookies and "Cookie" not in sent:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        connection = Connection(host, parts.port)
        connection.ca_file, connection.through, connection.source = self.ca_file, self.through, self.source
        with contextlib.closing(connection):
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body=body, headers=sent)
            answer = connection.getresponse()
            seen = Seen(url, answer.status, answer.headers, answer.read().decode())
        self._keep(host, seen.headers.get_all("Set-Cookie") or [])
        return seen

    def visit(self, url: str) -> Seen:
        """As a person who types the address: redirects are followed."""
        return self._follow(self.send("GET", url, NAVIGATION))

    def fetch(self, url: str, method: str = "GET", **headers: str) -> Seen:
        """As a script of the page."""
        own = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}
        return self.send(method, url, {**own, **headers})

    def submit(self, page: Seen, path: str, **fields: str) -> Seen:
        """A form of the page, with its token and its way back."""
        seen = self._post(page, path, **fields)
        return self._follow(seen)

    def _post(self, page: Seen, path: str, **fields: str) -> Seen:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
        headers = {
            **NAVIGATION,
            "Sec-Fetch-Site": "same-origin",
            "Origin": origin,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self.send("POST", urljoin(page.url, path), headers, urlencode(fields))

    def log_in(self, page: Seen, user: str, password: str, **more: str) -> Seen:
        """page: the login page."""
        hidden = {name: page.field(name) for name in ("csrf", "j", "i")}
        fields = {**hidden, "name": user, "password": password, **more}
        return self.submit(page, "/login", **fields)

    def _follow(self, seen: Seen) -> Seen:
        for _ in range(10):
            if seen.status not in _REDIRECTS:
                return seen
            seen = self.send("GET", urljoin(seen.url, seen.headers["Location"]), NAVIGATION)
        pytest.fail(f"more than ten redirects, the last to {seen.url}")

    def _keep(self, host: str, lines: list[str]) -> None:
        jar = self.jar.setdefault(host, {})
        for line in lines:
            pair, _, attributes = line.partition(";")
            name, _, value = pair.partition("=")
            if "max-age=0" in attributes.lower():
                jar.pop(name, None)
            else:
                jar[name] = value


@dataclass(frozen=True)
class Stage:
    """summary: demo.json."""

    demo: Demo
    summary: dict[str, Any]
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    @property
    def app(self) -> str:
        return str(self.summary["app_url"])

    @property
    def app2(self) -> str:
        return str(self.summary["app2_url"])

    @property
    def auth(self) -> str:
        return str(self.summary["auth_url"])

    @property
    def decision_socket(self) -> str:
        return str(self.summary["decision_socket"])

    def visitor(self) -> Visitor:
        return Visitor(str(self.summary["ca_file"]))

    def log_in(self, visitor: Visitor, url: str = "", **more: str) -> Seen:
        page = visitor.visit(url or self.app + "/")
        assert page.url.startswith(self.auth), page
        return visitor.log_in(page, str(self.summary["user"]), str(self.summary["password"]), **more)

    def signed_in(self) -> Visitor:
        """A visitor with a session on the first host."""
        visitor = self.visitor()
        seen = self.log_in(visitor)
        assert seen.status == 200, seen
        return visitor

    def hits(self) -> int:
        """How many requests have reached the app."""
        return int(self.visitor().send("GET", self.app + "/hits").json()["count"])

    def reached(self) -> list[str]:
        """The last requests that have reached the app."""
        return list(self.visitor().send("GET", self.app + "/hits").json()["last"])

    def logged(self) -> list[dict[str, Any]]:
        """What the gateway has logged."""
        lines = (self.demo.directory / "bastion.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def forget_limits(stage: Stage) -> None:
    """All of it comes from one address."""
    with Redis.from_url(stage.valkey.url) as client:
        spent = list(client.scan_iter("{*}b:*"))
        if spent:
            client.delete(*spent)
