"""A browser without a window on the web socket of a gateway: cookies, forms and redirects, as Caddy hands them on."""

import http.client
import re
import socket
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from urllib.parse import urlencode

_REDIRECTS: Final = (302, 303)
_MOST_REDIRECTS: Final = 10
_TIMEOUT_S: Final = 60


class _Connection(http.client.HTTPConnection):
    """web: a unix socket's path."""

    def __init__(self, web: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._web = web

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(self._web)


@dataclass(frozen=True, slots=True)
class Page:
    """path: where it was found, after redirects."""

    path: str
    status: int
    text: str

    def field(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        return "" if found is None else unescape(found[1])


@dataclass(slots=True)
class Visitor:
    """web: the socket. issuer: the address of the auth host. address: where the browser is."""

    web: str
    issuer: str
    address: str
    jar: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Page:
        return self._ask("GET", path, "")

    def submit(self, page: Page, path: str, **fields: str) -> Page:
        """A form of the page, with its token and its way back."""
        hidden = {name: value for name in ("csrf", "j", "i", "for") if (value := page.field(name))}
        return self._ask("POST", path, urlencode({**hidden, **fields}))

    def log_in(self, username: str, password: str) -> Page:
        """What comes after the password: the page of a person who is signed in, or of their second factor."""
        page = self.submit(self.get("/login"), "/login", name=username, password=password)
        if page.path == "/login":
            raise SystemExit(f"bench: {username} could not log in, {page.status}")
        return page

    def _ask(self, method: str, path: str, body: str) -> Page:
        for _ in range(_MOST_REDIRECTS):
            connection = _Connection(self.web)
            try:
                connection.request(method, path, body or None, self._headers(body))
                answer = connection.getresponse()
                text = answer.read().decode()
            finally:
                connection.close()
            for line in answer.headers.get_all("Set-Cookie") or []:
                self._keep(line)
            if answer.status not in _REDIRECTS:
                return Page(path.partition("?")[0], answer.status, text)
            method, path, body = "GET", answer.headers["Location"].removeprefix(self.issuer), ""
        raise SystemExit(f"bench: too many redirects, the last to {path}")

    def _headers(self, body: str) -> dict[str, str]:
        host = self.issuer.removeprefix("https://")
        headers = {
            "Host": host,
            "X-Forwarded-Host": host,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": self.address,
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:156.0) Gecko/20100101 Firefox/156.0",
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items()),
        }
        form = {"Origin": self.issuer, "Content-Type": "application/x-www-form-urlencoded"} if body else {}
        return {name: value for name, value in {**headers, **form}.items() if value}

    def _keep(self, line: str) -> None:
        pair, _, attributes = line.partition(";")
        name, _, value = pair.partition("=")
        if "max-age=0" in attributes.lower():
            self.jar.pop(name, None)
        else:
            self.jar[name] = value
